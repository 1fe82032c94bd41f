"""A disk that fills up under `ilo serve`: refused in so many words, nothing promised that is not
there, and healthy again soon after space returns.

The control is an Ilo that acks what found no space: the same judge has to find it.
"""

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.support.ilo_process import FAULTY, ILO, running
from tests.support.participants import (
    FAULTY_SETTLE_S,
    SETTLE_S,
    Notes,
    RawParticipant,
    dice,
    living,
    settle,
    wrongs,
)
from tests.support.system_client import visiting

# So large that what is said fills it by no means, however fast the machine: the filler does.
DISK: Final = "size=128m,mode=700"
ROOMS: Final = ("tea", "garden")
REFUSALS: Final = 50
AGAIN: Final = 200
"""So many acks after space has returned."""
HEALTHY_S: Final = 10.0


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Have a small file system at ``folder``."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", DISK, "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode != 0:
        pytest.skip("mounting a small file system needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(file: Path) -> None:
    """Take all space that is left, to the last page."""
    with file.open("wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError:
            return


@dataclass(slots=True)
class Outcome:
    notes: Notes = field(default_factory=Notes)
    full: list[httpx.Response] = field(default_factory=list)
    """What the API answered while the disk was full: to a new key, and whether it is ready."""
    healthy_s: float = 0.0
    """From the moment that space was there until it was ready, and had stored something."""
    wrong: list[str] = field(default_factory=list)


async def filling(folder: Path, program: Sequence[str] = ILO) -> Outcome:
    outcome = Outcome()
    notes = outcome.notes
    with small_disk(folder / "ilo-data"), running(folder, program=program) as ilo:
        filler = ilo.data_dir / "filler"
        async with visiting(ilo) as client:
            people = [await client.newcomer() for _ in range(2)]
            everybody = [
                RawParticipant(person, room, lambda: ilo.relay_port, notes, dice(place))
                for place, person in enumerate(people)
                for room in ROOMS
            ]
            async with living(everybody):
                await notes.until(lambda: notes.acked > AGAIN)
                await asyncio.to_thread(fill, filler)
                outcome.full = await refused(client.rest)
                if program is ILO:
                    await notes.until(lambda: notes.codes.get("storage-full", 0) >= REFUSALS)

                await asyncio.to_thread(filler.unlink)
                began, acked = time.monotonic(), notes.acked
                await ready(client.rest)
                await notes.until(lambda: notes.acked > acked)
                outcome.healthy_s = time.monotonic() - began
                await notes.until(lambda: notes.acked > acked + AGAIN)
                await settle(everybody, notes, SETTLE_S if program is ILO else FAULTY_SETTLE_S)
        ilo.kill()
        ilo.start()
        ilo.terminate()
        outcome.wrong = await wrongs(ilo.data_dir, ROOMS, notes)
    return outcome


async def ready(rest: httpx.AsyncClient) -> None:
    async with asyncio.timeout(SETTLE_S):
        while not (await rest.get("/ready")).is_success:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def refused(rest: httpx.AsyncClient) -> list[httpx.Response]:
    """Return the first answers of which neither is a success.

    What the disk has for the store's journal is used again and again: a little may fit in still.
    """
    async with asyncio.timeout(SETTLE_S):
        while True:
            answers = [await rest.post("/key"), await rest.get("/ready")]
            if not any(answer.is_success for answer in answers):
                return answers
            await asyncio.sleep(0.1)


async def test_a_full_disk_refuses_promises_nothing_and_heals(tmp_path: Path) -> None:
    outcome = await filling(tmp_path)

    key, readiness = outcome.full
    assert (key.status_code, key.json()["type"]) == (503, "/problems/storage-full")
    assert readiness.status_code == 503
    assert outcome.healthy_s < HEALTHY_S
    assert outcome.wrong == []
    assert set(outcome.notes.codes) == {"storage-full"}


async def test_an_ack_of_what_found_no_space_is_found(tmp_path: Path) -> None:
    outcome = await filling(tmp_path, [*FAULTY, "acks-when-full"])

    assert any(line.startswith("lost: ") for line in outcome.wrong)
