"""Several processes append to the same rooms of three nodes, and one node is killed meanwhile.

The controls are stores with a fault: the same judge has to find each.
"""

from typing import TYPE_CHECKING

import pytest

from tests.system.appenders import appending

if TYPE_CHECKING:
    from tests.support.cassandra.cluster import Cluster
    from tests.support.cassandra.keyspaces import Keyspace

pytestmark = pytest.mark.cluster

SEED = 20
ACKED = 600
FEW = 200
"""As many as it takes to meet each other in a room, and to send something again."""


@pytest.fixture(scope="module")
def place(own_cluster: "Cluster") -> "Keyspace":
    """A keyspace for all tests here: tables take longer to make than what is looked at."""
    from tests.support.cassandra.keyspaces import connected, make_keyspace

    own_cluster.start()
    with connected(own_cluster.contact) as session:
        return make_keyspace(session, own_cluster.contact, "appenders", replicas=3)


async def test_a_killed_node_costs_those_who_append_nothing(
    cluster: "Cluster", place: "Keyspace"
) -> None:
    outcome = await appending(cluster, place, SEED, acked=ACKED)

    assert outcome.wrong == []
    assert outcome.notes.acked >= ACKED
    # They really met, and some really sent again.
    assert outcome.notes.counted["conflict"] > 0
    assert outcome.notes.moved > 0


@pytest.mark.parametrize(
    ("fault", "charge"), [("writes-at-any-head", "lost: "), ("stores-twice", "duplicate: ")]
)
async def test_a_store_that_keeps_its_promise_no_more_is_found(
    cluster: "Cluster", place: "Keyspace", fault: str, charge: str
) -> None:
    outcome = await appending(cluster, place, SEED, acked=FEW, fault=fault, kills=False)

    assert any(line.startswith(charge) for line in outcome.wrong)
