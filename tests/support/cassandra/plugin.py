"""A pytest plugin: a real Cassandra for the tests that ask for one.

- ``cassandra``: one node, started by the first test of a run that needs it, shared by all
  workers, gone with the run. Where it is: a ``Contact``.
- ``keyspace``: the store's tables there, empty: a ``Keyspace``. One for each worker, emptied
  before each test.
- ``bare_keyspace``: a new one there, without tables, dropped after the test.
- ``make_node``: makes a node of the test's own, not started; its arguments are those of ``Node``
  from ``settings`` on.
- ``cluster``: a ``Cluster`` of three nodes, all of them up when a test begins.
- ``cluster_keyspace``: a new one there, on three nodes, without tables.

Tests of a cluster are marked ``cluster``, and are left out unless ``-m`` names the mark;
``--without-cassandra`` skips all that need a node, and so does a machine that cannot run one.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.support.cassandra.jars import STATE, locked, missing
from tests.support.cassandra.node import Contact, DidNotStart, Node
from tests.support.cassandra.places import free_addresses

# The driver takes a while to import, and most runs do without.
if TYPE_CHECKING:
    from tests.support.cassandra.cluster import Cluster
    from tests.support.cassandra.keyspaces import Keyspace, Sweeper

REPORTER: Final = "ilo_reporter"
WITHOUT: Final = "--without-cassandra"
# The shared node is never started again on its data, so it need not take care of them: that makes
# new tables and emptied ones ten times cheaper.
CARELESS: Final = (
    "-Dcassandra.unsafesystem=true",
    "-Dcassandra.test.flush_local_schema_changes=false",
)
CARELESS_SETTINGS: Final = {"commitlog_sync": "periodic", "commitlog_sync_period": "10000ms"}


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        # Of an earlier process with the same number.
        shutil.rmtree(STATE / f"tests-{os.getpid()}", ignore_errors=True)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput[REPORTER] = os.getpid()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(WITHOUT, action="store_true", help="skip the tests that need a real Cassandra")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "cluster" in config.option.markexpr:
        return
    of_cluster = [item for item in items if item.get_closest_marker("cluster")]
    if of_cluster:
        config.hook.pytest_deselected(items=of_cluster)
        items[:] = [item for item in items if item not in of_cluster]


@pytest.fixture(scope="session")
def may_start(pytestconfig: pytest.Config) -> None:
    """Skips what needs a node where there is to be none."""
    if lacks := f"left out by {WITHOUT}" if pytestconfig.getoption(WITHOUT) else missing():
        pytest.skip(lacks)


@pytest.fixture(scope="session")
def cassandra(may_start: None, pytestconfig: pytest.Config) -> Contact:
    workerinput: dict[str, Any] = getattr(pytestconfig, "workerinput", {})
    told = shared_node(workerinput.get(REPORTER, os.getpid()))
    if "failed" in told:
        raise DidNotStart(told["failed"])
    return Node(STATE, told["address"]).contact


def shared_node(owner: int) -> dict[str, str]:
    """Return the ``address`` of the node that belongs to the process ``owner``.

    Whoever asks first starts it. Instead of the address there may be how it ``failed``: that is
    not tried again.
    """
    folder = STATE / f"tests-{owner}"
    folder.mkdir(parents=True, exist_ok=True)
    told = folder / "told.json"
    with locked(STATE / "tests.lock"):
        if not told.exists():
            told.write_text(json.dumps(_start(folder, owner)), "utf-8")
        outcome: dict[str, str] = json.loads(told.read_text("utf-8"))
        return outcome


def _start(folder: Path, owner: int) -> dict[str, str]:
    [address] = free_addresses(1)
    node = Node(
        folder,
        address,
        settings=CARELESS_SETTINGS,
        options=CARELESS,
        owner=owner,
        removed_with_owner=True,
    )
    try:
        node.start()
    except DidNotStart as failed:
        return {"failed": str(failed)}
    return {"address": address}


@pytest.fixture(scope="session")
def cassandra_session(cassandra: Contact) -> Iterator[Any]:
    """The driver's session of this worker."""
    from tests.support.cassandra.keyspaces import connected

    with connected(cassandra) as session:
        yield session


@pytest.fixture(scope="session")
def own_keyspace(cassandra: Contact, cassandra_session: Any) -> tuple[Keyspace, Sweeper]:
    """The keyspace of this worker, and what empties it."""
    from tests.support.cassandra.keyspaces import Sweeper, make_keyspace, make_tables

    name = f"tests_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    keyspace = make_keyspace(cassandra_session, cassandra, name, durable=False)
    make_tables(cassandra_session, name)
    return keyspace, Sweeper(cassandra_session, name)


@pytest.fixture
def keyspace(own_keyspace: tuple[Keyspace, Sweeper]) -> Keyspace:
    made, sweeper = own_keyspace
    sweeper.empty()
    return made


@pytest.fixture
def bare_keyspace(cassandra: Contact, cassandra_session: Any) -> Iterator[Keyspace]:
    with _new_keyspace(cassandra_session, cassandra, replicas=1) as made:
        yield made


@pytest.fixture
def make_node(may_start: None, tmp_path: Path) -> Iterator[Callable[..., Node]]:
    made: list[Node] = []

    def make(**arguments: Any) -> Node:
        folder = tmp_path / f"node-{len(made)}"
        [address] = free_addresses(1)
        made.append(Node(folder, address, removed_with_owner=True, **arguments))
        return made[-1]

    yield make
    for node in made:
        node.remove()


@pytest.fixture(scope="session")
def own_cluster(may_start: None) -> Iterator[Cluster]:
    """The cluster of this worker, not started yet."""
    from tests.support.cassandra.cluster import Cluster

    # On 127.0.0.1 if that may be: there the original looks for it.
    made = Cluster(STATE / f"cluster-{os.getpid()}", first=0)
    yield made
    made.remove()


@pytest.fixture
def cluster(own_cluster: Cluster) -> Cluster:
    own_cluster.start()
    return own_cluster


@pytest.fixture
def cluster_keyspace(cluster: Cluster) -> Iterator[Keyspace]:
    from tests.support.cassandra.keyspaces import connected

    with (
        connected(cluster.contact) as session,
        _new_keyspace(session, cluster.contact, replicas=len(cluster.nodes)) as made,
    ):
        yield made


@contextmanager
def _new_keyspace(session: Any, contact: Contact, *, replicas: int) -> Iterator[Keyspace]:
    from tests.support.cassandra.keyspaces import make_keyspace

    name = f"test_{uuid.uuid4().hex}"
    yield make_keyspace(session, contact, name, replicas=replicas)
    session.execute(f"DROP KEYSPACE {name}")
