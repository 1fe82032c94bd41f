"""Sessions: what a login makes, and who speaks when a token is shown."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from services.errors import NotLoggedIn
from services.events import SessionsEnded, Tell
from services.model import (
    Caller,
    Instant,
    SecretHash,
    Session,
    SessionOwner,
    User,
    UserId,
    Username,
)
from services.ports import Clock, SessionStore
from services.secret_tokens import has_form, hash_secret, new_secret, session_id

REMEMBERED_S = 2.0
"""For how long a session that was ended elsewhere may still be taken for valid."""
MAX_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session and its token, told this once: only the token's hash is kept."""

    token: str = field(repr=False)
    username: Username
    expires_at: Instant


class Sessions:
    """Starts, finds and ends sessions.

    A session is valid while its generation is its user's, the API key it was made with is not
    revoked, and until ``expires_at``. ``lifetime_s`` is the whole life of a session: there is
    no idle expiry. ``now_s`` is a monotonic clock in seconds.

    Callers are remembered for up to ``REMEMBERED_S``, at most ``MAX_REMEMBERED`` of them; ends
    that are made through this object take effect at once, and are told.
    """

    def __init__(
        self,
        store: SessionStore,
        clock: Clock,
        *,
        lifetime_s: int,
        now_s: Callable[[], float],
        tell: Tell,
    ) -> None:
        self._store = store
        self._tell = tell
        self._clock = clock
        self._lifetime_ms = lifetime_s * 1000
        self._now_s = now_s
        # Each caller with the instant at which the store was asked; the oldest is first.
        self._remembered: OrderedDict[SecretHash, tuple[Caller, float]] = OrderedDict()
        self._ends = 0

    async def start(self, user: User, key_hash: SecretHash) -> NewSession:
        """Start a session of ``user`` as read: if its generation is over by now, so is this."""
        token = new_secret("s")
        now = self._clock()
        session = Session(
            token_hash=hash_secret(token),
            user_id=user.user_id,
            generation=user.session_generation,
            key_hash=key_hash,
            created_at=now,
            # To whole seconds, upwards: relays are told seconds, and must agree with us.
            expires_at=Instant(-(-(now + self._lifetime_ms) // 1000) * 1000),
        )
        await self._store.add_session(session)
        return NewSession(token, user.name, session.expires_at)

    async def caller(self, token: str) -> Caller:
        """Return whose session that is, as known a moment ago.

        Raises:
            NotLoggedIn: nobody's, or not any more.
        """
        caller = self.remembered_caller(token)
        if caller is None:
            caller = await self._ask_and_remember(hash_secret(token))
        if caller is None:
            raise NotLoggedIn
        return caller

    def remembered_caller(self, token: str) -> Caller | None:
        """Return what ``caller`` would without asking the store; None when it has to.

        Raises:
            NotLoggedIn: ``token`` is not the token of a session.
        """
        if not has_form(token, "s"):
            raise NotLoggedIn
        return self._recall(hash_secret(token))

    async def fresh_caller(self, token_hash: SecretHash) -> Caller | None:
        """Return whose session that is, as the store knows it now; None for nobody's."""
        owner = await self._store.session(token_hash)
        if owner is None or not _is_valid(owner, self._clock()):
            return None
        return Caller(
            user_id=owner.user.user_id,
            username=owner.user.name,
            session_id=session_id(token_hash),
            token_hash=token_hash,
            key_hash=owner.session.key_hash,
            session_created_at=owner.session.created_at,
            expires_at=owner.session.expires_at,
        )

    async def end(self, caller: Caller) -> None:
        """End the caller's session."""
        try:
            await self._store.end_session(caller.token_hash)
        finally:
            # Only now: what was remembered while the store was at it would be wrong. Without
            # an answer from the store too: it may have done it.
            self.have_ended(caller.user_id)

    async def end_others(self, caller: Caller) -> None:
        """End all sessions of the caller's user but this one."""
        try:
            await self._store.end_other_sessions(caller.user_id, caller.token_hash)
        finally:
            self.have_ended(caller.user_id)

    async def ended(self, session_ids: Sequence[str]) -> list[str]:
        """Return those of the ids that name no valid session, as the store knows it now."""
        return await self._store.ended_sessions(session_ids, self._clock())

    def have_ended(self, user_id: UserId) -> None:
        """Ask the store about the user's sessions from now on: some were ended there."""
        self._ends += 1
        gone = [
            token_hash
            for token_hash, (caller, _) in self._remembered.items()
            if caller.user_id == user_id
        ]
        for token_hash in gone:
            del self._remembered[token_hash]
        self._tell(SessionsEnded(user_id))

    def _recall(self, token_hash: SecretHash) -> Caller | None:
        remembered = self._remembered.get(token_hash)
        if remembered is None:
            return None
        caller, asked_s = remembered
        is_recent = self._now_s() - asked_s < REMEMBERED_S
        return caller if is_recent and caller.expires_at > self._clock() else None

    async def _ask_and_remember(self, token_hash: SecretHash) -> Caller | None:
        asked_s, ends = self._now_s(), self._ends
        caller = await self.fresh_caller(token_hash)
        # The answer may be older than an end that was made while it was on its way.
        if caller is not None and ends == self._ends:
            self._remembered[token_hash] = (caller, asked_s)
            self._remembered.move_to_end(token_hash)
            if len(self._remembered) > MAX_REMEMBERED:
                self._remembered.popitem(last=False)
        return caller


def _is_valid(owner: SessionOwner, now: Instant) -> bool:
    return (
        owner.session.generation == owner.user.session_generation
        and not owner.key_revoked
        and owner.session.expires_at > now
    )
