"""What a client remembers outlives a kill at any moment, and other processes with its folder."""

import asyncio
import os
import random
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from ilo_client import BrokenHome, Home, Message
from ilo_client.memory import Memory

from tests.support.encrypted import Company, events
from tests.support.ilo_process import ROOT

CHILD_S = 180.0
"""A process of its own has all to import and a key file to open, on a machine that does more."""
KILLS = 10
MESSAGES = 10_000
"""More than anybody says before the last kill."""


def test_killed_before_any_statement_it_alarms_nobody_and_uses_no_link_twice(
    tmp_path: Path,
) -> None:
    program = [sys.executable, "-m", "tests.support.memory_child", str(tmp_path)]

    told = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)

    assert told.returncode == 0, told.stderr
    lines = told.stdout.splitlines()
    assert len(lines) > 40
    assert [line for line in lines if not line.endswith(" fine")] == []


async def started(folder: Path, room: str, word: str, amount: int) -> asyncio.subprocess.Process:
    """Start somebody in a process of their own; return when they are in the room."""
    program = [sys.executable, "-m", "tests.support.encrypted_child"]
    child = await asyncio.create_subprocess_exec(
        *program,
        *[str(folder), room, word, str(amount)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdout is not None
    first = await asyncio.wait_for(child.stdout.readline(), CHILD_S)
    if first != b"ready\n":
        _, errors = await child.communicate()
        raise AssertionError(first.decode() + errors.decode())
    return child


async def alarms(child: asyncio.subprocess.Process) -> str:
    """Return what a process printed before its end."""
    told, errors = await asyncio.wait_for(child.communicate(), CHILD_S)
    return told.decode() + errors.decode()


def noted(folder: Path, what: str, word: str) -> list[str]:
    diary = folder / f"diary of {word}"
    lines = diary.read_text(encoding="ascii").split("\n") if diary.exists() else []
    return [line.removeprefix(f"{what} ") for line in lines if line.startswith(what)]


async def says_more(folder: Path, stored: int) -> None:
    """Wait until more is stored: then the kill is in the middle of a talk, on any machine."""
    async with asyncio.timeout(CHILD_S):
        while len(noted(folder, "ok", "n")) == stored:  # noqa: ASYNC110  # another process writes
            await asyncio.sleep(0.01)


async def test_a_client_killed_at_any_moment_loses_nothing_says_nothing_twice_and_alarms_nobody(
    people: Company,
) -> None:
    ann, bob = await people.join_all("ann", "bob")
    room = await people.private_room(ann, bob)
    bobs = await people.enter(bob, room)
    folder, dice = people.home(ann.username), random.Random(7)  # noqa: S311

    for kill in range(KILLS):
        stored = len(noted(folder, "ok", "n"))
        child = await started(folder, room, "n", MESSAGES)
        if kill % 2:
            await says_more(folder, stored)
        await asyncio.sleep(dice.uniform(0.0, 0.3))
        child.kill()
        assert await alarms(child) == ""
    last = len(noted(folder, "try", "n")) + 1
    child = await started(folder, room, "n", last)
    assert await alarms(child) == ""

    found = await events(bobs, lambda one: isinstance(one, Message) and one.text == f"n{last}")
    heard = [one for one in found if isinstance(one, Message)]
    assert {one.warnings for one in heard} == {()}
    # What was begun and had no ack may have been given up before it was sealed.
    words = [one.text for one in heard]
    assert len(words) == len(set(words))
    assert set(noted(folder, "ok", "n")) <= set(words) <= set(noted(folder, "try", "n"))
    assert words == [word for word in noted(folder, "try", "n") if word in words]
    assert len(words) > KILLS // 2


async def test_two_processes_with_one_folder_use_no_link_twice_and_alarm_nobody(
    people: Company,
) -> None:
    ann, bob = await people.join_all("ann", "bob")
    room = await people.private_room(ann, bob)
    bobs = await people.enter(bob, room)
    folder = people.home(ann.username)

    children = [await started(folder, room, word, 20) for word in "ab"]
    assert [await alarms(child) for child in children] == ["", ""]

    heard: list[Message] = []
    while len(heard) < 40:
        found = await events(bobs, lambda one: isinstance(one, Message))
        heard += [one for one in found if isinstance(one, Message)]
    assert {one.warnings for one in heard} == {()}
    for word in "ab":
        said = [one.text for one in heard if one.text[0] == word]
        assert said == [f"{word}{number}" for number in range(1, 21)]


async def test_only_its_owner_may_look_into_the_folder(people: Company) -> None:
    ann = await people.join("ann")
    ann.set_label("tea", "tea")

    folder = people.home(ann.username)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in [folder, *folder.rglob("*")]}

    assert set(modes.values()) == {0o700, 0o600}
    assert [path for path, mode in modes.items() if path.is_dir() != (mode == 0o700)] == []


def test_a_file_that_is_written_is_the_old_or_the_new_one(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.keep_keys("old")

    class Full(OSError):
        pass

    def full(_: int) -> None:
        raise Full

    sync, os.fsync = os.fsync, full  # type: ignore[assignment]
    try:
        with pytest.raises(Full):
            home.keep_keys("new")
    finally:
        os.fsync = sync
    assert home.keys() == "old"
    home.keep_keys("new")
    assert home.keys() == "new"


def test_what_is_no_memory_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "memory.sqlite"
    path.write_bytes(b"this is no database" * 100)

    with pytest.raises(BrokenHome):
        Memory(path)

    assert path.read_bytes() == b"this is no database" * 100


def test_a_newer_clients_memory_is_refused(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "memory.sqlite")
    memory.db.execute("PRAGMA user_version = 99")
    memory.close()

    with pytest.raises(BrokenHome, match="newer"):
        Memory(tmp_path / "memory.sqlite")


def test_a_place_only_moves_on_within_its_epoch(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "memory.sqlite")
    places = []

    for epoch, seq in (("a", 5), ("a", 3), ("a", 6), ("b", 2)):
        memory.keep_cursor("tea", epoch, seq)
        places.append(memory.cursor("tea"))

    memory.close()
    assert places == [("a", 5), ("a", 5), ("a", 6), ("b", 2)]
