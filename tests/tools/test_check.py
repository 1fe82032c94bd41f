"""What `make check` makes of the ends of its programs."""

import sys
from pathlib import Path

import pytest

from tools.check import __main__ as check


def ends_with(code: int) -> check.Check:
    ends = f"print('skipped: no tool here'); raise SystemExit({code})"
    return check.Check(f"ends with {code}", sys.executable, ("-c", ends))


@pytest.mark.parametrize(
    ("one", "in_ci", "exit_code", "counted"),
    [
        (ends_with(0), True, 0, "1 checks, 0 failed, 0 skipped"),
        (ends_with(1), False, 1, "1 checks, 1 failed, 0 skipped"),
        (ends_with(3), False, 0, "1 checks, 0 failed, 1 skipped"),
        (ends_with(3), True, 1, "1 checks, 1 failed, 1 skipped"),
        (check.Check("gone", "no-such-program", ()), False, 0, "1 checks, 0 failed, 1 skipped"),
        (check.Check("gone", "no-such-program", ()), True, 1, "1 checks, 1 failed, 1 skipped"),
    ],
    ids=["passes", "fails", "skips", "skips in CI", "missing", "missing in CI"],
)
def test_a_skip_is_told_and_a_failure_in_ci(
    one: check.Check,
    in_ci: bool,
    exit_code: int,
    counted: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(check, "CHECKS", (one,))
    monkeypatch.setenv("CI", str(in_ci).lower())
    monkeypatch.setenv("ILO_SKIPPED", str(tmp_path / "skipped"))

    assert check.main() == exit_code

    assert capsys.readouterr().out.splitlines()[-1] == counted
    told = (tmp_path / "skipped").read_text(encoding="utf-8")
    assert told.startswith(f"check {one.name}: no") == ("1 skipped" in counted)
