"""Slows down those who guess passwords, and those who make too many keys.

All counters live in memory: they are bounded, each process has its own, and they do not
survive a restart.
"""

import math
from array import array
from collections import Counter, OrderedDict
from collections.abc import Callable, Generator, Hashable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from services.errors import TooManyTries
from services.limits import Rates

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MAX_COUNTED = 100_000
"""How many accounts, sources and pairs of both are remembered, each. Over it those are
forgotten first that were counted the longest ago. A failure costs a password verification:
to push a counter out takes that many of them, from a thousand sources and more. Full, the
counters of ``Guesses`` take some 100 MiB."""

SOON_S = 1


def _instants() -> "array[float]":
    return array("d")


class RateWindow:
    """Lets each source do something ``count`` times within any ``per_s`` seconds.

    Remembers up to ``MAX_COUNTED`` sources, not across a restart. ``now_s`` is a monotonic
    clock in seconds.
    """

    def __init__(self, count: int, per_s: float, now_s: Callable[[], float]) -> None:
        self._count = count
        self._per_s = per_s
        self._now_s = now_s
        self._taken: OrderedDict[str, array[float]] = OrderedDict()

    def take(self, source: str) -> None:
        """Count one more for ``source``. What is refused does not count.

        Raises:
            TooManyTries: it has had its count.
        """
        now = self._now_s()
        taken = self._taken.get(source, _instants())
        _forget_until(now - self._per_s, taken)
        if len(taken) >= self._count:
            # With a count of 0 nothing is ever taken.
            oldest = taken[0] if taken else now
            raise TooManyTries(_whole_seconds(oldest + self._per_s - now, self._per_s))
        taken.append(now)
        self._taken[source] = taken
        self._taken.move_to_end(source)
        _let_go(self._taken, lambda old: old[-1] + self._per_s < now)


class Guesses:
    """Counts wrong passwords for an account and a source, for an account, and for a source.

    Over one of the counts within the window, tries are refused for one window; each further
    time it takes one window longer, up to ``login_retry_after_max_s``. No account is ever
    locked for all: over the account's own count, a source that has not failed for it within
    the window still has one try.

    A try that is on its way counts as a failure until it is known, so that many at once get
    no further than one after the other. Whoever passes ``check`` therefore calls ``failed``,
    ``succeeded`` or ``withdrawn`` once; ``guess`` sees to that.

    Remembers up to ``MAX_COUNTED`` of each, not across a restart. ``now_s`` is a monotonic
    clock in seconds.
    """

    def __init__(self, rates: Rates, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        window_s, max_s = rates.login_failure_window_s, rates.login_retry_after_max_s
        self._max_s = max_s
        self._pairs = _Failures[tuple[str, str]](
            rates.login_failures_per_account_and_source, window_s, max_s
        )
        self._accounts = _Failures[str](rates.login_failures_per_account, window_s, max_s)
        self._sources = _Failures[str](rates.login_failures_per_source, window_s, max_s)

    def check(self, account: str, source: str) -> None:
        """Begin a try of ``source`` at the password of ``account``.

        Raises:
            TooManyTries: not now; nothing has begun.
        """
        now = self._now_s()
        pair = (account, source)
        wait_s = max(self._pairs.wait_s(pair, now), self._sources.wait_s(source, now))
        # Who is not known to have failed for the account gets past its count, once.
        known_s = self._pairs.known_s(pair, now)
        wait_s = max(wait_s, min(self._accounts.wait_s(account, now), known_s))
        if wait_s > 0:
            raise TooManyTries(_whole_seconds(wait_s, self._max_s))
        self._pairs.begin(pair)
        self._accounts.begin(account)
        self._sources.begin(source)

    def failed(self, account: str, source: str) -> None:
        """End a try: the password was wrong."""
        now = self._now_s()
        self.withdrawn(account, source)
        self._pairs.add((account, source), now)
        self._accounts.add(account, now)
        self._sources.add(source, now)

    def succeeded(self, account: str, source: str) -> None:
        """End a try: the password was right. Earlier failures of the source there are forgiven.

        Those of the account and of the source as a whole stay: who knows one password must not
        be able to clear the way for guessing another.
        """
        self.withdrawn(account, source)
        self._pairs.forget((account, source))

    def withdrawn(self, account: str, source: str) -> None:
        """End a try that came to no answer: it was as if it had never been."""
        self._pairs.end((account, source))
        self._accounts.end(account)
        self._sources.end(source)

    @contextmanager
    def guess(self, account: str, source: str) -> "Generator[Guess, None, None]":
        """Begin a try, and end it as the ``right`` of the guess says when the block is left.

        Raises:
            TooManyTries: not now; the block is not entered.
        """
        self.check(account, source)
        guess = Guess()
        try:
            yield guess
        finally:
            match guess.right:
                case True:
                    self.succeeded(account, source)
                case False:
                    self.failed(account, source)
                case None:
                    self.withdrawn(account, source)


@dataclass(slots=True)
class Guess:
    """One try; ``right`` stays None while it is not known."""

    right: bool | None = None


@dataclass(slots=True)
class _Record:
    """The failures of one key since its last refusal; ``refusals`` counts those in a row."""

    failed_at_s: "array[float]" = field(default_factory=_instants)
    refusals: int = 0
    refused_until_s: float = -math.inf


class _Failures(Generic[K]):
    """Failures by key: at most ``count`` within a window, then a refusal that grows."""

    def __init__(self, count: int, window_s: float, max_s: float) -> None:
        self._count = count
        self._window_s = window_s
        self._max_s = max_s
        self._records: OrderedDict[K, _Record] = OrderedDict()
        self._under_way: Counter[K] = Counter()

    def begin(self, key: K) -> None:
        self._under_way[key] += 1

    def end(self, key: K) -> None:
        self._under_way[key] -= 1
        if self._under_way[key] <= 0:
            del self._under_way[key]

    def wait_s(self, key: K, now: float) -> float:
        """How long from ``now`` until the key may try again; 0 when it may now."""
        failures = 0
        if (record := self._records.get(key)) is not None:
            if record.refused_until_s > now:
                return record.refused_until_s - now
            _forget_until(now - self._window_s, record.failed_at_s)
            failures = len(record.failed_at_s)
        return SOON_S if failures + self._under_way[key] >= self._count else 0

    def known_s(self, key: K, now: float) -> float:
        """How long from ``now`` the key counts as one that has failed; 0 when it does not."""
        known_s = SOON_S if self._under_way[key] else 0.0
        if (record := self._records.get(key)) is not None:
            known_s = max(known_s, record.refused_until_s - now)
            if record.failed_at_s:
                known_s = max(known_s, record.failed_at_s[-1] + self._window_s - now)
        return known_s

    def add(self, key: K, now: float) -> None:
        record = self._records.setdefault(key, _Record())
        self._records.move_to_end(key)
        if now >= record.refused_until_s + self._max_s:
            record.refusals = 0
        _forget_until(now - self._window_s, record.failed_at_s)
        record.failed_at_s.append(now)
        if len(record.failed_at_s) >= self._count:
            record.refusals += 1
            wait_s = min(self._window_s * record.refusals, self._max_s)
            record.refused_until_s = now + wait_s
            # The refusal is what they come to: after it the count begins anew.
            del record.failed_at_s[:]
        _let_go(self._records, lambda old: self._is_over(old, now))

    def forget(self, key: K) -> None:
        self._records.pop(key, None)

    def _is_over(self, record: _Record, now: float) -> bool:
        last_s = record.failed_at_s[-1] + self._window_s if record.failed_at_s else -math.inf
        return max(last_s, record.refused_until_s + self._max_s) < now


def _forget_until(instant_s: float, instants: "array[float]") -> None:
    """Delete what is as old as ``instant_s`` or older; ``instants`` are in order."""
    kept_from = 0
    while kept_from < len(instants) and instants[kept_from] <= instant_s:
        kept_from += 1
    if kept_from:
        del instants[:kept_from]


def _let_go(counted: OrderedDict[K, V], is_over: Callable[[V], bool]) -> None:
    """Delete the oldest entries: those over ``MAX_COUNTED``, and a few of those without effect.

    Two at most, since one at most has been added: nobody waits for a large cleaning.
    """
    for _ in range(2):
        key, oldest = next(iter(counted.items()))
        if len(counted) <= MAX_COUNTED and not is_over(oldest):
            return
        del counted[key]


def _whole_seconds(wait_s: float, most_s: float) -> int:
    """Round up, so that whoever waits that long gets through; ``most_s`` is never passed."""
    return max(1, min(math.ceil(wait_s), math.ceil(most_s)))
