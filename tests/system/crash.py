"""`kill -9` of `ilo serve` while people talk in open and private rooms, again and again.

    python -m tests.system.crash [--seeds 10] [--first 1] [--acked 5000] [--kills 4] [--fault NAME]

Everybody comes back and resumes. In the end nothing is lost, twice, out of order or missing for
anybody. A fault of ``tests.support.faulty_ilo`` has to be found. Ends with 1 when a seed has
something wrong; with ``--fault``, when a seed has nothing.
"""

import asyncio
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, Final

from tests.support.ilo_process import ILO, IloProcess, running
from tests.support.participants import (
    FAULTY_SETTLE_S,
    SETTLE_S,
    RawParticipant,
    dice,
    living,
    settle,
    wrongs,
)
from tests.support.system_client import Person, SystemClient, visiting
from tests.system.seeds import Outcome, question, run_seeds

PEOPLE: Final = 3
OPEN_ROOMS: Final = ("tea", "garden")
PRIVATE_ROOMS: Final = 2
BETWEEN_S: Final = (1.0, 4.0)


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
            while outcome.ends < kills or notes.acked < acked:
                await asyncio.sleep(rng.uniform(*between_s))
                port = None
                await asyncio.to_thread(_kill_and_start, ilo)
                outcome.ends += 1
                port = ilo.relay_port
            await settle(everybody, notes, SETTLE_S if program is ILO else FAULTY_SETTLE_S)
        outcome.exit_code, _ = ilo.terminate()
        outcome.wrong = await wrongs(ilo.data_dir, rooms, notes)
    return outcome


def _kill_and_start(ilo: IloProcess) -> None:
    ilo.kill()
    ilo.start()


def main() -> int:
    ask = question("tests.system.crash")
    ask.add_argument("--acked", type=int, default=5000, help="acknowledged messages a seed")
    ask.add_argument("--kills", type=int, default=4, help="at least so many a seed")
    asked = ask.parse_args()

    def run(folder: Path, seed: int, program: Sequence[str]) -> Coroutine[Any, Any, Outcome]:
        return crashing(folder, seed, acked=asked.acked, kills=asked.kills, program=program)

    return run_seeds(asked, "kills", run)


if __name__ == "__main__":
    sys.exit(main())
