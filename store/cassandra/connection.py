"""One connection to Cassandra: the driver's cluster object and its session.

What is here blocks, so it belongs on a thread. A cluster object that could not connect is of no
use again: each try makes one of its own.
"""

import socket
from collections.abc import Sequence
from typing import Any, Final

from cassandra import ConsistencyLevel, DriverException
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
from cassandra.connection import ConnectionException
from cassandra.policies import (
    DCAwareRoundRobinPolicy,
    ExponentialReconnectionPolicy,
    FallthroughRetryPolicy,
    TokenAwarePolicy,
)
from cassandra.protocol import ErrorMessage
from cassandra.query import dict_factory, tuple_factory

from store.cassandra import diagnosis
from store.cassandra.cql import CONDITIONAL, PROTOCOL_VERSION, ROWS, SERIAL, Row
from store.cassandra.errors import NotReady
from store.cassandra.settings import CassandraSettings
from store.errors import StoreRefused

REQUEST_TIMEOUT_S: Final = 6.0
CONNECT_TIMEOUT_S: Final = 3.0
RECONNECT_S: Final = (0.5, 4.0)
"""The first pause and the longest: a node that is back is in use within some seconds."""
HEARTBEAT_S: Final = 4.0
"""How often an idle connection is tried, and how long that may take: also a node that is cut off
without a word is noticed."""

REPLICATION: Final = "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?"

FAULTS: Final = (DriverException, NoHostAvailable, ConnectionException, ErrorMessage, OSError)
"""What comes of a network or of other machines."""


class Connection:
    """``session`` is the driver's, on the configured keyspace."""

    def __init__(self, settings: CassandraSettings, cluster: Any, session: Any) -> None:
        self._settings = settings
        self._cluster = cluster
        self.session = session

    @classmethod
    def make(cls, settings: CassandraSettings) -> "Connection":
        """Connect, and look whether what is configured is there.

        Raises:
            NotReady: it may work later.
            StoreRefused: what is configured cannot be right.
        """
        cluster = None
        try:
            # Already here names are looked up.
            cluster = _cluster(settings)
            connection = cls(settings, cluster, _session(settings, cluster))
            connection._find_keyspace()
        except BaseException as error:
            if cluster is not None:
                cluster.shutdown()
            if isinstance(error, FAULTS):
                raise diagnosis.why_not(settings, error) from error
            raise
        return connection

    def close(self) -> None:
        """Let go of every connection; safe to call twice."""
        self._cluster.shutdown()

    def lacks_nodes(self) -> str | None:
        """Say that no node is alive, by what the driver knows; None if one seems to be."""
        if any(host.is_up is not False for host in self._hosts_here()):
            return None
        return diagnosis.nobody_answers(self._settings)

    def lacks_replicas(self, found: Sequence[Row]) -> str | None:
        """Say why the keyspace is of no use as it is; None if nothing is seen that hinders it.

        ``found`` is what ``REPLICATION`` finds.
        """
        name, here, hosts = self._settings.keyspace, self._datacenter, self._hosts_here()
        if not found:
            return diagnosis.keyspace_missing(name, here, len(hosts))
        alive = sum(1 for host in hosts if host.is_up is not False)
        return diagnosis.keyspace_lacking(name, found[0][0], here, alive, len(hosts))

    def lacks(self) -> str | None:
        """Say why there can be no quorum; None if nothing is seen that hinders it. Blocks."""
        if (told := self.lacks_nodes()) is not None:
            return told
        try:
            return self.lacks_replicas(self._replication())
        except FAULTS:
            return None

    def first_host(self) -> Any:
        """Return the same node to whoever asks, while the same nodes are alive."""
        alive = [host for host in self._hosts_here() if host.is_up is not False]
        if not alive:
            raise NotReady(diagnosis.nobody_answers(self._settings))
        return min(alive, key=lambda host: str(host.broadcast_rpc_address or host.address))

    @property
    def _datacenter(self) -> str:
        return self._settings.datacenter or next(iter(_datacenters(self._cluster)), "")

    def _hosts_here(self) -> list[Any]:
        here = self._datacenter
        return [host for host in self._cluster.metadata.all_hosts() if host.datacenter == here]

    def _find_keyspace(self) -> None:
        # Asked for: what the driver knows of keyspaces is empty while nodes disagree.
        if not (found := self._replication()):
            raise StoreRefused(str(self.lacks_replicas(found)))
        self.session.set_keyspace(self._settings.keyspace)

    def _replication(self) -> list[Row]:
        text = REPLICATION.replace("?", "%s")
        return list(self.session.execute(text, [self._settings.keyspace]))


def _cluster(settings: CassandraSettings) -> Any:
    who = None
    if settings.user is not None:
        who = PlainTextAuthProvider(settings.user, settings.password or "")
    rows = _profile(settings, ConsistencyLevel.LOCAL_QUORUM, tuple_factory)
    return Cluster(
        list(settings.addresses),
        port=settings.port,
        protocol_version=PROTOCOL_VERSION,
        auth_provider=who,
        ssl_context=settings.tls,
        connect_timeout=CONNECT_TIMEOUT_S,
        control_connection_timeout=REQUEST_TIMEOUT_S,
        # Without an end: the driver would give a node up after 64 tries.
        reconnection_policy=ExponentialReconnectionPolicy(*RECONNECT_S, max_attempts=None),
        idle_heartbeat_interval=HEARTBEAT_S,
        idle_heartbeat_timeout=HEARTBEAT_S,
        # The driver writes 4,096 bytes at a time; with Nagle's algorithm the last of them wait
        # for the acknowledgement of the ones before, 40 ms.
        sockopts=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        execution_profiles={
            EXEC_PROFILE_DEFAULT: rows,
            ROWS: rows,
            SERIAL: _profile(settings, ConsistencyLevel.LOCAL_SERIAL, tuple_factory),
            CONDITIONAL: _profile(settings, ConsistencyLevel.LOCAL_QUORUM, dict_factory),
        },
    )


def _profile(settings: CassandraSettings, consistency: int, rows: Any) -> Any:
    # Nothing is sent again by the driver: it cannot tell what is safe to.
    return ExecutionProfile(
        load_balancing_policy=TokenAwarePolicy(DCAwareRoundRobinPolicy(settings.datacenter or "")),
        retry_policy=FallthroughRetryPolicy(),
        consistency_level=consistency,
        serial_consistency_level=ConsistencyLevel.LOCAL_SERIAL,
        request_timeout=REQUEST_TIMEOUT_S,
        row_factory=rows,
    )


def _session(settings: CassandraSettings, cluster: Any) -> Any:
    try:
        session = cluster.connect()
    except NoHostAvailable:
        # Somebody has told of the nodes, and none of them is where it was looked for.
        _check_datacenter(settings, _datacenters(cluster))
        raise
    _check_datacenter(settings, _datacenters(cluster))
    # The instant of a write is the coordinator's, or is said in the statement.
    session.use_client_timestamp = False
    return session


def _check_datacenter(settings: CassandraSettings, known: list[str]) -> None:
    if settings.datacenter is None:
        if len(known) > 1:
            raise diagnosis.datacenter_needed(known)
    elif known and settings.datacenter not in known:
        raise diagnosis.datacenter_unknown(settings.datacenter, known)


def _datacenters(cluster: Any) -> list[str]:
    hosts = cluster.metadata.all_hosts()
    return sorted({host.datacenter for host in hosts if host.datacenter is not None})
