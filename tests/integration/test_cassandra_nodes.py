"""The nodes that the tests run on: they keep what they should, and go when they should."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psutil  # type: ignore[import-untyped]
import pytest
from cassandra import ConsistencyLevel
from cassandra.query import SimpleStatement

from tests.support.cassandra import jars
from tests.support.cassandra.cluster import Cluster
from tests.support.cassandra.keyspaces import Keyspace, Sweeper, connected, make_keyspace
from tests.support.cassandra.node import Contact, Node, answers
from tests.support.cassandra.places import is_free

KEEPER: Final = jars.HERE / "keeper.py"
SOON_S: Final = 30.0
"""Longer than anything here takes on a busy machine."""


def test_the_node_of_the_tests_says_the_release_that_the_pom_names(cassandra_session: Any) -> None:
    [row] = cassandra_session.execute("SELECT release_version FROM system.local")

    assert row.release_version == jars.version()


def test_a_node_keeps_its_data_over_sigkill_and_is_gone_after_stop(
    make_node: Callable[[], Node],
) -> None:
    node = make_node()
    node.start()
    with connected(node.contact) as session:
        kept = make_keyspace(session, node.contact, "kept")
        session.execute(f"CREATE TABLE {kept.name}.rows (id int PRIMARY KEY)")
        session.execute(f"INSERT INTO {kept.name}.rows (id) VALUES (7) IF NOT EXISTS")
    first = node.pid
    assert not is_free(node.address)
    node.kill()
    assert not psutil.pid_exists(first)
    node.start()
    with connected(node.contact) as session:
        rows = [row.id for row in session.execute(f"SELECT id FROM {kept.name}.rows")]
    second = node.pid
    node.stop()

    assert rows == [7]
    assert second != first
    assert not psutil.pid_exists(second)
    assert not node.is_running
    assert not answers(node.address)
    assert is_free(node.address)


# An owner: it has `sleep` kept, with the folder "doomed", and waits to be ended.
OWNER: Final = f"""
import os, subprocess, sys, time
keeper = [sys.executable, {str(KEEPER)!r}, str(os.getpid()), "pid", "log", "doomed"]
subprocess.run([*keeper, "sleep", "600"], check=True)
print("started", flush=True)
time.sleep(600)
"""


def test_a_keeper_ends_with_what_it_keeps(tmp_path: Path) -> None:
    command = [sys.executable, str(KEEPER), str(os.getpid()), "pid", "log", "doomed", "true"]

    # The pipe ends when the keeper does.
    subprocess.run(command, cwd=tmp_path, check=True, stdout=subprocess.PIPE, timeout=SOON_S)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_what_is_kept_goes_with_its_owner_however_that_ended(
    how: signal.Signals, tmp_path: Path
) -> None:
    doomed = tmp_path / "doomed"
    doomed.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", OWNER], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "started\n"
        kept = kept_by(tmp_path / "pid")
        assert kept.is_running()
        owner.send_signal(how)

    kept.wait(SOON_S)
    wait_until_gone(doomed)


def test_what_is_kept_goes_when_its_keeper_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, str(KEEPER), str(os.getpid()), "pid", "log", "", "sleep", "600"]
    subprocess.run(command, cwd=tmp_path, check=True)
    kept = kept_by(tmp_path / "pid")
    parent = kept.parent()
    assert parent is not None
    assert str(KEEPER) in parent.cmdline()

    parent.kill()

    kept.wait(SOON_S)


def test_nothing_is_started_for_an_owner_who_is_gone(tmp_path: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    marker = tmp_path / "touched"
    command = [sys.executable, str(KEEPER), str(gone.pid), "pid", "log", "", "touch", str(marker)]

    subprocess.run(command, cwd=tmp_path, check=True, stdout=subprocess.PIPE, timeout=SOON_S)

    assert not marker.exists()


def test_a_changed_jar_is_no_jar_of_ours(tmp_path: Path) -> None:
    sums = tmp_path / "sums"
    sums.write_text(f"{'0' * 64}  a.jar\n{'0' * 64}  b.jar\n", "utf-8")
    (tmp_path / "a.jar").write_bytes(b"changed")
    (tmp_path / "c.jar").write_bytes(b"smuggled")

    assert list(jars.faults(tmp_path, sums)) == [
        "a.jar has another SHA-256",
        "b.jar is missing",
        "c.jar is in no list",
    ]


def test_a_machine_without_java_or_maven_is_told_what_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setattr(jars, "STATE", tmp_path / "state")
    monkeypatch.setattr(jars, "JAVA", "1")

    assert jars.missing().startswith("no Java 1 ")
    with pytest.raises(jars.NoCassandra, match="no Maven"):
        jars.jars()


def test_a_place_where_somebody_listens_is_not_free(cassandra: Contact) -> None:
    assert not is_free(cassandra.contact_points[0])


def write_to_some(session: Any, keyspace: str) -> bool:
    """Leave a row, the mark of a deleted one, and rows of conditions; True when these held."""
    session.execute(f"INSERT INTO {keyspace}.leaving_users (user_id) VALUES (uuid())")
    session.execute(f"DELETE FROM {keyspace}.checks WHERE id = 1")
    conditions = [
        f"INSERT INTO {keyspace}.user_names (name_key, user_id) VALUES ('a', uuid()) IF NOT EXISTS",
        f"UPDATE {keyspace}.room_log SET head = 9"
        f" WHERE room_id = {uuid.UUID(int=1)} AND bucket = 0 IF head = null",
    ]
    return all(session.execute(condition).was_applied for condition in conditions)


def test_an_emptied_keyspace_has_forgotten_all_and_only_what_was_written_is_emptied(
    keyspace: Keyspace, cassandra_session: Any
) -> None:
    name = keyspace.name
    sweeper = Sweeper(cassandra_session, name)
    sweeper.empty()
    assert sweeper.empty() == []
    assert write_to_some(cassandra_session, name)
    assert not write_to_some(cassandra_session, name)

    emptied = sweeper.empty()

    assert sorted(emptied) == ["checks", "leaving_users", "room_log", "user_names"]
    for table in emptied:
        assert list(cassandra_session.execute(f"SELECT * FROM {name}.{table}")) == []
    # The mark of what was deleted would hide an older row.
    cassandra_session.execute(f"INSERT INTO {name}.checks (id, at) VALUES (1, 7) USING TIMESTAMP 1")
    [row] = cassandra_session.execute(f"SELECT at FROM {name}.checks")
    assert row.at == 7
    assert write_to_some(cassandra_session, name)


def test_a_bare_keyspace_has_no_tables(bare_keyspace: Keyspace, cassandra_session: Any) -> None:
    found = cassandra_session.execute(
        "SELECT table_name FROM system_schema.tables WHERE keyspace_name = %s",
        [bare_keyspace.name],
    )

    assert list(found) == []


@pytest.mark.cluster
def test_a_cluster_answers_without_one_of_its_nodes_and_has_it_back(
    cluster: Cluster, cluster_keyspace: Keyspace
) -> None:
    table = f"{cluster_keyspace.name}.rows"
    write = f"INSERT INTO {table} (id) VALUES (%s) IF NOT EXISTS"
    read_all = SimpleStatement(f"SELECT id FROM {table}", consistency_level=ConsistencyLevel.ALL)
    with connected(cluster.nodes[0].contact) as session:
        session.execute(f"CREATE TABLE {table} (id int PRIMARY KEY)")
        session.execute(write, [1])
        cluster.nodes[2].kill()
        applied = session.execute(write, [2]).was_applied
        cluster.start()
        rows = sorted(row.id for row in session.execute(read_all))

    assert applied
    assert rows == [1, 2]


def kept_by(pid_file: Path) -> psutil.Process:
    until = time.monotonic() + SOON_S
    while not pid_file.exists():
        assert time.monotonic() < until
        time.sleep(0.05)
    return psutil.Process(int(pid_file.read_text("ascii").split()[0]))


def wait_until_gone(folder: Path) -> None:
    until = time.monotonic() + SOON_S
    while folder.exists():
        assert time.monotonic() < until
        time.sleep(0.05)
