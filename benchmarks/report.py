"""Writes the figures beside the targets, as one Markdown page."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from benchmarks import fanout, rest
from benchmarks.figures import Figure, Figures
from benchmarks.rounds import Pace
from benchmarks.servers import IDLE_RELAYS, RELAYS, REST_SERVERS, Server
from benchmarks.targets import (
    REFERENCE_DELIVERY_US,
    TARGETS,
    Part,
    Results,
    Target,
    reasons,
)

SERVERS: dict[Part, Sequence[Server]] = {
    "fanout": RELAYS,
    "rest": REST_SERVERS,
    "memory": IDLE_RELAYS,
}


def page(date: str, machine: Mapping[str, str], pace: Pace, results: Results) -> str:
    """Return the whole page."""
    blocks = [
        "# Benchmarks",
        "Written by `make bench`; the text stands in `benchmarks/report.py`. The figures are "
        "of one run on one machine: compare them within this page only. Server and load each "
        "have a core of their own; servers take turns, a fresh process for every round.",
        table(
            ("", ""),
            [("date", date), *machine.items(), ("rounds", rounds_of(pace, results))],
        ),
        "## Targets",
        targets_table(results),
        "The median decides; the figure in parentheses is the least of the rounds. A "
        "µs-equivalent is a µs on a machine where the C loop spends "
        f"{REFERENCE_DELIVERY_US} µs per delivery in a room of 100.",
        *missed_reasons(results),
        *part_sections(pace, results),
        "## Not measured here",
        "Comparisons with the relay engine of the system that Ilo follows (Erlang, Cowboy): it "
        "is not part of this run. Messages stored and synced before they are sent; the "
        "contract's share of a message; latency at half load; TLS; more than one machine.",
    ]
    return "\n\n".join(blocks) + "\n"


def rounds_of(pace: Pace, results: Results) -> str:
    parts = ", ".join(results)
    return f"{pace.rounds} of {pace.seconds:g} s after {pace.warm_up_s:g} s ({parts})"


def targets_table(results: Results) -> str:
    rows = [
        (target.claim, at_most(target), moonshot(target), *verdict(target, results))
        for target in TARGETS
        if target.part in results
    ]
    return table(("claim", "target", "moonshot", "figure", ""), rows)


def part_sections(pace: Pace, results: Results) -> Iterator[str]:
    """The tables behind the targets, for the parts that ran."""
    if (figures := results.get("fanout")) is not None:
        yield "## Fan-out"
        yield (
            "µs of server CPU per delivered message (user and system), least / median. "
            "Each message is parsed, checked, given an id and encoded; nothing is stored. A "
            "frame has 372 bytes. Every delivery is checked: exactly once, whole, in order. "
            + "; ".join(f"{name}: {one.title}" for name, one in fanout.SCENARIOS.items())
            + "."
        )
        yield cost_table("fanout", tuple(fanout.SCENARIOS), figures.total, figures)
        yield "Of that in user mode, outside the kernel:"
        yield cost_table("fanout", tuple(fanout.SCENARIOS), figures.user, figures)
    if (figures := results.get("rest")) is not None:
        yield "## REST"
        yield (
            "µs of server CPU per request, least / median, nothing kept on disk. "
            + "; ".join(f"{name}: {title}" for name, title in rest.SCENARIOS.items())
            + ". Keep-alive connections, one request in flight on each; every answer is "
            "checked."
        )
        yield cost_table("rest", tuple(rest.SCENARIOS), figures.total, figures)
    if (figures := results.get("memory")) is not None:
        yield "## Memory"
        yield (
            "KiB of resident memory per idle admitted connection, least / median, with "
            f"{pace.idle_connections} of them in 50 rooms."
        )
        yield cost_table("memory", ("idle",), figures.total, figures)


def verdict(target: Target, results: Results) -> tuple[str, str]:
    """Return the figure of a target, and whether it is met."""
    figure = target.measured(results[target.part])
    if figure is None:
        return "–", "not measured"
    shown = f"{figure.median:.2f}{target.unit} ({figure.least:.2f})"
    if figure.median > target.limit:
        return shown, "**missed**"
    if target.moonshot is not None and figure.median <= target.moonshot:
        return shown, "met, and the moonshot"
    return shown, "met"


def missed_reasons(results: Results) -> Iterator[str]:
    known = reasons()
    for target in TARGETS:
        if target.part in results and verdict(target, results)[1] == "**missed**":
            reason = known.get(target.key, "nobody has said why yet (`benchmarks/reasons.toml`).")
            yield f"**Missed: {target.claim}.** {reason}"


def cost_table(
    part: Part,
    scenarios: Sequence[str],
    figure_of: Callable[[str, str], Figure | None],
    figures: Figures,
) -> str:
    rows: list[Sequence[str]] = []
    for server in SERVERS[part]:
        skipped = figures.skipped.get(server.key)
        if skipped is not None:
            rows.append((server.title, f"skipped: {skipped}", *[""] * (len(scenarios) - 1)))
            continue
        rows.append(
            (
                server.title,
                *(least_and_median(figure_of(server.key, one)) for one in scenarios),
            )
        )
    return table(("server", *scenarios), rows)


def least_and_median(figure: Figure | None) -> str:
    if figure is None:
        return "–"
    digits = 1 if figure.median >= 10 else 2
    return f"{figure.least:.{digits}f} / {figure.median:.{digits}f}"


def at_most(target: Target) -> str:
    return f"≤ {target.limit:g}{target.unit}"


def moonshot(target: Target) -> str:
    return "" if target.moonshot is None else f"≤ {target.moonshot:g}{target.unit}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cells)} |"

    return "\n".join([line(head), line(["---"] * len(head)), *map(line, rows)])
