"""The embedded store loses nothing that it acked: not by kill -9, not in the page cache.

Each check has a control: a store that acks before it commits, which must be caught.
"""

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import pytest

from services.model import RoomName
from store.sqlite import SqliteStore
from tests.support.strace import SystemCall, system_calls

ROOT = Path(__file__).resolve().parents[2]
ROOMS = 5
CHILD = [sys.executable, "-m", "tests.support.store_child"]

needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None, reason="strace is not installed (apt: strace)"
)


class Ack(NamedTuple):
    room: str
    seq: int
    text: str


@contextmanager
def appending_child(data_dir: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A child that has opened the store in ``data_dir``; killed at the end."""
    with subprocess.Popen(
        [*CHILD, str(data_dir), *arguments], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as child:
        try:
            assert output(child).readline() == "ready\n"
            yield child
        finally:
            child.kill()


def output(child: subprocess.Popen[str]) -> IO[str]:
    assert child.stdout is not None
    return child.stdout


def parse(line: str) -> Ack:
    room, seq, text = line.split()
    return Ack(room, int(seq), text)


def acks_until_killed(data_dir: Path, kill_after: int, *arguments: str) -> list[Ack]:
    """Return all acks of a child that is killed once ``kill_after`` of them were seen."""
    with appending_child(data_dir, *arguments) as child:
        lines = [output(child).readline() for _ in range(kill_after)]
        child.send_signal(signal.SIGKILL)
        lines += output(child).readlines()
    return [parse(line) for line in lines if line.endswith("\n")]


async def faults(data_dir: Path, acks: list[Ack]) -> list[str]:
    """Return what is wrong with the store, given what it has acked."""
    store = await SqliteStore.open(data_dir)
    found = []
    try:
        stored: set[Ack] = set()
        for name in (f"room-{n}" for n in range(ROOMS)):
            room = await store.room_named(RoomName(name))
            assert room is not None
            log = await store.messages_after(room.room_id, 0, 1_000_000, 1 << 30)
            if [message.seq for message in log] != list(range(1, room.head + 1)):
                found.append(f"{name} is not dense")
            stored |= {Ack(name, message.seq, message.text) for message in log}
        found += [f"{ack} is lost" for ack in acks if ack not in stored]
        if len({(ack.room, ack.seq) for ack in acks}) != len(acks):
            found.append("a number was given twice")
    finally:
        await store.close()
    return found


async def test_kill_9_loses_nothing_that_was_acked(tmp_path: Path) -> None:
    acks: list[Ack] = []

    for kill_after in (1, 40, 200, 333, 1000):
        acks += acks_until_killed(
            tmp_path / "data", kill_after, f"--rooms={ROOMS}", "--in-flight=32"
        )

        assert await faults(tmp_path / "data", acks) == []
    assert len(acks) >= 1 + 40 + 200 + 333 + 1000


async def test_kill_9_is_seen_to_lose_what_is_acked_before_the_commit(
    tmp_path: Path,
) -> None:
    acks = acks_until_killed(
        tmp_path / "data", 200, f"--rooms={ROOMS}", "--in-flight=32", "--broken"
    )

    assert any("lost" in fault for fault in await faults(tmp_path / "data", acks))


def traced_calls(tmp_path: Path, *arguments: str) -> list[SystemCall]:
    trace = tmp_path / "trace"
    strace = ["strace", "-f", "-y", "-s", "9000", "-o", str(trace)]
    strace += ["-e", "trace=write,pwrite64,fsync,fdatasync"]
    subprocess.run(
        [*strace, *CHILD, str(tmp_path / "data"), "--messages=30", *arguments],
        check=True,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        timeout=180,
    )
    with trace.open(encoding="utf-8", errors="replace") as lines:
        return list(system_calls(lines))


def unsynced_acks(calls: list[SystemCall]) -> tuple[list[str], int]:
    """Return the acked texts that were not on the disk by then, and how many acks there were."""
    logged: dict[str, int] = {}
    unsynced = []
    acks = [c for c in calls if c.name == "write" and c.arguments.startswith("1<")]
    acks = [ack for ack in acks if "message-" in ack.arguments]
    to_wal = [c for c in calls if c.file.endswith("ilo.db-wal")]
    for ack in acks:
        text = "message-" + ack.arguments.split("message-")[1].split("\\n")[0]
        for call in to_wal:
            if call.name == "pwrite64" and text in call.arguments:
                logged.setdefault(text, call.ended)
        if not any(
            call.name in ("fdatasync", "fsync")
            and call.result == "0"
            and logged.get(text, ack.began) < call.began
            and call.ended < ack.began
            for call in to_wal
        ):
            unsynced.append(text)
    return unsynced, len(acks)


@needs_strace
def test_every_ack_comes_after_a_sync_of_its_message(tmp_path: Path) -> None:
    calls = traced_calls(tmp_path)

    assert unsynced_acks(calls) == ([], 30)


@needs_strace
def test_an_ack_before_its_sync_is_seen(tmp_path: Path) -> None:
    calls = traced_calls(tmp_path, "--broken")

    unsynced, acks = unsynced_acks(calls)
    assert (len(unsynced), acks) == (30, 30)
