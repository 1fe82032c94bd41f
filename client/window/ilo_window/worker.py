"""The thread that does everything slow: its loop owns the person and the open rooms.

The window's thread calls `ask`, `take` and `stop`, which never wait; what happens comes back as
`ilo_window.news`.
"""

import asyncio
import logging
import queue
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any, Final, assert_never

from ilo_client import ClientError, Home, Ilo, NotLoggedIn, Unreachable, private_files
from ilo_relay import RelayProblem

from ilo_window import asks, desktop, news
from ilo_window.visit import Visit
from ilo_window.ways_in import way_in
from ilo_window.words import problem_of

log = logging.getLogger("ilo_window")

REFRESH_S: Final = 10.0
"""How often to ask for rooms and invitations."""
MOST_OPEN: Final = 8
"""Rooms that stay open; the one that was not looked at for the longest is closed first."""
CLOSE_S: Final = 5.0
"""The longest that saying goodbye may take."""


class Worker:
    """Works for one window, on the folder ``home`` (None: the default one)."""

    def __init__(self, home: Path | str | None = None) -> None:
        self._where = home
        self._news: queue.SimpleQueue[news.News] = queue.SimpleQueue()
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._run, name="ilo worker", daemon=True)
        self._stopped = asyncio.Event()
        self._home: Home | None = None
        self._ilo: Ilo | None = None
        self._visits: dict[str, tuple[Visit, asyncio.Task[None]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._refresh = asyncio.Event()

    # -- for the window

    def start(self) -> None:
        self._thread.start()

    def ask(self, ask: asks.Ask) -> None:
        self._loop.call_soon_threadsafe(self._begin, self._answer(ask))

    def take(self) -> news.News | None:
        """Return the next news; None: there are none now."""
        try:
            return self._news.get_nowait()
        except queue.Empty:
            return None

    def stop(self) -> None:
        """Close the rooms and end; `is_over` tells when that is done."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._stopped.set)

    @property
    def is_over(self) -> bool:
        return not self._thread.is_alive()

    # -- the thread

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._work())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        finally:
            self._loop.close()

    async def _work(self) -> None:
        self._begin(self._look_around())
        self._begin(self._keep_fresh())
        await self._stopped.wait()
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._close()
        except TimeoutError:
            log.warning("the rooms took too long to close")
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _tell(self, one: news.News) -> None:
        self._news.put(one)

    async def _look_around(self) -> None:
        self._tell(news.Desktop(await desktop.is_dark()))
        try:
            self._home = await asyncio.to_thread(Home, self._where)
            session = await asyncio.to_thread(self._home.session)
            keys = await asyncio.to_thread(self._home.keys)
        except (ClientError, OSError) as error:
            self._tell(news.Folder(None, None, False, problem_of(error)))
            return
        if session is None:
            self._tell(news.Folder(None, None, False))
        else:
            is_open = session.token is not None and keys is not None
            self._tell(news.Folder(session.username, session.api_url, is_open))

    # -- asks

    async def _answer(self, ask: asks.Ask) -> None:
        try:
            await self._do(ask)
        except NotLoggedIn as error:
            if self._ilo is None:
                self._tell(news.Failed(ask, problem_of(error)))
            else:
                await self._over(problem_of(error).words)
        except (ClientError, RelayProblem, OSError, ValueError) as error:
            self._tell(news.Failed(ask, problem_of(error)))
        except Exception as error:
            log.exception("an ask failed")
            self._tell(news.Failed(ask, problem_of(error)))

    async def _do(self, ask: asks.Ask) -> None:
        match ask:
            case asks.Register() | asks.LogIn() | asks.Restore() | asks.Unlock():
                if self._home is None:
                    raise ClientError("the folder cannot be used")
                await self._enter(await way_in(ask, self._home, self._progress))
            case asks.LogOut():
                await self._close_rooms()
                await self._mine.logout()
                await self._over("You are logged out. Your keys stay in this folder.")
            case asks.LogOutElsewhere():
                await self._mine.logout_elsewhere()
            case asks.Refresh():
                self._refresh.set()
            case asks.Open():
                await self._open(ask)
                return
            case asks.Older(room):
                if room in self._visits:
                    await self._visits[room][0].older(ask)
                return
            case asks.Send(room):
                self._say(room, ask)
                return
            case asks.Create(label):
                name = await self._mine.create_room(label or None)
                await self._tell_rooms()
                self._tell(news.Done(ask, name))
                return
            case asks.Label() | asks.Accept() | asks.Leave() | asks.Delete():
                await self._on_room(ask)
                await self._tell_rooms()
            case asks.Members() | asks.Invite() | asks.Remove():
                await self._on_members(ask)
            case asks.Compare() | asks.Verify() | asks.AcceptKey():
                await self._on_person(ask)
            case asks.BackUp(path, passphrase):
                text = await self._mine.backup(passphrase)
                await asyncio.to_thread(_write_new, path, text)
            case asks.Rotate(passphrase):
                await self._mine.rotate_keys(passphrase, self._progress)
            case _:
                assert_never(ask)
        self._tell(news.Done(ask))

    async def _on_room(self, ask: asks.Label | asks.Accept | asks.Leave | asks.Delete) -> None:
        match ask:
            case asks.Label(room, label):
                await asyncio.to_thread(self._mine.set_label, room, label or None)
            case asks.Accept(room):
                await self._mine.accept(room)
            case asks.Leave(room):
                await self._close_room(room)
                await self._mine.leave(room)
            case asks.Delete(room):
                await self._close_room(room)
                await self._mine.delete_room(room)
            case _:
                assert_never(ask)

    async def _on_members(self, ask: asks.Members | asks.Invite | asks.Remove) -> None:
        match ask:
            case asks.Members():
                pass
            case asks.Invite(room, name):
                await self._mine.invite(room, name)
            case asks.Remove(room, name):
                await self._mine.remove(room, name)
            case _:
                assert_never(ask)
        members = await self._mine.members(ask.room)
        self._tell(news.MembersAre(ask.room, tuple(members)))

    async def _on_person(self, ask: asks.Compare | asks.Verify | asks.AcceptKey) -> None:
        ilo, name = self._mine, ask.name
        match ask:
            case asks.Compare():
                pass
            case asks.Verify():
                await ilo.verify(name, ask.kid)
            case asks.AcceptKey():
                await ilo.accept_key(name, ask.kid)
                if ask.is_compared:
                    await ilo.verify(name, ask.kid)
            case _:
                assert_never(ask)
        person = await ilo.person(name)
        kid, digits = person.shown_kid, ""
        if kid is not None and name != ilo.username:
            # Of the very key that is shown: the server may show another one the next time.
            digits = await ilo.people.number_of(person)
        self._tell(news.Number(person, kid, digits))

    def _progress(self, words: str) -> None:
        self._tell(news.Progress(words))

    @property
    def _mine(self) -> Ilo:
        if self._ilo is None:
            raise NotLoggedIn
        return self._ilo

    # -- in and out

    async def _enter(self, ilo: Ilo) -> None:
        if self._ilo is not None:
            await ilo.close()
            return
        self._ilo = ilo
        self._tell(news.Entered(ilo.username, ilo.api_url, ilo.is_my_card))
        self._refresh.set()

    async def _over(self, words: str) -> None:
        """The session is over."""
        await self._close()
        self._tell(news.LoggedOut(words))

    async def _close(self) -> None:
        await self._close_rooms()
        ilo, self._ilo = self._ilo, None
        if ilo is not None:
            await ilo.close()

    async def _keep_fresh(self) -> None:
        while True:
            if self._ilo is not None:
                try:
                    await self._tell_rooms()
                except Unreachable:
                    self._tell(news.ServerAnswers(False))
                except NotLoggedIn as error:
                    await self._over(problem_of(error).words)
                except ClientError as error:
                    log.info("no list of rooms", extra={"kind": type(error).__name__})
            with suppress(TimeoutError):
                async with asyncio.timeout(REFRESH_S):
                    await self._refresh.wait()
            self._refresh.clear()

    async def _tell_rooms(self) -> None:
        ilo = self._mine
        found = await ilo.rooms()

        def entries() -> tuple[news.RoomEntry, ...]:
            return tuple(
                news.RoomEntry(
                    room.name,
                    room.label,
                    room.is_private,
                    room.state == "invited",
                    room.owner,
                    room.head,
                    (ilo.memory.cursor(room.name) or ("", None))[1],
                    ilo.memory.note(_plain(room.name)) is not None,
                )
                for room in found
            )

        rooms = await asyncio.to_thread(entries)
        self._tell(news.ServerAnswers(True))
        self._tell(news.Rooms(rooms))

    # -- rooms

    async def _open(self, ask: asks.Open) -> None:
        ilo, memory = self._mine, self._mine.memory
        is_plaintext = ask.is_plaintext
        if is_plaintext is None:
            noted = await asyncio.to_thread(memory.note, _plain(ask.room))
            is_plaintext = noted is not None
        else:
            note = "yes" if is_plaintext else None
            await asyncio.to_thread(memory.keep_note, _plain(ask.room), note)
        if (here := self._visits.get(ask.room)) is not None:
            if here[0].is_plaintext == is_plaintext and not here[1].done():
                # To the end: it was looked at last.
                self._visits[ask.room] = self._visits.pop(ask.room)
                self._tell(news.Opening(ask.room, is_plaintext))
                return
            await self._close_room(ask.room)
        while len(self._visits) >= MOST_OPEN:
            await self._close_room(next(iter(self._visits)))
        self._tell(news.Opening(ask.room, is_plaintext))
        visit = Visit(
            ilo,
            ask.room,
            is_plaintext=is_plaintext,
            tell=self._tell,
            untold=self._news.qsize,
        )
        task = asyncio.create_task(self._be_in(visit), name=f"ilo visit {len(self._visits)}")
        self._visits[ask.room] = (visit, task)

    async def _be_in(self, visit: Visit) -> None:
        try:
            await visit.run()
        except NotLoggedIn as error:
            self._begin(self._over(problem_of(error).words))
        except (OSError, ValueError) as error:
            self._tell(news.Ended(visit.name, problem_of(error).words))
        # A room that one was not in before is in the list from now on.
        self._refresh.set()

    def _say(self, room: str, ask: asks.Send) -> None:
        here = self._visits.get(room)
        if here is None or here[1].done():
            words = "Not sent: this room is not open."
            self._tell(news.Delivery(room, ask.key, "failed", words))
        else:
            here[0].say(ask)

    async def _close_rooms(self) -> None:
        visits, self._visits = self._visits, {}
        for _, task in visits.values():
            task.cancel()
        if visits:
            await asyncio.wait([task for _, task in visits.values()])

    async def _close_room(self, room: str) -> None:
        _, task = self._visits.pop(room, (None, None))
        if task is not None:
            task.cancel()
            await asyncio.wait([task])


def _plain(room: str) -> str:
    return f"plaintext {room}"


def _write_new(path: str, text: str) -> None:
    private_files.write(Path(path).expanduser(), text, may_replace=False)
