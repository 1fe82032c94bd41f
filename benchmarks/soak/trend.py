"""Whether a server grows: its memory over time as a straight line, and its open descriptors."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MIB = 1024 * 1024
TEN_MINUTES_S = 600.0
MOST_GROWTH_MIB = 1.0
"""Less than that in ten minutes is no growth."""
MOST_DESCRIPTORS = 5
"""So many more or fewer at rest are none."""
WARM_UP_S = 300.0


@dataclass(frozen=True, slots=True)
class Sample:
    at_s: float  # since the beginning
    rss_bytes: int
    descriptors: int


def after_warm_up(samples: Sequence[Sample]) -> list[Sample]:
    """Leave out the first five minutes; of less than ten, the first half."""
    if not samples:
        return []
    warm_at_s = min(WARM_UP_S, samples[-1].at_s / 2)
    return [sample for sample in samples if sample.at_s >= warm_at_s]


def growth_mib(samples: Sequence[Sample]) -> float:
    """Return MiB in ten minutes, by least squares; 0 of fewer than two samples."""
    count = len(samples)
    if count < 2:
        return 0.0
    middle_s = sum(sample.at_s for sample in samples) / count
    middle = sum(sample.rss_bytes for sample in samples) / count
    spread = sum((sample.at_s - middle_s) ** 2 for sample in samples)
    rises = sum((one.at_s - middle_s) * (one.rss_bytes - middle) for one in samples)
    return rises / spread * TEN_MINUTES_S / MIB


def long_enough(samples: Sequence[Sample]) -> bool:
    """Whether ten minutes are left after the warm-up: a line through less says nothing."""
    judged = after_warm_up(samples)
    return bool(judged) and judged[-1].at_s - judged[0].at_s >= TEN_MINUTES_S


def complaints(samples: Sequence[Sample], at_rest: tuple[int, int]) -> Iterator[str]:
    """Yield what is wrong; `at_rest` are the descriptors before and after, with nobody there."""
    growth = growth_mib(after_warm_up(samples))
    if long_enough(samples) and growth >= MOST_GROWTH_MIB:
        yield f"resident memory grew by {growth:.2f} MiB in ten minutes"
    before, after = at_rest
    if abs(after - before) > MOST_DESCRIPTORS:
        yield f"{before} descriptors were open at rest before, and {after} after"
