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
from tests.simulation.hunt import Found, hunt, say, tell_found
from tests.simulation.world import Verdict

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
            return max([tell_found(row) for row in rows])
    return _campaign(asked.start, asked.seeds, asked.jobs, hashes=asked.hashes)


def _one(seed: int, bug: str | None, *, trace: bool) -> int:
    verdict = simulate(seed, bug, printed=trace)
    for line in verdict.trace:
        say(line)
    say(
        f"seed {seed}: {verdict.trace_hash}, {verdict.messages} messages, {verdict.virtual_s:.0f} s"
    )
    for charge in verdict.charges:
        say(f"  {charge}")
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
            say(f"{verdict.seed} {verdict.trace_hash}")
        if verdict.charges:
            bad += 1
            say(f"seed {verdict.seed}: {'; '.join(verdict.charges[:3])}")
            say(f"  again: python -m tests.simulation --seed {verdict.seed} --trace")
        elif done % TELL_EVERY == 0 and not hashes:
            say(f"{done} of {seeds} seeds, {bad} bad, {time.monotonic() - began:.0f} s")
    say(
        f"{seeds} seeds, {bad} bad, {messages} messages, {virtual_s / 3600:.1f} virtual hours, "
        f"{time.monotonic() - began:.0f} s"
    )
    return int(bool(bad))


def _found(asked: tuple[str, int]) -> Found:
    name, seeds = asked
    return hunt(name, lambda start: first_bad(name, start, seeds))


if __name__ == "__main__":
    sys.exit(main())
