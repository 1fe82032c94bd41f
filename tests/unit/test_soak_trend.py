"""Which growth the soak complains about."""

import math
from collections.abc import Callable

from benchmarks.soak.trend import MIB, Sample, complaints, growth_mib, long_enough

AT_REST = (24, 24)


def half_an_hour(mib_at: Callable[[float], float]) -> list[Sample]:
    return [Sample(at_s, int(mib_at(at_s) * MIB), 100) for at_s in range(0, 1801, 10)]


def test_a_line_is_found_under_noise() -> None:
    samples = half_an_hour(lambda at_s: 100 + 2.5 * at_s / 600 + 0.3 * math.sin(at_s))

    assert abs(growth_mib(samples) - 2.5) < 0.1


def test_memory_that_grows_for_good_is_complained_about() -> None:
    samples = half_an_hour(lambda at_s: 100 + 1.1 * at_s / 600)

    assert list(complaints(samples, AT_REST)) == ["resident memory grew by 1.10 MiB in ten minutes"]


def test_memory_that_grows_a_little_is_not() -> None:
    samples = half_an_hour(lambda at_s: 100 + 0.9 * at_s / 600)

    assert list(complaints(samples, AT_REST)) == []


def test_the_first_five_minutes_may_grow() -> None:
    samples = half_an_hour(lambda at_s: 100 + min(at_s, 300) / 10)

    assert list(complaints(samples, AT_REST)) == []


def test_a_short_run_is_not_judged_by_its_memory() -> None:
    samples = [sample for sample in half_an_hour(lambda at_s: 100 + at_s) if sample.at_s <= 60]

    assert not long_enough(samples)
    assert list(complaints(samples, AT_REST)) == []


def test_six_descriptors_more_at_rest_are_complained_about_and_five_are_not() -> None:
    assert list(complaints([], (24, 30))) == [
        "24 descriptors were open at rest before, and 30 after"
    ]
    assert list(complaints([], (24, 29))) == []
