"""Runs of a real Ilo, a seed each: what one gives, and how many of them are said to be bad."""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop

from tests.support.faulty_ilo import FAULTS
from tests.support.ilo_process import FAULTY, ILO
from tests.support.participants import Notes


@dataclass(slots=True)
class Outcome:
    """What one seed gave. ``ends`` counts kills, or cuts; ``wrong`` is empty when every promise
    was kept."""

    ends: int = 0
    notes: Notes = field(default_factory=Notes)
    wrong: list[str] = field(default_factory=list)
    exit_code: int | None = None


Run = Callable[[Path, int, Sequence[str]], Coroutine[Any, Any, Outcome]]
"""Takes an empty folder, the seed, and the program to start."""


def question(program: str) -> argparse.ArgumentParser:
    """Return what every command here may be asked."""
    ask = argparse.ArgumentParser(prog=f"python -m {program}")
    ask.add_argument("--seeds", type=int, default=10)
    ask.add_argument("--first", type=int, default=1)
    ask.add_argument("--fault", choices=sorted(FAULTS))
    return ask


def run_seeds(asked: argparse.Namespace, ends: str, run: Run) -> int:
    """Run and print all that was asked for; return 1 when a seed has something wrong.

    With ``--fault`` when a seed has nothing.
    """
    program = ILO if asked.fault is None else [*FAULTY, asked.fault]
    bad = all_ends = all_acked = 0
    for seed in range(asked.first, asked.first + asked.seeds):
        began = time.monotonic()
        with (
            tempfile.TemporaryDirectory(prefix="ilo-seed-") as folder,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            outcome = runner.run(run(Path(folder), seed, program))
        notes = outcome.notes
        bad += bool(outcome.wrong)
        all_ends += outcome.ends
        all_acked += notes.acked
        _say(
            f"seed {seed}: {outcome.ends} {ends}, {notes.acked} acked, {notes.received} delivered, "
            f"{notes.returns} resumed, {len(outcome.wrong)} wrong, "
            f"{time.monotonic() - began:.0f} s"
        )
        for line in outcome.wrong[:5]:
            _say(f"  {line}")
    _say(f"{asked.seeds} seeds, {bad} bad: {all_ends} {ends}, {all_acked} acked")
    return int(bad < asked.seeds) if asked.fault else int(bad > 0)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
