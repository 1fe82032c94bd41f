"""Drafts of one room on their way into the log: which are written, and what becomes of each.

No I/O here and no waiting.
"""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

from services.errors import IdReused, IloError, InvalidInput, StoreUnavailable
from services.model import Draft, Receipt, UserId, Username
from store.cassandra.buckets import bucket_of
from store.cassandra.log import Mark, Marker, NewMessage


class _Stored(NamedTuple):
    """``place`` is that of the draft that was written here; None when it was there before."""

    marker: Marker
    place: int | None


class _Unsettled(NamedTuple):
    """``after`` is the least of all drafts of the mark, None when one has none."""

    message: NewMessage
    place: int
    after: int | None


class Drafts:
    """What is asked for together, in that order.

    Drafts of one sender with one id are one message: the first one's.
    """

    def __init__(self, drafts: Sequence[Draft], names: Mapping[UserId, Username | None]) -> None:
        self._drafts = drafts
        self._refused: dict[int, InvalidInput] = {}
        self._digests: list[bytes] = []
        self._unsettled: dict[Mark, _Unsettled] = {}
        self._stored: dict[Mark, _Stored] = {}
        for place, draft in enumerate(drafts):
            _, sender, message_id, sent_at, text, after, _ = draft
            name = names[sender]
            if name is None:
                self._refuse(place, InvalidInput("/sender", "unknown", "there is no such user"))
                continue
            try:
                digest = sha256(text.encode()).digest()
            except UnicodeEncodeError:
                self._refuse(place, InvalidInput("/text", "unicode", "a text must be Unicode"))
                continue
            self._digests.append(digest)
            mark = (sender, message_id)
            first = self._unsettled.get(mark)
            if first is None:
                message = NewMessage(mark, name, sent_at, text, digest)
                self._unsettled[mark] = _Unsettled(message, place, after)
            elif first.after is not None:
                least = None if after is None else min(after, first.after)
                self._unsettled[mark] = first._replace(after=least)

    @property
    def unsettled(self) -> list[NewMessage]:
        """What is to be written, unless it is found."""
        return [one.message for one in self._unsettled.values()]

    def may_be_in(self, bucket: int, head: int) -> list[Mark]:
        """Return the marks that may be those of messages in this full bucket.

        A message was not stored before its sender had seen what it says to have seen; who says
        nothing, or what cannot be, has it looked for in the last full bucket.
        """
        last = bucket_of(head + 1) - 1
        return [
            mark
            for mark, one in self._unsettled.items()
            if bucket >= _first_bucket(one.after, head, last)
        ]

    def first_bucket(self, head: int) -> int:
        """Return the first bucket in which one of them may be; the current one at last."""
        current = bucket_of(head + 1)
        return min(
            (_first_bucket(one.after, head, current - 1) for one in self._unsettled.values()),
            default=current,
        )

    def found(self, markers: Mapping[Mark, Marker]) -> None:
        """Settle those that are there already."""
        for mark, marker in markers.items():
            if self._unsettled.pop(mark, None) is not None:
                self._stored[mark] = _Stored(marker, None)

    def written(self, messages: Sequence[NewMessage], first: int) -> None:
        """Settle the messages, which were written here, the first one as ``first``."""
        for seq, one in enumerate(messages, first):
            place = self._unsettled.pop(one.mark).place
            self._stored[one.mark] = _Stored(Marker(seq, one.sent_at, one.digest), place)

    def outcomes(self) -> Iterator[Receipt | IloError]:
        """Yield what became of each draft, ``StoreUnavailable`` for what is not settled."""
        for place, draft in enumerate(self._drafts):
            refused = self._refused.get(place)
            if refused is not None:
                yield refused
                continue
            stored = self._stored.get((draft.sender, draft.message_id))
            if stored is None:
                yield StoreUnavailable()
            elif stored.marker.digest != self._digests[place]:
                yield IdReused()
            else:
                yield Receipt(stored.marker.seq, stored.marker.sent_at, stored.place == place)

    def _refuse(self, place: int, error: InvalidInput) -> None:
        self._refused[place] = error
        self._digests.append(b"")


def _first_bucket(after: int | None, head: int, last: int) -> int:
    """Return the first bucket in which a message of somebody may be who had seen ``after``."""
    if after is None or after > head:
        return max(last, 0)
    return bucket_of(after + 1)
