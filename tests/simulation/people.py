"""Users, their sessions, and the gatekeeper who knows them."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from relay.introspect import Admitted, ApiUnavailable, TokenKind
from services.model import Caller, Instant, SecretHash, UserId, Username
from tests.simulation.chance import Chance
from tests.simulation.loop import MS_A_SECOND
from tests.support.relay import DAY_MS, user_id_of

LIVES_MS = (DAY_MS, DAY_MS, 30 * 60 * 1000)
"""How long a session lives; the short ones may be over when the clock jumps."""


@dataclass(slots=True)
class Session:
    session_id: str
    token: str
    person: "Person"
    expires_at: Instant
    ended_ms: int | None = None


class Person:
    def __init__(self, name: str) -> None:
        self.name = name
        self.user_id = UserId(user_id_of(name))
        self.session: Session

    def caller(self) -> Caller:
        """Return who speaks when this person asks something of the API."""
        nothing = SecretHash(b"")
        return Caller(
            self.user_id,
            Username(self.name),
            self.session.session_id,
            nothing,
            nothing,
            Instant(0),
            self.session.expires_at,
        )


class People:
    """Everybody, and the sessions of all of them. ``clock`` tells the time of day."""

    def __init__(self, names: Sequence[str], chance: Chance, clock: Callable[[], Instant]) -> None:
        self._chance = chance
        self._clock = clock
        self._latest = Instant(0)
        self.sessions: dict[str, Session] = {}
        self._by_token: dict[str, Session] = {}
        self.everybody = {name: Person(name) for name in names}
        for person in self.everybody.values():
            self.log_in(person)

    def log_in(self, person: Person) -> None:
        """Give the person a new session; the one before goes on."""
        session_id = self._chance.some_bytes(16).hex()
        expires_at = Instant(self._clock() + self._chance.pick(LIVES_MS))
        session = Session(session_id, f"ilo_s_{session_id}", person, expires_at)
        person.session = self.sessions[session_id] = self._by_token[session.token] = session

    def log_out(self, session: Session, now_ms: int) -> None:
        if session.ended_ms is None:
            session.ended_ms = now_ms

    def with_token(self, token: str) -> Session | None:
        """Return the session of that token, if it is valid."""
        session = self._by_token.get(token)
        return session if session is not None and self.is_valid(session) else None

    def is_valid(self, session: Session) -> bool:
        return session.ended_ms is None and session.expires_at > self._clock()

    def clock_jumps(self) -> None:
        """The clock is about to go back: what was over by it was over."""
        self._latest = max(self._latest, self._clock())

    def was_never_over(self, session: Session) -> bool:
        """Tell whether the session was valid from its beginning until now."""
        return self.is_valid(session) and session.expires_at > self._latest


class Doorkeeper:
    """Lets everybody in who is known, now and then late, and sometimes cannot tell.

    ``blind_ms`` is when it last could not.
    """

    def __init__(self, people: People, chance: Chance, now_ms: Callable[[], int]) -> None:
        self._people = people
        self._chance = chance
        self._now_ms = now_ms
        self.blind_ms = -DAY_MS

    async def ask(self, token: str, kind: TokenKind) -> Admitted | None:
        del kind
        await self._way()
        session = self._people.with_token(token)
        await self._way()
        if session is None:
            return None
        person = session.person
        return Admitted(
            person.user_id, Username(person.name), session.session_id, session.expires_at
        )

    async def ended(self, session_ids: Sequence[str]) -> frozenset[str]:
        await self._way()
        ended = frozenset(
            one for one in session_ids if not self._people.is_valid(self._people.sessions[one])
        )
        await self._way()
        return ended

    async def _way(self) -> None:
        chance = self._chance
        await asyncio.sleep(chance.lag_ms(10) / MS_A_SECOND)
        if chance.happens(chance.faults.refused / 2):
            self.blind_ms = self._now_ms()
            raise ApiUnavailable("simulated")
