"""People with real clients: they register, log in and join rooms through both doors."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx

from tests.support.ilo_process import IloProcess
from tests.support.websocket import WAIT_S, RawSocket, request_head

PASSWORD = "MySuperSecurePassword57!"
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    token: str = field(repr=False)
    api_key: str = field(repr=False)

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def some_name(stem: str = "ann") -> str:
    """Return a name that nobody of this run has."""
    return f"{stem}{next(_numbers)}"


class SystemClient:
    """Speaks to a running Ilo as apps do. ``rest`` may ask anything of the API."""

    def __init__(self, ilo: IloProcess, rest: httpx.AsyncClient) -> None:
        self.ilo = ilo
        self.rest = rest
        self._sockets: list[RawSocket] = []

    async def make_key(self) -> str:
        return str((await self.new_key())["detail"])

    async def new_key(self) -> dict[str, Any]:
        """Return the whole answer: key and revoke token."""
        return self._ok(await self.rest.post("/key"), 201)

    async def register(self, name: str, api_key: str, *, password: str = PASSWORD) -> None:
        self._ok(await self.rest.post("/user", json=registration(name, api_key, password)), 201)

    async def log_in(self, name: str, api_key: str, *, password: str = PASSWORD) -> Person:
        body = {"username": name, "password": password, "api_key": api_key}
        answer = self._ok(await self.rest.put("/user", json=body), 200)
        return Person(name, answer["token"], api_key)

    async def newcomer(self, name: str | None = None) -> Person:
        """Return somebody who has just registered and logged in."""
        name = some_name() if name is None else name
        api_key = await self.make_key()
        await self.register(name, api_key)
        return await self.log_in(name, api_key)

    async def ticket(self, person: Person) -> str:
        answer = self._ok(await self.rest.post("/ticket", headers=person.bearer), 201)
        return str(answer["ticket"])

    async def knock(
        self, room: str, headers: Mapping[str, str] | None = None
    ) -> tuple[RawSocket, int, dict[str, str]]:
        """Ask to be let into ``room``; return the socket, the status and the headers."""
        socket = await RawSocket.open(self.ilo.relay_port)
        self._sockets.append(socket)
        await socket.send(request_head(f"/ws/{room}", headers))
        status, answered = await socket.read_head()
        return socket, status, answered

    async def join(self, person: Person, room: str) -> tuple[RawSocket, dict[str, Any]]:
        """Return a connection that is in ``room``, and its welcome."""
        socket, status, _ = await self.knock(room, person.bearer)
        assert status == 101
        welcome = await socket.json()
        assert (welcome["type"], welcome["username"]) == ("welcome", person.name)
        return socket, welcome

    async def hang_up(self) -> None:
        """Cut every connection, and return when they are gone."""
        for socket in self._sockets:
            socket.abort()
        for socket in self._sockets:
            with suppress(ConnectionError):
                await socket.writer.wait_closed()

    @staticmethod
    def _ok(response: httpx.Response, status: int) -> dict[str, Any]:
        assert response.status_code == status, response.text
        answer: dict[str, Any] = response.json()
        return answer


def registration(name: str, api_key: str, password: str = PASSWORD) -> dict[str, str]:
    """Return the body of a registration."""
    return {
        "username": name,
        "password": password,
        "public_key": f"public key of {name}",
        "api_key": api_key,
    }


@asynccontextmanager
async def visiting(
    ilo: IloProcess, tls: ssl.SSLContext | None = None
) -> AsyncIterator[SystemClient]:
    """Be a client of ``ilo`` until the end of the block."""
    verify = True if tls is None else tls
    async with httpx.AsyncClient(
        base_url=ilo.api_url, verify=verify, timeout=60.0, trust_env=False
    ) as rest:
        client = SystemClient(ilo, rest)
        try:
            yield client
        finally:
            await client.hang_up()


async def messages(socket: RawSocket, amount: int) -> list[dict[str, Any]]:
    """Return the next ``amount`` messages of the room."""
    async with asyncio.timeout(WAIT_S * 3):
        return [await socket.json_of("message") for _ in range(amount)]
