"""The tables of Ilo on a Cassandra that runs: for tests of single parts of that store."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cassandra import ConsistencyLevel
from cassandra.cluster import Cluster, ExecutionProfile
from cassandra.policies import DCAwareRoundRobinPolicy, FallthroughRetryPolicy, TokenAwarePolicy
from cassandra.query import dict_factory, tuple_factory

from store.cassandra import cql
from tests.support.cassandra.node import Contact

SCHEMA_TIMEOUT_S = 60.0
SCHEMA = Path(cql.__file__).with_name("schema.cql")


@contextmanager
def open_session(keyspace: str, contact: Contact) -> Iterator[Any]:
    """Connect the driver to the keyspace, made with its tables if need be."""
    cluster = Cluster(
        list(contact.contact_points),
        port=contact.port,
        protocol_version=5,
        execution_profiles={
            cql.ROWS: _profile(contact, ConsistencyLevel.LOCAL_QUORUM, tuple_factory),
            cql.SERIAL: _profile(contact, ConsistencyLevel.LOCAL_SERIAL, tuple_factory),
            cql.CONDITIONAL: _profile(contact, ConsistencyLevel.LOCAL_QUORUM, dict_factory),
        },
        connect_timeout=30.0,
        control_connection_timeout=30.0,
        sockopts=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
    )
    session = cluster.connect()
    session.use_client_timestamp = False
    session.execute(
        f"CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication ="
        " {'class': 'SimpleStrategy', 'replication_factor': 1}",
        execution_profile=cql.ROWS,
        timeout=SCHEMA_TIMEOUT_S,
    )
    session.set_keyspace(keyspace)
    for statement in re.sub(r"--.*", "", SCHEMA.read_text(encoding="utf-8")).split(";"):
        if statement.strip():
            session.execute(statement, execution_profile=cql.ROWS, timeout=SCHEMA_TIMEOUT_S)
    yield session
    cluster.shutdown()


def _profile(contact: Contact, consistency: int, rows: object) -> Any:
    return ExecutionProfile(
        load_balancing_policy=TokenAwarePolicy(DCAwareRoundRobinPolicy(contact.datacenter)),
        retry_policy=FallthroughRetryPolicy(),
        consistency_level=consistency,
        serial_consistency_level=ConsistencyLevel.LOCAL_SERIAL,
        row_factory=rows,
        request_timeout=6.0,
    )
