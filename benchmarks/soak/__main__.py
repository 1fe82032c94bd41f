"""Runs the real `ilo serve` under about half of the load it can take, and watches it.

    python -m benchmarks.soak [--minutes 30] [--rate N]

People come into rooms, speak, listen, go and come back, some with several connections at once;
now and then one logs in and out. Printed is what Ilo needs each minute. The exit status is 1 when
its memory or its descriptors grow, when a message that was acknowledged is not there, or when
anything else is not as a client may rely on.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.processes import START_TIMEOUT_S, Cores, Process, RunFailed
from benchmarks.soak.trend import (
    MIB,
    MOST_DESCRIPTORS,
    TEN_MINUTES_S,
    Sample,
    after_warm_up,
    complaints,
    growth_mib,
    long_enough,
)

CONFIG = """\
api_listen: "127.0.0.1:0"
relay_listen: "127.0.0.1:0"
limits:
  frames_per_s: 10000
  frames_burst: 100000
  connections_per_user_and_room: 1000
  connections_per_user: 10000
rates: {keys_per_source_and_hour: 1000000}
"""
LOG_CONFIG = """\
version: 1
handlers:
  file: {class: logging.FileHandler, filename: ilo.log, formatter: plain}
formatters:
  plain: {format: "%(levelname)s %(name)s: %(message)s"}
root: {level: INFO, handlers: [file]}
"""
SAMPLE_S = 10.0
ANSWER_S = 90.0
SETTLE_S = 10.0
FIRST_RATE, STEP, STEP_S = 50.0, 1.6, 3.0
HALF, WORN_OUT = 0.5, 0.9  # of a core: Ilo is one process, and Python uses one
TAKEN = 0.85  # a load that gets less of its messages through is late


@dataclass(frozen=True, slots=True)
class Use:
    """What was used and done in a second."""

    ilo_cores: float
    load_cores: float
    acked: float
    heard: float
    came: float


class Soak:
    """One Ilo and its crowd."""

    def __init__(self, ilo: Process, crowd: Process) -> None:
        self._ilo = ilo
        self._crowd = crowd
        self.counts: dict[str, Any] = {}

    def ask(self, line: str) -> dict[str, Any]:
        self._crowd.tell(line)
        answer: dict[str, Any] = json.loads(self._crowd.line(ANSWER_S))
        return answer

    def use(self, seconds: float) -> Use:
        """Wait so long and return what was used and done meanwhile."""
        before = self.ask("counts")
        started, ilo, load = time.monotonic(), self._ilo.cpu(), self._crowd.cpu()
        time.sleep(seconds)
        self.counts = self.ask("counts")
        took_s = time.monotonic() - started
        acked, heard, came = (
            (self.counts.get(name, 0) - before.get(name, 0)) / took_s
            for name in ("acked", "heard", "came")
        )
        return Use(
            self._ilo.cpu().since(ilo).total_s / took_s,
            self._crowd.cpu().since(load).total_s / took_s,
            acked,
            heard,
            came,
        )

    def half_load(self) -> float:
        """Return the messages a second at which Ilo has half of its load, found step by step.

        That is where it uses half of a core, or takes half of what it takes at most (its disk
        may be the limit). When the load itself is at its end before: four fifths of that.
        """
        rate = FIRST_RATE
        while True:
            self.ask(f"rate {rate}")
            time.sleep(1.0)
            use = self.use(STEP_S)
            print(
                f"  {rate:6.0f} messages/s asked, {use.acked:6.0f} acknowledged: "
                f"Ilo uses {use.ilo_cores:4.0%} of a core, the load {use.load_cores:4.0%}",
                flush=True,
            )
            if use.ilo_cores >= HALF:
                return use.acked * HALF / use.ilo_cores
            if use.load_cores >= WORN_OUT:
                print("  the load can ask no more", flush=True)
                return use.acked * 0.8
            if use.acked < rate * TAKEN:
                print("  Ilo takes no more", flush=True)
                return use.acked * HALF
            rate *= STEP

    def hold(self, minutes: float) -> list[Sample]:
        """Go on for so long; print each minute, and return what Ilo held every ten seconds."""
        samples: list[Sample] = []
        started = time.monotonic()
        minute = 0
        while (left_s := minutes * 60 - (time.monotonic() - started)) > 0:
            use = self.use(min(SAMPLE_S, max(left_s, 1.0)))
            at_s = time.monotonic() - started
            samples.append(self.sample(at_s))
            if at_s >= (minute + 1) * 60 or at_s >= minutes * 60:
                minute += 1
                self.print_minute(minute, use, samples[-1])
        return samples

    def sample(self, at_s: float) -> Sample:
        return Sample(at_s, self._ilo.rss_bytes(), self._ilo.descriptors())

    def print_minute(self, minute: int, use: Use, sample: Sample) -> None:
        counts = self.counts
        print(
            f"minute {minute:3}: {sample.rss_bytes / MIB:6.1f} MiB, {sample.descriptors}"
            f" descriptors, {counts['present']} present; {use.acked:.0f} messages/s,"
            f" {use.heard:.0f} deliveries/s, {use.came:.1f} come/s; Ilo {use.ilo_cores:.0%},"
            f" load {use.load_cores:.0%}; ack p50 {counts.get('ack_p50_ms', 0):.1f} ms,"
            f" p99 {counts.get('ack_p99_ms', 0):.1f} ms; {counts.get('faults', 0)} faults",
            flush=True,
        )

    def descriptors_at_rest(self, expected: int | None = None) -> int:
        """Return how many are open when nobody is there; wait a while for about `expected`."""
        deadline = time.monotonic() + SETTLE_S
        time.sleep(2.0)
        now = self._ilo.descriptors()
        while expected is not None and abs(now - expected) > MOST_DESCRIPTORS:
            if time.monotonic() > deadline:
                break
            time.sleep(1.0)
            now = self._ilo.descriptors()
        return now


def losses(left: dict[str, Any], found: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong between what was acknowledged and what the rooms hold in the end."""
    heads: dict[str, int] = found["heads"]
    for room, seq in found["acked"].items():
        if heads.get(room, 0) < seq:
            yield f"{room}: seq {seq} was acknowledged, and the room ends at {heads.get(room, 0)}"
    if left["still_there"]:
        yield f"{left['still_there']} never got their acks"
    elif (held := sum(heads.values())) != left.get("acked", 0):
        yield f"{left.get('acked', 0)} messages were acknowledged, and the rooms hold {held}"
    if left.get("faults"):
        yield f"{left['faults']} faults, the first of them: {'; '.join(left['fault_sentences'])}"


@contextmanager
def ilo_serve(
    folder: Path, core: int, program: Sequence[str]
) -> Iterator[tuple[Process, str, str]]:
    """Start it in `folder`, and return it with the addresses of its two doors."""
    (folder / "general_config.yaml").write_text(CONFIG)
    (folder / "logging_config.yaml").write_text(LOG_CONFIG)
    command = [*program, "serve", "--config", str(folder)]
    with Process(command, core, folder / "ilo.err") as ilo:
        doors: dict[str, str] = {}
        while len(doors) < 2:
            match ilo.line(START_TIMEOUT_S).split():
                case [("API" | "relay") as door, url]:
                    doors[door] = url.removesuffix("/ws/<room>")
                case _:
                    pass
        yield ilo, doors["API"], doors["relay"]


def soaked(options: argparse.Namespace, folder: Path) -> list[str]:
    """Run it all and return what is wrong."""
    cores = Cores.of_this_machine()
    with ilo_serve(folder, cores.server, options.program.split()) as (ilo, api_url, relay_url):
        command = [sys.executable, "-m", "benchmarks.soak.crowd"]
        command += ["--api", api_url, "--relay", relay_url, "--people", str(options.people)]
        command += ["--seats", str(options.seats), "--rooms", str(options.rooms)]
        with Process(command, cores.load, folder / "crowd.err") as crowd:
            crowd.line(ANSWER_S)
            soak = Soak(ilo, crowd)
            before = soak.descriptors_at_rest()
            soak.ask("come")
            rate = options.rate
            if rate is None:
                print("looking for half of what Ilo can take", flush=True)
                time.sleep(5.0)
                rate = soak.half_load()
            soak.ask(f"rate {rate}")
            print(f"{rate:.0f} messages/s for {options.minutes:g} minutes", flush=True)
            samples = soak.hold(options.minutes)
            left = soak.ask("leave")
            after = soak.descriptors_at_rest(before)
            found = soak.ask("heads")
    judged = after_warm_up(samples)
    print(
        f"resident memory: {growth_mib(judged):+.2f} MiB in ten minutes, over the last"
        f" {judged[-1].at_s - judged[0].at_s:.0f} s"
        + ("" if long_enough(samples) else f" (not judged: below {TEN_MINUTES_S:.0f} s)")
    )
    print(f"descriptors at rest: {before} before, {after} after")
    counted = {name: count for name, count in left.items() if name != "fault_sentences"}
    print("counted:", ", ".join(f"{name} {count}" for name, count in sorted(counted.items())))
    return [*complaints(samples, (before, after)), *losses(left, found)]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--rate", type=float, help="messages a second, instead of half load")
    parser.add_argument("--people", type=int, default=30, help="users, fewer than seats")
    parser.add_argument("--seats", type=int, default=150, help="connections at a time")
    parser.add_argument("--rooms", type=int, default=75)
    parser.add_argument(
        "--program", default=f"{sys.executable} -m ilo", help="what starts as Ilo does"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ilo-soak-") as folder:
        try:
            wrong = soaked(options, Path(folder))
        except RunFailed as failure:
            wrong = [str(failure)]
        for name in ("ilo.err", "crowd.err"):
            said = Path(folder, name)
            if wrong and said.exists():
                print(*said.read_text(errors="replace").splitlines()[-20:], sep="\n")
    for complaint in wrong:
        print(f"wrong: {complaint}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
