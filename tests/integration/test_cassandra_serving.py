"""Ilo on Cassandra, as processes: whatever starts first, and whatever goes away meanwhile.

Between Ilo and Cassandra is a proxy, so that Cassandra can be away for one of them alone.
"""

import asyncio
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from store.cassandra.connection import Connection
from store.cassandra.migrations import migrate
from store.cassandra.settings import CassandraSettings
from tests.support.ilo_process import ILO, ROOT, IloProcess, running, write_config
from tests.support.ready import READY_S, launched, reasons, until_ready, until_told
from tests.support.system_client import SystemClient, visiting
from tests.support.tcp_proxy import TcpProxy, proxy_to
from tests.support.websocket import CLOSE, RawSocket

if TYPE_CHECKING:
    from tests.support.cassandra.keyspaces import Keyspace

AWAY_S = 5.0
"""How long there is no Cassandra."""
TRY_AGAIN_LATER = 1013
DRIVER = "/site-packages/cassandra/"


def config_of(keyspace: "Keyspace", **more: Any) -> dict[str, Any]:
    return {
        "Cassandra_address": list(keyspace.contact_points),
        "Cassandra_port": keyspace.port,
        "Cassandra_keyspace": keyspace.name,
        **more,
    }


def config_through(proxy: TcpProxy, keyspace: "Keyspace") -> dict[str, Any]:
    return config_of(keyspace, Cassandra_address="127.0.0.1", Cassandra_port=proxy.port)


@pytest.fixture
def tables(bare_keyspace: "Keyspace") -> "Keyspace":
    """A keyspace with the tables: to make them takes longer than what is looked at here."""
    settings = CassandraSettings(
        tuple(bare_keyspace.contact_points), bare_keyspace.port, bare_keyspace.name
    )
    connection = Connection.make(settings)
    try:
        migrate(connection, settings)
    finally:
        connection.close()
    return bare_keyspace


@pytest.fixture
def ilo(tmp_path: Path) -> Iterator[IloProcess]:
    """An Ilo that is not started yet."""
    made = IloProcess(tmp_path)
    yield made
    made.kill()


async def test_it_starts_without_cassandra_and_serves_when_cassandra_comes(
    tables: "Keyspace", ilo: IloProcess
) -> None:
    async with proxy_to(None, *tables.contact_points) as proxy:
        write_config(ilo.folder, config_through(proxy, tables))
        await launched(ilo)
        said = await reasons(ilo)
        async with visiting(ilo) as client:
            refused = await client.rest.post("/key")
            await asyncio.sleep(AWAY_S)
            proxy.target = tables.port

            await until_ready(ilo)
            served = await client.rest.post("/key")

    [reason] = said
    assert reason_of(proxy) in reason
    assert refused.status_code == 503
    assert refused.json()["type"].endswith("store-unavailable")
    # What is missing is for the operator.
    assert "Cassandra" not in refused.text
    assert served.status_code == 201
    told = re.findall(r"Cassandra is not ready.*", ilo.output.text)
    assert len(told) == len(set(told))
    assert reason_of(proxy) in told[0]
    assert "Traceback" not in ilo.output.text


def reason_of(proxy: TcpProxy) -> str:
    return f"no node of Cassandra answers at 127.0.0.1:{proxy.port}"


async def closed(socket: RawSocket) -> int:
    """Return the close code, and see that there is no ack before it."""
    async with asyncio.timeout(READY_S):
        while True:
            try:
                opcode, payload = await socket.frame()
            except TimeoutError:
                continue
            if opcode == CLOSE:
                return int.from_bytes(payload[:2], "big")
            assert b'"ack"' not in payload


async def test_while_cassandra_is_away_nothing_is_acked_and_afterwards_all_goes_on(
    tables: "Keyspace", ilo: IloProcess
) -> None:
    first, second = str(uuid4()), str(uuid4())
    async with proxy_to(tables.port, *tables.contact_points) as proxy:
        write_config(ilo.folder, config_through(proxy, tables))
        await asyncio.to_thread(ilo.start)
        assert DRIVER in loaded_by(ilo.pid)
        async with visiting(ilo) as client:
            ann = await client.newcomer()
            socket, welcome = await client.join(ann, "tea")
            await socket.say("before", id=first)
            assert (await socket.json_of("ack"))["seq"] == 1

            vanish(proxy)
            await socket.say("meanwhile", id=second)
            said = await until_told(ilo, "no node of Cassandra answers")
            refused = await client.rest.post("/key")
            code = await closed(socket)

            proxy.target = tables.port
            await until_ready(ilo)
            again = await comes_back(client, ann, welcome["epoch"])
            await again.say("meanwhile", id=second)
            ack = await again.json_of("ack")

    assert str(proxy.port) in said
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (
        503,
        "store-unavailable",
    )
    assert code == TRY_AGAIN_LATER
    assert (ack["id"], ack["seq"]) == (second, 2)
    assert "Traceback" not in ilo.output.text


def vanish(proxy: TcpProxy) -> None:
    proxy.target = None
    proxy.cut()


async def comes_back(client: SystemClient, person: Any, epoch: str) -> RawSocket:
    socket, welcome = await client.join(person, "tea")
    assert (welcome["epoch"], welcome["head"]) == (epoch, 1)
    return socket


def test_a_start_without_the_keyspace_is_refused_in_one_line(
    bare_keyspace: "Keyspace", tmp_path: Path
) -> None:
    write_config(tmp_path, config_of(bare_keyspace, Cassandra_keyspace="not_there"))

    done = subprocess.run(
        [*ILO, "serve", "--config", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=READY_S,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.startswith(
        'ilo: the store cannot be opened: keyspace "not_there" is missing in Cassandra; make it:'
        ' CREATE KEYSPACE "not_there" WITH replication = {'
    )
    assert len(done.stderr.splitlines()) == 1


async def test_three_replicas_on_one_node_are_told_with_the_line_that_mends_it(
    bare_keyspace: "Keyspace", cassandra_session: Any, ilo: IloProcess
) -> None:
    """The original's CREATE KEYSPACE, as it stands, is for three nodes."""
    name = bare_keyspace.name
    await asyncio.to_thread(
        cassandra_session.execute,
        f"ALTER KEYSPACE {name} WITH replication ="
        " {'class': 'SimpleStrategy', 'replication_factor': '3'}",
    )
    write_config(ilo.folder, config_of(bare_keyspace))
    await launched(ilo)

    said = await until_told(ilo, "has replication 3, and 1 node is alive: a quorum needs 2")
    alter = re.search(r"ALTER KEYSPACE .*?;", said)
    assert alter is not None
    await asyncio.to_thread(cassandra_session.execute, alter[0])

    await until_ready(ilo)
    async with visiting(ilo) as client:
        ann = await client.newcomer()
        socket, _ = await client.join(ann, "tea")
        await socket.say("now it works")
        assert (await socket.json_of("ack"))["seq"] == 1


def loaded_by(pid: int) -> str:
    """Return the files that the process has mapped; the driver has some of its own."""
    return Path(f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="replace")


def test_the_embedded_store_does_not_load_the_driver(tmp_path: Path) -> None:
    with running(tmp_path) as ilo:
        loaded = loaded_by(ilo.pid)

    assert "/site-packages/orjson/" in loaded
    assert DRIVER not in loaded
