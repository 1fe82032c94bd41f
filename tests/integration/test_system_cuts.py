"""Lines that break anywhere, in both directions: who resumes has everything once, in order.

The control is an Ilo that begins one message too late for those who come back.
"""

from pathlib import Path

from tests.support.ilo_process import FAULTY
from tests.system.cuts import cutting

SEED = 7


async def test_lines_cut_at_any_byte_cost_those_who_resume_nothing(tmp_path: Path) -> None:
    outcome = await cutting(tmp_path, SEED, cuts=60)

    assert outcome.wrong == []
    assert outcome.notes.codes == {}
    assert outcome.notes.returns >= 10
    assert outcome.exit_code == 0


async def test_a_message_left_out_at_a_resume_is_found(tmp_path: Path) -> None:
    outcome = await cutting(tmp_path, SEED, cuts=30, program=[*FAULTY, "resumes-one-late"])

    assert any(line.startswith("gap: ") for line in outcome.wrong)
