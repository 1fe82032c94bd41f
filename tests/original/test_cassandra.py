"""The documents' configuration and their CREATE KEYSPACE, on a real Cassandra."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ilo.cassandra_options import CassandraOptions
from ilo.settings import load_settings
from tests.original.documents import CREATE_KEYSPACE, GENERAL_CONFIG
from tests.support.ilo_process import FREE_PORTS, IloProcess
from tests.support.system_client import visiting

if TYPE_CHECKING:
    from tests.support.cassandra.keyspaces import Keyspace


def test_o12_the_configuration_is_right_as_it_stands(tmp_path: Path) -> None:
    (tmp_path / "general_config.yaml").write_text(GENERAL_CONFIG)

    settings = load_settings(tmp_path)

    assert settings.cassandra == CassandraOptions(("127.0.0.1",), keyspace="ilo")
    assert settings.relay_listen.port == 4000
    assert settings.warnings == ()


async def test_o12_o14_with_the_operators_keyspace_it_makes_its_tables_and_serves(
    bare_keyspace: "Keyspace", cassandra_session: Any, tmp_path: Path
) -> None:
    """The documents' statement and file; of the places the test's own, and one replica."""
    name, [address] = bare_keyspace.name, bare_keyspace.contact_points
    statement = CREATE_KEYSPACE.replace(" ilo ", f" {name} ").replace(":3}", ":1}")
    assert bare_keyspace.port == 9042
    await asyncio.to_thread(cassandra_session.execute, f"DROP KEYSPACE {name}")
    await asyncio.to_thread(cassandra_session.execute, statement)
    ports = "".join(f'{key}: "{place}"\n' for key, place in FREE_PORTS.items())
    config = GENERAL_CONFIG.replace('"127.0.0.1"', f'"{address}"').replace('"ilo"', f'"{name}"')
    (tmp_path / "general_config.yaml").write_text(config.replace(":4000", "") + ports)

    ilo = IloProcess(tmp_path)
    try:
        await asyncio.to_thread(ilo.start)
        async with visiting(ilo) as client:
            ann = await client.newcomer()
            socket, _ = await client.join(ann, "tea")
            await socket.say("hello")
            ack = await socket.json_of("ack")
        await asyncio.to_thread(ilo.terminate)
        # What is kept is not in a file.
        files = {file.name for file in ilo.data_dir.iterdir()}
    finally:
        ilo.kill()

    assert ack["seq"] == 1
    assert files == {"admin_secret", "node_secret"}
