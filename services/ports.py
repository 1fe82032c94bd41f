"""What the services need from outside, as small protocols in the services' own words."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from services.errors import IloError
from services.model import (
    ApiKey,
    Draft,
    Instant,
    LoggedMessage,
    PublicKey,
    Receipt,
    Room,
    RoomId,
    RoomName,
    SecretHash,
    Session,
    SessionOwner,
    User,
    UserId,
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
        """Delete the account, its keys and sessions; its name stays claimed. False: was deleted."""
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

    async def add_ticket(
        self, ticket_hash: SecretHash, token_hash: SecretHash, expires_at: Instant
    ) -> None: ...

    async def use_ticket(self, ticket_hash: SecretHash, now: Instant) -> SecretHash | None:
        """Use the ticket up and return its session's hash; of many callers at once one gets it.

        None when the ticket is unknown, used or expired (``expires_at`` <= ``now``).
        """
        ...

    async def sweep(self, now: Instant) -> int:
        """Delete expired sessions and tickets, a bounded number at once; return how many."""
        ...


class RoomStore(Protocol):
    async def open_room(self, name: RoomName, now: Instant) -> Room:
        """Return the open room of that name with its head as stored; make it if there is none.

        Many callers at once get the same room.
        """
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

        Stops before the texts exceed ``max_bytes`` (UTF-8), but not before the first message.
        Empty means that there is none.
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
