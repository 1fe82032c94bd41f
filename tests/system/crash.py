"""`kill -9` of `ilo serve` while people talk in open and private rooms, again and again.

    python -m tests.system.crash [--seeds 10] [--first 1] [--acked 5000] [--kills 4] [--fault NAME]

Everybody comes back and resumes. In the end nothing is lost, twice, out of order or missing for
anybody. A fault of ``tests.support.faulty_ilo`` has to be found. Ends with 1 when a seed has
something wrong; with ``--fault``, when a seed has nothing.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import uvloop

from tests.support.faulty_ilo import FAULTS
from tests.support.ilo_process import FAULTY, ILO, IloProcess, running
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
from tests.support.system_client import Person, SystemClient, visiting

PEOPLE: Final = 3
OPEN_ROOMS: Final = ("tea", "garden")
PRIVATE_ROOMS: Final = 2
BETWEEN_S: Final = (1.0, 4.0)


@dataclass(slots=True)
class Outcome:
    """What one seed gave; ``wrong`` is empty when every promise was kept."""

    kills: int = 0
    notes: Notes = field(default_factory=Notes)
    wrong: list[str] = field(default_factory=list)
    exit_code: int | None = None


async def private_room(client: SystemClient, owner: Person, others: Sequence[Person]) -> str:
    """Return a new private room that ``others`` are invited to."""
    made = await client.rest.post("/room", json={}, headers=owner.bearer)
    name = str(made.json()["room"])
    for one in others:
        path = f"/room/{name}/member/{one.name}"
        assert (await client.rest.put(path, headers=owner.bearer)).status_code == 200
    return name


async def crashing(
    folder: Path,
    seed: int,
    *,
    acked: int,
    kills: int,
    between_s: tuple[float, float] = BETWEEN_S,
    program: Sequence[str] = ILO,
) -> Outcome:
    """Kill Ilo at least ``kills`` times, and until ``acked`` messages are acknowledged."""
    rng, outcome = dice(seed), Outcome()
    notes = outcome.notes
    with running(folder, program=program) as ilo:
        async with visiting(ilo) as client:
            people = [await client.newcomer() for _ in range(PEOPLE)]
            rooms = [*OPEN_ROOMS]
            for _ in range(PRIVATE_ROOMS):
                rooms.append(await private_room(client, people[0], people[1:]))
        port: int | None = ilo.relay_port
        everybody = [
            RawParticipant(person, room, lambda: port, notes, dice(rng.getrandbits(64)))
            for person in people
            for room in rooms
        ]
        everybody += [
            # A second connection, which says nothing.
            RawParticipant(
                people[0], room, lambda: port, notes, rng, in_flight=0, name=", listening"
            )
            for room in rooms
        ]
        async with living(everybody):
            while outcome.kills < kills or notes.acked < acked:
                await asyncio.sleep(rng.uniform(*between_s))
                port = None
                await asyncio.to_thread(_kill_and_start, ilo)
                outcome.kills += 1
                port = ilo.relay_port
            await settle(everybody, notes, SETTLE_S if program is ILO else FAULTY_SETTLE_S)
        outcome.exit_code, _ = ilo.terminate()
        outcome.wrong = await wrongs(ilo.data_dir, rooms, notes)
    return outcome


def _kill_and_start(ilo: IloProcess) -> None:
    ilo.kill()
    ilo.start()


def main() -> int:
    ask = argparse.ArgumentParser(prog="python -m tests.system.crash")
    ask.add_argument("--seeds", type=int, default=10)
    ask.add_argument("--first", type=int, default=1)
    ask.add_argument("--acked", type=int, default=5000, help="acknowledged messages a seed")
    ask.add_argument("--kills", type=int, default=4, help="at least so many a seed")
    ask.add_argument("--fault", choices=sorted(FAULTS))
    asked = ask.parse_args()
    program = ILO if asked.fault is None else [*FAULTY, asked.fault]
    bad = all_kills = all_acked = 0
    for seed in range(asked.first, asked.first + asked.seeds):
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="ilo-crash-") as folder:
            work = crashing(
                Path(folder), seed, acked=asked.acked, kills=asked.kills, program=program
            )
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                outcome = runner.run(work)
        notes = outcome.notes
        bad += bool(outcome.wrong)
        all_kills += outcome.kills
        all_acked += notes.acked
        _say(
            f"seed {seed}: {outcome.kills} kills, {notes.acked} acked, {notes.received} delivered, "
            f"{notes.returns} resumed, {len(outcome.wrong)} wrong, "
            f"{time.monotonic() - began:.0f} s"
        )
        for line in outcome.wrong[:5]:
            _say(f"  {line}")
    _say(f"{asked.seeds} seeds, {bad} bad: {all_kills} kills, {all_acked} acked")
    return int(bad < asked.seeds) if asked.fault else int(bad > 0)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
