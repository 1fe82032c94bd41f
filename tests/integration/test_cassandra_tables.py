"""The tables in Cassandra: made once, however many start at once; never touched if not ours."""

import asyncio
import os
import subprocess
import sys
import uuid
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from store.cassandra.connection import Connection
from store.cassandra.errors import NotReady
from store.cassandra.migrations import SCHEMA_VERSION, migrate
from store.cassandra.settings import CassandraSettings
from store.errors import StoreRefused
from tests.support.relay import until
from tests.support.tcp_proxy import proxy_to

if TYPE_CHECKING:
    from tests.support.cassandra.keyspaces import Keyspace

ROOT = Path(__file__).parents[2]
STARTERS = 4
DONE_S = 180.0
LEASE = "INSERT INTO schema_version (part, holder) VALUES ('lease', %s) IF NOT EXISTS"


def settings_of(place: "Keyspace", **changes: Any) -> CassandraSettings:
    found = CassandraSettings(tuple(place.contact_points), place.port, place.name, place.datacenter)
    return replace(found, **changes)


def refusal(settings: CassandraSettings) -> str:
    with pytest.raises(StoreRefused) as caught:
        make_tables(settings)
    return str(caught.value)


def make_tables(settings: CassandraSettings) -> tuple[int, int]:
    connection = Connection.make(settings)
    try:
        return migrate(connection, settings)[:2]
    finally:
        connection.close()


def command(folder: Path, keyspace: "Keyspace", **more: Any) -> "subprocess.Popen[str]":
    """Start `ilo migrate` on the keyspace."""
    folder.mkdir()
    config = {
        "Cassandra_address": list(keyspace.contact_points),
        "Cassandra_port": keyspace.port,
        "Cassandra_keyspace": keyspace.name,
        **more,
    }
    (folder / "general_config.yaml").write_text(yaml.safe_dump(config))
    return subprocess.Popen(
        [sys.executable, "-m", "ilo", "migrate", "--config", folder],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def tables(session: Any, keyspace: "Keyspace") -> set[str]:
    rows = session.execute(
        "SELECT table_name FROM system_schema.tables WHERE keyspace_name = %s", [keyspace.name]
    )
    return {row[0] for row in rows}


def set_version_table(session: Any, keyspace: "Keyspace", text: str, *values: object) -> None:
    """Run ``text``, which is about the table ``schema_version``."""
    table = f"{keyspace.name}.schema_version"
    session.execute(text.replace("schema_version", table), values or None)


async def test_a_cassandra_that_does_not_answer_at_first_is_asked_again(
    tmp_path: Path, bare_keyspace: "Keyspace"
) -> None:
    [address] = bare_keyspace.contact_points
    async with proxy_to(None, address) as proxy:
        place = {"Cassandra_address": "127.0.0.1", "Cassandra_port": proxy.port}
        migrating = command(tmp_path / "ilo", bare_keyspace, **place)
        await until(lambda: proxy.accepted > 0)
        proxy.target = bare_keyspace.port
        out, errors = await asyncio.to_thread(migrating.communicate, timeout=DONE_S)

    assert (migrating.returncode, errors) == (0, "")
    assert f"version 0 has become {SCHEMA_VERSION}" in out


def test_of_four_processes_that_start_at_once_one_makes_the_tables(
    tmp_path: Path, bare_keyspace: "Keyspace", cassandra_session: Any
) -> None:
    running = [command(tmp_path / str(number), bare_keyspace) for number in range(STARTERS)]
    said = [process.communicate(timeout=DONE_S) for process in running]

    assert [process.returncode for process in running] == [0] * STARTERS, said
    lines = sorted(out for out, _ in said)
    place = f'keyspace "{bare_keyspace.name}"'
    assert lines[:-1] == [f"{place}: nothing to do, its tables have version {SCHEMA_VERSION}\n"] * (
        STARTERS - 1
    )
    assert lines[-1].startswith(f"{place}: version 0 has become {SCHEMA_VERSION}; tables made: ")
    made = set(lines[-1].partition("made: ")[2].strip().split(", "))
    assert made | {"schema_version"} == tables(cassandra_session, bare_keyspace)
    assert {"users", "rooms", "room_log", "checks"} <= made


def test_what_broke_off_in_the_middle_is_gone_on_with(
    bare_keyspace: "Keyspace", cassandra_session: Any
) -> None:
    settings = settings_of(bare_keyspace)
    make_tables(settings)
    whole = tables(cassandra_session, bare_keyspace)
    cassandra_session.execute(f"DROP TABLE {bare_keyspace.name}.checks")
    change = partial(set_version_table, cassandra_session, bare_keyspace)
    change("DELETE FROM schema_version WHERE part = 'tables' IF EXISTS")
    # Whoever broke off held the lease, which expires.
    change(f"{LEASE} USING TTL 2", uuid.uuid4())

    assert make_tables(settings) == (0, SCHEMA_VERSION)
    assert tables(cassandra_session, bare_keyspace) == whole


def test_while_another_process_changes_the_tables_nothing_is_done(
    bare_keyspace: "Keyspace", cassandra_session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.cassandra.migrations.PATIENCE_S", 1.0)
    settings = settings_of(bare_keyspace)
    change = partial(set_version_table, cassandra_session, bare_keyspace)
    change("CREATE TABLE schema_version (part text PRIMARY KEY, version int, holder uuid)")
    change(LEASE, uuid.uuid4())

    with pytest.raises(NotReady, match="another process"):
        make_tables(settings)

    assert tables(cassandra_session, bare_keyspace) == {"schema_version"}


def test_tables_of_a_version_that_is_not_known_are_refused(
    tmp_path: Path, bare_keyspace: "Keyspace", cassandra_session: Any
) -> None:
    settings = settings_of(bare_keyspace)
    make_tables(settings)
    later = "UPDATE schema_version SET version = 99 WHERE part = 'tables' IF EXISTS"
    set_version_table(cassandra_session, bare_keyspace, later)

    assert refusal(settings) == (
        f'keyspace "{bare_keyspace.name}" has schema version 99; this Ilo knows version'
        f" {SCHEMA_VERSION}"
    )
    process = command(tmp_path / "ilo", bare_keyspace)
    out, err = process.communicate(timeout=DONE_S)
    assert (process.returncode, out) == (1, "")
    assert err == f"ilo: migrate: {refusal(settings)}\n"


def test_tables_of_another_program_are_left_alone(
    bare_keyspace: "Keyspace", cassandra_session: Any
) -> None:
    cassandra_session.execute(f"CREATE TABLE {bare_keyspace.name}.users (name text PRIMARY KEY)")

    assert "has tables of another program: users;" in refusal(settings_of(bare_keyspace))
    assert tables(cassandra_session, bare_keyspace) == {"users"}


def test_a_missing_keyspace_is_told_with_the_line_that_makes_it(
    bare_keyspace: "Keyspace", cassandra_session: Any
) -> None:
    name = f"{bare_keyspace.name}_B"
    said = refusal(settings_of(bare_keyspace, keyspace=name))

    assert said.startswith(f'keyspace "{name}" is missing in Cassandra; make it: CREATE KEYSPACE')
    cassandra_session.execute(said.partition("make it: ")[2])
    try:
        made = make_tables(settings_of(bare_keyspace, keyspace=name))
    finally:
        cassandra_session.execute(f'DROP KEYSPACE "{name}"')
    assert made == (0, SCHEMA_VERSION)


def test_an_unknown_datacenter_is_told_with_those_that_there_are(
    bare_keyspace: "Keyspace",
) -> None:
    said = refusal(settings_of(bare_keyspace, datacenter="elsewhere"))

    assert said == (
        'Cassandra_datacenter: there is no datacenter "elsewhere"; there are:'
        f' "{bare_keyspace.datacenter}"'
    )


def test_without_a_datacenter_the_only_one_is_taken(bare_keyspace: "Keyspace") -> None:
    assert make_tables(settings_of(bare_keyspace, datacenter=None)) == (0, SCHEMA_VERSION)
