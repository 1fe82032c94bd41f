"""A bug that is planted: what stands in the place of what, while a world runs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

Change: TypeAlias = tuple[object, str, object]
"""An owner, a name of its, and what stands there instead."""


@dataclass(frozen=True, slots=True)
class Bug:
    """``within``: it is found in so many seeds from ``start`` on; 0 where it is too rare for a
    test, and a test of the part concerned shows it."""

    within: int
    changes: Sequence[Change]
    start: int = 0


def bug(within: int, *changes: Change, start: int = 0) -> Bug:
    return Bug(within, changes, start)


@contextmanager
def planted(changes: Sequence[Change]) -> Iterator[None]:
    """Put the changes in for the length of the block."""
    before = [getattr(owner, name) for owner, name, _ in changes]
    try:
        for owner, name, instead in changes:
            setattr(owner, name, instead)
        yield
    finally:
        for (owner, name, _), value in reversed(list(zip(changes, before, strict=True))):
            setattr(owner, name, value)
