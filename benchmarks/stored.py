"""Server CPU per message that is stored and synced before it is acknowledged and delivered.

What a message costs, how long its ack takes, and how many syncs it takes: those are counted
in runs of their own, since whoever counts them slows the server down.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from benchmarks.figures import Figures, Sample
from benchmarks.machine import filesystem
from benchmarks.processes import Process, ServerProcess
from benchmarks.rounds import LOAD_TIMEOUT_S, Bench, cost_us, cpu_of_load, interleaved
from benchmarks.servers import STORED_RELAYS, Server
from benchmarks.workshop import Unavailable


@dataclass(frozen=True, slots=True)
class Scenario:
    """`unit` is what the CPU is divided by. One message of each publisher is under way."""

    title: str
    rooms: int
    members: int
    publishers: int
    unit: Literal["messages", "deliveries"]


SCENARIOS = {
    "S2": Scenario("200 rooms of two, both publish, µs per message", 200, 2, 2, "messages"),
    "S100": Scenario("one room of 100, one publisher, µs per delivery", 1, 100, 1, "deliveries"),
    "S1": Scenario(
        "one message in flight alone, in a room of two, µs per message", 1, 2, 1, "messages"
    ),
}
IN_MEMORY = ("tmpfs", "ramfs")
SYNCED = re.compile(rb"\b(?:fsync|fdatasync)\b.*= 0$", re.MULTILINE)
COUNTING_S = 0.3


def run(bench: Bench) -> Figures:
    """Measure all that store; a sample is µs per message or delivery, and the times of acks."""
    kind = filesystem(bench.workshop.folder)
    if kind in IN_MEMORY:
        reason = f"{bench.workshop.folder.parent} is a {kind}: set TMPDIR to a folder on a disk"
        return Figures(skipped={server.key: reason for server in STORED_RELAYS})

    def measure(server: Server, command: list[str], name: str) -> Sample:
        with bench.server(command) as serving, loading(bench, server, serving, name) as load:
            spent, counted = cpu_of_load(serving, load)
        cost = cost_us(spent, counted[SCENARIOS[name].unit])
        times = {key: counted[key] for key in ("ack_p50_ms", "ack_p99_ms")}
        return replace(cost, **times)

    scenarios, rounds = tuple(SCENARIOS), bench.pace.rounds
    figures = interleaved(bench, "fanout", STORED_RELAYS, scenarios, rounds, measure)
    count_syncs(bench, figures)
    return figures


@contextmanager
def loading(
    bench: Bench, server: Server, serving: ServerProcess, name: str, seconds: float | None = None
) -> Iterator[Process]:
    scenario = SCENARIOS[name]
    options = {
        "--rooms": scenario.rooms,
        "--members": scenario.members,
        "--publishers": scenario.publishers,
        "--window": 1,
        "--acks": 1,
        "--warm-up-s": bench.pace.warm_up_s if seconds is None else 0,
        "--seconds": bench.pace.seconds if seconds is None else seconds,
        "--stall-s": 10,
    }
    words = [word for pair in options.items() for word in map(str, pair)]
    with bench.load(server.load or "fanout", serving.port, *words) as load:
        yield load


def count_syncs(bench: Bench, figures: Figures) -> None:
    """Run each scenario once more under strace."""
    try:
        strace = bench.workshop.program("strace")
    except Unavailable as reason:
        figures.skipped["syncs"] = str(reason)
        return
    trace = bench.workshop.folder / "syncs"
    # -D: the process that is started is the server, and the tracer hides behind it.
    before = [strace, "-D", "-f", "-qq", "-e", "trace=fsync,fdatasync", "-o", str(trace)]
    for server in STORED_RELAYS:
        if server.key in figures.skipped:
            continue
        command = [*before, *server.command(bench.workshop)]
        for name in SCENARIOS:
            with (
                bench.server(command) as serving,
                loading(bench, server, serving, name, COUNTING_S) as load,
            ):
                load.line(LOAD_TIMEOUT_S)
                begun_with = syncs_in(trace)
                load.go_on()
                counted = json.loads(load.line(LOAD_TIMEOUT_S))
                syncs = syncs_in(trace) - begun_with
            figures.syncs_per_message[server.key, name] = syncs / counted["messages"]


def syncs_in(trace: Path) -> int:
    """Return how many syncs have ended; one that is interrupted by another is two lines."""
    return len(SYNCED.findall(trace.read_bytes()))
