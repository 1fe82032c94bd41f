"""python -m tests.simulation --seeds 1000 [--start N] [--jobs 2] [--bug NAME|all]

or --seed N [--trace]. Ends with 1 when a promise was broken, or, with ``--bug``, when the bug was
not found from each of three starting points.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from multiprocessing import get_context

from tests.simulation.bugs import BUGS
from tests.simulation.campaign import first_bad, simulate
from tests.simulation.world import Verdict

STARTS = (0, 100_000, 200_000)
"""Where the search for a planted bug begins."""
TELL_EVERY = 500
"""Seeds between two lines of progress."""


def main() -> int:
    ask = argparse.ArgumentParser(prog="python -m tests.simulation")
    ask.add_argument("--seeds", type=int, default=1000)
    ask.add_argument("--start", type=int, default=0)
    ask.add_argument("--jobs", type=int, default=1)
    ask.add_argument("--seed", type=int)
    ask.add_argument("--trace", action="store_true")
    ask.add_argument("--hashes", action="store_true", help="one line a seed: its trace's hash")
    ask.add_argument("--bug", choices=["all", *BUGS])
    asked = ask.parse_args()
    if asked.seed is not None:
        return _one(asked.seed, asked.bug, trace=asked.trace)
    if asked.bug is not None:
        names = list(BUGS) if asked.bug == "all" else [asked.bug]
        with get_context("fork").Pool(asked.jobs) as pool:
            rows = pool.imap(_found, [(name, asked.seeds) for name in names])
            return max([_table_row(*row) for row in rows])
    return _campaign(asked.start, asked.seeds, asked.jobs, hashes=asked.hashes)


def _one(seed: int, bug: str | None, *, trace: bool) -> int:
    verdict = simulate(seed, bug, printed=trace)
    for line in verdict.trace:
        _say(line)
    _say(
        f"seed {seed}: {verdict.trace_hash}, {verdict.messages} messages, {verdict.virtual_s:.0f} s"
    )
    for charge in verdict.charges:
        _say(f"  {charge}")
    return int(bool(verdict.charges))


def _verdicts(start: int, seeds: int, jobs: int) -> Iterator[Verdict]:
    """Return the verdicts in the order of the seeds."""
    numbers = range(start, start + seeds)
    if jobs == 1:
        yield from map(simulate, numbers)
        return
    with get_context("fork").Pool(jobs) as pool:
        yield from pool.imap(simulate, numbers, chunksize=10)


def _campaign(start: int, seeds: int, jobs: int, *, hashes: bool) -> int:
    began, bad, messages, virtual_s = time.monotonic(), 0, 0, 0.0
    for done, verdict in enumerate(_verdicts(start, seeds, jobs), 1):
        messages += verdict.messages
        virtual_s += verdict.virtual_s
        if hashes:
            _say(f"{verdict.seed} {verdict.trace_hash}")
        if verdict.charges:
            bad += 1
            _say(f"seed {verdict.seed}: {'; '.join(verdict.charges[:3])}")
            _say(f"  again: python -m tests.simulation --seed {verdict.seed} --trace")
        elif done % TELL_EVERY == 0 and not hashes:
            _say(f"{done} of {seeds} seeds, {bad} bad, {time.monotonic() - began:.0f} s")
    _say(
        f"{seeds} seeds, {bad} bad, {messages} messages, {virtual_s / 3600:.1f} virtual hours, "
        f"{time.monotonic() - began:.0f} s"
    )
    return int(bool(bad))


def _found(asked: tuple[str, int]) -> tuple[str, list[int | None], str]:
    """Return how many seeds a bug took from each starting point, and what it was charged with."""
    name, seeds = asked
    counts: list[int | None] = []
    charge = ""
    for start in STARTS:
        verdict = first_bad(name, start, seeds)
        counts.append(None if verdict is None else verdict.seed - start + 1)
        charge = charge or (verdict.charges[0] if verdict else "")
    return name, counts, charge


def _table_row(name: str, counts: list[int | None], charge: str) -> int:
    told = " ".join(f"{'-' if count is None else count:>5}" for count in counts)
    _say(f"{name:36} {told}  {charge[:90]}")
    return int(None in counts)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
