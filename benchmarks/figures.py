"""What was measured: for each server and scenario one value a round."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True, slots=True)
class Sample:
    """One round of one scenario: the cost of one delivery, request or connection."""

    total: float
    user: float = 0.0


@dataclass(frozen=True, slots=True)
class Figure:
    """The least and the middle of several rounds."""

    least: float
    median: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Figure":
        return cls(least=min(values), median=median(values))


@dataclass(slots=True)
class Figures:
    """The samples of one part of the suite, and why a server has none."""

    samples: dict[tuple[str, str], list[Sample]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    def add(self, server: str, scenario: str, sample: Sample) -> None:
        self.samples.setdefault((server, scenario), []).append(sample)

    def total(self, server: str, scenario: str) -> Figure | None:
        """Return what the unit cost altogether; None when it was not measured."""
        samples = self.samples.get((server, scenario))
        return Figure.of([one.total for one in samples]) if samples else None

    def user(self, server: str, scenario: str) -> Figure | None:
        """Return the part of it outside the kernel; None when it was not measured."""
        samples = self.samples.get((server, scenario))
        return Figure.of([one.user for one in samples]) if samples else None
