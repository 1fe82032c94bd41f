"""Ilo with a fault built in: who looks for that fault must find it.

    python -m tests.support.faulty_ilo FAULT serve --config FOLDER

ack-before-store       acknowledges and delivers messages, and stores them a little later
ack-long-before-store  the same, so much later that even a slow machine ends it in between
acks-when-full         acknowledges what found no space
stores-twice           knows no message again
resumes-one-late       leaves out the first message of those who come back
resumes-one-early      begins with a message that they have
never-replays          lets them go on with what is new
tells-secrets          logs every token it is shown and every message it stores
tells-all              the same, with nothing taken out of the logs
leaves-descriptors-open  one more for each connection to the relay
hashes-cheaply         makes hashes that protect nothing: a race of many is not one of hashes then
"""

import json
import logging
import os
import sqlite3
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partialmethod

from ilo import cli, redaction
from relay import doorway
from relay.introspect import Admitted, Introspector, TokenKind
from relay.resume import Cursor, Start, start_of
from services.model import Draft, Receipt
from services.passwords import CHEAPEST, Passwords
from store.sqlite.log import Outcome, RoomLog
from store.sqlite.writer import Writer
from tests.support.store_child import ack_before_commit

log = logging.getLogger("ilo.faulty")


LONG_S = 0.5


def ack_before_store() -> None:
    Writer._write = ack_before_commit  # type: ignore[assignment]


def ack_long_before_store() -> None:
    Writer._write = partialmethod(ack_before_commit, delay_s=LONG_S)  # type: ignore[assignment]


def ack_when_full() -> None:
    def stored(self: RoomLog, drafts: Sequence[Draft], _: object) -> list[Outcome]:
        return [Receipt(1_000_000 + place, one.sent_at, True) for place, one in enumerate(drafts)]

    RoomLog.not_written = stored  # type: ignore[method-assign, assignment]


def store_twice() -> None:
    right = RoomLog.__init__

    def begin(self: RoomLog, connection: sqlite3.Connection) -> None:
        connection.execute("DROP INDEX IF EXISTS log_by_id")
        right(self, connection)

    RoomLog.__init__ = begin  # type: ignore[method-assign]


def resume_at(off_by: int) -> None:
    def start(cursor: Cursor | None, *, epoch: str, floor: int, head: int) -> Start:
        right = start_of(cursor, epoch=epoch, floor=floor, head=head)
        return replace(right, last_seq=max(min(right.last_seq + off_by, head), 0))

    doorway.start_of = start  # type: ignore[attr-defined]


def tell_secrets() -> None:
    ask, append = Introspector.ask, RoomLog.append

    async def asking(self: Introspector, token: str, kind: TokenKind) -> Admitted | None:
        log.debug("asked with %s", token, extra={"token": token})
        return await ask(self, token, kind)

    def appending(self: RoomLog, drafts: list[Draft]) -> list[Outcome]:
        for draft in drafts:
            log.debug("stored %s", json.dumps({"data": {"message": draft.text}}))
        return append(self, drafts)

    Introspector.ask = asking  # type: ignore[method-assign]
    RoomLog.append = appending  # type: ignore[method-assign, assignment]


def tell_all() -> None:
    tell_secrets()
    redaction.Redactor._without_secrets = lambda self, text: text  # type: ignore[method-assign]


def leave_descriptors_open() -> None:
    ask = Introspector.ask

    async def asking(self: Introspector, token: str, kind: TokenKind) -> Admitted | None:
        os.open(os.devnull, os.O_RDONLY)
        return await ask(self, token, kind)

    Introspector.ask = asking  # type: ignore[method-assign]


def hash_cheaply() -> None:
    Passwords.__init__ = partialmethod(  # type: ignore[method-assign, assignment]
        Passwords.__init__, profile=CHEAPEST
    )


FAULTS = {
    "ack-before-store": ack_before_store,
    "ack-long-before-store": ack_long_before_store,
    "acks-when-full": ack_when_full,
    "stores-twice": store_twice,
    "resumes-one-late": lambda: resume_at(1),
    "resumes-one-early": lambda: resume_at(-1),
    "never-replays": lambda: resume_at(1 << 53),
    "tells-secrets": tell_secrets,
    "tells-all": tell_all,
    "leaves-descriptors-open": leave_descriptors_open,
    "hashes-cheaply": hash_cheaply,
}

if __name__ == "__main__":
    FAULTS[sys.argv[1]]()
    sys.exit(cli.main(sys.argv[2:]))
