"""The search for a planted bug: from several starting points, seed after seed."""

import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, TypeVar

STARTS = (0, 100_000, 200_000)
"""Where the search begins."""


class Judged(Protocol):
    """What one seed came to."""

    @property
    def seed(self) -> int: ...

    @property
    def charges(self) -> Sequence[str]: ...


V = TypeVar("V", bound=Judged)


class Found(NamedTuple):
    """How many seeds a bug took from each starting point, None where it was not found; and the
    first thing that it was charged with."""

    name: str
    counts: Sequence[int | None]
    charge: str


def first_charged(simulate: Callable[[int], V], start: int, seeds: int) -> V | None:
    """Return the verdict of the first seed that is charged with something; None when none is."""
    for seed in range(start, start + seeds):
        verdict = simulate(seed)
        if verdict.charges:
            return verdict
    return None


def hunt(name: str, find: Callable[[int], V | None]) -> Found:
    """Look for the bug; ``find`` returns what was found from a starting point on."""
    counts: list[int | None] = []
    charge = ""
    for start in STARTS:
        verdict = find(start)
        counts.append(None if verdict is None else verdict.seed - start + 1)
        charge = charge or (verdict.charges[0] if verdict is not None else "")
    return Found(name, counts, charge)


def tell_found(found: Found) -> int:
    """Say a row of the table of bugs; return 1 when the bug was not found from everywhere."""
    told = " ".join(f"{'-' if count is None else count:>5}" for count in found.counts)
    say(f"{found.name:45} {told}  {found.charge[:90]}")
    return int(None in found.counts)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
