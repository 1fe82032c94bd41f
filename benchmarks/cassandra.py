"""`python -m benchmarks.cassandra [--quick] [--seconds N] [--write FILE]`

Measures what the log of rooms takes from the embedded store and from Cassandra, on one node and
on three, all on this machine. Writes docs/benchmarks-cassandra.md unless it is quick.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import uvloop

from benchmarks import machine
from benchmarks.processes import ROOT
from benchmarks.report import table
from benchmarks.room_log import PAGE_LIMIT, REPLAY_LIMIT, REPLAYED, TEXT, RoomLogBench, Taken
from services.ports import Store
from store.cassandra.settings import CassandraSettings
from store.cassandra.store import CassandraStore
from store.sqlite import SqliteStore
from tests.support.cassandra.cluster import Cluster
from tests.support.cassandra.jars import version
from tests.support.cassandra.keyspaces import connected, make_keyspace

PAGE: Final = ROOT / "docs" / "benchmarks-cassandra.md"
WRITERS: Final = (1, 4, 16, 64)
ONE_ROOM: Final = "one room"
ROOM_EACH: Final = "a room each"
NODES: Final = (1, 3)
SECONDS: Final = 5.0
QUICK_S: Final = 0.5
WARM_UP: Final = 6
"""Times as long as a measurement: Java compiles what it runs often."""

OpenStore = AbstractAsyncContextManager[Store]


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one store; ``load`` is what else the machine did before, in busy cores."""

    title: str
    load: float
    appends: Mapping[str, Sequence[Taken]]
    """By where the writers are; in the order of ``WRITERS``."""
    replay: Taken
    back: Taken


async def measured(title: str, opened: OpenStore, seconds: float) -> Figures:
    load = os.getloadavg()[0]
    async with opened as store:
        bench = RoomLogBench(store)
        await bench.prepare()
        await bench.room_each(WRITERS[-1], seconds * WARM_UP / 2)
        await bench.one_room(WRITERS[-1], seconds * WARM_UP / 2)
        return Figures(
            title,
            load,
            {
                ONE_ROOM: [await bench.one_room(writers, seconds) for writers in WRITERS],
                ROOM_EACH: [await bench.room_each(writers, seconds) for writers in WRITERS],
            },
            await bench.replay(seconds),
            await bench.page_back(seconds),
        )


@asynccontextmanager
async def embedded(folder: Path) -> AsyncIterator[Store]:
    store = await SqliteStore.open(folder)
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def in_cassandra(settings: CassandraSettings) -> AsyncIterator[Store]:
    store = await CassandraStore.open(settings)
    try:
        await store.check()
        yield store
    finally:
        await store.close()


@contextmanager
def nodes(amount: int, folder: Path) -> Iterator[CassandraSettings]:
    """Run so many nodes, each of which has all rows."""
    cluster = Cluster(folder, size=amount)
    cluster.start()
    try:
        with connected(cluster.contact) as session:
            made = make_keyspace(session, cluster.contact, "bench", replicas=amount)
        yield CassandraSettings(made.contact_points, made.port, made.name)
    finally:
        cluster.remove()


def run(seconds: float) -> Iterator[Figures]:
    """Yield the figures of one store after the other: they would take from each other."""
    with tempfile.TemporaryDirectory(prefix="ilo-bench-") as name:
        folder = Path(name)
        yield _run(measured("SQLite", embedded(folder), seconds))
        for amount in NODES:
            title = f"Cassandra, {amount} node{'s' if amount > 1 else ''}"
            with nodes(amount, folder / f"nodes-{amount}") as settings:
                yield _run(measured(title, in_cassandra(settings), seconds))


def page(date: str, seconds: float, results: Sequence[Figures]) -> str:
    """Return the whole page."""
    facts = {
        "date": date,
        **machine.of_this_machine(),
        "disk": machine.filesystem(Path(tempfile.gettempdir())),
        "Cassandra": f"{version()}, on this same machine; every node has every row, and syncs its"
        " log before it answers; 512 MiB of heap, compiled quickly rather than well",
        "time": f"{seconds:g} s for each figure, after {seconds * WARM_UP:g} s of warming up",
        "load before": ", ".join(f"{one.title}: {one.load:.1f}" for one in results)
        + " (one-minute average of busy cores)",
    }
    names = [one.title for one in results]
    blocks = [
        "# Benchmarks of the stores",
        "Written by `python -m benchmarks.cassandra`; the text stands in `benchmarks/cassandra.py`."
        " The figures are of one run on one machine, where all nodes and the process that writes"
        " share the cores: compare them within this page only.",
        table(("", ""), list(facts.items())),
        "## Appending",
        f"Messages a second, and p50 / p99 in ms from asking to the receipt, which says that the"
        f" message is stored. One process; a message has {len(TEXT)} characters; each writer waits"
        " for its receipt before the next message. What is asked for in a room while it writes"
        " goes into its next write.",
        table(
            ("writers", *names),
            [
                (f"{writers} in {rooms}", *(shown(one.appends[rooms][place]) for one in results))
                for rooms in (ONE_ROOM, ROOM_EACH)
                for place, writers in enumerate(WRITERS)
            ],
        ),
        "## Reading",
        f"Messages a second, and p50 / p99 in ms of a page, of a room with {REPLAYED:,} messages.",
        table(
            ("", *names),
            [
                (f"forwards, {REPLAY_LIMIT} a page", *(shown(one.replay) for one in results)),
                (f"backwards, {PAGE_LIMIT} a page", *(shown(one.back) for one in results)),
            ],
        ),
    ]
    return "\n\n".join(blocks) + "\n"


def shown(taken: Taken) -> str:
    return f"{taken.a_second:,.0f}/s, {taken.p50_ms:.1f} / {taken.p99_ms:.1f}"


def main() -> int:
    ask = argparse.ArgumentParser(prog="python -m benchmarks.cassandra", description=__doc__)
    ask.add_argument("--quick", action="store_true", help="does it run?")
    ask.add_argument("--seconds", type=float, help="for each figure")
    ask.add_argument("--write", type=Path, metavar="FILE", help="write the page there")
    asked = ask.parse_args()
    seconds = asked.seconds or (QUICK_S if asked.quick else SECONDS)
    results = []
    for figures in run(seconds):
        print(f"{figures.title}: measured", file=sys.stderr)
        results.append(figures)
    text = page(time.strftime("%Y-%m-%d", time.gmtime()), seconds, results)
    print(text)
    target: Path | None = asked.write or (None if asked.quick else PAGE)
    if target is not None:
        target.write_text(text, "utf-8")
    return 0


def _run(measurement: Coroutine[Any, Any, Figures]) -> Figures:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(measurement)


if __name__ == "__main__":
    sys.exit(main())
