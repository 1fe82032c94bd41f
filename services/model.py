"""The shapes that services, stores and doors share: plain immutable values.

Instants are whole milliseconds since 1970-01-01T00:00:00Z. Identifiers of users, rooms,
epochs and messages are the 16 bytes of a UUID. Secrets appear here only as SHA-256 hashes.
"""

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, NewType

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


MemberState = Literal["joined", "invited"]


@dataclass(frozen=True, slots=True)
class Membership:
    """A user in a room, or invited to it.

    ``joined_seq`` is the room's head when the user joined; what a private room said up to there
    is not for them, unless the room shows all of its history. ``since`` is when they joined, or
    were invited.
    """

    user_id: UserId
    state: MemberState
    joined_seq: int
    since: Instant


@dataclass(frozen=True, slots=True)
class Room:
    """``head`` is the newest seq, 0 in a room that never had a message; ``floor`` the oldest that
    is kept, ``head`` + 1 if none is.

    ``members`` have joined; ``members_version`` goes up with every change of members and
    invitations. An open room has no ``owner``. None for the retention is what the operator has
    set for all rooms.
    """

    room_id: RoomId
    name: RoomName
    epoch: Epoch
    head: int
    floor: int = 1
    members: int = 0
    members_version: int = 0
    owner: UserId | None = None
    retention_s: int | None = None
    retention_messages: int | None = None
    shows_all_history: bool = True
    created_at: Instant = Instant(0)

    @property
    def is_private(self) -> bool:
        return self.owner is not None

    def floor_of(self, membership: Membership) -> int:
        """Return the oldest kept seq that this member may read, ``head`` + 1 if there is none."""
        if membership.state == "invited":
            return self.head + 1
        if self.shows_all_history:
            return self.floor
        return max(self.floor, membership.joined_seq + 1)


@dataclass(frozen=True, slots=True)
class Entry:
    """Who came into a room, as the store knew both at that moment. ``joined`` tells that it was
    this that made them a member."""

    room: Room
    membership: Membership
    joined: bool


@dataclass(frozen=True, slots=True)
class RoomMember:
    """A row of a room's list of members."""

    username: Username
    state: MemberState
    since: Instant
    public_key: PublicKey


@dataclass(frozen=True, slots=True)
class RoomOfUser:
    """A row of a user's list of rooms. ``owner`` is None in open rooms."""

    room: Room
    membership: Membership
    owner: Username | None


@dataclass(frozen=True, slots=True)
class Invited:
    """What an invitation came to. ``is_new`` is False when there was nothing to do: ``state`` is
    what it was before. ``room`` is as it is now."""

    state: MemberState
    room: Room
    is_new: bool


@dataclass(frozen=True, slots=True)
class Departure:
    """Somebody is a member, or invited, no more. ``was`` is what they were.

    ``room`` is as it is now; None when no member was left, and it is deleted.
    """

    was: MemberState
    room: Room | None


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
