"""Lines that are cut at any byte, in both directions, while everybody talks.

    python -m tests.system.cuts [--seeds 10] [--first 1] [--cuts 300] [--fault NAME]

Half of the people use the generated client, which comes back by itself; the others keep their
cursor themselves. Ends with 1 when a seed has something wrong; with ``--fault``, when one has
nothing.
"""

import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

from tests.support.ilo_process import ILO, running
from tests.support.participants import (
    FAULTY_SETTLE_S,
    SETTLE_S,
    LibraryParticipant,
    Participant,
    RawParticipant,
    dice,
    living,
    settle,
    wrongs,
)
from tests.support.system_client import visiting
from tests.support.tcp_proxy import Cut, proxy_to
from tests.system.crash import private_room
from tests.system.seeds import Outcome, question, run_seeds

PEOPLE: Final = 4
MOST_BYTES: Final = 18.0
"""A line lasts up to two to the power of this; short ones are as frequent as long ones."""
IN_FLIGHT: Final = 4


def some_cut(rng: Random) -> Cut:
    """Return where a line ends: inside the handshake, a frame's head, a message, an ack..."""
    after = int(2 ** rng.uniform(0, MOST_BYTES))
    return Cut(from_server=rng.random() < 0.5, after_bytes=after, reset=rng.random() < 0.5)


async def cutting(folder: Path, seed: int, *, cuts: int, program: Sequence[str] = ILO) -> Outcome:
    """Cut at least ``cuts`` lines of people who talk."""
    rng, outcome = dice(seed), Outcome()
    notes = outcome.notes
    with running(folder, program=program) as ilo:
        async with visiting(ilo) as client, proxy_to(ilo.relay_port) as proxy:
            people = [await client.newcomer() for _ in range(PEOPLE)]
            rooms = ["tea", await private_room(client, people[0], people[1:])]
            everybody: list[Participant] = []
            for place, person in enumerate(people):
                for room in rooms:
                    own = dice(rng.getrandbits(64))
                    if place % 2:
                        raw = RawParticipant(
                            person, room, lambda: proxy.port, notes, own, in_flight=IN_FLIGHT
                        )
                        everybody.append(raw)
                    else:
                        library = LibraryParticipant(
                            person, room, proxy.url, notes, own, in_flight=IN_FLIGHT
                        )
                        everybody.append(library)
            proxy.next_cut = lambda: some_cut(rng)
            async with living(everybody):
                # An ack comes after nearly every cut.
                await notes.until(lambda: proxy.cuts >= cuts, wait_s=600)
                proxy.next_cut = lambda: None
                proxy.cut()
                await settle(everybody, notes, SETTLE_S if program is ILO else FAULTY_SETTLE_S)
            outcome.ends = proxy.cuts
        outcome.exit_code, _ = ilo.terminate()
        outcome.wrong = await wrongs(ilo.data_dir, rooms, notes)
    return outcome


def main() -> int:
    ask = question("tests.system.cuts")
    ask.add_argument("--cuts", type=int, default=300, help="at least so many a seed")
    asked = ask.parse_args()

    def run(folder: Path, seed: int, program: Sequence[str]) -> Coroutine[Any, Any, Outcome]:
        return cutting(folder, seed, cuts=asked.cuts, program=program)

    return run_seeds(asked, "cuts", run)


if __name__ == "__main__":
    sys.exit(main())
