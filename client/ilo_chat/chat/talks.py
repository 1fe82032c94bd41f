"""The rooms of one chat: each is listened to, and what is said goes out in its order.

Knows neither a terminal nor a script: a `Face` is told what happens.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from ilo_client import ClientError, Event, Gap, Ilo, Message, NotShown, Room, RoomInfo, Sent
from ilo_client.pins import State
from ilo_relay import ClientClosed, RelayProblem

from ilo_chat.naming import title

QUEUE: Final = 100
"""So many messages of a room may wait; then who says more has to wait."""
LOOK_S: Final = 0.2
"""How often to look whether the line is up."""
DOWN_S: Final = 1.0
"""A line that is back sooner was not worth a word."""
EARLIER: Final = 10
"""So many messages are shown of before one came."""


@dataclass(eq=False, slots=True)
class Talk:
    """A room in which one talks."""

    info: RoomInfo
    plaintext: bool
    queue: "asyncio.Queue[str]" = field(default_factory=lambda: asyncio.Queue(QUEUE))
    room: Room | None = None
    saying: str | None = None
    """What is being sent."""
    acked_seq: int = 0
    shown_seq: int = 0
    oldest_seq: int | None = None
    """The oldest message that was shown."""
    online: int | None = None
    typing: set[str] = field(default_factory=set)
    is_over: bool = False
    is_leaving: bool = False
    task: "asyncio.Task[None] | None" = None

    @property
    def name(self) -> str:
        return self.info.name

    @property
    def title(self) -> str:
        return title(self.info)

    @property
    def waiting(self) -> int:
        """How many messages are not stored yet."""
        return self.queue.qsize() + (self.saying is not None)

    @property
    def is_connected(self) -> bool:
        return self.room is not None and self.room.is_connected


class Face(Protocol):
    """Who shows what happens. None of it waits."""

    @property
    def is_full(self) -> bool:
        """Whether nothing more is to be shown: what comes then is for the next time."""
        ...

    def event(self, talk: Talk, event: Event, state: State | None) -> None:
        """Show an event; ``state`` is that of its sender's key."""

    def earlier(self, talk: Talk, found: list[tuple[Message | NotShown, State | None]]) -> None:
        """Show what was said before."""

    def sent(self, talk: Talk, sent: Sent) -> None:
        """What was said is stored."""

    def not_sent(self, talk: Talk, text: str, error: Exception | None, *, is_kept: bool) -> None:
        """``text`` was not sent. ``is_kept``: it goes out by itself, later; else it is to be given
        back. Without an ``error`` the chat ended before."""

    def line(self, talk: Talk, *, is_up: bool) -> None:
        """The line to a room was lost, or is there for the first time after a while."""

    def over(self, talk: Talk, error: Exception | None) -> None:
        """The room is closed, and will be for good."""


class Talks:
    """All rooms of one chat. Used in ``async with``: at its end every room is closed."""

    def __init__(self, ilo: Ilo, face: Face, *, plaintext: bool, shows_earlier: bool) -> None:
        self.ilo = ilo
        self.all: list[Talk] = []
        self._face = face
        self._plaintext = plaintext
        self._shows_earlier = shows_earlier
        self._news = asyncio.Event()

    # -- begin and end

    def open(self, info: RoomInfo) -> Talk:
        """Begin to talk in a room; it is connected in its own time."""
        talk = Talk(info, self._plaintext)
        self.all.append(talk)
        talk.task = asyncio.create_task(self._live(talk), name="talk")
        talk.task.add_done_callback(lambda _: self.stir())
        return talk

    async def close(self) -> None:
        """Close every room. What was shown counts as read, and what was not sent is told."""
        tasks = [talk.task for talk in self.all if talk.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for task in tasks:
            if not task.cancelled():
                task.result()

    @property
    def open_ones(self) -> list[Talk]:
        return [talk for talk in self.all if not talk.is_over]

    def stir(self) -> None:
        """Let who waits look again."""
        self._news.set()

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait for something that changes when something is shown, sent, or over.

        Raises: whatever ended a room and is no problem of the outside.
        """
        while not is_so():
            for talk in self.all:
                if talk.task is not None and talk.task.done() and not talk.task.cancelled():
                    talk.task.result()
            self._news.clear()
            await self._news.wait()

    # -- one room

    async def _live(self, talk: Talk) -> None:
        error: Exception | None = None
        watching = asyncio.create_task(self._watch(talk), name="line")
        try:
            await self._talk(talk)
        except BrokenPipeError:
            # Nobody reads what is shown: that ends more than this room.
            raise
        except (ClientError, RelayProblem, OSError, sqlite3.Error) as problem:
            error = problem
        finally:
            talk.is_over = True
            watching.cancel()
            await asyncio.wait([watching])
            await self._give_back(talk, error)
        self._face.over(talk, None if talk.is_leaving else error)

    async def _talk(self, talk: Talk) -> None:
        cursor = await asyncio.to_thread(self.ilo.memory.cursor, talk.name)
        async with self.ilo.room(talk.name, plaintext=talk.plaintext) as room:
            talk.room = room
            speaking = asyncio.create_task(self._speak(talk, room), name="speaking")
            in_hand = False
            try:
                if self._shows_earlier and cursor is not None:
                    await self.look_back(talk, before=cursor[1] + 1, limit=EARLIER)
                async for event in room:
                    in_hand = True
                    await self._show(talk, event)
                    in_hand = False
                    if self._face.is_full:
                        await forever()
            finally:
                speaking.cancel()
                await asyncio.wait([speaking])
                if not in_hand:
                    # Also when this is cancelled: the newest event was shown.
                    await room.close()

    async def _show(self, talk: Talk, event: Event) -> None:
        state = None
        if isinstance(event, Message | NotShown):
            state = await self.state_of(event.sender)
            if self._face.is_full:
                await forever()
            talk.shown_seq = event.seq
            talk.typing.discard(event.sender)
            if talk.oldest_seq is None:
                talk.oldest_seq = event.seq
        elif isinstance(event, Gap):
            talk.shown_seq = event.to_seq
        self._face.event(talk, event, state)
        self.stir()

    async def state_of(self, sender: str) -> State | None:
        """Return what is known of a sender's key; None: nothing, or it is one's own."""
        if sender == self.ilo.username:
            return None
        pin = await asyncio.to_thread(self.ilo.people.pins.of, sender)
        return None if pin is None else pin.person.state

    async def look_back(self, talk: Talk, *, before: int | None, limit: int) -> int:
        """Show older messages; return how many."""
        if talk.room is None or (before is not None and before < 1):
            return 0
        found = await talk.room.history(before=before, limit=limit)
        if found:
            talk.oldest_seq = found[0].seq
        states = [(each, await self.state_of(each.sender)) for each in found]
        self._face.earlier(talk, states)
        return len(found)

    async def _speak(self, talk: Talk, room: Room) -> None:
        while True:
            talk.saying = text = await talk.queue.get()
            try:
                sent = await room.send(text)
            except ClientClosed:
                # The room is being closed; what was being said is told there.
                return
            except (ClientError, RelayProblem, OSError, sqlite3.Error) as error:
                is_kept = await room.under_way() == text
                talk.saying = None
                self._face.not_sent(talk, text, error, is_kept=is_kept)
            else:
                talk.saying = None
                talk.acked_seq = max(talk.acked_seq, sent.seq)
                self._face.sent(talk, sent)
            self.stir()

    async def _give_back(self, talk: Talk, error: Exception | None) -> None:
        """Tell what was not sent when a room ended."""
        saying, talk.saying = talk.saying, None
        if saying is not None:
            is_kept = talk.room is not None and await talk.room.under_way() == saying
            self._face.not_sent(talk, saying, error, is_kept=is_kept)
        while not talk.queue.empty():
            self._face.not_sent(talk, talk.queue.get_nowait(), error, is_kept=False)

    async def _watch(self, talk: Talk) -> None:
        """Tell when the line stays away."""
        down_s, is_told = 0.0, False
        while True:
            await asyncio.sleep(LOOK_S)
            down_s = 0.0 if talk.is_connected else down_s + LOOK_S
            if down_s >= DOWN_S and not is_told:
                self._face.line(talk, is_up=False)
                is_told = True
            elif down_s == 0 and is_told:
                self._face.line(talk, is_up=True)
                is_told = False
            self.stir()


async def forever() -> None:
    """Wait until this is cancelled."""
    await asyncio.Event().wait()
