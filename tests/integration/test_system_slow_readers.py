"""A hundred of two hundred stop reading and one reads a tenth, on the real process: little memory,
gone in time, and all others have everything. ``tests.system.readers`` tells the delivery times."""

import pytest
import pytest_asyncio

from tests.system.readers import GONE_S, MAX_GROWTH_MIB, Outcome, stalling

READERS = STALLED = 100


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    folder = tmp_path_factory.mktemp("slow-readers")
    return await stalling(folder, readers=READERS, stalled=STALLED, quiet_s=0, pace_s=0.07)


def test_a_hundred_stalled_readers_cost_at_most_150_mib(outcome: Outcome) -> None:
    assert outcome.grown_mib <= MAX_GROWTH_MIB


def test_stalled_readers_are_gone_within_30_s(outcome: Outcome) -> None:
    assert outcome.gone_s <= GONE_S
    assert outcome.closed_as_slow == STALLED


def test_all_who_read_were_given_everything_meanwhile(outcome: Outcome) -> None:
    whole = list(range(1, outcome.said + 1))

    assert [reader.seqs == whole for reader in outcome.readers] == [True] * READERS


def test_a_reader_at_a_tenth_of_the_rate_is_not_cut_and_misses_nothing(outcome: Outcome) -> None:
    assert outcome.slow.seqs == list(range(1, outcome.said + 1))
    assert outcome.slow.close_code is None
    # It was far behind: more than anybody keeps for it but the store.
    assert outcome.slow_was_behind > outcome.said // 2
