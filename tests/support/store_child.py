"""A process that appends to the embedded store and says on stdout what was acked.

    python -m tests.support.store_child FOLDER --rooms N --in-flight N [--messages N] [--broken]

A line "ready", then a line "ROOM SEQ TEXT" for each receipt, written when it is told. Ends
after ``--messages``, or never. ``--broken`` acks before the commit, as no store may: those
who look for lost messages must find them then.
"""

import argparse
import asyncio
import os
import time
from collections.abc import Sequence
from functools import partial
from itertools import count
from pathlib import Path

from services.model import Draft, Instant, MessageId, Receipt
from services.ports import Appended
from store.sqlite import SqliteStore
from store.sqlite.requests import Group, tellings
from store.sqlite.writer import Writer
from tests.support.store_samples import NOON, add_user, open_room

STDOUT = 1
COMMIT_DELAY_S = 0.02


def ack_before_commit(writer: Writer, group: Group, *, delay_s: float = COMMIT_DELAY_S) -> None:
    """Do the writer's ``_write`` wrongly: tell the receipts, then make them true."""
    committer = writer._committer
    drafts = [draft for ask in group.appends for draft in ask.drafts]
    committer.connection.execute("BEGIN IMMEDIATE")
    if drafts:
        told = list(zip(drafts, committer.log.append(drafts), strict=True))
        writer._tell([partial(group.appends[0].done, told)])
        time.sleep(delay_s)
    results = [committer.do(asked.job) for asked in group.work]
    committer.connection.execute("COMMIT")
    writer._tell(tellings([], [], group.work, results))


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rooms", type=int, default=1)
    parser.add_argument("--in-flight", type=int, default=1)
    parser.add_argument("--messages", type=int, default=0)
    parser.add_argument("--broken", action="store_true")
    asked = parser.parse_args()
    if asked.broken:
        Writer._write = ack_before_commit  # type: ignore[method-assign, assignment]
    opened = await SqliteStore.open(asked.folder)
    user = await opened.user_named("ann") or await add_user(opened, "ann")
    names = [f"room-{n}" for n in range(asked.rooms)]
    rooms = [await open_room(opened, name) for name in names]
    os.write(STDOUT, b"ready\n")

    finished = asyncio.get_running_loop().create_future()
    numbers = count()
    acks = 0

    def next_draft() -> Draft:
        number = next(numbers)
        room = number % len(rooms)
        return Draft(
            rooms[room].room_id,
            user.user_id,
            MessageId(os.urandom(16)),
            Instant(NOON + number),
            f"message-{os.getpid()}-{number}-",
            None,
            names[room],
        )

    def acked(outcomes: Sequence[Appended]) -> None:
        nonlocal acks
        for draft, outcome in outcomes:
            assert isinstance(outcome, Receipt), outcome
            os.write(STDOUT, f"{draft.origin} {outcome.seq} {draft.text}\n".encode())
            acks += 1
        if acks == asked.messages:
            finished.set_result(None)
        elif not finished.done():
            opened.append([next_draft() for _ in outcomes], acked)

    opened.append([next_draft() for _ in range(asked.in_flight)], acked)
    await finished
    await opened.close()


if __name__ == "__main__":
    asyncio.run(main())
