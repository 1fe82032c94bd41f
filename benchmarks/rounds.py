"""Runs every server in every scenario, one after the other, and that several times.

Interleaved, so that what else the machine does falls on all of them; a fresh process each
time, so that none inherits another scenario's memory.
"""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.figures import Figures, Sample
from benchmarks.processes import Cores, Cpu, Process, ServerProcess
from benchmarks.servers import Server
from benchmarks.workshop import Unavailable, Workshop

LOAD_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How long and how often."""

    rounds: int = 5
    warm_up_s: float = 1.0
    seconds: float = 2.0
    idle_connections: int = 5000


QUICK = Pace(rounds=1, warm_up_s=0.1, seconds=0.3, idle_connections=500)


@dataclass(frozen=True, slots=True)
class Bench:
    """Where and at what pace a part of the suite runs."""

    workshop: Workshop
    cores: Cores
    pace: Pace

    def server(self, command: list[str]) -> ServerProcess:
        return ServerProcess(command, self.cores.server, self.workshop.folder / "server.log")

    def load(self, name: str, port: int, *options: str) -> Process:
        command = [self.workshop.load(name), "--port", str(port), *options]
        return Process(command, self.cores.load, self.workshop.folder / "load.log")


def interleaved(
    bench: Bench,
    load: str,
    servers: Sequence[Server],
    scenarios: Sequence[str],
    rounds: int,
    measure: Callable[[Server, list[str], str], Sample],
) -> Figures:
    """Call `measure(server, command, scenario)` for each server, scenario and round.

    Without the load generator, `load` or its own, a server is skipped.

    Raises:
        RunFailed: a server was wrong or slow beyond patience: no figure stands for that.
    """
    figures = Figures()
    commands: dict[Server, list[str]] = {}
    for server in servers:
        try:
            bench.workshop.load(server.load or load)
            commands[server] = server.command(bench.workshop)
        except Unavailable as reason:
            figures.skipped[server.key] = str(reason)
    for number in range(1, rounds + 1):
        for scenario in scenarios:
            for server, command in commands.items():
                sample = measure(server, command, scenario)
                figures.add(server.key, scenario, sample)
                print(
                    f"  round {number}/{rounds}  {scenario:7} {server.key:11} {sample.total:8.3f}",
                    file=sys.stderr,
                )
    return figures


def cpu_of_load(server: Process, load: Process) -> tuple[Cpu, dict[str, float]]:
    """Return the server's CPU over the load's measured part, and what the load counted.

    Nothing is in flight when the load says "warm", and nothing when it ends.
    """
    load.line(LOAD_TIMEOUT_S)
    before = server.cpu()
    load.go_on()
    counted: dict[str, float] = json.loads(load.line(LOAD_TIMEOUT_S))
    return server.cpu().since(before), counted


def cost_us(spent: Cpu, count: float) -> Sample:
    return Sample(total=spent.total_s / count * 1e6, user=spent.user_s / count * 1e6)
