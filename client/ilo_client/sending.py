"""How what is said gets into an encrypted room: sealed once, kept, and stored once."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Final
from uuid import uuid4

from ilo_relay import Ack, InvalidFrame, RelayError, RoomClient

from ilo_client.envelope import Link, seal
from ilo_client.events import Sent
from ilo_client.failures import KeysChanged
from ilo_client.home import Home
from ilo_client.keys import EncryptionKey, KeyPairs
from ilo_client.memory import Memory
from ilo_client.opening import Opened, open_envelope
from ilo_client.outbox import Outbox, Outgoing
from ilo_client.roster import Roster

TRIES: Final = 20
"""So often a message is sent again, where the relay says that this may help."""
PAUSE_S: Final = (0.05, 2.0)
"""The first pause between two tries, and the longest; each is twice the one before."""


class Sending:
    """Sends to one room. ``roster`` returns the members as they are now, or with its argument
    True only those that were just asked for."""

    def __init__(
        self,
        client: RoomClient,
        room: str,
        username: str,
        pairs: Callable[[], KeyPairs],
        memory: Memory,
        home: Home,
        roster: Callable[[bool], Awaitable[Roster]],
    ) -> None:
        self._client = client
        self._room = room
        self._username = username
        self._pairs = pairs
        self._home = home
        self._outbox = Outbox(memory, room)
        self._roster = roster

    async def send(self, body: str, type: str) -> Sent:
        """Send a new message, after what is left of before.

        Raises:
            KeysChanged, TooLarge, RelayProblem, NotLoggedIn, Unreachable.
        """
        async with self._turn():
            await self._send_rest()
            roster = await self._may_send(fresh=False, is_kept=False)
            form = await asyncio.to_thread(self._new, roster, type, body, self._place())
            return await self._deliver(form, roster)

    def under_way(self) -> str | None:
        """Return what is said by the message that has no answer yet; None: there is none."""
        forms = self._outbox.forms()
        return self._opened(forms[0]).body if forms else None

    async def send_rest(self) -> None:
        """Send what is left of before, if anything is."""
        if await asyncio.to_thread(self._outbox.forms):
            async with self._turn():
                await self._send_rest()

    def _turn(self) -> AbstractAsyncContextManager[None]:
        return self._home.one_at_a_time(f"sending to {self._room}")

    async def _send_rest(self) -> None:
        forms = await asyncio.to_thread(self._outbox.forms)
        if forms:
            roster = await self._may_send(fresh=False, is_kept=True)
            form = await asyncio.to_thread(self._sealed_for, roster, forms[0])
            await self._deliver(form, roster)

    def _new(self, roster: Roster, type: str, body: str, at: tuple[str, int]) -> Outgoing:
        form = self._seal(roster, str(uuid4()), self._outbox.next_link(), type, body, at)
        self._outbox.put(form)
        return form

    def _place(self) -> tuple[str, int]:
        """Return epoch and seq of the newest message that is known."""
        welcome, cursor = self._client.welcome, self._client.cursor
        seen = cursor.seq if cursor.epoch == welcome.epoch else 0
        return welcome.epoch, max(welcome.head, seen)

    async def _may_send(self, *, fresh: bool, is_kept: bool) -> Roster:
        roster = await self._roster(fresh)
        if roster.changed:
            raise KeysChanged(roster.changed, is_kept=is_kept)
        return roster

    async def _deliver(self, form: Outgoing, roster: Roster) -> Sent:
        """Send ``form``, or whatever it has to become, until the relay has it."""
        attempt = 0
        while True:
            try:
                ack = await self._client.send_message(
                    form.text,
                    id=form.mid,
                    after=form.after_in(self._client.welcome.epoch),
                    if_members=roster.version,
                )
            except InvalidFrame:
                # It never went out, and never can.
                await asyncio.to_thread(self._outbox.drop)
                raise
            except RelayError as error:
                attempt += 1
                if error.code == "id-reused":
                    form, ack = await self._find_stored(error)
                elif attempt == TRIES:
                    raise
                elif error.code == "members-changed":
                    refused, roster = roster, await self._may_send(fresh=True, is_kept=True)
                    form = await asyncio.to_thread(self._sealed_for, roster, form)
                    if roster.version == refused.version:
                        # The two doors hear of a change one after the other.
                        await asyncio.sleep(_pause_s(attempt))
                    continue
                elif error.again:
                    await asyncio.sleep(error.retry_after or _pause_s(attempt))
                    continue
                else:
                    # The relay may say one thing and do another: the link is used up.
                    await asyncio.to_thread(self._outbox.stored, form)
                    raise
            await asyncio.to_thread(self._outbox.stored, form)
            return Sent(ack.id, ack.seq, ack.sent_at)

    async def _find_stored(self, error: RelayError) -> tuple[Outgoing, Ack]:
        """Return which earlier form of the message under way the relay has: of that one it repeats
        the ack, and any other it refuses."""
        newest, *others = await asyncio.to_thread(self._outbox.forms)
        for form in others:
            try:
                ack = await self._client.send_message(
                    form.text, id=form.mid, after=form.after_in(self._client.welcome.epoch)
                )
            except RelayError as refusal:
                if refusal.code != "id-reused":
                    raise
            else:
                return form, ack
        await asyncio.to_thread(self._outbox.stored, newest)
        raise error

    def _seal(
        self, roster: Roster, mid: str, link: Link, type: str, body: str, at: tuple[str, int]
    ) -> Outgoing:
        sealed = seal(
            self._pairs(),
            room=self._room,
            sender=self._username,
            mid=mid,
            to=self._keys(roster),
            link=link,
            ts_ms=now_ms(),
            type=type,
            body=body,
        )
        return Outgoing(mid, sealed.text, sealed.digest, link.seq, *at)

    def _sealed_for(self, roster: Roster, form: Outgoing) -> Outgoing:
        """Return the message of ``form`` for these members, with the same id and link."""
        opened = self._opened(form)
        if set(opened.to_kids) == {key.kid for key in self._keys(roster)}:
            return form
        again = self._seal(
            roster, form.mid, opened.link, opened.type, opened.body, (form.epoch, form.after)
        )
        self._outbox.put(again)
        return again

    def _opened(self, form: Outgoing) -> Opened:
        pairs = self._pairs()
        return open_envelope(
            form.text,
            room=self._room,
            sender=self._username,
            pairs=pairs,
            pin=lambda _: pairs.identity.public,
        )

    def _keys(self, roster: Roster) -> list[EncryptionKey]:
        mine = self._pairs().encryption[0].public
        return [mine, *(key for key in roster.encryption_keys() if key.kid != mine.kid)]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def _pause_s(attempt: int) -> float:
    first, longest = PAUSE_S
    return min(longest, first * 2.0**attempt)
