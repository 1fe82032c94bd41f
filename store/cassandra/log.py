"""What the log of a room is made of, and what is asked of the table that holds it.

Knows no driver: what is decided upon this may run on any table that keeps its promises.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

from services.model import Instant, MessageId, RoomId, UserId, Username

MAX_GROUP_MESSAGES = 64
MAX_GROUP_BYTES = 1024 * 1024
"""Of text in UTF-8; a single longer text is a group of its own."""

Mark: TypeAlias = tuple[UserId, MessageId]
"""What names a message in its room, for good."""


class Marker(NamedTuple):
    """The message that a mark names; ``digest`` is the SHA-256 of its text."""

    seq: int
    sent_at: Instant
    digest: bytes


class NewMessage(NamedTuple):
    mark: Mark
    sender_name: Username
    sent_at: Instant
    text: str
    digest: bytes

    def __repr__(self) -> str:
        return f"NewMessage({self.mark[1].hex()})"


@dataclass(frozen=True, slots=True)
class Group:
    """Messages of one room that are written together: the first one's seq is ``after`` + 1, and
    all are of one bucket. ``ttl_s`` seconds later they are gone."""

    room_id: RoomId
    after: int
    messages: Sequence[NewMessage]
    ttl_s: int

    @property
    def last(self) -> int:
        return self.after + len(self.messages)

    def is_among(self, markers: Mapping[Mark, Marker]) -> bool:
        """Tell whether it was this group that was written, as far as a reader can tell."""
        return all(
            markers.get(one.mark) == Marker(seq, one.sent_at, one.digest)
            for seq, one in enumerate(self.messages, self.after + 1)
        )


@dataclass(frozen=True, slots=True)
class Written:
    """The group is stored."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Nothing of the group is stored by this write. ``head`` is that of the bucket, None where it
    is empty; ``markers`` are those that the bucket has of the group's messages."""

    head: int | None
    markers: Mapping[Mark, Marker]


@dataclass(frozen=True, slots=True)
class Unknown:
    """The group may be stored, or may yet be: also by the time that somebody looks for it."""


Answer: TypeAlias = Written | Conflict | Unknown


class LogTable(Protocol):
    """The log of all rooms. Every method raises ``StoreUnavailable`` when there is no answer in
    time; of ``write`` that means that it was not even sent."""

    async def write(self, group: Group) -> Answer:
        """Write the group, all or nothing, if ``group.after`` is the head of its bucket, or the
        bucket is empty and begins behind it; and if no message of it has a marker there."""
        ...

    async def markers(
        self, room_id: RoomId, bucket: int, marks: Collection[Mark]
    ) -> dict[Mark, Marker]:
        """Return what the marks name in a bucket that is full; none is missing that was told."""
        ...

    async def head(self, room_id: RoomId) -> tuple[int, int]:
        """Return head and floor as ``Heads.of`` does."""
        ...

    async def recorded(self, room_id: RoomId) -> tuple[int, int]:
        """Return what is recorded: a lower bound of the head, and the floor."""
        ...

    async def record(self, room_id: RoomId, seq: int) -> None:
        """Record that the head is at least ``seq``."""
        ...
