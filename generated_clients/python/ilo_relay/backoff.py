"""How long to wait before coming back, so that not all come back at once."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

MAX_RETRY_AFTER_S = 3600.0
"""The longest that a relay is believed, when it says when to try again."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential, with full jitter: before try n (from 0) anything up to ``first_s`` times 2**n,
    and ``cap_s`` at most.

    ``attempts`` is after how many failures in a row to give up; None is never.
    ``random`` gives 0 to 1, ``sleep`` waits so many seconds.
    """

    first_s: float = 0.5
    cap_s: float = 30.0
    attempts: int | None = None
    random: Callable[[], float] = random.random
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def delay_s(self, step: int, retry_after_s: float | None = None) -> float:
        """Return how long to wait before try ``step``; not before ``retry_after_s``, if given."""
        # 2**64 times anything sensible is over the cap; 2**step would outgrow a float.
        bound = min(self.cap_s, self.first_s * 2.0 ** min(step, 64))
        return min(retry_after_s or 0.0, MAX_RETRY_AFTER_S) + self.random() * bound
