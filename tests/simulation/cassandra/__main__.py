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
from tests.simulation.hunt import hunt, say, tell_found


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
            say(f"seed {verdict.seed}: {'; '.join(verdict.charges[:3])}")
    say(
        f"{seeds} seeds, {bad} bad, {messages} messages, {virtual_s / 3600:.1f} virtual hours, "
        f"{time.monotonic() - began:.0f} s"
    )
    return int(bool(bad))


def _look_for(name: str, seeds: int) -> int:
    return tell_found(hunt(name, lambda start: first_bad(name, start, seeds)))


if __name__ == "__main__":
    sys.exit(main())
