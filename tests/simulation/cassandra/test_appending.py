"""Appenders of one log in virtual time, with every fault that a far away table has."""

import pytest

from tests.simulation.cassandra.bugs import BUGS
from tests.simulation.cassandra.campaign import first_bad, simulate

SEEDS = 300
SEEDS_A_TEST = 50
SAME = range(7_000, 7_005)


@pytest.mark.parametrize("start", range(0, SEEDS, SEEDS_A_TEST))
def test_nothing_told_is_lost_or_doubled_or_out_of_order(start: int) -> None:
    verdicts = [simulate(seed) for seed in range(start, start + SEEDS_A_TEST)]

    assert [one for one in verdicts if one.charges] == []
    assert sum(one.messages for one in verdicts) > SEEDS_A_TEST * 10


def test_one_seed_runs_the_same_way_twice() -> None:
    first = [simulate(seed) for seed in SAME]
    again = [simulate(seed) for seed in SAME]

    assert first == again
    assert len({verdict.trace_hash for verdict in first}) == len(SAME)


@pytest.mark.parametrize("name", list(BUGS))
def test_a_planted_bug_is_found(name: str) -> None:
    bug = BUGS[name]

    assert first_bad(name, bug.start, bug.within) is not None, (
        f"not found within {bug.within} seeds"
    )
