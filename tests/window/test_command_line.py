"""`ilo-window` from a terminal: what it teaches, and what it says where there can be no window."""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest
from ilo_window import main

from tests.support.ilo_process import ROOT

PROGRAM = (sys.executable, "-m", "ilo_window")


def started(
    *arguments: str, program: Sequence[str] = PROGRAM, **environment: str
) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
    return subprocess.run(
        [*program, *arguments],
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def test_help_teaches_every_option_with_examples() -> None:
    done = started("--help")

    assert done.returncode == 0
    for words in ("--home", "--theme", "--server", "$ILO_HOME", "examples:", "passphrase"):
        assert words in done.stdout
    assert re.search(r"Enter sends", done.stdout)


def test_no_secret_has_an_option() -> None:
    options = {option for action in main.parser()._actions for option in action.option_strings}

    assert options == {"-h", "--help", "--home", "--theme", "--server"}


def test_without_a_display_it_says_so(tmp_path: Path) -> None:
    pytest.importorskip("tkinter", reason="this Python has no Tk (Debian: python3-tk)")

    done = started("--home", str(tmp_path))

    assert done.returncode == 1
    assert "there is no display" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_tk_it_says_what_to_install(tmp_path: Path) -> None:
    without = "import sys; sys.modules['tkinter'] = None; from ilo_window.main import main; "
    program = (sys.executable, "-c", without + "sys.exit(main())")

    done = started(program=program)

    assert done.returncode == 1
    assert "python3-tk" in done.stderr
    assert "Traceback" not in done.stderr
    # Neither needs Tk to be asked for help.
    assert started("--help", program=program).returncode == 0


def test_it_is_installed_as_a_program() -> None:
    project = tomllib.loads((ROOT / "client" / "pyproject.toml").read_text("utf-8"))

    assert project["project"]["scripts"]["ilo-window"] == "ilo_window.main:main"
