"""Worlds, one after the other, with or without a planted bug."""

from relay import delivery
from store.sqlite import retention
from tests.simulation.bug import Change, planted
from tests.simulation.bugs import BUGS
from tests.simulation.hunt import first_charged
from tests.simulation.world import Verdict, World, run

SMALL: list[Change] = [
    (delivery, "CATCH_UP_PAGE", 4),
    (retention, "DELETED_AT_ONCE", 2),
]
"""What is done at once is so little here that few messages are enough for more than once."""


def simulate(seed: int, bug: str | None = None, *, printed: bool = False) -> Verdict:
    """Run one seed; ``bug`` is a name of ``BUGS``. ``printed``: the verdict holds the trace."""
    changes = [] if bug is None else BUGS[bug].changes
    with planted([*SMALL, *changes]):
        return run(World(seed, printed=printed), seed)


def first_bad(bug: str, start: int, seeds: int) -> Verdict | None:
    """Return the verdict of the first seed that finds the bug; None when none does."""
    return first_charged(lambda seed: simulate(seed, bug), start, seeds)
