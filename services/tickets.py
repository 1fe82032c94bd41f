"""Tickets: what a browser shows in place of its session's token, once."""

from dataclasses import dataclass, field

from services.model import Caller, Instant
from services.ports import Clock, SessionStore
from services.secret_tokens import has_form, hash_secret, new_secret
from services.sessions import Sessions

TICKET_LIFETIME_S = 30


@dataclass(frozen=True, slots=True)
class NewTicket:
    """A ticket, told this once: only its hash is kept."""

    ticket: str = field(repr=False)
    expires_at: Instant


class Tickets:
    """Makes tickets and uses them up. A ticket is worth as much as its session is by then."""

    def __init__(self, store: SessionStore, sessions: Sessions, clock: Clock) -> None:
        self._store = store
        self._sessions = sessions
        self._clock = clock

    async def create(self, caller: Caller) -> NewTicket:
        """Make a ticket for one connection within ``TICKET_LIFETIME_S``."""
        ticket = new_secret("t")
        expires_at = Instant(self._clock() + TICKET_LIFETIME_S * 1000)
        await self._store.add_ticket(hash_secret(ticket), caller.token_hash, expires_at)
        return NewTicket(ticket, expires_at)

    async def use(self, ticket: str) -> Caller | None:
        """Use the ticket up and return whose it is, as the store knows it now.

        None when it is unknown, used or expired, or when its session has ended.
        """
        if not has_form(ticket, "t"):
            return None
        token_hash = await self._store.use_ticket(hash_secret(ticket), self._clock())
        return None if token_hash is None else await self._sessions.fresh_caller(token_hash)
