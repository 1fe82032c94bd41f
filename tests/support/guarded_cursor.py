"""Where a client is in its room's order, as asyncapi.yaml says under *Resume*.

Knows nothing of the relay's code. The first frame that does not follow is a fault.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from tests.support.frame_contract import fail

Frame = Mapping[str, Any]


class GuardedCursor:
    """Follows one connection from its welcome on.

    ``target`` is what the handshake asked for, with its query; None where that is not known.
    """

    def __init__(self, target: str | None, welcome: Frame) -> None:
        self.floor: int = welcome["floor"]
        self._last: int = welcome["head"]
        self._due: Frame | None = None
        if self.floor > welcome["head"] + 1:
            fail("Welcome at /floor: it is at most the head + 1")
        query = parse_qs("" if target is None else target.partition("?")[2])
        if "since" not in query:
            if welcome["recovered"]:
                fail("Welcome at /recovered: nothing was asked for")
            return
        self._begin(int(query["since"][0]), query.get("epoch", [None])[0], welcome)

    def _begin(self, since: int, epoch: str | None, welcome: Frame) -> None:
        head = welcome["head"]
        if epoch is not None and epoch != welcome["epoch"]:
            self._due = _gap(self.floor, head, "epoch")
            self._last = self.floor - 1
        elif since > head:
            self._due = _gap(head + 1, since, "ahead")
        elif since < self.floor - 1:
            self._due = _gap(since + 1, self.floor - 1, "retention")
            self._last = self.floor - 1
        else:
            self._last = since
        if welcome["recovered"] != (self._due is None):
            fail("Welcome at /recovered: true when everything after the cursor follows, else false")

    def gap(self, frame: Frame) -> None:
        if self._due is not None:
            if frame != self._due:
                fail("Gap: it is not the one between the cursor and what is kept")
            self._due = None
            return
        if (frame["reason"], frame["from_seq"]) != ("retention", self._last + 1):
            fail("Gap: between messages it is retention, and begins behind the newest of them")
        if frame["to_seq"] <= self._last:
            fail("Gap at /to_seq: there is nothing in it")
        self._last = frame["to_seq"]

    def message(self, seq: int) -> None:
        self._gap_is_told()
        if seq != self._last + 1:
            fail(
                f"MessageOut at /seq: {seq} follows {self._last}: "
                "the order has no holes, and nothing comes twice"
            )
        self._last = seq

    def head(self, seq: int) -> None:
        self._gap_is_told()
        if seq < self._last:
            fail("Head at /seq: the room's head is older than a message of it")

    def _gap_is_told(self) -> None:
        if self._due is not None:
            fail("Gap: it is missing behind the welcome")


def _gap(from_seq: int, to_seq: int, reason: str) -> Frame:
    return {"type": "gap", "from_seq": from_seq, "to_seq": to_seq, "reason": reason}
