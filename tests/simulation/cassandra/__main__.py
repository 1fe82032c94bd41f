"""python -m tests.simulation.cassandra --seeds 1000 [--start N] [--bug NAME|all]

Ends with 1 when a promise was broken, or, with ``--bug``, when the bug was not found from each of
three starting points.
"""

import argparse
import logging
import sys
import time

from tests.simulation.cassandra.bugs import BUGS
from tests.simulation.cassandra.campaign import first_bad, simulate

STARTS = (0, 100_000, 200_000)
"""Where the search for a planted bug begins."""


def main() -> int:
    ask = argparse.ArgumentParser(prog="python -m tests.simulation.cassandra")
    ask.add_argument("--seeds", type=int, default=1000)
    ask.add_argument("--start", type=int, default=0)
    ask.add_argument("--bug", choices=["all", *BUGS])
    asked = ask.parse_args()
    logging.disable()
    if asked.bug is None:
        return _campaign(asked.start, asked.seeds)
    names = list(BUGS) if asked.bug == "all" else [asked.bug]
    return max([_look_for(name, asked.seeds) for name in names])


def _campaign(start: int, seeds: int) -> int:
    began, bad, messages, virtual_s = time.monotonic(), 0, 0, 0.0
    for verdict in map(simulate, range(start, start + seeds)):
        messages += verdict.messages
        virtual_s += verdict.virtual_s
        if verdict.charges:
            bad += 1
            _say(f"seed {verdict.seed}: {'; '.join(verdict.charges[:3])}")
    _say(
        f"{seeds} seeds, {bad} bad, {messages} messages, {virtual_s / 3600:.1f} virtual hours, "
        f"{time.monotonic() - began:.0f} s"
    )
    return int(bool(bad))


def _look_for(name: str, seeds: int) -> int:
    verdicts = [first_bad(name, start, seeds) for start in STARTS]
    counts = [
        None if verdict is None else verdict.seed - start + 1
        for verdict, start in zip(verdicts, STARTS, strict=True)
    ]
    charge = next((verdict.charges[0] for verdict in verdicts if verdict), "")
    told = " ".join(f"{'-' if count is None else count:>5}" for count in counts)
    _say(f"{name:45} {told}  {charge[:90]}")
    return int(None in counts)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
