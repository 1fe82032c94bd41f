"""Server CPU per delivered message, nothing stored, every delivery checked."""

from dataclasses import dataclass

from benchmarks.figures import Figures, Sample
from benchmarks.rounds import Bench, cost_us, cpu_of_load, interleaved
from benchmarks.servers import RELAYS, Server


@dataclass(frozen=True, slots=True)
class Scenario:
    """`window`: how many of a publisher's messages may be under way at once."""

    title: str
    rooms: int
    members: int
    publishers: int
    window: int


SCENARIOS = {
    "A100": Scenario("one room of 100, one publisher, one in flight", 1, 100, 1, 1),
    "A1000": Scenario("one room of 1000, one publisher, one in flight", 1, 1000, 1, 1),
    "A100x32": Scenario("one room of 100, one publisher, 32 in flight", 1, 100, 1, 32),
    "B": Scenario("200 rooms of two, both publish, one in flight each", 200, 2, 2, 1),
}


def run(bench: Bench) -> Figures:
    """Measure all relays; a sample is µs per delivery."""

    def measure(_: Server, command: list[str], name: str) -> Sample:
        scenario = SCENARIOS[name]
        options = {
            "--rooms": scenario.rooms,
            "--members": scenario.members,
            "--publishers": scenario.publishers,
            "--window": scenario.window,
            "--acks": 0,
            "--warm-up-s": bench.pace.warm_up_s,
            "--seconds": bench.pace.seconds,
            "--stall-s": 5,
        }
        words = [word for pair in options.items() for word in map(str, pair)]
        with (
            bench.server(command) as server,
            bench.load("fanout", server.port, *words) as load,
        ):
            spent, counted = cpu_of_load(server, load)
        return cost_us(spent, counted["deliveries"])

    return interleaved(bench, "fanout", RELAYS, tuple(SCENARIOS), bench.pace.rounds, measure)
