"""Writes the figures beside the targets, as one Markdown page."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from benchmarks import browser, envelope, fanout, rest, stored
from benchmarks.figures import Figure, Figures
from benchmarks.rounds import Pace
from benchmarks.servers import IDLE_RELAYS, RELAYS, REST_SERVERS, STORED_RELAYS, Server
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
    "stored": STORED_RELAYS,
    "rest": REST_SERVERS,
    "memory": IDLE_RELAYS,
    "envelope": (),
    "browser": (),
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
        "is not part of this run. The contract's share of a message; latency of fan-out at half "
        "load; TLS; more than one machine; a store that is not embedded.",
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
    if (figures := results.get("stored")) is not None:
        yield from stored_section(figures)
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
    if (figures := results.get("envelope")) is not None:
        yield from envelope_section(figures)
    if (figures := results.get("browser")) is not None:
        yield "## In a browser"
        yield (
            "Ilo's page in a Chromium that was never there; server and browser share the cores of "
            "one machine. Least / median."
        )
        if reason := figures.skipped.get("browser"):
            yield f"It was skipped: {reason}."
        rows = [
            (title, least_and_median(figures.total("browser", name)))
            for name, title in browser.SCENARIOS.items()
        ]
        yield table(("", ""), rows)


def stored_section(figures: Figures) -> Iterator[str]:
    scenarios = tuple(stored.SCENARIOS)
    yield "## Stored before it is sent"
    yield (
        "µs of server CPU (user and system, all threads), least / median. A message is synced to "
        "the disk before its sender gets the ack and before anyone gets the message. Every ack "
        "and every delivery is checked: exactly once, whole, in order, under one seq; one message "
        "of each publisher is under way. "
        + "; ".join(f"{name}: {one.title}" for name, one in stored.SCENARIOS.items())
        + "."
    )
    yield cost_table("stored", scenarios, figures.total, figures)
    yield "ms from sending to the ack, the half of them (p50), as the load saw it:"
    yield cost_table("stored", scenarios, figures.ack_p50_ms, figures)
    yield "All but a hundredth of them (p99):"
    yield cost_table("stored", scenarios, figures.ack_p99_ms, figures)
    yield (
        "`fsync` and `fdatasync` calls per message, counted by strace in a short run of its own:"
    )
    yield cost_table("stored", scenarios, figures.syncs, figures, counted)
    yield (
        "What is compared, and in whose favour. **C**: a thread of its own appends a group to one "
        "file and syncs it, while the next group gathers; what a group has for one connection "
        "leaves in one `send`. It keeps no index, can read nothing back and never asks whether an "
        "id came before, which Ilo does for each message: in its favour. **JetStream**: one "
        "stream in a file, a subject for each room, acks to the publisher. Members subscribe to "
        "what the stream republishes once it has stored: a plain subscription would get messages "
        "before they are stored, a durable consumer for each member would cost more, so this is "
        "in its favour too, as are its plain TCP without WebSocket frames, payloads that nobody "
        "validates, and no check for repeated ids. It syncs each message by itself, so many in "
        "flight wait for each other: the times of its acks say more about that than about one "
        "message. The processor time that the kernel spends on the disk outside the process is "
        "nobody's."
    )


def envelope_section(figures: Figures) -> Iterator[str]:
    """The costs of the encrypted client, beside what its design reckoned with."""

    def three(place: str, kind: str, what: str) -> str:
        cells = [figures.total(place, f"{kind} {what} {size}") for size in envelope.SIZES]
        digits = 0 if what == "bytes" else 1
        return " / ".join("–" if one is None else f"{one.least:.{digits}f}" for one in cells)

    yield "## Envelopes"
    yield (
        "A message of 15 characters for 1 / 5 / 50 recipients who have keys of one kind, signed "
        "with Ed25519. Bytes of the envelope, and ms to seal it and to open it: the least of all "
        "rounds, in Python (jwcrypto) and in Node.js (jose). In parentheses stands "
        "what the design reckoned with: bytes, and ms at 50 in Python."
    )
    if reason := figures.skipped.get("node"):
        yield f"Node.js was skipped: {reason}."
    rows: list[Sequence[str]] = []
    for kind in envelope.KINDS:
        size, cost = envelope.DESIGN[kind]
        seal_ms, open_ms = cost.split(" / ")
        rows.append(
            (
                kind,
                f"{three('python', kind, 'bytes')} ({size})",
                f"{three('python', kind, 'seal')} ({seal_ms})",
                f"{three('python', kind, 'open')} ({open_ms})",
                three("node", kind, "seal"),
                three("node", kind, "open"),
            )
        )
    head = ("key", "bytes", "seal, Python", "open, Python", "seal, Node.js", "open, Node.js")
    yield table(head, rows)
    yield (
        "What is slow on purpose, or by nature, in ms, least / median, in Python; keys are an "
        "Ed25519 and an RSA-3072:"
    )
    slow = [(name, least_and_median(figures.total("python", name))) for name in envelope.SLOW]
    yield table(("", "ms"), slow)


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


def least_and_median(figure: Figure | None) -> str:
    if figure is None:
        return "–"
    digits = 1 if figure.median >= 10 else 2
    return f"{figure.least:.{digits}f} / {figure.median:.{digits}f}"


def counted(figure: Figure | None) -> str:
    return "–" if figure is None else f"{figure.median:.3f}"


def cost_table(
    part: Part,
    scenarios: Sequence[str],
    figure_of: Callable[[str, str], Figure | None],
    figures: Figures,
    shown: Callable[[Figure | None], str] = least_and_median,
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
                *(shown(figure_of(server.key, one)) for one in scenarios),
            )
        )
    return table(("server", *scenarios), rows)


def at_most(target: Target) -> str:
    return f"≤ {target.limit:g}{target.unit}"


def moonshot(target: Target) -> str:
    return "" if target.moonshot is None else f"≤ {target.moonshot:g}{target.unit}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cells)} |"

    return "\n".join([line(head), line(["---"] * len(head)), *map(line, rows)])
