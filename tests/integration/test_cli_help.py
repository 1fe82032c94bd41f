"""The command line teaches, at once, and never shows a traceback for a mistake."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ilo import __version__
from tests.support.processor import children_s

ROOT = Path(__file__).parents[2]
HELP_LIMIT_CPU_S = 0.3
"""Of the processor's time: a machine that is busy with other things takes longer."""

COMMANDS = [
    "",
    "serve",
    "api",
    "relay",
    "config",
    "config example",
    "config check",
    "cert",
    "key",
    "key make",
    "key revoke",
    "migrate",
    "restored",
]


def ilo(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ilo", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "90"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_help_says_what_it_does_with_an_example_and_exit_codes(command: str) -> None:
    done = ilo(*command.split(), "--help")

    assert (done.returncode, done.stderr) == (0, "")
    first, _, rest = done.stdout.partition("\n\n")
    assert first.startswith(f"usage: {' '.join(['ilo', *command.split()])} ")
    assert re.match(r"[A-Z].*\.$", rest.partition("\n\n")[0], re.DOTALL)
    assert f"examples:\n  {' '.join(['ilo', *command.split()])}" in done.stdout
    assert "exit codes:\n  0  " in done.stdout
    assert all(len(line) <= 90 for line in done.stdout.splitlines())


def test_help_is_there_at_once() -> None:
    took_s = []
    for _ in range(5):
        before_s = children_s()
        ilo("serve", "--help")
        took_s.append(children_s() - before_s)

    assert min(took_s) < HELP_LIMIT_CPU_S


def test_version() -> None:
    assert ilo("--version").stdout == f"ilo {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "fly",
        "serve --port 1",
        "config",
        "config check",
        "key",
        "key revoke KEY",
        "restored x",
        "ser",
    ],
)
def test_a_wrong_command_line_is_one_line_and_exit_2(arguments: str) -> None:
    done = ilo(*arguments.split())

    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("ilo: ")
    assert done.stderr.endswith(" --help\n")


def test_a_reader_that_leaves_is_no_fault() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "ilo", "config", "example"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()

        assert process.stderr.read() == b""
