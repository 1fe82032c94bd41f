"""The original's own configuration and its own keyspace, as its documents show them."""

import asyncio
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.original.documents import (
    CREATE_KEYSPACE,
    GENERAL_CONFIG,
    PASSWORD,
    PUBLIC_KEY,
    USERNAME,
)
from tests.support.ilo_process import IloProcess
from tests.support.ready import launched, until_ready, until_told
from tests.support.system_client import Person, SystemClient, messages, visiting

if TYPE_CHECKING:
    from tests.support.cassandra.cluster import Cluster
    from tests.support.cassandra.node import Contact

API_PORT: Final = 7999
RELAY_PORT: Final = 4000
TOO_FEW: Final = 'keyspace "ilo" has replication 3, and 1 node is alive: a quorum needs 2'


@contextmanager
def original(folder: Path, address: str) -> Iterator[IloProcess]:
    """Yield the Ilo of the original's file, not started.

    Only what is taken on this machine is another: an address, or the port of a door.
    """
    config = GENERAL_CONFIG.replace('"127.0.0.1"', f'"{address}"')
    if is_taken(RELAY_PORT):
        config = config.replace(f":{RELAY_PORT}", f":{free_port()}")
    if is_taken(API_PORT):
        config += 'api_listen: "127.0.0.1:0"\n'
    (folder / "general_config.yaml").write_text(config, "utf-8")
    ilo = IloProcess(folder)
    yield ilo
    ilo.kill()


@contextmanager
def keyspace_ilo(session: Any) -> Iterator[None]:
    session.execute(CREATE_KEYSPACE)
    yield
    session.execute("DROP KEYSPACE ilo")


def is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def first_minute(client: SystemClient) -> Person:
    """Do what README.md begins with, with the documents' account; return who it is."""
    key = await client.make_key()
    account = {
        "username": USERNAME,
        "password": PASSWORD,
        "public_key": PUBLIC_KEY,
        "api_key": key,
    }
    registered = await client.rest.post("/user", json=account)
    assert registered.json()["detail"] == f"Successfully created {USERNAME}"
    person = await client.log_in(USERNAME, key, password=PASSWORD)
    assert await told_in_the_hall(client, person, "Γειά 👋") == (1, USERNAME, "Γειά 👋")
    return person


async def told_in_the_hall(client: SystemClient, person: Person, text: str) -> tuple[int, str, str]:
    """Say something in the room "hall", and return what is heard."""
    hall, _ = await client.join(person, "hall")
    await hall.say(text)
    [heard] = await messages(hall, 1)
    return heard["seq"], heard["sender"], heard["data"]["message"]


@pytest.mark.cluster
async def test_o12_o14_the_files_as_they_stand_serve_on_three_nodes(
    cluster: "Cluster", tmp_path: Path
) -> None:
    from tests.support.cassandra.keyspaces import connected

    address = cluster.nodes[0].address
    with (
        connected(cluster.nodes[0].contact) as session,
        keyspace_ilo(session),
        original(tmp_path, address) as ilo,
    ):
        await launched(ilo)
        await until_ready(ilo)
        async with visiting(ilo) as client:
            person = await first_minute(client)

            for node in cluster.nodes[1:]:
                node.kill()
            said = await until_told(ilo, TOO_FEW)
            refused = await client.rest.post("/key")
            await asyncio.to_thread(cluster.start)
            await until_ready(ilo)
            heard = await told_in_the_hall(client, person, "all of us again")

    # The nodes are known, and only away: to have fewer copies is no remedy for that.
    assert "ALTER" not in said
    assert refused.status_code == 503
    assert heard == (2, USERNAME, "all of us again")


async def test_o12_o14_the_files_as_they_stand_are_explained_on_one_node(
    cassandra: "Contact", cassandra_session: Any, tmp_path: Path
) -> None:
    with keyspace_ilo(cassandra_session), original(tmp_path, cassandra.contact_points[0]) as ilo:
        await launched(ilo)
        said = await until_told(ilo, TOO_FEW)
        mends = re.search(r"start more nodes, or: (ALTER KEYSPACE .*?;)", said)
        assert mends is not None
        await asyncio.to_thread(cassandra_session.execute, mends[1])

        await until_ready(ilo)
        async with visiting(ilo) as client:
            await first_minute(client)
