"""Worlds, one after the other, with or without a planted bug."""

from tests.simulation.bugs import BUGS, planted
from tests.simulation.world import Verdict, World, run


def simulate(seed: int, bug: str | None = None, *, printed: bool = False) -> Verdict:
    """Run one seed; ``bug`` is a name of ``BUGS``. ``printed``: the verdict holds the trace."""
    plant = None if bug is None else BUGS[bug]
    with planted(plant):
        if plant is None:
            world = World(seed, printed=printed)
        else:
            world = World(seed, store_class=plant.store_class, printed=printed)
        return run(world, seed)


def first_bad(bug: str, start: int, seeds: int) -> Verdict | None:
    """Return the verdict of the first seed that finds the bug; None when none does."""
    for seed in range(start, start + seeds):
        verdict = simulate(seed, bug)
        if verdict.charges:
            return verdict
    return None
