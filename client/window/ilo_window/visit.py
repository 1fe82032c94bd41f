"""One room that is open: what comes from it, and what is said there, in its order."""

import asyncio
from collections.abc import Callable
from typing import Final

from ilo_client import ClientError, Ilo, KeysChanged, NotLoggedIn, Room
from ilo_relay import InvalidFrame, RelayError, RelayProblem

from ilo_window.asks import Older, Send
from ilo_window.news import Delivery, Ended, Failed, Happened, Line, News, Page
from ilo_window.words import problem_of

PAGE: Final = 50
"""Messages of the history that are asked for at once."""
LOOK_S: Final = 0.25
"""How often to look whether there is a line."""
UNTOLD: Final = 500
"""So much news may wait for the window; then nothing more is taken from the room."""
PAUSE_S: Final = 0.02
UNSENT: Final = 1000
"""So many messages may wait for their turn."""
UNCONFIRMED: Final = "Not confirmed: it goes out when you are in this room again."


class Visit:
    """A room from entering it to leaving it; ``run`` does everything, until it is cancelled."""

    def __init__(
        self,
        ilo: Ilo,
        name: str,
        *,
        is_plaintext: bool,
        tell: Callable[[News], None],
        untold: Callable[[], int],
    ) -> None:
        self.name = name
        self.is_plaintext = is_plaintext
        self._ilo = ilo
        self._tell = tell
        self._untold = untold
        self._unsent: asyncio.Queue[Send] = asyncio.Queue(UNSENT)
        self._room: Room | None = None

    def say(self, ask: Send) -> None:
        """Send it when what was asked for before is sent."""
        try:
            self._unsent.put_nowait(ask)
        except asyncio.QueueFull:
            words = "Too many messages wait to be sent."
            self._tell(Delivery(self.name, ask.key, "failed", words))

    async def older(self, ask: Older) -> None:
        """Tell a page of the history."""
        if self._room is None:
            self._tell(Failed(ask, problem_of(RelayProblem())))
            return
        try:
            await self._page(self._room, ask.before)
        except (ClientError, RelayProblem) as error:
            self._tell(Failed(ask, problem_of(error)))

    async def run(self) -> None:
        """Be in the room. Returns when the relay says not to come back.

        Raises:
            NotLoggedIn: the session is over.
        """
        words = ""
        try:
            async with self._ilo.room(self.name, plaintext=self.is_plaintext) as room:
                await self._stay(room)
        except NotLoggedIn:
            raise
        except (ClientError, RelayProblem) as error:
            words = problem_of(error).words
        finally:
            self._room = None
            self._give_up()
            self._tell(Ended(self.name, words))

    async def _stay(self, room: Room) -> None:
        helpers: list[asyncio.Task[None]] = []
        try:
            helpers = [
                asyncio.create_task(self._watch(room), name="ilo line"),
                asyncio.create_task(self._send_all(room), name="ilo sending"),
            ]
            # What is new comes as events; what they belong to, from the history.
            self._room = room
            await self.older(Older(self.name, None))
            async for event in room:
                while self._untold() > UNTOLD:  # noqa: ASYNC110 - it empties in another thread
                    await asyncio.sleep(PAUSE_S)
                self._tell(Happened(self.name, event))
        finally:
            for helper in helpers:
                helper.cancel()
            if helpers:
                await asyncio.wait(helpers)

    async def _page(self, room: Room, before: int | None) -> None:
        found = await room.history(before=before, limit=PAGE)
        self._tell(Page(self.name, before, tuple(found)))

    async def _watch(self, room: Room) -> None:
        told: bool | None = None
        while True:
            if room.is_connected != told:
                told = room.is_connected
                self._tell(Line(self.name, told))
            await asyncio.sleep(LOOK_S)

    async def _send_all(self, room: Room) -> None:
        while True:
            ask = await self._unsent.get()
            try:
                self._tell(await _delivered(room, ask))
            except asyncio.CancelledError:
                self._tell(Delivery(self.name, ask.key, "kept", UNCONFIRMED))
                raise

    def _give_up(self) -> None:
        while not self._unsent.empty():
            ask = self._unsent.get_nowait()
            self._tell(Delivery(self.name, ask.key, "failed", "Not sent: the room was closed."))


async def _delivered(room: Room, ask: Send) -> Delivery:
    try:
        sent = await room.send(ask.text)
    except KeysChanged as error:
        if error.is_kept:
            words = "Waits: it goes out when the new key is accepted."
            return Delivery(ask.room, ask.key, "kept", words, changed=error.names)
        words = "Not sent: a key changed."
        return Delivery(ask.room, ask.key, "failed", words, changed=error.names)
    except (InvalidFrame, RelayError, ClientError) as error:
        return Delivery(ask.room, ask.key, "failed", f"Not sent. {problem_of(error).words}")
    except RelayProblem:
        words = UNCONFIRMED if not room.plaintext else "Whether it was sent is unknown."
        return Delivery(ask.room, ask.key, "kept", words)
    return Delivery(ask.room, ask.key, "sent", sent=sent)
