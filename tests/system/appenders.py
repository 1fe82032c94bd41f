"""Four processes append to the same rooms of three nodes, and one of the nodes is killed.

    python -m tests.system.appenders [--seeds 10] [--first 1] [--acked 3000] [--fault NAME]

A node is killed at a third of a seed's messages and brought back at two thirds; between the two
one of the processes is killed. What a sender has no answer to is sent again, through another
process. In the end nothing is lost, twice, or out of order. A fault of
``tests.support.appender_faults`` has to be found. Ends with 1 when a seed has something wrong; with
``--fault``, when a seed has nothing.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Final
from uuid import uuid4

import uvloop

from store.cassandra.settings import CassandraSettings
from store.cassandra.store import CassandraStore
from tests.support.appender_child import until_it_serves
from tests.support.appender_faults import FAULTS
from tests.support.appenders import Appender, Heard, Notes, Place, Sender
from tests.support.cassandra.cluster import Cluster
from tests.support.cassandra.keyspaces import Keyspace, connected, make_keyspace
from tests.support.history import Charge, Entry, Kind, Log
from tests.support.participants import dice
from tests.support.store_samples import add_user, open_room

PROCESSES: Final = 4
ROOMS: Final = 3
SENDERS: Final = 8
"""Each of them is in every room."""
SETTLE_S: Final = 60.0
"""The longest that it takes to answer all in the end."""
PAGE: Final = 1000
PAGE_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one seed gave; ``wrong`` is empty when every promise was kept."""

    notes: Notes
    seconds: float
    wrong: Sequence[str]

    def __str__(self) -> str:
        notes = self.notes
        times = sorted(notes.latencies) or [0.0]
        p50, p99 = (times[len(times) * share // 100] * 1e3 for share in (50, 99))
        pause = max(
            (
                later - sooner
                for room in notes.acked_at.values()
                for sooner, later in pairwise(room)
            ),
            default=0.0,
        )
        return (
            f"{notes.acked} acked, {notes.acked / self.seconds:.0f}/s, ack p50 {p50:.0f} ms,"
            f" p99 {p99:.0f} ms, longest pause of a room {pause:.1f} s,"
            f" {notes.counted['conflict']} conflicts, {notes.counted['unknown']} without answer,"
            f" {notes.moved} moved on, {notes.refused} refused, {len(self.wrong)} wrong,"
            f" {self.seconds:.0f} s"
        )


async def appending(
    cluster: Cluster,
    keyspace: Keyspace,
    seed: int,
    *,
    acked: int,
    fault: str | None = None,
    kills: bool = True,
) -> Outcome:
    """Let everybody append to new rooms until ``acked`` messages are acknowledged.

    Without ``kills`` nothing is killed. All nodes are up afterwards.
    """
    rng, notes = dice(seed), Notes()
    hears: dict[str, Heard] = {}
    appenders = [
        Appender(keyspace, fault, notes, lambda connection: hears[connection.rpartition("/")[0]])
        for _ in range(PROCESSES)
    ]
    async with _opened(keyspace) as store:
        run = f"{seed}-{uuid4().hex[:8]}"
        users = [await add_user(store, f"{run}-{number}") for number in range(SENDERS)]
        rooms = [await open_room(store, f"{run}-room-{number}") for number in range(ROOMS)]
        places = [Place(room.room_id, Log(room.name, room.epoch.hex())) for room in rooms]
        senders = [
            Sender(user.name, user.user_id, place, appenders, notes, dice(rng.getrandbits(64)))
            for user in users
            for place in places
        ]
        hears.update((sender.key, sender.hear) for sender in senders)
        try:
            for appender in appenders:
                await appender.start()
            began = time.monotonic()
            async with asyncio.TaskGroup() as tasks:
                talking = [tasks.create_task(sender.talk()) for sender in senders]
                if kills:
                    await _kill_and_bring_back(cluster, appenders, senders, notes, acked, rng)
                await notes.until_acked(acked)
                for sender in senders:
                    sender.stop_talking()
                _, late = await asyncio.wait(talking, timeout=SETTLE_S)
                for task in late:
                    task.cancel()
            seconds = time.monotonic() - began
        finally:
            for appender in appenders:
                await appender.kill()
        wrong = [*notes.wrong, *(f"no answer: {one}" for one in notes.history.unanswered())]
        logs = {place.log: await _entries(store, place) for place in places}
    wrong += map(str, _charges(notes, logs))
    return Outcome(notes, seconds, wrong)


async def _kill_and_bring_back(
    cluster: Cluster,
    appenders: Sequence[Appender],
    senders: Sequence[Sender],
    notes: Notes,
    acked: int,
    rng: Random,
) -> None:
    node, appender = rng.choice(cluster.nodes), rng.choice(appenders)
    await notes.until_acked(acked // 3)
    await asyncio.to_thread(node.kill)
    await notes.until_acked(acked // 2)
    await appender.kill()
    for sender in senders:
        sender.lose(appender)
    await appender.start()
    await notes.until_acked(acked * 2 // 3)
    await asyncio.to_thread(node.start)


@asynccontextmanager
async def _opened(keyspace: Keyspace) -> AsyncIterator[CassandraStore]:
    """Yield a store on the keyspace, whose tables are made if need be."""
    settings = CassandraSettings(keyspace.contact_points, keyspace.port, keyspace.name)
    store = await CassandraStore.open(settings)
    try:
        await until_it_serves(store)
        yield store
    finally:
        await store.close()


async def _entries(store: CassandraStore, place: Place) -> list[Entry]:
    """Return all that the room holds."""
    entries: list[Entry] = []
    after = 0
    while page := await store.messages_after(place.room_id, after, PAGE, PAGE_BYTES):
        entries += (
            Entry(one.seq, one.message_id.hex(), one.sender, str(one.sent_at), one.text)
            for one in page
        )
        after = page[-1].seq
    return entries


def _charges(notes: Notes, logs: dict[Log, list[Entry]]) -> list[Charge]:
    charges = notes.history.charges(logs)
    for log, entries in logs.items():
        if not entries or entries[0].seq != 1:
            charges.append(Charge(Kind.GAP, f"{log.room} does not begin with 1"))
    return charges


def main() -> int:
    ask = argparse.ArgumentParser(prog="python -m tests.system.appenders")
    ask.add_argument("--seeds", type=int, default=10)
    ask.add_argument("--first", type=int, default=1)
    ask.add_argument("--acked", type=int, default=3000, help="acknowledged messages a seed")
    ask.add_argument("--fault", choices=sorted(FAULTS))
    asked = ask.parse_args()
    bad = 0
    with tempfile.TemporaryDirectory(prefix="ilo-nodes-") as folder:
        cluster = Cluster(Path(folder))
        cluster.start()
        keyspace = _keyspace(cluster)
        for seed in range(asked.first, asked.first + asked.seeds):
            run = appending(cluster, keyspace, seed, acked=asked.acked, fault=asked.fault)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                outcome = runner.run(run)
            cluster.wait_until_whole()
            bad += bool(outcome.wrong)
            _say(f"seed {seed}: {outcome}")
            for line in outcome.wrong[:5]:
                _say(f"  {line}")
        cluster.remove()
    _say(f"{asked.seeds} seeds, {bad} bad")
    return int(bad < asked.seeds) if asked.fault else int(bad > 0)


def _keyspace(cluster: Cluster) -> Keyspace:
    with connected(cluster.contact) as session:
        replicas = len(cluster.nodes)
        return make_keyspace(session, cluster.contact, "appenders", replicas=replicas)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
