"""Ilo with a fault built in: who looks for that fault must find it.

    python -m tests.support.faulty_ilo FAULT serve --config FOLDER

ack-before-store       acknowledges and delivers messages, and stores them a little later
ack-long-before-store  the same, so much later that even a slow machine ends it in between
tells-secrets          logs every token it is shown and every message it stores
tells-all              the same, with nothing taken out of the logs
"""

import json
import logging
import sys
from functools import partialmethod

from ilo import cli, redaction
from relay.introspect import Admitted, Introspector, TokenKind
from services.model import Draft
from store.sqlite.log import Outcome, RoomLog
from store.sqlite.writer import Writer
from tests.support.store_child import ack_before_commit

log = logging.getLogger("ilo.faulty")


LONG_S = 0.5


def ack_before_store() -> None:
    Writer._write = ack_before_commit  # type: ignore[assignment]


def ack_long_before_store() -> None:
    Writer._write = partialmethod(ack_before_commit, delay_s=LONG_S)  # type: ignore[assignment]


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


FAULTS = {
    "ack-before-store": ack_before_store,
    "ack-long-before-store": ack_long_before_store,
    "tells-secrets": tell_secrets,
    "tells-all": tell_all,
}

if __name__ == "__main__":
    FAULTS[sys.argv[1]]()
    sys.exit(cli.main(sys.argv[2:]))
