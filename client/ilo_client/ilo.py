"""One person's way into Ilo: register or log in, and then rooms, people and keys."""

import asyncio
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, TypeAlias

from ilo_rest.types import Unset

from ilo_client import backup, keyfile
from ilo_client.card import make_card, read_card
from ilo_client.errors import Refused
from ilo_client.failures import (
    BrokenHome,
    HomeTaken,
    NoKeys,
    NotLoggedIn,
    ServerRefused,
)
from ilo_client.home import Home, Session
from ilo_client.keys import KeyPairs, make_key_pairs
from ilo_client.memory import Memory
from ilo_client.people import People
from ilo_client.pins import Person, Pins
from ilo_client.room import Room
from ilo_client.server import Server

Progress: TypeAlias = Callable[[str], None]
"""Told in a few words what takes so long, in the thread of the event loop."""

Where: TypeAlias = Home | Path | str | None
"""A folder; None is the default one."""


@dataclass(frozen=True, slots=True)
class RoomInfo:
    """A room of mine. ``head`` is the newest seq in it, 0 for none."""

    name: str
    label: str | None
    is_private: bool
    state: Literal["joined", "invited"]
    owner: str | None
    head: int


@dataclass(frozen=True, slots=True)
class MemberInfo:
    """Somebody in a room, or invited to it."""

    person: Person
    state: Literal["joined", "invited"]

    @property
    def name(self) -> str:
        return self.person.name


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Ilo:
    """Somebody who is logged in. Made by :meth:`register`, :meth:`login`, :meth:`open` or
    :meth:`restore`, and used in ``async with``, or closed.

    Everything that asks the server raises

        NotLoggedIn: the session is over.
        ServerRefused: the server says no, and why.
        Unreachable: it does not answer; try again later.
    """

    def __init__(
        self,
        home: Home,
        session: Session,
        pairs: KeyPairs,
        memory: Memory,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.home = home
        self.memory = memory
        self.tls = tls
        self._is_my_card = True
        self._session = session
        self._pairs = pairs
        self._server = Server(session.api_url, session.token, tls)
        self._people = People(
            Pins(memory), lambda: self._server, session.username, pairs.identity.public.kid
        )

    def __repr__(self) -> str:
        return f"<Ilo: {self.username!r} at {self.api_url}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the server and of the memory; rooms have to be closed before."""
        await self._server.close()
        self.memory.close()

    # -- ways in

    @classmethod
    async def register(
        cls,
        api_url: str,
        username: str,
        password: str,
        *,
        home: Where = None,
        passphrase: str,
        api_key: str | None = None,
        progress: Progress | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> Self:
        """Make keys and an account, and log in. ``passphrase`` locks the keys in ``home``.

        Without an ``api_key`` one is asked for. Keys that are in ``home`` for this name already,
        since an earlier try had no answer, are used.

        Raises:
            HomeTaken: the folder is somebody else's.
            ServerRefused: `name-taken` or `invalid-input` with its rules, for example.
            Unreachable: whether there is an account is unknown: register again, or log in.
        """
        tell = progress or _nobody
        home = _home(home)
        async with home.one_at_a_time("keys"):
            _see_that_it_is_free(home, username)
            server = Server(api_url, None, tls)
            try:
                key = api_key or await server.make_api_key()
                pairs, is_new = await _keys_to_register(home, username, passphrase, tell)
                card = make_card(pairs, username, now_ms(), None)
                tell("registering")
                try:
                    await server.register(username, password, card, key)
                except ServerRefused:
                    if is_new:
                        home.forget_keys()
                    raise
                home.keep_session(Session(api_url, username, key))
                return await cls._enter(home, server, username, password, key, pairs, tell, tls)
            finally:
                await server.close()

    @classmethod
    async def login(
        cls,
        api_url: str,
        username: str,
        password: str,
        *,
        home: Where = None,
        passphrase: str,
        api_key: str | None = None,
        progress: Progress | None = None,
        tls: ssl.SSLContext | None = None,
        new_keys: bool = False,
    ) -> Self:
        """Log in with the keys that are in ``home``.

        Without an ``api_key`` that of the last login is used, or one is asked for. Are there no
        keys in ``home``, and no card on the server either, they are made. ``new_keys`` makes
        them in any case: everybody who knows the old ones is warned.

        Raises:
            HomeTaken: the folder is somebody else's.
            NoKeys: the keys are elsewhere: restore a backup.
            Refused: `passphrase`.
            ServerRefused: `bad-credentials`, for example.
        """
        tell = progress or _nobody
        home = _home(home)
        async with home.one_at_a_time("keys"):
            before = _see_that_it_is_free(home, username)
            pairs = None
            if home.keys() is not None and not new_keys:
                pairs = await _unlocked(home, passphrase, tell)
            server = Server(api_url, None, tls)
            try:
                key = api_key or (before.api_key if before else await server.make_api_key())
                if pairs is None:
                    login = await server.log_in(username, password, key)
                    await _see_that_keys_may_be_made(
                        Server(api_url, login.token, tls), username, new_keys=new_keys
                    )
                    pairs = await _made(home, username, passphrase, tell)
                return await cls._enter(
                    home,
                    server,
                    username,
                    password,
                    key,
                    pairs,
                    tell,
                    tls,
                    takes_over=new_keys,
                )
            finally:
                await server.close()

    @classmethod
    async def open(
        cls,
        home: Where = None,
        *,
        passphrase: str,
        progress: Progress | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> Self:
        """Go on with the session that is in ``home``; the server is not asked.

        Raises:
            NotLoggedIn: there is no session.
            NoKeys: there are no keys.
            Refused: `passphrase`.
        """
        home = _home(home)
        session = home.session()
        if session is None or session.token is None:
            raise NotLoggedIn
        if home.keys() is None:
            raise NoKeys(session.username)
        pairs = await _unlocked(home, passphrase, progress or _nobody)
        ilo = cls(home, session, pairs, Memory(home.memory_path), tls)
        if ilo.memory.note("card") == "unsent":
            try:
                await ilo._send_card()
            except BaseException:
                await ilo.close()
                raise
        return ilo

    @classmethod
    async def restore(
        cls,
        api_url: str,
        text: str,
        backup_passphrase: str,
        password: str,
        *,
        home: Where = None,
        passphrase: str,
        api_key: str | None = None,
        progress: Progress | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> Self:
        """Log in with the keys of a backup, which ``home`` gets.

        Raises:
            HomeTaken: the folder has keys already.
            Refused: `passphrase` of the backup, or it is none: `format`, `alg`, `cost`.
        """
        tell = progress or _nobody
        home = _home(home)
        async with home.one_at_a_time("keys"):
            tell("opening the backup")
            kept = await asyncio.to_thread(backup.unlock, text, backup_passphrase)
            before = _see_that_it_is_free(home, kept.username)
            if home.keys() is not None:
                raise HomeTaken(kept.username)
            server = Server(api_url, None, tls)
            try:
                key = api_key or (before.api_key if before else await server.make_api_key())
                await server.log_in(kept.username, password, key)
                await _keep(home, kept.username, kept.pairs, passphrase, tell)
                return await cls._enter(
                    home, server, kept.username, password, key, kept.pairs, tell, tls
                )
            finally:
                await server.close()

    @classmethod
    async def _enter(
        cls,
        home: Home,
        server: Server,
        username: str,
        password: str,
        api_key: str,
        pairs: KeyPairs,
        tell: Progress,
        tls: ssl.SSLContext | None,
        *,
        takes_over: bool = False,
    ) -> Self:
        tell("logging in")
        api_url = server.api_url
        login = await server.log_in(username, password, api_key)
        session = Session(
            api_url, username, api_key, login.relay_url, login.token, login.expires_at.isoformat()
        )
        home.keep_session(session)
        ilo = cls(home, session, pairs, Memory(home.memory_path), tls)
        try:
            ilo.memory.keep_note("username", username)
            await ilo._send_card(takes_over=takes_over)
        except BaseException:
            await ilo.close()
            raise
        return ilo

    # -- who and where

    @property
    def username(self) -> str:
        return self._session.username

    @property
    def api_url(self) -> str:
        return self._session.api_url

    @property
    def session(self) -> Session:
        return self._session

    @property
    def pairs(self) -> KeyPairs:
        return self._pairs

    @property
    def people(self) -> People:
        return self._people

    @property
    def server(self) -> Server:
        return self._server

    @property
    def is_my_card(self) -> bool:
        """Whether the server showed this person's own card at the login. If not, others encrypt
        for keys that are not here, and are warned of what is signed here."""
        return self._is_my_card

    async def logout(self) -> None:
        """End this session. Keys and memory stay; log in again to go on."""
        with suppress(NotLoggedIn):
            await self._server.log_out(elsewhere=False)
        self._session = self._session.logged_out()
        self.home.keep_session(self._session)

    async def logout_elsewhere(self) -> None:
        """End all other sessions of this person."""
        await self._server.log_out(elsewhere=True)

    # -- rooms

    def room(self, name: str, *, plaintext: bool = False) -> Room:
        """Return a room, to be opened by ``async with``. With ``plaintext`` nothing that is sent
        there is encrypted, and what is not encrypted is shown."""
        return Room(self, name, plaintext=plaintext)

    async def rooms(self) -> list[RoomInfo]:
        """Return my rooms and invitations, open rooms first."""
        return [
            RoomInfo(
                room.room,
                self.memory.label(room.room),
                room.kind == "private",
                room.state,
                None if isinstance(room.owner, Unset) else room.owner,
                room.head,
            )
            for room in await self._server.rooms()
        ]

    async def create_room(self, label: str | None = None) -> str:
        """Make a private room, and return its name; ``label`` is what this person calls it."""
        room = await self._server.make_room()
        if label is not None:
            self.set_label(room, label)
        return room

    async def delete_room(self, room: str) -> None:
        """Delete a private room of mine, with all that was said there."""
        await self._server.delete_room(room)
        await asyncio.to_thread(self.memory.forget_room, room)

    async def invite(self, room: str, name: str) -> None:
        """Invite somebody to a private room of mine; may be repeated."""
        await self._server.put_member(room, name)
        await asyncio.to_thread(self.memory.readmit, room, name)

    async def accept(self, room: str) -> None:
        """Accept an invitation; may be repeated."""
        await self._server.put_member(room, self.username)

    async def decline(self, room: str) -> None:
        """Decline an invitation."""
        await self.leave(room)

    async def leave(self, room: str) -> None:
        """Leave a room. What was said there may be out of reach then."""
        await self._server.delete_member(room, self.username)
        await asyncio.to_thread(self.memory.forget_room, room)

    async def remove(self, room: str, name: str) -> None:
        """Remove somebody from a private room of mine, or take an invitation back.

        From then on nothing is encrypted for them, whatever the server lists, until they are
        invited again from this folder. Does the server refuse it, they are what they were.
        """
        before = await asyncio.to_thread(self.memory.expelled, room)
        await asyncio.to_thread(self.memory.expel, room, name)
        try:
            await self._server.delete_member(room, name)
        except ServerRefused:
            # They stay, and this person knows it.
            if name not in before:
                await asyncio.to_thread(self.memory.readmit, room, name)
            raise

    async def members(self, room: str) -> list[MemberInfo]:
        """Return who is in a room or invited to it. Who is `new` is not pinned by that."""
        found = await self._server.room(room)

        def look() -> list[MemberInfo]:
            return [
                MemberInfo(self._people.look(each.username, each.public_key), each.state)
                for each in found.members
            ]

        return await asyncio.to_thread(look)

    def label(self, room: str) -> str | None:
        """Return what this person calls ``room``."""
        return self.memory.label(room)

    def set_label(self, room: str, label: str | None) -> None:
        """Call ``room`` so, in this folder; None forgets it."""
        self.memory.keep_label(room, label)

    # -- people

    async def person(self, name: str) -> Person:
        """See :meth:`~ilo_client.people.People.person`."""
        return await self._people.person(name)

    async def accept_key(self, name: str, kid: str | None = None) -> Person:
        """See :meth:`~ilo_client.people.People.accept_key`."""
        return await self._people.accept_key(name, kid)

    async def verify(self, name: str, kid: str | None = None) -> Person:
        """See :meth:`~ilo_client.people.People.verify`."""
        return await self._people.verify(name, kid)

    async def safety_number(self, name: str) -> str:
        """See :meth:`~ilo_client.people.People.safety_number`."""
        return await self._people.safety_number(name)

    # -- keys

    async def rotate_keys(self, passphrase: str, progress: Progress | None = None) -> None:
        """Make a new encryption key, which others use from now on; the identity stays.

        Raises:
            Refused: `passphrase` is not the one of this folder.
        """
        tell = progress or _nobody
        async with self.home.one_at_a_time("keys"):
            # Another process may have made one since.
            pairs = await _unlocked(self.home, passphrase, tell)
            tell("making keys")
            pairs = await asyncio.to_thread(pairs.with_new_encryption_key)
            # First what opens it, then what lets others use it.
            self.memory.keep_note("card", "unsent")
            await _keep(self.home, self.username, pairs, passphrase, tell)
            self._pairs = pairs
            tell("telling the server")
            await self._send_card()

    async def backup(self, passphrase: str) -> str:
        """Return all keys, locked with ``passphrase``: the text that :meth:`restore` takes."""
        return await asyncio.to_thread(backup.lock, self._pairs, self.username, passphrase)

    async def _send_card(self, *, takes_over: bool = False) -> None:
        """See that the server shows this person's card with all their newest keys.

        Does it show one of another identity, that is left as it is unless this one ``takes_over``.
        """
        shown = await self._server.user(self.username)
        created_at, previous, mine = now_ms(), None, self._pairs
        try:
            theirs = read_card(shown.detail, self.username)
        except Refused:
            pass
        else:
            if theirs.identity.kid != mine.identity.public.kid:
                self._is_my_card = takes_over
                if not takes_over:
                    return
                previous = theirs.identity.kid
            elif theirs.encryption[0] == mine.encryption[0].public or (
                mine.find(theirs.encryption[0].kid) is None
            ):
                # It is there; or another device has made a newer one.
                self.memory.keep_note("card", None)
                return
            # Others take no card that is older than one they have seen, whatever our clock says.
            created_at = max(created_at, theirs.created_at + 1)
        card = make_card(mine, self.username, created_at, previous)
        await self._server.replace_card(self.username, card, shown.key_version)
        self.memory.keep_note("card", None)


def _nobody(_: str) -> None:
    """Nobody wants to know."""


def _home(where: Where) -> Home:
    return where if isinstance(where, Home) else Home(where)


def _see_that_it_is_free(home: Home, username: str) -> Session | None:
    """Return the last session of this person in ``home``, if there was one."""
    session = home.session()
    owner = None if session is None else session.username
    if owner is None and home.memory_path.exists():
        memory = Memory(home.memory_path)
        try:
            owner = memory.note("username")
        finally:
            memory.close()
    if owner is not None and owner != username:
        raise HomeTaken(owner)
    return session


async def _keys_to_register(
    home: Home, username: str, passphrase: str, tell: Progress
) -> tuple[KeyPairs, bool]:
    if home.keys() is not None:
        return await _unlocked(home, passphrase, tell), False
    return await _made(home, username, passphrase, tell), True


async def _see_that_keys_may_be_made(server: Server, username: str, *, new_keys: bool) -> None:
    try:
        shown = (await server.user(username)).detail
        read_card(shown, username)
    except Refused:
        return
    finally:
        await server.close()
    if not new_keys:
        raise NoKeys(username)


async def _made(home: Home, username: str, passphrase: str, tell: Progress) -> KeyPairs:
    tell("making keys")
    pairs = await asyncio.to_thread(make_key_pairs)
    await _keep(home, username, pairs, passphrase, tell)
    return pairs


async def _keep(
    home: Home, username: str, pairs: KeyPairs, passphrase: str, tell: Progress
) -> None:
    tell("locking the keys")
    locked = await asyncio.to_thread(keyfile.lock, pairs.to_json(), passphrase)
    memory = Memory(home.memory_path)
    try:
        memory.keep_note("username", username)
    finally:
        memory.close()
    home.keep_keys(locked)


async def _unlocked(home: Home, passphrase: str, tell: Progress) -> KeyPairs:
    tell("unlocking the keys")
    locked = home.keys()
    if locked is None:
        raise BrokenHome("the keys are gone")
    text = await asyncio.to_thread(keyfile.unlock, locked, passphrase)
    return await asyncio.to_thread(KeyPairs.from_json, text)
