"""Worlds of appenders, one after the other, with or without a planted bug."""

from store.cassandra import appender, buckets
from tests.simulation.bug import Change, planted
from tests.simulation.cassandra.bugs import BUGS
from tests.simulation.cassandra.world import Verdict, run
from tests.simulation.hunt import first_charged

SMALL: list[Change] = [
    (buckets, "BUCKET_SEQS", 12),
    (appender, "BUCKET_SEQS", 12),
    (appender, "MAX_GROUP_MESSAGES", 5),
    (appender, "ROOMS_AT_ONCE", 2),
]
"""Buckets and groups are so small here that few messages fill them."""


def simulate(seed: int, bug: str | None = None) -> Verdict:
    """Run one seed; ``bug`` is a name of ``BUGS``."""
    changes = [] if bug is None else BUGS[bug].changes
    with planted([*SMALL, *changes]):
        return run(seed)


def first_bad(bug: str, start: int, seeds: int) -> Verdict | None:
    """Return the verdict of the first seed that finds the bug; None when none does."""
    return first_charged(lambda seed: simulate(seed, bug), start, seeds)
