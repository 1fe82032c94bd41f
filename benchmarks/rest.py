"""Server CPU per REST request: one that reads and one that writes, nothing kept on disk."""

from benchmarks.figures import Figures, Sample
from benchmarks.processes import RunFailed
from benchmarks.rounds import Bench, cost_us, cpu_of_load, interleaved
from benchmarks.servers import REST_SERVERS, Server

SCENARIOS = {
    "GET": "`GET /user/{username}` with a bearer token",
    "PUT": "`PUT /user/{username}/public_key` with a bearer token and a JSON body",
}


def run(bench: Bench) -> Figures:
    """Measure both stacks; a sample is µs per request."""

    def measure(_: Server, command: list[str], method: str) -> Sample:
        with bench.server(command) as server:
            tokens, names = server.words[::2], server.words[1::2]
            if not names or len(tokens) != len(names):
                raise RunFailed("a REST server must say `ready <port> <token> <username> …`")
            users = ",".join(f"{token}:{name}" for token, name in zip(tokens, names, strict=True))
            options = (
                *("--users", users),
                *("--method", method.lower()),
                *("--warm-up-s", str(bench.pace.warm_up_s)),
                *("--seconds", str(bench.pace.seconds)),
            )
            with bench.load("rest", server.port, *options) as load:
                spent, counted = cpu_of_load(server, load)
        return cost_us(spent, counted["requests"])

    return interleaved(bench, "rest", REST_SERVERS, tuple(SCENARIOS), bench.pace.rounds, measure)
