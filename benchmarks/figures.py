"""What was measured: for each server and scenario one value a round."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True, slots=True)
class Sample:
    """One round of one scenario: the cost of one delivery, message, request or connection."""

    total: float
    user: float = 0.0
    ack_p50_ms: float = 0.0
    ack_p99_ms: float = 0.0


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
    syncs_per_message: dict[tuple[str, str], float] = field(default_factory=dict)

    def add(self, server: str, scenario: str, sample: Sample) -> None:
        self.samples.setdefault((server, scenario), []).append(sample)

    def of(self, server: str, scenario: str, value: Callable[[Sample], float]) -> Figure | None:
        """Return `value` of the samples; None when it was not measured."""
        samples = self.samples.get((server, scenario))
        return Figure.of([value(one) for one in samples]) if samples else None

    def total(self, server: str, scenario: str) -> Figure | None:
        """Return what the unit cost altogether."""
        return self.of(server, scenario, lambda sample: sample.total)

    def user(self, server: str, scenario: str) -> Figure | None:
        """Return the part of it outside the kernel."""
        return self.of(server, scenario, lambda sample: sample.user)

    def ack_p50_ms(self, server: str, scenario: str) -> Figure | None:
        """Return how long half of the acks took at most."""
        return self.of(server, scenario, lambda sample: sample.ack_p50_ms)

    def ack_p99_ms(self, server: str, scenario: str) -> Figure | None:
        """Return how long all but a hundredth of the acks took at most."""
        return self.of(server, scenario, lambda sample: sample.ack_p99_ms)

    def syncs(self, server: str, scenario: str) -> Figure | None:
        """Return the syncs a message, which are counted once."""
        counted = self.syncs_per_message.get((server, scenario))
        return None if counted is None else Figure(counted, counted)
