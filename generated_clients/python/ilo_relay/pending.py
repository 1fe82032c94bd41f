"""What was sent and has no answer yet, in the order in which it was sent."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from ilo_relay.contract import error_meaning
from ilo_relay.errors import RelayError, Unconfirmed
from ilo_relay.frames import Failure, ServerFrame, json_of


@dataclass(slots=True)
class Pending:
    """One frame that waits for one of ``replies``. ``cursor`` is its member that tells the newest
    seq seen, which means something within ``epoch`` only."""

    id: str
    frame: BaseModel = field(repr=False)
    replies: tuple[type[ServerFrame], ...]
    cursor: str | None
    epoch: str
    answer: asyncio.Future[Any]

    def text_in(self, epoch: str) -> str:
        """Return the frame's text; in another epoch nothing that was seen before counts."""
        if epoch != self.epoch:
            self.epoch = epoch
            if self.cursor is not None:
                self.frame = self.frame.model_copy(update={self.cursor: 0})
        return json_of(self.frame)


class Unanswered:
    """All that is pending."""

    def __init__(self) -> None:
        self._by_id: dict[str, Pending] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Pending]:
        return iter(list(self._by_id.values()))

    def __contains__(self, id: str) -> bool:
        return id in self._by_id

    def add(self, pending: Pending) -> None:
        self._by_id[pending.id] = pending

    def drop(self, pending: Pending) -> None:
        """Nobody waits for it any more."""
        self._by_id.pop(pending.id, None)

    def answered_by(self, frame: ServerFrame) -> bool:
        """Tell whether ``frame`` is an answer; who waits for it has it then."""
        id = getattr(frame, "id", None)
        pending = self._by_id.get(id) if isinstance(id, str) else None
        if pending is None or pending.answer.done():
            return False
        if isinstance(frame, Failure):
            meaning = error_meaning(frame.code)
            if meaning.stored == "unknown" and meaning.again:
                # The relay hangs up now. It is sent again with the others, in its place.
                return True
            pending.answer.set_exception(error_of(frame))
            return True
        if isinstance(frame, pending.replies):
            pending.answer.set_result(frame)
            return True
        return False

    def fail(self, why: str, cause: BaseException | None = None) -> None:
        """Tell all who wait that there will be no answer."""
        for pending in self:
            if not pending.answer.done():
                error = Unconfirmed(pending.id, why)
                error.__cause__ = cause
                pending.answer.set_exception(error)
            self.drop(pending)


def error_of(frame: Failure) -> RelayError:
    """Return a refusal as an exception."""
    meaning = error_meaning(frame.code)
    return RelayError(
        frame.code,
        frame.detail,
        stored=meaning.stored,
        again=meaning.again,
        id=getattr(frame, "id", None),
        path=getattr(frame, "path", None),
        retry_after=getattr(frame, "retry_after", None),
    )
