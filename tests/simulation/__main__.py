"""python -m tests.simulation --seeds 1000 [--start N] [--bug NAME|all]  |  --seed N [--trace]

Ends with 1 when a promise was broken, or, with ``--bug``, when the bug was not found.
"""

import argparse
import sys
import time

from tests.simulation.bugs import BUGS
from tests.simulation.campaign import first_bad, simulate


def main() -> int:
    ask = argparse.ArgumentParser(prog="python -m tests.simulation")
    ask.add_argument("--seeds", type=int, default=1000)
    ask.add_argument("--start", type=int, default=0)
    ask.add_argument("--seed", type=int)
    ask.add_argument("--trace", action="store_true")
    ask.add_argument("--hashes", action="store_true", help="one line a seed: its trace's hash")
    ask.add_argument("--bug", choices=["all", *BUGS])
    asked = ask.parse_args()
    if asked.seed is not None:
        return _one(asked.seed, asked.bug, trace=asked.trace)
    if asked.bug == "all":
        return max([_table_row(name, asked.start, asked.seeds) for name in BUGS])
    if asked.bug:
        return _table_row(asked.bug, asked.start, asked.seeds)
    return _campaign(asked.start, asked.seeds, hashes=asked.hashes)


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


def _campaign(start: int, seeds: int, *, hashes: bool) -> int:
    began, bad, messages, virtual_s = time.process_time(), 0, 0, 0.0
    for seed in range(start, start + seeds):
        verdict = simulate(seed)
        messages += verdict.messages
        virtual_s += verdict.virtual_s
        if hashes:
            _say(f"{seed} {verdict.trace_hash}")
        if verdict.charges:
            bad += 1
            _say(f"seed {seed}: {'; '.join(verdict.charges[:3])}")
    took_s = time.process_time() - began
    _say(
        f"{seeds} seeds, {bad} bad, {messages} messages, {virtual_s / 3600:.1f} virtual hours, "
        f"{took_s:.1f} s of CPU"
    )
    return int(bool(bad))


def _table_row(bug: str, start: int, seeds: int) -> int:
    verdict = first_bad(bug, start, seeds)
    if verdict is None:
        _say(f"{bug:36} not found in {seeds}")
        return 1
    _say(f"{bug:36} {verdict.seed - start + 1:5}  {verdict.charges[0]}")
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
