"""The server's REST door: what it answers, or an error that says why not."""

import ssl
from collections.abc import Awaitable
from typing import TypeVar

import httpx
from ilo_rest import AuthenticatedClient, Client
from ilo_rest.api.keys import create_key
from ilo_rest.api.rooms import (
    create_room,
    delete_member,
    delete_room,
    get_room,
    list_rooms,
    put_member,
)
from ilo_rest.api.sessions import delete_other_sessions, delete_session
from ilo_rest.api.users import create_user, get_user, login_user, update_public_key
from ilo_rest.errors import UnexpectedAnswer
from ilo_rest.models import (
    Credentials,
    Login,
    NewRoom,
    Problem,
    PublicKeyChange,
    PublicUser,
    Room,
    RoomOfMine,
    User,
)
from ilo_rest.types import UNSET, Unset

from ilo_client.failures import NotLoggedIn, ServerRefused, Unreachable

Answer = TypeVar("Answer")

PAGE = 100
"""Rooms or members that are asked for at once."""


async def accepted(asking: Awaitable[Answer | Problem]) -> Answer:
    """Return what the server answers.

    Raises:
        NotLoggedIn: the session is over.
        ServerRefused: it says no.
        Unreachable: it does not answer, or not as it should.
    """
    try:
        answer = await asking
    except httpx.HTTPError as error:
        # Its text may hold the URL; the kind is enough.
        raise Unreachable(type(error).__name__) from None
    except UnexpectedAnswer as error:
        raise Unreachable(f"answer {error.status_code}") from None
    if not isinstance(answer, Problem):
        return answer
    code = answer.type_.removeprefix("/problems/")
    if code == "not-logged-in":
        raise NotLoggedIn
    if answer.status >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise Unreachable(code)
    rules = answer.errors or []
    raise ServerRefused(
        code,
        answer.detail,
        tuple(f"{rule.in_} {rule.pointer}: {rule.detail or rule.rule}" for rule in rules),
    )


class Server:
    """The API at ``api_url``. Without a ``token`` it is asked what needs none.

    ``tls`` is for a server whose certificate the system does not know.
    """

    def __init__(
        self, api_url: str, token: str | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        anyone = Client(api_url, verify_ssl=True if tls is None else tls)
        self.api_url = api_url
        self._client = anyone if token is None else anyone.with_bearer(token)

    async def close(self) -> None:
        await self._client.aclose()

    @property
    def _mine(self) -> AuthenticatedClient:
        if not isinstance(self._client, AuthenticatedClient):
            raise NotLoggedIn
        return self._client

    # -- accounts

    async def make_api_key(self) -> str:
        return (await accepted(create_key.asyncio(client=self._client))).detail

    async def register(self, username: str, password: str, card: str, api_key: str) -> None:
        user = User(username=username, password=password, public_key=card, api_key=api_key)
        await accepted(create_user.asyncio(client=self._client, body=user))

    async def log_in(self, username: str, password: str, api_key: str) -> Login:
        who = Credentials(username=username, password=password, api_key=api_key)
        return await accepted(login_user.asyncio(client=self._client, body=who))

    async def log_out(self, *, elsewhere: bool) -> None:
        """End this session, or with ``elsewhere`` all others."""
        if elsewhere:
            await accepted(delete_other_sessions.asyncio(client=self._mine))
        else:
            await accepted(delete_session.asyncio(client=self._mine))

    async def user(self, username: str) -> PublicUser:
        return await accepted(get_user.asyncio(username, client=self._mine))

    async def replace_card(self, username: str, card: str, if_version: int) -> None:
        change = PublicKeyChange(public_key=card, if_version=if_version)
        await accepted(update_public_key.asyncio(username, client=self._mine, body=change))

    # -- rooms

    async def rooms(self) -> list[RoomOfMine]:
        found: list[RoomOfMine] = []
        after: str | Unset = UNSET
        while True:
            page = await accepted(list_rooms.asyncio(client=self._mine, after=after, limit=PAGE))
            found += page.rooms
            if not page.more or not page.rooms:
                return found
            after = page.rooms[-1].room

    async def room(self, room: str) -> Room:
        """Return a room with all its members, which are those of one ``members_version``."""
        whole: Room | None = None
        after: str | Unset = UNSET
        while True:
            page = await accepted(
                get_room.asyncio(room, client=self._mine, after=after, limit=PAGE)
            )
            if whole is None:
                whole = page
            elif page.members_version != whole.members_version:
                whole, after = None, UNSET
                continue
            else:
                whole.members.extend(page.members)
            if not page.more or not page.members:
                return whole
            after = page.members[-1].username

    async def make_room(self) -> str:
        return (await accepted(create_room.asyncio(client=self._mine, body=NewRoom()))).room

    async def delete_room(self, room: str) -> None:
        await accepted(delete_room.asyncio(room, client=self._mine))

    async def put_member(self, room: str, username: str) -> None:
        await accepted(put_member.asyncio(room, username, client=self._mine))

    async def delete_member(self, room: str, username: str) -> None:
        await accepted(delete_member.asyncio(room, username, client=self._mine))
