"""What the writer is asked for, how much of it shares a commit, and how its outcomes are told."""

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple, TypeAlias, TypeVar

from services.errors import StoreUnavailable
from services.model import Draft
from services.ports import Appended

T = TypeVar("T")
Job: TypeAlias = Callable[[sqlite3.Connection], T]
Done: TypeAlias = Callable[[Sequence[Appended]], None]
Telling: TypeAlias = Callable[[], None]
"""A call to make where the outcomes are waited for."""

# A commit ends with the request that reaches one of these, and no request is larger.
MAX_GROUP_DRAFTS = 4096
MAX_GROUP_CHARACTERS = 16 * 1024 * 1024


class Append(NamedTuple):
    """``failures`` is how many failed commits its caller had been told of."""

    drafts: Sequence[Draft]
    characters: int
    done: Done
    failures: int


class Result(NamedTuple):
    """What a job returned, or the error it raised."""

    value: object
    error: Exception | None


class Work(NamedTuple):
    job: Job[Any]
    done: Callable[[Result], None]


class Group:
    """Requests that share a commit; ``is_full`` when no more may be added."""

    __slots__ = ("_characters", "_drafts", "appends", "work")

    def __init__(self) -> None:
        self.appends: list[Append] = []
        self.work: list[Work] = []
        self._drafts = self._characters = 0

    def add(self, request: Append | Work) -> None:
        if isinstance(request, Append):
            self.appends.append(request)
            self._drafts += len(request.drafts)
            self._characters += request.characters
        else:
            self.work.append(request)

    @property
    def is_full(self) -> bool:
        return (
            self._drafts >= MAX_GROUP_DRAFTS
            or self._characters >= MAX_GROUP_CHARACTERS
            or len(self.work) >= MAX_GROUP_DRAFTS
        )

    def refused(self) -> list[Telling]:
        """Return the calls that tell everybody that the store is unavailable."""
        return tellings(
            self.appends,
            [(draft, StoreUnavailable()) for ask in self.appends for draft in ask.drafts],
            self.work,
            [Result(None, StoreUnavailable()) for _ in self.work],
        )


def appends(drafts: Sequence[Draft], done: Done, failures: int) -> list[Append]:
    """Cut the drafts into copies that fit one commit each: the caller may use its list again."""
    if len(drafts) <= MAX_GROUP_DRAFTS:
        size = _characters(drafts)
        if size <= MAX_GROUP_CHARACTERS:
            return [Append(drafts[:], size, done, failures)]
    pieces: list[Sequence[Draft]] = []
    piece: list[Draft] = []
    characters = 0
    for draft in drafts:
        characters += len(draft.text)
        if piece and (characters > MAX_GROUP_CHARACTERS or len(piece) == MAX_GROUP_DRAFTS):
            pieces.append(piece)
            piece = []
            characters = len(draft.text)
        piece.append(draft)
    pieces.append(piece)
    return [Append(piece, _characters(piece), done, failures) for piece in pieces]


def tellings(
    asked: Sequence[Append],
    appended: Sequence[Appended],
    work: Sequence[Work],
    results: Sequence[Result],
) -> list[Telling]:
    """Return the calls to make: one for neighbours that share a ``done``, one for each job.

    Only neighbours: a room's drafts must come in order, whoever is told.
    """
    calls: list[Telling] = []
    start = 0
    for done, neighbours in groupby(asked, attrgetter("done")):
        end = start + sum(len(append.drafts) for append in neighbours)
        calls.append(partial(done, appended[start:end]))
        start = end
    calls += [partial(one.done, result) for one, result in zip(work, results, strict=True)]
    return calls


def _characters(drafts: Sequence[Draft]) -> int:
    return sum([len(draft[4]) for draft in drafts])
