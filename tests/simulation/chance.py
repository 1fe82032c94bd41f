"""Every choice of a run, from one seed; and the trace that tells two runs apart."""

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import TypeVar

T = TypeVar("T")

TICK_MS = 5
"""Everything happens at a multiple of it, so that things fall together, now in this order, now in
that."""


@dataclass(frozen=True, slots=True)
class Faults:
    """How likely each fault is where it may happen, at most; half of them are off in a run."""

    cut: float = 0.25
    silence: float = 0.06
    kill: float = 0.06
    power_loss: float = 0.9
    drain: float = 0.04
    slow_reader: float = 0.3
    pieces: float = 0.9
    refused: float = 0.2
    slow_store: float = 0.2
    io_error: float = 0.3
    failed_read: float = 0.1
    kill_in_commit: float = 0.03
    full: float = 0.15
    lost_news: float = 0.6
    restore: float = 0.6
    clock_jump: float = 0.1
    wrong_cursor: float = 0.5


NO_FAULTS = Faults(**dict.fromkeys((one.name for one in fields(Faults)), 0.0))


class Chance:
    """The dice of one run."""

    def __init__(self, seed: int, now_s: Callable[[], float], *, printed: bool) -> None:
        self._dice = random.Random(seed)  # noqa: S311  # a run has to be repeatable
        self._now_s = now_s
        self._hash = hashlib.blake2b(digest_size=8)
        self._printed = printed
        self.lines: list[str] = []
        most = Faults()
        self.faults = replace(
            most,
            **{
                one.name: getattr(most, one.name)
                * self._dice.random()
                * (self._dice.random() < 0.5)
                for one in fields(Faults)
            },
        )

    def note(self, *what: object) -> None:
        """Add one line to the trace: what crossed a boundary, and what it held."""
        line = f"{self._now_s():10.3f} {' '.join(map(str, what))}"
        self._hash.update(line.encode() + b"\n")
        if self._printed:
            self.lines.append(line)

    def trace_hash(self) -> str:
        return self._hash.hexdigest()

    def quiet(self) -> None:
        """From here on there are no faults."""
        self.faults = NO_FAULTS

    def happens(self, probability: float) -> bool:
        return probability > 0 and self._dice.random() < probability

    def lag_ms(self, mean_ms: float) -> int:
        """Return an exponential time of at least one tick."""
        return TICK_MS * (1 + int(self._dice.expovariate(1 / mean_ms) / TICK_MS))

    def between(self, least: int, most: int) -> int:
        """Return a number; both ends are included."""
        return self._dice.randint(least, most)

    def pick(self, things: Sequence[T]) -> T:
        return self._dice.choice(things)

    def some_bytes(self, count: int) -> bytes:
        return self._dice.randbytes(count)
