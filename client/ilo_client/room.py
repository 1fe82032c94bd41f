"""A room: what is said there, and what is heard."""

import asyncio
import logging
from collections import deque
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, assert_never
from uuid import uuid4

from ilo_relay import Event as Frame
from ilo_relay import (
    Failure,
    Head,
    Member,
    MessageOut,
    Position,
    RelayProblem,
    RoomClient,
    SignalOut,
    Welcome,
)
from ilo_relay import Gap as RelayGap
from ilo_relay import Presence as RelayPresence

from ilo_client.errors import ClientError, Refused
from ilo_client.events import (
    Back,
    Change,
    ChangeKind,
    Event,
    Gap,
    Message,
    NotShown,
    Presence,
    Sent,
    Typing,
)
from ilo_client.failures import NotLoggedIn, ServerRefused, Unreachable
from ilo_client.reading import Reading, not_shown
from ilo_client.roster import Roster, roster_of
from ilo_client.sending import Sending

if TYPE_CHECKING:
    from ilo_client.ilo import Ilo

log = logging.getLogger("ilo_client")

IDLE_S: Final = 0.05
"""So long after the newest event was taken, when nothing follows, it is written down."""
UNWRITTEN: Final = 50
"""So many events may be taken before that is written down in any case."""
WAITING: Final = 256
"""So many events wait until somebody takes them; then nothing more is read."""
ROSTER_S: Final = 30.0
"""How long the members are believed to have the same keys, without hearing of another."""
PATIENCE_S: Final = 60.0
"""How long to ask again for the members while the server does not answer."""
_KINDS: Final[dict[str, ChangeKind]] = {"joined": "joined", "left": "left", "removed": "removed"}


class Room:
    """A room, from where this person was in it, and from the beginning the first time.

    ::

        async with ilo.room(name) as room:
            await room.send("hello?")
            async for event in room:
                ...

    When the line is lost it comes back by itself: every message comes once, in its order. An
    event counts as taken when the next one is asked for, or the room is closed without an error:
    after a crash it may come again. Sending and iterating raise
    :class:`ilo_relay.RelayProblem` when the relay says not to come back.
    """

    def __init__(self, ilo: "Ilo", name: str, *, plaintext: bool) -> None:
        self.name = name
        self.plaintext = plaintext
        self._ilo = ilo
        self._memory = ilo.memory
        self._pins = ilo.people.pins
        self._reading = Reading(
            name, ilo.username, lambda: ilo.pairs, ilo.memory, self._pins, plaintext=plaintext
        )
        self._client: RoomClient | None = None
        self._sending: Sending | None = None
        self._roster: Roster | None = None
        self._roster_at_s = 0.0
        self._told: set[Change] = set()
        self._is_first_time = False
        self._newest: Position | None = None
        self._events: deque[tuple[Event, Position | None]] = deque()
        self._news = asyncio.Event()
        self._less = asyncio.Event()
        self._hearing: asyncio.Task[None] | None = None
        self._shown: Position | None = None
        self._taken: Position | None = None
        self._unwritten = 0
        self._rest: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Room {self.name!r}: {self._client!r}>"

    # -- begin and end

    async def __aenter__(self) -> Self:
        session = self._ilo.session
        if session.relay_url is None or session.token is None:
            raise NotLoggedIn
        cursor = await asyncio.to_thread(self._memory.cursor, self.name)
        self._is_first_time = cursor is None
        client = RoomClient(
            session.relay_url,
            room=self.name,
            token=session.token,
            since=0 if cursor is None else cursor[1],
            epoch=None if cursor is None else cursor[0],
            tls=self._ilo.tls,
        )
        await client.__aenter__()
        self._client = client
        self._sending = Sending(
            client,
            self.name,
            self._ilo.username,
            lambda: self._ilo.pairs,
            self._memory,
            self._ilo.home,
            self._roster_to_send,
        )
        try:
            self._newest = Position(client.welcome.epoch, client.welcome.head)
            await self._came_in(client.welcome)
        except BaseException:
            await self.close()
            raise
        self._hearing = asyncio.create_task(self._hear(client), name="ilo room")
        self._hearing.add_done_callback(lambda _: self._news.set())
        if not self.plaintext:
            self._rest = asyncio.create_task(self._send_rest(self._sending), name="ilo rest")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self._take()
        await self._end()

    async def close(self) -> None:
        """Say goodbye; the newest event is dealt with. Closing twice is once."""
        self._take()
        await self._end()

    async def _end(self) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        try:
            for task in (self._rest, self._hearing):
                if task is not None:
                    task.cancel()
                    await asyncio.wait([task])
            await self._write_place()
        finally:
            await client.close()

    # -- what it shows

    @property
    def is_connected(self) -> bool:
        """Whether the line is up now; if not, it comes back by itself while the room is open."""
        return self._client is not None and self._client.is_connected

    @property
    def members(self) -> tuple[str, ...]:
        """Who is a member, by the server's word; empty until it was asked."""
        return () if self._roster is None else self._roster.members

    @property
    def unreachable(self) -> tuple[str, ...]:
        """The members for whom nothing can be encrypted: they have no valid card."""
        return () if self._roster is None else self._roster.unreachable

    # -- what is said

    async def send(self, text: str, *, type: str = "text") -> Sent:
        """Say something; return when the server has stored it.

        It is encrypted for the members as they are at that moment, with the keys that this client
        has heard of. When this is cancelled, or
        ends with an error of the relay, the message may still go out, once, now or when the
        room is opened again.

        Raises:
            KeysChanged: nothing is sent until the new keys are accepted.
            TooLarge: it is too long for so many members.
            NotLoggedIn, ServerRefused, Unreachable: of the members that were to be looked up.
            RelayProblem: the relay refuses it, or cannot be reached any more.
        """
        if self.plaintext:
            ack = await self._opened().send_message(text, id=str(uuid4()))
            return Sent(ack.id, ack.seq, ack.sent_at)
        return await self._sender().send(text, type)

    async def under_way(self) -> str | None:
        """Return what this folder has to say here, and of which it is not known that the server
        has it: it goes out once, before what is sent next, or when the room is opened again. None:
        there is nothing, as always in a ``plaintext`` room. May be asked when the room is closed.
        """
        if self.plaintext or self._sending is None:
            return None
        return await asyncio.to_thread(self._sending.under_way)

    async def send_under_way(self) -> None:
        """Send what is under way now, if anything is; a key was accepted, for example.

        Raises:
            KeysChanged, NotLoggedIn, ServerRefused, Unreachable, RelayProblem: as by `send`.
        """
        if not self.plaintext:
            await self._sender().send_rest()

    async def send_typing(self, is_typing: bool = True) -> None:
        """Tell the others that this person types. Not encrypted, and not kept."""
        await self._opened().send_signal({"typing": is_typing})

    async def history(self, before: int | None = None, limit: int = 50) -> list[Message | NotShown]:
        """Return up to ``limit`` older messages, oldest first: the newest ones, or those before
        the seq ``before``. There may be fewer although older ones exist; empty: there are none."""
        client = self._opened()
        answer = await client.send_history(before=before, limit=limit)
        for sender in {frame.sender for frame in answer.messages}:
            if self.plaintext or sender == self._ilo.username:
                continue
            if await asyncio.to_thread(self._pins.of, sender) is None:
                await self._pin(sender)
        return await asyncio.to_thread(self._reading.page, answer.messages, client.welcome.epoch)

    # -- what comes

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        self._opened()
        self._take()
        if self._unwritten >= UNWRITTEN:
            await self._write_place()
        while not self._events:
            self._news.clear()
            if self._hearing is None or self._hearing.done():
                return await self._ended()
            try:
                async with asyncio.timeout(None if self._taken is None else IDLE_S):
                    await self._news.wait()
            except TimeoutError:
                await self._write_place()
        event, place = self._events.popleft()
        self._shown = place or self._shown
        self._less.set()
        return event

    async def _ended(self) -> Event:
        """Raise why there will be no more events."""
        await self._write_place()
        if self._hearing is not None and not self._hearing.cancelled():
            self._hearing.result()
        raise StopAsyncIteration

    def _take(self) -> None:
        """What was shown is taken."""
        if self._shown is not None:
            self._taken, self._shown = self._shown, None
            self._unwritten += 1

    async def _write_place(self) -> None:
        place, self._taken, self._unwritten = self._taken, None, 0
        if place is not None:
            await asyncio.to_thread(self._memory.keep_cursor, self.name, place.epoch, place.seq)

    async def _hear(self, client: RoomClient) -> None:
        """Turn what the relay sends into events, also while nobody takes them: whoever sends has
        to know of other keys."""
        async for frame in client:
            place = client.cursor
            if isinstance(frame, MessageOut | RelayGap):
                self._newest = place
            self._reached(await self._meaning(frame, place), place)
            while len(self._events) >= WAITING:
                self._less.clear()
                await self._less.wait()

    def _reached(self, events: list[Event], place: Position) -> None:
        """The place is reached when the newest event is taken."""
        self._say(events)
        if self._events:
            event, _ = self._events.pop()
            self._events.append((event, place))
        elif self._shown is not None:
            self._shown = place
        else:
            self._taken = place

    async def _meaning(self, frame: Frame, place: Position) -> list[Event]:
        match frame:
            case MessageOut():
                self._is_first_time = False
                return await self._message(frame, place.epoch)
            case Welcome():
                return [Back(), *await self._came_in(frame)]
            case Member():
                return await self._member(frame)
            case RelayGap():
                return await self._gap(frame)
            case RelayPresence(username=str(name), event="online" | "offline" as event):
                return [Presence(name, event == "online", frame.online)]
            case SignalOut(sender=name, data={"typing": bool(is_typing)}):
                return [Typing(name, is_typing)]
            case RelayPresence() | SignalOut() | Head() | Failure():
                return []
            case _:
                assert_never(frame)

    async def _message(self, frame: MessageOut, epoch: str) -> list[Event]:
        events: list[Event] = []
        for is_again in (False, True):
            try:
                shown, strangers = await asyncio.to_thread(self._reading.live, frame, epoch)
            except Refused as refused:
                if is_again or refused.code not in ("unpinned", "key-changed"):
                    return [*events, not_shown(frame, refused)]
                events += await self._pin(frame.sender)
                if refused.code == "key-changed":
                    return [*events, not_shown(frame, refused)]
            else:
                break
        if shown is None:
            return events
        if strangers and self._is_fresh(frame, epoch):
            # Somebody may have joined, and nobody told us yet.
            events += await self._look_if_possible()
            strangers = await asyncio.to_thread(
                self._reading.received.strangers, strangers, (epoch, frame.seq)
            )
        if strangers:
            shown = replace(shown, warnings=(*shown.warnings, "unknown-recipient"))
        return [*events, shown]

    def _is_fresh(self, frame: MessageOut, epoch: str) -> bool:
        welcome = self._opened().welcome
        return epoch != welcome.epoch or frame.seq > welcome.head

    async def _gap(self, gap: RelayGap) -> list[Event]:
        is_first, self._is_first_time = self._is_first_time, False
        if not self.plaintext:
            await asyncio.to_thread(self._reading.received.gap_told)
        if is_first and gap.reason == "retention":
            # Where one never was nothing is missing.
            return []
        return [Gap(gap.from_seq, gap.to_seq, gap.reason)]

    async def _member(self, frame: Member) -> list[Event]:
        events: list[Event] = []
        if frame.username is not None and frame.event in _KINDS:
            events.append(Change(_KINDS[frame.event], frame.username))
        return [*events, *await self._look_if_possible()]

    async def _came_in(self, welcome: Welcome) -> list[Event]:
        if not self.plaintext:
            await asyncio.to_thread(self._reading.received.forget, welcome.epoch, welcome.floor)
        events = await self._look_if_possible()
        self._say(events)
        return []

    # -- members

    async def _look_if_possible(self) -> list[Event]:
        """Look at the members; when that fails, whoever needs them looks again."""
        self._roster = None
        try:
            return (await self._look())[1]
        except (Unreachable, ServerRefused, NotLoggedIn) as error:
            log.info("cannot look at the members", extra={"reason": str(error)})
            return []

    async def _look(self) -> tuple[Roster, list[Event]]:
        """Look at the members; return them, and what is new about them."""
        newest = self._newest
        found = await self._ilo.server.room(self.name)
        roster = await asyncio.to_thread(
            roster_of, found, self._ilo.username, self._pins, self._memory
        )
        if newest is not None and not self.plaintext:
            await asyncio.to_thread(
                self._reading.received.members_are, roster.kids(), (newest.epoch, newest.seq)
            )
        self._roster, self._roster_at_s = roster, asyncio.get_running_loop().time()
        changes = [Change("key-changed", name) for name in roster.changed]
        changes += [Change("still-listed", name) for name in roster.expelled]
        if self.plaintext:
            changes = []
        told, self._told = self._told, set(changes)
        return roster, [change for change in changes if change not in told]

    async def _roster_to_send(self, fresh: bool) -> Roster:
        client, loop = self._opened(), asyncio.get_running_loop()
        roster = self._roster
        if (
            roster is not None
            and not fresh
            and not roster.changed
            and roster.version >= client.members_version
            and loop.time() - self._roster_at_s < ROSTER_S
            # Whom this person removed counts at once, whatever the server tells.
            and not await asyncio.to_thread(self._memory.expelled, self.name) & roster.readers
        ):
            return roster
        begun, pause_s = loop.time(), IDLE_S
        while True:
            try:
                roster, events = await self._look()
            except Unreachable:
                if loop.time() - begun > PATIENCE_S:
                    raise
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, 2.0)
            else:
                self._say(events)
                return roster

    async def _pin(self, name: str) -> list[Event]:
        """Look at somebody's card, and pin them if they are new."""
        try:
            shown = (await self._ilo.server.user(name)).detail
        except (Unreachable, ServerRefused, NotLoggedIn) as error:
            log.info("cannot look at a card", extra={"reason": str(error)})
            return []
        pin = await asyncio.to_thread(self._pins.see, name, shown)
        change = Change("key-changed", name)
        if pin is None or not pin.is_changed or change in self._told:
            return []
        self._told.add(change)
        self._roster = None
        return [change]

    # -- the rest

    def _say(self, events: list[Event]) -> None:
        """Let who iterates have events that no frame brought."""
        self._events.extend((event, None) for event in events)
        self._news.set()

    async def _send_rest(self, sending: Sending) -> None:
        try:
            await sending.send_rest()
        except (ClientError, RelayProblem) as error:
            # It is kept: whoever sends next hears of what is wrong.
            log.info("what was under way stays", extra={"reason": type(error).__name__})

    def _sender(self) -> Sending:
        if self._client is None or self._sending is None:
            raise ClientError("this room is not open: use `async with`")
        return self._sending

    def _opened(self) -> RoomClient:
        if self._client is None:
            raise ClientError("this room is not open: use `async with`")
        return self._client
