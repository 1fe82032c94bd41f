"""What an operator is told of Cassandra: what is wrong, and the line that mends it."""

import pytest
from cassandra import AuthenticationFailed, Unauthorized, Unavailable
from cassandra.cluster import NoHostAvailable

from store.cassandra import diagnosis
from store.cassandra.connection import Connection
from store.cassandra.errors import NotReady
from store.cassandra.settings import CassandraSettings
from store.errors import StoreRefused

PASSWORD = "hunter22-canary"
SETTINGS = CassandraSettings(("10.0.0.1", "::1"), user="ilo", password=PASSWORD)


LOCATOR = "org.apache.cassandra.locator"


def simple(replicas: int) -> dict[str, str]:
    return {"class": f"{LOCATOR}.SimpleStrategy", "replication_factor": str(replicas)}


def by_datacenter(**replicas: int) -> dict[str, str]:
    counts = {name: str(number) for name, number in replicas.items()}
    return {"class": f"{LOCATOR}.NetworkTopologyStrategy", **counts}


@pytest.mark.parametrize(
    ("replication", "alive", "nodes", "says"),
    [
        (simple(3), 1, 1, "has replication 3, and 1 node is alive: a quorum needs 2; start more"),
        (simple(3), 1, 3, "has replication 3, and 1 node is alive: a quorum needs 2"),
        (simple(3), 2, 3, None),
        (simple(3), 3, 3, None),
        (simple(1), 1, 1, None),
        (by_datacenter(dc1=3), 1, 1, "ALTER KEYSPACE \"ilo\" WITH replication = {'class': 'Net"),
        (by_datacenter(dc2=3), 3, 3, 'has no replica in datacenter "dc1": ALTER KEYSPACE'),
        (by_datacenter(dc1=3), 2, 3, None),
        # Some rows have their quorum, others not: nobody can tell by counting.
        (by_datacenter(dc1=3), 3, 6, None),
        ({"class": f"{LOCATOR}.LocalStrategy"}, 1, 1, None),
        ({**simple(3), "replication_factor": "3/1"}, 1, 1, "has replication 3"),
    ],
)
def test_a_keyspace_without_a_quorum_is_told(
    replication: dict[str, str], alive: int, nodes: int, says: str | None
) -> None:
    said = diagnosis.keyspace_lacking("ilo", replication, "dc1", alive, nodes)

    assert (said is None) == (says is None)
    assert (says or "") in (said or "")


def test_who_has_the_nodes_is_not_told_to_make_do_with_fewer_replicas() -> None:
    said = diagnosis.keyspace_lacking("ilo", simple(3), "dc1", alive=1, nodes=3)

    assert said is not None
    assert "ALTER" not in said


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (
            AuthenticationFailed("Provided username ilo and/or password are incorrect"),
            StoreRefused,
            "refuses Cassandra_user with its password",
        ),
        (
            AuthenticationFailed("Unable to perform authentication: Cannot achieve consistency"),
            NotReady,
            "cannot tell yet whether the password is right",
        ),
        (Unauthorized("x"), NotReady, 'GRANT ALL ON KEYSPACE "ilo" TO "ilo";'),
        (Unavailable("x", 6, 2, 1), NotReady, "a quorum needs 2 replicas, and 1 of them are alive"),
        (
            OSError(1, "Tried connecting to x. Last error: [SSL: CERTIFICATE_VERIFY_FAILED] no"),
            NotReady,
            "TLS with 10.0.0.1:9042, [::1]:9042 fails: CERTIFICATE_VERIFY_FAILED",
        ),
        (ConnectionRefusedError(111, "refused"), NotReady, "no node of Cassandra answers at 10."),
    ],
)
def test_what_a_node_says_is_told_in_the_operators_words(
    error: Exception, kind: type[Exception], says: str
) -> None:
    alone = diagnosis.why_not(SETTINGS, error)
    among_others = diagnosis.why_not(SETTINGS, NoHostAvailable("x", {"10.0.0.1:9042": error}))

    for told in (alone, among_others):
        assert isinstance(told, kind)
        assert says in str(told)
        assert PASSWORD not in str(told)


def test_who_says_no_name_is_told_that_one_is_asked_for() -> None:
    told = diagnosis.why_not(
        CassandraSettings(("10.0.0.1",)), AuthenticationFailed("Remote end requires authentication")
    )

    assert isinstance(told, StoreRefused)
    assert "Cassandra_user and its password are missing" in str(told)


def test_the_password_is_not_in_the_settings_repr() -> None:
    assert PASSWORD not in repr(SETTINGS)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "127.0.0.1"])
def test_a_name_that_nobody_knows_yet_is_like_a_node_that_does_not_answer(host: str) -> None:
    """Where containers start together, the name of one is there when it is."""
    with pytest.raises(NotReady, match=f"no node of Cassandra answers at {host}:1"):
        Connection.make(CassandraSettings((host,), port=1))
