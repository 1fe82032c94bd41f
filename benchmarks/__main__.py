"""`python -m benchmarks [PART...] [--quick] [--rounds N] [--write FILE]`; --help has the parts."""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import get_args

from benchmarks import browser, envelope, fanout, machine, memory, rest, stored
from benchmarks.figures import Figures
from benchmarks.processes import ROOT, Cores, RunFailed
from benchmarks.report import page
from benchmarks.rounds import QUICK, Bench, Pace
from benchmarks.targets import Part
from benchmarks.workshop import Workshop

PARTS: dict[Part, Callable[[Bench], Figures]] = {
    "fanout": fanout.run,
    "stored": stored.run,
    "rest": rest.run,
    "memory": memory.run,
    "envelope": envelope.run,
    "browser": browser.run,
}
PAGE = ROOT / "docs" / "benchmarks.md"


def main() -> int:
    """Return 0; 1 when a server was wrong, or with `CI=true` when one was skipped."""
    options = parser().parse_args()
    chosen: list[Part] = [part for part in PARTS if part in options.parts] or list(PARTS)
    pace = QUICK if options.quick else Pace()
    if options.rounds is not None:
        pace = replace(pace, rounds=options.rounds)
    whole = len(chosen) == len(PARTS) and not options.quick
    target: Path | None = options.write or (PAGE if whole else None)

    results: dict[Part, Figures] = {}
    with tempfile.TemporaryDirectory(prefix="ilo-bench-") as folder:
        bench = Bench(Workshop(Path(folder)), Cores.of_this_machine(), pace)
        facts = machine.facts(bench.workshop)
        for part in chosen:
            print(f"{part}:", file=sys.stderr)
            try:
                results[part] = PARTS[part](bench)
            except RunFailed as failure:
                print(f"{part} failed: {failure}", file=sys.stderr)
                print_end_of(bench.workshop.folder / "server.log")
                return 1
        text = page(
            time.strftime("%Y-%m-%d", time.gmtime()),
            facts,
            pace,
            results,
        )
    print(text)
    if target is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return skipped(results)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure what Ilo claims about speed. A whole run writes "
        "docs/benchmarks.md; every run prints its page.",
    )
    made.add_argument(
        "parts", nargs="*", choices=[*get_args(Part), []], metavar="|".join(get_args(Part))
    )
    made.add_argument("--quick", action="store_true", help="one short round: does it run?")
    made.add_argument("--rounds", type=int, help="how often each server is measured")
    made.add_argument("--write", type=Path, metavar="FILE", help="write the page there")
    return made


def print_end_of(log: Path) -> None:
    if log.exists():
        lines = log.read_text(errors="replace").splitlines()[-20:]
        print("the server's last words:", *lines, sep="\n  ", file=sys.stderr)


def skipped(results: dict[Part, Figures]) -> int:
    """Say what was skipped and why; that is a failure where nothing may be missing."""
    reasons = [
        f"skipped in {part}: {server}: {reason}"
        for part, figures in results.items()
        for server, reason in figures.skipped.items()
    ]
    for line in reasons:
        print(line, file=sys.stderr)
    return 1 if reasons and os.environ.get("CI") == "true" else 0


if __name__ == "__main__":
    sys.exit(main())
