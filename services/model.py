"""The shapes that services, stores and doors share: plain immutable values.

Instants are whole milliseconds since 1970-01-01T00:00:00Z. Identifiers of users, rooms,
epochs and messages are the 16 bytes of a UUID. Secrets appear here only as SHA-256 hashes.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple, NewType

Instant = NewType("Instant", int)
UserId = NewType("UserId", bytes)
RoomId = NewType("RoomId", bytes)
Epoch = NewType("Epoch", bytes)
MessageId = NewType("MessageId", bytes)
Username = NewType("Username", str)
RoomName = NewType("RoomName", str)
SecretHash = NewType("SecretHash", bytes)


@dataclass(frozen=True, slots=True)
class ApiKey:
    key_hash: SecretHash = field(repr=False)
    revoke_hash: SecretHash = field(repr=False)
    created_at: Instant
    revoked_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class User:
    """``name_key`` is the name's skeleton, unique for good; ``name`` is the name as shown."""

    user_id: UserId
    name: Username
    name_key: str
    password_hash: str = field(repr=False)
    created_at: Instant
    session_generation: int = 0
    deleted_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class PublicKey:
    """``version`` counts from 1 without holes."""

    version: int
    text: str
    created_at: Instant


@dataclass(frozen=True, slots=True)
class Session:
    """Valid while ``generation`` is its user's and its key is not revoked, until ``expires_at``."""

    token_hash: SecretHash = field(repr=False)
    user_id: UserId
    generation: int
    key_hash: SecretHash = field(repr=False)
    created_at: Instant
    expires_at: Instant


@dataclass(frozen=True, slots=True)
class SessionOwner:
    """What the store knows about a session in one read: the session, its user, its key."""

    session: Session
    user: User
    key_revoked: bool


@dataclass(frozen=True, slots=True)
class Caller:
    """Who speaks: the owner of a session that was valid a moment ago (at most 2 s)."""

    user_id: UserId
    username: Username
    session_id: str
    token_hash: SecretHash = field(repr=False)
    key_hash: SecretHash = field(repr=False)
    session_created_at: Instant
    expires_at: Instant


@dataclass(frozen=True, slots=True)
class Room:
    """``head`` is the newest seq, 0 in a room that never had a message."""

    room_id: RoomId
    name: RoomName
    epoch: Epoch
    head: int


class Draft(NamedTuple):
    """A message on its way to the store.

    ``after`` is the newest seq its sender had seen when it first sent this id, or None.
    ``origin`` is the caller's own: the store hands it back and never looks at it.
    """

    room_id: RoomId
    sender: UserId
    message_id: MessageId
    sent_at: Instant
    text: str
    after: int | None = None
    origin: Any = None

    def __repr__(self) -> str:
        return f"Draft({self.message_id.hex()})"


class Receipt(NamedTuple):
    """Stored durably as ``seq``. ``new`` is False for a message that was there before: then
    ``seq`` and ``sent_at`` are those of the first time."""

    seq: int
    sent_at: Instant
    new: bool


class LoggedMessage(NamedTuple):
    seq: int
    message_id: MessageId
    sender: Username
    sent_at: Instant
    text: str

    def __repr__(self) -> str:
        return f"LoggedMessage({self.seq})"
