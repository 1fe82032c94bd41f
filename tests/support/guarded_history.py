"""Questions for older messages and their answers, as asyncapi.yaml says of ``history``.

Knows nothing of the relay's code. The first answer that does not fit is a fault.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from tests.support.frame_contract import fail, frame_contract

MAX_BYTES: Final = 512 * 1024
DEFAULT_LIMIT: Final = frame_contract().at(
    "#/components/schemas/HistoryIn/properties/limit/default"
)

Frame = Mapping[str, Any]


class GuardedHistory:
    """Watches the questions of one connection: each has one answer, in the order asked."""

    def __init__(self) -> None:
        self._asked: deque[Frame] = deque()

    def ask(self, question: Frame) -> None:
        self._asked.append(question)

    def refused(self, error: Frame) -> None:
        """Take an error, which may be about a question."""
        self._asked = deque(one for one in self._asked if one["id"] != error.get("id"))

    def answer(self, frame: Frame, size: int, *, room: str, floor: int) -> None:
        """Take an answer of ``size`` bytes of JSON; ``floor`` is the member's own at the welcome.

        A floor only goes up.
        """
        if not self._asked or self._asked[0]["id"] != frame["id"]:
            fail("HistoryOut at /id: it is not the oldest question without an answer")
        question = self._asked.popleft()
        messages = frame["messages"]
        if len(messages) > question.get("limit", DEFAULT_LIMIT):
            fail("HistoryOut at /messages: more than were asked for")
        if size > MAX_BYTES:
            fail("HistoryOut: more than 512 KiB")
        if any(one["room"] != room for one in messages):
            fail("HistoryOut at /messages: of another room")
        seqs = [one["seq"] for one in messages]
        if seqs != list(range(seqs[0], seqs[0] + len(seqs)) if seqs else ()):
            fail("HistoryOut at /messages: oldest first, without a hole")
        if seqs and seqs[0] < floor:
            fail("HistoryOut at /messages: older than this member may read")
        before = question.get("before")
        if seqs and before is not None and seqs[-1] >= before:
            fail("HistoryOut at /messages: not before what was asked for")
        if frame["more"] and (not seqs or seqs[0] <= floor):
            fail("HistoryOut at /more: there is nothing older that this member may read")
