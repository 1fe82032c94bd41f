"""The REST door on a real server and real sockets, and a client that may send anything."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import orjson
import uvicorn
from connexion.spec import OpenAPISpecification

from handlers.app import Api, ApiServices, ApiSettings, create_api
from ilo.http_protocol import TimedHttpProtocol
from ilo.work_pool import ThreadWorkPool
from services.accounts import Accounts
from services.events import Event, Tell
from services.guesses import Guesses, RateWindow
from services.introspection import Introspection
from services.keys import Keys
from services.limits import Limits, Rates
from services.model import Instant
from services.passwords import CHEAPEST, Passwords
from services.ports import Store
from services.rooms import Rooms
from services.sessions import Sessions
from services.tickets import Tickets
from spec import load_openapi
from tests.support.memory_store import MemoryStore
from tests.support.seen import saw

NOON = Instant(1_767_355_200_000)  # 2026-01-02T12:00:00Z
PASSWORD = "MySuperSecurePassword57!"
NODE_SECRET = "node-secret-of-this-test-0123456789"
ADMIN_SECRET = "admin-secret-of-this-test-0123456789"
IN_PROCESS_SECRET = "in-process-secret-of-this-test-0123"
RELAY_URL = "ws://127.0.0.1:4000"
ANSWER_TIMEOUT_S = 20.0

SETTINGS = ApiSettings(
    relay_url=RELAY_URL,
    node_secrets=(NODE_SECRET, "the-node-secret-before-0123456789"),
    in_process_secret=IN_PROCESS_SECRET,
    admin_secret=ADMIN_SECRET,
    response_guard="strict",
)


@cache
def contract() -> dict[str, Any]:
    """Return openapi.yaml; one copy for all, never to be changed."""
    return load_openapi()


_validate = OpenAPISpecification._validate_spec
_found_valid: set[bytes] = set()


def _validate_once(spec: dict[str, Any]) -> None:
    """Connexion's own look at a document, once for each: it takes longer than most tests."""
    digest = hashlib.sha256(orjson.dumps(spec, option=orjson.OPT_SORT_KEYS)).digest()
    if digest not in _found_valid:
        _validate(spec)  # type: ignore[no-untyped-call]
        _found_valid.add(digest)


OpenAPISpecification._validate_spec = staticmethod(_validate_once)  # type: ignore[method-assign]


class Clock:
    """Both clocks of the services, moved by hand."""

    def __init__(self) -> None:
        self.now_ms = int(NOON)

    def __call__(self) -> Instant:
        return Instant(self.now_ms)

    def now_s(self) -> float:
        return self.now_ms / 1000

    def advance(self, seconds: float) -> None:
        self.now_ms += int(seconds * 1000)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def problem(self) -> str:
        """The slug of a refusal, found to be one in form."""
        assert self.headers["content-type"] == "application/problem+json"
        value = self.json()
        assert value["status"] == self.status
        assert value["instance"] == f"urn:uuid:{self.headers['x-request-id']}"
        return str(value["type"]).removeprefix("/problems/")


@dataclass(slots=True)
class RestDoor:
    """A running server. Whatever it sends is compared with the contract."""

    port: int
    api: Api
    store: Store
    clock: Clock
    reasons: list[str] = field(default_factory=list)

    async def send(self, request: bytes, *, host: str = "127.0.0.1") -> Answer:
        """Send these bytes on a connection of their own; return the first answer."""
        return await send_raw(self.port, request, host=host)

    async def request(
        self,
        method: str,
        path: str | bytes,
        body: Any = None,
        *,
        token: str | None = None,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        content_type: str | None = "application/json",
    ) -> Answer:
        """Send a request; ``body`` as JSON, or ``raw`` as it is."""
        target = path.encode("ascii") if isinstance(path, str) else path
        lines = [b"%s %s HTTP/1.1" % (method.encode(), target), b"host: ilo"]
        content = json.dumps(body).encode() if body is not None else raw
        if content is not None:
            lines.append(b"content-length: %d" % len(content))
            if content_type is not None:
                lines.append(b"content-type: " + content_type.encode("latin-1"))
        if token is not None:
            lines.append(b"authorization: Bearer " + token.encode("latin-1"))
        for name, value in (headers or {}).items():
            lines.append(name.encode() + b": " + value.encode("latin-1"))
        head = b"\r\n".join([*lines, b"connection: close", b"", b""])
        return await self.send(head + (content or b""))

    async def make_key(self) -> str:
        answer = await self.request("POST", "/key", token=ADMIN_SECRET)
        assert answer.status == 201
        return str(answer.json()["detail"])

    async def register(
        self, username: str, *, api_key: str | None = None, password: str = PASSWORD
    ) -> str:
        """Make an account; return the API key it was made with."""
        key = await self.make_key() if api_key is None else api_key
        answer = await self.request("POST", "/user", user(username, key, password=password))
        assert answer.status == 201, answer.body
        return key

    async def log_in(self, username: str, api_key: str, *, password: str = PASSWORD) -> str:
        body = {"username": username, "password": password, "api_key": api_key}
        answer = await self.request("PUT", "/user", body)
        assert answer.status == 200, answer.body
        return str(answer.json()["token"])

    async def make_room(self, token: str, **chosen: Any) -> str:
        """Make a private room of the token's user; return its name."""
        answer = await self.request("POST", "/room", chosen, token=token)
        assert answer.status == 201, answer.body
        return str(answer.json()["room"])

    async def join(self, username: str) -> str:
        """Register and log in; return the token."""
        return await self.log_in(username, await self.register(username))


def user(username: str, api_key: str, *, password: str = PASSWORD) -> dict[str, Any]:
    """Return the body of a registration."""
    return {
        "username": username,
        "password": password,
        "public_key": "XzKSzgiX2qoPySbe5T4TSK2018V...",
        "api_key": api_key,
    }


def hears_nothing(_event: Event) -> None:
    """Take an event that nobody waits for."""


def make_services(
    store: Store,
    clock: Clock,
    pool: ThreadWorkPool,
    reasons: list[str],
    *,
    issuance: str = "open",
    rates: Rates | None = None,
    limits: Limits = SETTINGS.limits,
    tell: Tell = hears_nothing,
) -> ApiServices:
    """Plug the real services together; ``reasons`` is what is missing for readiness."""
    rates = rates or Rates()
    creations = RateWindow(rates.keys_per_source_and_hour, 3600, clock.now_s)
    keys = Keys(store, clock, creations, tell, issuance="admin" if issuance == "admin" else "open")
    sessions = Sessions(store, clock, lifetime_s=30 * 24 * 3600, now_s=clock.now_s, tell=tell)
    rooms = Rooms(store, limits, clock, tell)
    tickets = Tickets(store, sessions, clock)
    accounts = Accounts(
        store,
        keys,
        sessions,
        Passwords(pool, CHEAPEST),
        Guesses(rates, clock.now_s),
        rooms,
        clock,
        tell,
    )

    async def readiness() -> list[str]:
        return list(reasons)

    return ApiServices(
        keys, accounts, sessions, tickets, Introspection(sessions, tickets), rooms, readiness
    )


@asynccontextmanager
async def open_rest(
    *,
    settings: ApiSettings = SETTINGS,
    store: Store | None = None,
    issuance: str = "open",
    rates: Rates | None = None,
    protocol: type[TimedHttpProtocol] = TimedHttpProtocol,
    expect_violations: bool = False,
    document: Mapping[str, Any] | None = None,
) -> AsyncIterator[RestDoor]:
    """Serve the API on a free port. At the end no answer may have broken the contract.

    ``document`` is another contract than spec/openapi.yaml.
    """
    kept = MemoryStore() if store is None else store
    clock = Clock()
    pool = ThreadWorkPool(2)
    reasons: list[str] = []
    services = make_services(
        kept, clock, pool, reasons, issuance=issuance, rates=rates, limits=settings.limits
    )
    api = create_api(services, settings, document=contract() if document is None else document)
    try:
        async with serving(api, protocol) as port:
            yield RestDoor(port, api, kept, clock, reasons)
    finally:
        pool.close()
        count_answers(api)
    if not expect_violations and api.guard is not None:
        assert api.guard.violations == []


def count_answers(api: Api) -> None:
    """Count what the guard of ``api`` has looked at."""
    if api.guard is None:
        return
    for operation_id, status in api.guard.seen:
        saw("reply", f"{operation_id} {status}")
    for slug in api.guard.problems:
        saw("problem", slug)


@asynccontextmanager
async def serving(
    app: Any, protocol: type[TimedHttpProtocol] = TimedHttpProtocol
) -> AsyncIterator[int]:
    """Serve ``app`` as Ilo does, on a free port of this machine; yields the port."""
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = asyncio.create_task(server.serve([listener]))
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await task


async def send_raw(port: int, request: bytes, *, host: str = "127.0.0.1") -> Answer:
    """Send these bytes on a connection of their own; return the first answer."""
    async with asyncio.timeout(ANSWER_TIMEOUT_S):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            writer.write(request)
            return await read_answer(reader, is_head=request.startswith(b"HEAD "))
        finally:
            writer.close()


async def read_answer(reader: asyncio.StreamReader, *, is_head: bool = False) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status_line, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        assert name not in headers, f"{name} stands twice"
        headers[name] = value
    length = 0 if is_head else int(headers.get("content-length", "0"))
    return Answer(int(status_line.split(" ")[1]), headers, await reader.readexactly(length))


def with_settings(**changes: Any) -> ApiSettings:
    return replace(SETTINGS, **changes)


class LogRecorder(logging.Handler):
    """Keeps every record of every logger at every level, formatted with its traceback."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{self.format(record)} {record.__dict__!r}")
