"""Resident memory per admitted connection that says nothing."""

from benchmarks.figures import Figures, Sample
from benchmarks.rounds import LOAD_TIMEOUT_S, Bench, interleaved
from benchmarks.servers import IDLE_RELAYS, Server

ROOMS = 50
MOST_ROUNDS = 3  # memory varies little from run to run


def run(bench: Bench) -> Figures:
    """Measure all relays; a sample is KiB per connection."""

    def measure(_: Server, command: list[str], _scenario: str) -> Sample:
        connections = bench.pace.idle_connections
        options = ("--rooms", str(ROOMS), "--connections", str(connections))
        with (
            bench.server(command) as server,
            bench.load("idle", server.port, *options) as load,
        ):
            load.line(LOAD_TIMEOUT_S)
            before = server.rss_bytes()
            load.go_on()
            load.line(LOAD_TIMEOUT_S)
            grown = server.rss_bytes() - before
            load.go_on()
        return Sample(total=grown / connections / 1024)

    rounds = min(bench.pace.rounds, MOST_ROUNDS)
    return interleaved(bench, "idle", IDLE_RELAYS, ("idle",), rounds, measure)
