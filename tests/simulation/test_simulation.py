"""The relay itself in virtual time, under every fault at once; and each planted bug is found."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.bugs import BUGS
from tests.simulation.campaign import first_bad, simulate

ROOT = Path(__file__).parents[2]
SEEDS = 100
SAME = range(7_000, 7_005)


@pytest.mark.parametrize("start", range(0, SEEDS, 25))
def test_nothing_that_was_acknowledged_is_lost_twice_or_out_of_order(start: int) -> None:
    charges = {seed: simulate(seed).charges for seed in range(start, start + 25)}

    assert {seed: found for seed, found in charges.items() if found} == {}


def test_one_seed_runs_the_same_way_twice() -> None:
    first = [simulate(seed) for seed in SAME]
    again = [simulate(seed) for seed in SAME]

    assert first == again
    assert len({verdict.trace_hash for verdict in first}) == len(SAME)


def test_one_seed_runs_the_same_way_in_every_process() -> None:
    one, two = (_hashes_with(seed) for seed in ("1", "2"))

    assert one == two
    assert one == [f"{seed} {simulate(seed).trace_hash}" for seed in SAME]


def _hashes_with(hash_seed: str) -> list[str]:
    """Return the traces of another process, which walks its sets in another order."""
    arguments = ["--start", str(SAME.start), "--seeds", str(len(SAME)), "--hashes"]
    told = subprocess.run(
        [sys.executable, "-m", "tests.simulation", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return told.stdout.splitlines()[: len(SAME)]


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_found(name: str) -> None:
    within = BUGS[name].within

    assert first_bad(name, 0, within) is not None, f"not found within {within} seeds"
