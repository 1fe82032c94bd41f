"""What the services need from outside, as small protocols in the services' own words."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from services.errors import IloError
from services.limits import Limits
from services.model import (
    ApiKey,
    Departure,
    Draft,
    Entry,
    Instant,
    Invited,
    LoggedMessage,
    Membership,
    PublicKey,
    Receipt,
    Room,
    RoomId,
    RoomMember,
    RoomName,
    RoomOfUser,
    SecretHash,
    Session,
    SessionOwner,
    User,
    UserId,
    Username,
)

T = TypeVar("T")

Clock = Callable[[], Instant]
"""Wall time in UTC. It may jump: nothing that must not be lost depends on it."""

Appended = tuple[Draft, Receipt | IloError]
"""One draft and what became of it: a receipt; ``IdReused``, ``StorageFull`` or, for what no
store can keep (an unknown room or sender, half of a surrogate pair), ``InvalidInput``: these
certainly not stored; or ``StoreUnavailable`` (unknown: send it again)."""


class KeyStore(Protocol):
    async def add_api_key(self, key: ApiKey) -> None: ...

    async def api_key(self, key_hash: SecretHash) -> ApiKey | None:
        """Return the key, revoked or not."""
        ...

    async def revoke_api_key(self, key_hash: SecretHash, at: Instant) -> bool:
        """Revoke the key; False when it is unknown or was revoked before."""
        ...


class UserStore(Protocol):
    async def add_user(self, user: User, public_key: PublicKey) -> None:
        """Claim ``user.name_key`` for good and add the account, or do nothing at all.

        Raises:
            NameTaken: somebody has, or had, that name key.
        """
        ...

    async def user_named(self, name_key: str) -> User | None:
        """Return the account of that name key; None when there is none or it is deleted."""
        ...

    async def user(self, user_id: UserId) -> User | None:
        """Return the account, also when it is deleted: its name stays; None for an unknown id."""
        ...

    async def change_password(self, user_id: UserId, password_hash: str, keep: SecretHash) -> bool:
        """Set the hash and raise the generation; the session ``keep`` moves along with it.

        All of it at once. False when the account is deleted.
        """
        ...

    async def rehash_password(self, user_id: UserId, old_hash: str, new_hash: str) -> bool:
        """Replace ``old_hash`` by ``new_hash`` of the same password; False if another is there."""
        ...

    async def public_key(self, user_id: UserId) -> PublicKey | None:
        """Return the newest public key; None when the account is deleted."""
        ...

    async def add_public_key(self, user_id: UserId, text: str, if_version: int, at: Instant) -> int:
        """Make ``text`` the newest key if ``if_version`` is the newest version; return its version.

        Raises:
            KeyVersionConflict: another version is the newest one.
            UserNotFound: the account is deleted.
        """
        ...

    async def delete_user(self, user_id: UserId, at: Instant) -> bool:
        """Delete the account, its keys and sessions; its name stays claimed. False: was deleted.

        Its places in rooms are left for ``leaving`` to name.
        """
        ...


class SessionStore(Protocol):
    async def add_session(self, session: Session) -> None: ...

    async def session(self, token_hash: SecretHash) -> SessionOwner | None:
        """Return the session with its user and key state; None when unknown or the user is deleted.

        Expiry, generation and key are the caller's to judge.
        """
        ...

    async def end_session(self, token_hash: SecretHash) -> bool:
        """Delete the session; False when there was none."""
        ...

    async def end_other_sessions(self, user_id: UserId, keep: SecretHash) -> None:
        """Raise the user's generation; the session ``keep`` moves along with it. All at once."""
        ...

    async def ended_sessions(self, session_ids: Sequence[str], now: Instant) -> list[str]:
        """Return those of the ids (``services.secret_tokens.session_id``) whose session is not
        valid any more: unknown, expired at ``now``, of an older generation, of a revoked key or a
        deleted account."""
        ...

    async def add_ticket(
        self, ticket_hash: SecretHash, token_hash: SecretHash, expires_at: Instant
    ) -> None: ...

    async def use_ticket(self, ticket_hash: SecretHash, now: Instant) -> SecretHash | None:
        """Use the ticket up and return its session's hash; of many callers at once one gets it.

        None when the ticket is unknown, used or expired (``expires_at`` <= ``now``).
        """
        ...

    async def sweep(self, now: Instant) -> int:
        """Delete expired sessions and tickets, a bounded number at once; return how many.

        0 when none are left, or where they go by themselves. Never takes what is valid.
        """
        ...


class RoomStore(Protocol):
    """Rooms, who is in them, and what is said there.

    A method that changes the members of a room does so all at once, and raises the room's
    ``members_version`` by one if there was something to change. Whoever gets a room gets what it
    says of its members as it was stored at one moment between question and answer; head and
    floor are each as of such a moment. Where several processes share a store, those that let one
    user in at the same moment may each count without the others.
    """

    async def enter_room(
        self, name: RoomName, user_id: UserId, now: Instant, limits: Limits
    ) -> Entry | None:
        """Return the room and the user's place in it, making the user a member if need be.

        An open room is made when there is none, and takes everybody in. A private one takes in
        who is invited. None when a private room is not there, or is not for this user. Of many
        callers at once one makes the room. ``joined_seq`` of a new member is the head.

        Raises:
            LimitReached: one more would be above ``rooms_per_user``, or above
                ``members_per_open_room``.
            UserNotFound: there is no such account, or it is deleted.
        """
        ...

    async def add_private_room(self, room: Room, limits: Limits) -> None:
        """Make the room with its owner as the one member, joined at ``created_at``.

        Raises:
            LimitReached: one more would be above the owner's ``rooms_per_user``.
            UserNotFound: the owner's account is deleted.
        """
        ...

    async def room_named(self, name: RoomName) -> Room | None:
        """Return the room; None when there is none, or it is deleted."""
        ...

    async def room(self, room_id: RoomId) -> Room | None:
        """Return the room; None when there is none, or it is deleted."""
        ...

    async def membership(self, room_id: RoomId, user_id: UserId) -> Membership | None: ...

    async def members(
        self, room_id: RoomId, after: Username | None, limit: int
    ) -> list[RoomMember]:
        """Return up to ``limit`` members and invited users with names above ``after``.

        In the order of the code points of their names; fewer than ``limit`` are the last.
        """
        ...

    async def rooms_of(
        self, user_id: UserId, after: RoomName | None, limit: int
    ) -> list[RoomOfUser]:
        """Return up to ``limit`` rooms of the user, joined or invited to, with names above
        ``after``, in the order of the code points of their names; fewer are the last."""
        ...

    async def invite(
        self, room_id: RoomId, user_id: UserId, now: Instant, limits: Limits
    ) -> Invited:
        """Invite the user to a private room; who is invited or a member already stays so.

        Raises:
            LimitReached: one more would be above ``members_per_private_room`` (invited users
                count), or above the user's ``invitations_per_user``.
            RoomNotFound: the room is deleted, or not private.
            UserNotFound: the account is deleted.
        """
        ...

    async def remove_member(self, room_id: RoomId, user_id: UserId) -> Departure | None:
        """End the membership or the invitation; None when there was none, or no room.

        When the owner goes, the member who joined first (of several the one with the least user
        id) owns the room; when no member is left, the room is deleted with its invitations.
        """
        ...

    async def delete_room(self, room_id: RoomId) -> bool:
        """Delete a private room with its members and messages; False when there was none."""
        ...

    async def leaving(self, limit: int) -> list[tuple[RoomId, UserId]]:
        """Return up to ``limit`` places in rooms that deleted accounts still have."""
        ...

    async def enforce_retention(self, now: Instant, limits: Limits) -> int:
        """Do a bounded part of what is due; return how much that was, 0 when nothing is left.

        Raises the floor of rooms that keep more messages than they may, or older ones: by the
        room's own retention, or by ``limits``. Then, a number at a time, deletes what is below
        a floor or of deleted rooms, and gives the space back. Deletes open rooms that have
        neither members nor messages. Never lowers a floor, and never forgets a head.
        """
        ...

    async def begin_epochs(self) -> int:
        """Give every room another epoch, since what is here comes from a backup; return how many
        rooms there are. Heads and floors stay: the next seq is head + 1."""
        ...

    def append(self, drafts: Sequence[Draft], done: Callable[[Sequence[Appended]], None]) -> None:
        """Store the drafts durably, each as the next ``seq`` of its room; never blocks.

        ``done`` is called on the event loop, once or several times, until each draft was in
        exactly one call; the drafts of one room come in the order given, in this call and
        across calls. ``seq`` is dense: a refused draft takes none. ``(room, sender,
        message_id)`` names a message for good: with the same text the first receipt again
        (``new`` False), with another ``IdReused``, in one group too. A failed group leaves
        nothing behind that was not told. One of each draft's outcomes comes for sure, also
        when the store is closed meanwhile (``StoreUnavailable``).

        What was asked for before a ``StoreUnavailable`` was told, and comes behind it, is not
        stored either: who sends again all that has no receipt keeps its order.
        """
        ...

    async def messages_after(
        self, room_id: RoomId, after: int, limit: int, max_bytes: int
    ) -> list[LoggedMessage]:
        """Return up to ``limit`` messages with ``seq`` > ``after``, oldest first.

        None of them is below the room's floor, and from the first on there are no holes. Stops
        before the texts exceed ``max_bytes`` (UTF-8), but not before the first message. Empty
        means that there is none, or no such room.
        """
        ...

    async def messages_before(
        self, room_id: RoomId, before: int | None, floor: int, limit: int, max_bytes: int
    ) -> list[LoggedMessage]:
        """Return the newest ``limit`` messages with ``floor`` <= ``seq`` < ``before``, oldest
        first; None for ``before`` is the head + 1.

        None of them is below the room's own floor. Takes no older one where the texts would
        exceed ``max_bytes`` (UTF-8), but at least one.
        """
        ...


class Store(KeyStore, UserStore, SessionStore, RoomStore, Protocol):
    """Everything Ilo keeps. A method that cannot reach its data raises ``StoreUnavailable``;
    one that finds no space raises ``StorageFull``."""

    async def check(self) -> None:
        """Return if the store can read and write; else ``StoreUnavailable`` or ``StorageFull``."""
        ...

    async def close(self) -> None:
        """Finish what was begun, then let go of everything. Safe to call twice."""
        ...


class WorkPool(Protocol):
    """A bounded number of workers for heavy computation, with a bounded queue."""

    def run(self, work: Callable[[], T]) -> Awaitable[T]:
        """Run ``work`` off the event loop.

        Raises:
            Overloaded: the queue is full; nothing was started.
        """
        ...
