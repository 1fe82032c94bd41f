"""A hundred of two hundred stop reading and one reads a tenth, on the real process: little memory,
gone in time, and all others have everything. ``tests.system.readers`` tells the delivery times."""

from pathlib import Path

from tests.system.readers import GONE_S, MAX_GROWTH_MIB, stalling

READERS = STALLED = 100


async def test_stalled_readers_cost_little_and_are_gone_and_nobody_else_misses_anything(
    tmp_path: Path,
) -> None:
    outcome = await stalling(tmp_path, readers=READERS, stalled=STALLED, quiet_s=0, pace_s=0.07)
    whole = list(range(1, outcome.said + 1))

    assert outcome.grown_mib <= MAX_GROWTH_MIB
    assert outcome.gone_s <= GONE_S
    assert outcome.closed_as_slow == STALLED
    assert [reader.seqs == whole for reader in outcome.readers] == [True] * READERS
    # At a tenth of the rate: far behind, more than anybody keeps for it but the store; not cut.
    assert outcome.slow_was_behind > outcome.said // 2
    assert outcome.slow.close_code is None
    assert outcome.slow.seqs == whole
