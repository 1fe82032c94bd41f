"""What keeps Cassandra from serving us, in words for the operator, with the remedy.

Names of nodes, keyspaces and datacenters only: never a password, never what the driver says.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from cassandra import (
    AuthenticationFailed,
    Unauthorized,
    Unavailable,
)
from cassandra.cluster import NoHostAvailable

from store.cassandra.errors import NotReady
from store.cassandra.settings import CassandraSettings
from store.errors import StoreRefused

ORDINARY_REPLICAS: Final = 3
_TLS_FAULT: Final = re.compile(r"\[SSL: ([A-Z0-9_]+)\]")


def why_not(settings: CassandraSettings, error: BaseException) -> NotReady | StoreRefused:
    """Return what the driver's ``error`` means."""
    causes: Collection[BaseException] = [error]
    if isinstance(error, NoHostAvailable) and isinstance(error.errors, dict):
        causes = error.errors.values()
    for cause in causes:
        if isinstance(cause, AuthenticationFailed):
            return _not_let_in(settings, cause)
        if isinstance(cause, Unauthorized):
            return NotReady(
                "the user of Cassandra_user lacks rights: GRANT ALL ON KEYSPACE"
                f' "{settings.keyspace}" TO "{settings.user}";'
            )
        if isinstance(cause, Unavailable):
            return NotReady(
                f'keyspace "{settings.keyspace}": a quorum needs {cause.required_replicas}'
                f" replicas, and {cause.alive_replicas} of them are alive"
            )
        # The driver makes an OSError of what TLS says; OpenSSL's own word for it is in there.
        if isinstance(cause, OSError) and (word := _TLS_FAULT.search(str(cause))):
            return NotReady(f"TLS with {settings.place} fails: {word[1]}")
    return NotReady(nobody_answers(settings))


def nobody_answers(settings: CassandraSettings) -> str:
    return f"no node of Cassandra answers at {settings.place}"


def keyspace_missing(keyspace: str, datacenter: str, nodes: int) -> str:
    return (
        f'keyspace "{keyspace}" is missing in Cassandra; make it: CREATE KEYSPACE "{keyspace}" WITH'
        f" replication = {_replication(datacenter, nodes)};"
    )


def keyspace_lacking(
    keyspace: str, replication: Mapping[str, str], datacenter: str, alive: int, nodes: int
) -> str | None:
    """Say why the keyspace cannot have its quorum; None if nothing is seen that hinders it.

    ``replication`` is Cassandra's own; ``nodes`` are those of the datacenter, ``alive`` or not.
    """
    replicas = _replicas(replication, datacenter)
    if replicas is None:
        return None
    alter = f'ALTER KEYSPACE "{keyspace}" WITH replication = {_replication(datacenter, nodes)};'
    if replicas == 0:
        return f'keyspace "{keyspace}" has no replica in datacenter "{datacenter}": {alter}'
    quorum = replicas // 2 + 1
    # With more nodes than replicas, some rows may have their quorum: then asking tells.
    if alive >= quorum or (nodes > replicas and alive):
        return None
    told = (
        f'keyspace "{keyspace}" has replication {replicas}, and {alive}'
        f" {'node is' if alive == 1 else 'nodes are'} alive: a quorum needs {quorum}"
    )
    if nodes < quorum:
        return f"{told}; start more nodes, or: {alter}"
    return told


def datacenter_unknown(datacenter: str, known: Sequence[str]) -> StoreRefused:
    return StoreRefused(
        f'Cassandra_datacenter: there is no datacenter "{datacenter}"; there are: {_list(known)}'
    )


def datacenter_needed(known: Sequence[str]) -> StoreRefused:
    return StoreRefused(f"Cassandra_datacenter: is needed where there are several: {_list(known)}")


def _not_let_in(
    settings: CassandraSettings, error: AuthenticationFailed
) -> NotReady | StoreRefused:
    told = str(error)
    if settings.user is None:
        return StoreRefused(
            f"{settings.place} asks who we are: Cassandra_user and its password are missing"
        )
    if "incorrect" in told:
        return StoreRefused(
            f"{settings.place} refuses Cassandra_user with its password: one of them is wrong"
        )
    # Who looks users up needs a quorum, too.
    return NotReady(f"{settings.place} cannot tell yet whether the password is right")


def _replicas(replication: Mapping[str, str], datacenter: str) -> int | None:
    """Return how many replicas the datacenter has of each row; None if that cannot be told."""
    strategy = replication.get("class", "").rpartition(".")[2]
    match strategy:
        case "NetworkTopologyStrategy":
            count = replication.get(datacenter, "0")
        case "SimpleStrategy":
            count = replication.get("replication_factor", "0")
        case _:
            return None
    # Behind a slash: how many of them are transient.
    return int(count.partition("/")[0])


def _replication(datacenter: str, nodes: int) -> str:
    replicas = max(1, min(ORDINARY_REPLICAS, nodes))
    return f"{{'class': 'NetworkTopologyStrategy', '{datacenter}': {replicas}}}"


def _list(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
