"""`kill -9` of `ilo serve` under load: nothing is lost, twice, out of order or missing for anybody.

The control is an Ilo that acks before it stores: the same judge has to find it.
"""

from pathlib import Path

from tests.support.ilo_process import FAULTY
from tests.system.crash import crashing

SEED = 20
ACKED = 1500
BETWEEN_S = (0.3, 1.2)


async def test_kill_9_costs_those_who_resume_nothing(tmp_path: Path) -> None:
    outcome = await crashing(tmp_path, SEED, acked=ACKED, kills=3, between_s=BETWEEN_S)

    assert outcome.wrong == []
    assert outcome.notes.codes == {}
    assert outcome.notes.acked >= ACKED
    # They really were there, and came back.
    assert outcome.notes.returns > outcome.ends >= 3
    assert outcome.exit_code == 0


async def test_an_ack_before_the_store_is_found(tmp_path: Path) -> None:
    outcome = await crashing(
        tmp_path,
        SEED,
        acked=50,
        kills=1,
        # It takes half a second to store anything.
        between_s=(2.0, 3.0),
        program=[*FAULTY, "ack-long-before-store"],
    )

    assert any(line.startswith("lost: ") for line in outcome.wrong)
