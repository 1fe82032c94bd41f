"""What is plugged together: store, services and doors, opened in order and closed in reverse."""

import asyncio
import logging
import os
import signal
import socket
import ssl
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import httpx
import uvicorn

from handlers.app import ApiServices, ApiSettings, create_api
from handlers.asgi import ASGIApp
from handlers.contract import BadContract
from handlers.pages import Pages, PageServer
from handlers.resolver import HandlersDisagree
from ilo.banner import banner
from ilo.http_protocol import TimedHttpProtocol
from ilo.logs import hide
from ilo.readiness import Readiness
from ilo.refusals import CommandRefused
from ilo.secrets import (
    Secret,
    admin_secret,
    admin_secret_place,
    make_private_folder,
    node_secret_place,
    node_secrets,
)
from ilo.settings import ANY_HOST, Listen, Settings
from ilo.stores import open_store
from ilo.work_pool import ThreadWorkPool
from relay.introspect import (
    Admitted,
    ApiUnavailable,
    Gatekeeper,
    Introspector,
    RelayRefused,
    TokenKind,
)
from relay.server import Relay, RelaySettings
from services.accounts import Accounts
from services.errors import IloError, NameTaken
from services.events import Listeners, Tell
from services.guesses import Guesses, RateWindow
from services.introspection import Introspection
from services.keys import Keys
from services.limits import Limits
from services.model import Instant, PublicKey, User
from services.names import skeleton
from services.passwords import Passwords
from services.ports import Clock, Store
from services.rooms import Rooms
from services.sessions import Sessions
from services.tickets import Tickets
from spec import load_asyncapi, load_openapi

log = logging.getLogger("ilo.wiring")

SWEEP_S: Final = 60.0
BETWEEN_PARTS_S: Final = 0.01
"""Between two parts of what retention deletes: messages have the store to themselves."""
MAX_PARTS: Final = 2000
"""Parts of retention a sweep; the rest of a lot waits for the next one."""
HOUR_S: Final = 3600.0
GRACE_S: Final = 5
"""How long requests that have begun may take after the stop was asked for."""
BACKLOG: Final = 2048
LOOK_AGAIN_S: Final = 2.0
"""Between two questions of a relay whether the API knows it, while the API does not answer."""
NO_SESSION: Final = "0" * 32
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)

IsReady = Callable[[], Awaitable[list[str]]]


def wall_clock() -> Instant:
    return Instant(time.time_ns() // 1_000_000)


async def serve(settings: Settings, *, strict_responses: bool = False) -> None:
    """Run the API and the relay in this process until SIGINT or SIGTERM.

    ``strict_responses`` holds every answer of the API to the contract, not one in a hundred.
    """
    with _listening(settings.api_listen) as api, _listening(settings.relay_listen) as door:
        real = replace(settings, api_listen=_bound(api), relay_listen=_bound(door))
        async with _node(real, _stop_when_told()) as node:
            at_hand = Secret.random("n")
            hide(at_hand)
            app = _api(node, at_hand, strict_responses=strict_responses)
            asks = httpx.AsyncClient(
                transport=httpx.ASGITransport(_from_nowhere(app)), base_url="http://api"
            )
            async with asks:
                introspector = Introspector(asks, at_hand.reveal(), load_openapi(), wall_clock)
                relay = _relay(node, introspector)
                await relay.start([door], _tls(real))
                async with serving(app, api, real):
                    _say_where(real, ("api", "relay"))
                    await node.stop.wait()
                    await relay.drain()


async def serve_api(settings: Settings) -> None:
    """Run the API alone until SIGINT or SIGTERM."""
    with _listening(settings.api_listen) as api:
        real = replace(settings, api_listen=_bound(api))
        async with (
            _node(real, _stop_when_told()) as node,
            serving(_api(node, None), api, real),
        ):
            _say_where(real, ("api",))
            await node.stop.wait()


@asynccontextmanager
async def open_api(settings: Settings) -> AsyncIterator[ASGIApp]:
    """Open the API alone, for a server of any kind: yields its ASGI application.

    That server says where it listens and when it stops, and has no lifespan to run.

    Raises:
        CommandRefused: something it needs is not right; one line for each reason.
    """
    stop = asyncio.Event()
    async with _node(settings, stop) as node:
        try:
            yield _api(node, None)
        finally:
            stop.set()


async def serve_relay(settings: Settings, *, own_store: bool) -> None:
    """Run a relay alone, which asks the API at ``settings.api_url``, until SIGINT or SIGTERM.

    With Cassandra it shares the API's store; with ``own_store`` it has an embedded one to itself.
    """
    if own_store and settings.cassandra is not None:
        raise CommandRefused("relay: --own-store does not go with Cassandra_address")
    if not own_store and settings.cassandra is None:
        raise CommandRefused(
            "relay: the embedded store belongs to one process; use `ilo serve` with it,"
            " --own-store, or Cassandra_address"
        )
    if settings.api_url is None:
        raise CommandRefused("relay: api_url is missing: it says where the API is")
    with _listening(settings.relay_listen) as door:
        real = replace(settings, relay_listen=_bound(door))
        async with _node(real, _stop_when_told()) as node:
            context = ssl.create_default_context()
            if real.tls is not None:
                context.load_verify_locations(real.tls.certificate)
            # Not through a proxy that the environment names: the node secret is in there.
            asks = httpx.AsyncClient(base_url=settings.api_url, verify=context, trust_env=False)
            async with asks:
                secret = node.secrets[0].reveal()
                introspector = Introspector(asks, secret, load_openapi(), wall_clock)
                known = _Guests(introspector, node.store) if own_store else introspector
                relay = _relay(node, known)
                await relay.start([door], _tls(real))
                _say_where(real, ("relay",))
                looking = asyncio.create_task(_look_whether_known(introspector, real))
                try:
                    await node.stop.wait()
                finally:
                    looking.cancel()
                await relay.drain()


@dataclass(frozen=True, slots=True)
class _Node:
    settings: Settings
    store: Store
    pool: ThreadWorkPool
    secrets: tuple[Secret, ...]
    stop: asyncio.Event
    readiness: Readiness
    events: Listeners
    """What the services of this process tell; whoever wants to hear of it is added here."""


@asynccontextmanager
async def _node(settings: Settings, stop: asyncio.Event) -> AsyncIterator[_Node]:
    """Open what every process of Ilo has; close it in reverse, whatever happens.

    ``stop`` is set from the beginning of a shutdown on.
    """
    secrets = node_secrets(settings, os.environ)
    for secret in secrets:
        hide(secret)
    make_private_folder(settings.data_dir)
    store = await open_store(settings)
    pool = ThreadWorkPool()
    events = Listeners()
    rooms = Rooms(store, settings.limits, wall_clock, events.tell)
    sweeper = asyncio.create_task(_sweep(store, rooms, settings.limits))
    try:
        yield _Node(settings, store, pool, secrets, stop, Readiness(store, stop), events)
    finally:
        sweeper.cancel()
        await asyncio.to_thread(pool.close)
        await store.close()


def _api(node: _Node, at_hand: Secret | None, *, strict_responses: bool = False) -> ASGIApp:
    """Return the API and its pages; ``at_hand`` is the secret of a relay in this process."""
    settings, store, clock = node.settings, node.store, wall_clock
    admin = admin_secret(settings, os.environ)
    hide(admin)
    services = api_services(settings, store, node.pool, clock, node.readiness, node.events.tell)
    chosen = ApiSettings(
        relay_url=settings.relay_url,
        limits=settings.limits,
        node_secrets=tuple(secret.reveal() for secret in node.secrets),
        in_process_secret=None if at_hand is None else at_hand.reveal(),
        allowed_relay_host=None if settings.potion_host == ANY_HOST else settings.potion_host,
        admin_secret=admin.reveal(),
        allowed_origins=settings.allowed_origins,
        hsts=settings.clients_use_tls,
        trusted_proxies=settings.trusted_proxies,
        response_guard="strict" if strict_responses else "sample",
    )
    try:
        api = create_api(services, chosen)
    except (HandlersDisagree, BadContract) as error:
        raise CommandRefused(f"the API cannot start: {error}") from None
    pages = Pages(
        load_openapi(),
        load_asyncapi(),
        relay_url=settings.relay_url,
        hsts=settings.clients_use_tls,
    )
    return PageServer(pages, api)


def api_services(
    settings: Settings,
    store: Store,
    pool: ThreadWorkPool,
    clock: Clock,
    readiness: IsReady,
    tell: Tell,
) -> ApiServices:
    """Return what the REST door calls, on ``store``; what changes is told to ``tell``."""
    now_s = time.monotonic
    creations = RateWindow(settings.rates.keys_per_source_and_hour, HOUR_S, now_s)
    keys = Keys(store, clock, creations, tell, issuance=settings.key_issuance)
    sessions = Sessions(
        store, clock, lifetime_s=settings.session_lifetime_s, now_s=now_s, tell=tell
    )
    tickets = Tickets(store, sessions, clock)
    rooms = Rooms(store, settings.limits, clock, tell)
    accounts = Accounts(
        store,
        keys,
        sessions,
        Passwords(pool),
        Guesses(settings.rates, now_s),
        rooms,
        clock,
        tell,
        public_key_bytes=settings.limits.public_key_bytes,
    )
    return ApiServices(
        keys, accounts, sessions, tickets, Introspection(sessions, tickets), rooms, readiness
    )


def _relay(node: _Node, introspector: Gatekeeper) -> Relay:
    settings = node.settings
    return Relay(
        load_asyncapi(),
        RelaySettings(settings.limits, frozenset(settings.allowed_origins)),
        node.store,
        introspector,
        wall_clock,
        node.readiness,
        node.events,
    )


async def _look_whether_known(introspector: Introspector, settings: Settings) -> None:
    """Say once, as soon as the API answers, if it takes this relay for a stranger."""
    while True:
        try:
            await introspector.ended([NO_SESSION])
        except RelayRefused as refused:
            log.error(  # noqa: TRY400  # the traceback would say nothing
                "the API does not know this relay, so nobody is let in: its node secret is"
                " another one (node_secret_file, ILO_NODE_SECRET), or Potion_IP names another"
                " address",
                extra={
                    "reason": refused.reason,
                    "api_url": settings.api_url,
                    "ours": node_secret_place(settings, os.environ),
                },
            )
            return
        except ApiUnavailable:
            await asyncio.sleep(LOOK_AGAIN_S)
        else:
            log.info("the API knows this relay", extra={"api_url": settings.api_url})
            return


class _Guests:
    """Makes those whom the API vouches for known to a relay's own store."""

    def __init__(self, introspector: Introspector, store: Store) -> None:
        self._introspector = introspector
        self._store = store

    async def ask(self, token: str, kind: TokenKind) -> Admitted | None:
        admitted = await self._introspector.ask(token, kind)
        if admitted is not None:
            now, name = wall_clock(), admitted.username
            # No password: nobody logs in here.
            guest = User(admitted.user_id, name, skeleton(name), password_hash="!", created_at=now)  # noqa: S106
            try:
                await self._store.add_user(guest, PublicKey(1, "-", now))
            except NameTaken:
                log.debug("a guest came again")
        return admitted

    async def ended(self, session_ids: Sequence[str]) -> frozenset[str]:
        return await self._introspector.ended(session_ids)


class _ApiServer(uvicorn.Server):
    """uvicorn, told by us when to stop: signals are for the whole process."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.listens.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(app: Any, sock: socket.socket, settings: Settings) -> AsyncIterator[None]:
    """Serve the ASGI application ``app`` on the bound ``sock`` until the block ends."""
    tls = _tls(settings)
    config = uvicorn.Config(
        app,
        http=TimedHttpProtocol,
        ws="none",
        # With "auto" a start that fails would leave a server that answers 500.
        lifespan="on",
        loop="none",
        log_config=None,
        # It prints query strings; ours are in the loggers `user`, `key` and `potion`.
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=GRACE_S,
        ssl_context_factory=None if tls is None else lambda _config, _default: tls,
    )
    server = _ApiServer(config)
    running = asyncio.create_task(server.serve(sockets=[sock]))
    listens = asyncio.create_task(server.listens.wait())
    try:
        await asyncio.wait({running, listens}, return_when=asyncio.FIRST_COMPLETED)
        yield
    finally:
        listens.cancel()
        server.should_exit = True
        await running


def _from_nowhere(app: Any) -> Any:
    """Mark requests of this very process: only they have no client address."""

    async def nearby(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "client": None}, receive, send)

    return nearby


async def _sweep(store: Store, rooms: Rooms, limits: Limits) -> None:
    """Delete what has expired, and what deleted accounts have left, now and then."""
    while True:
        await asyncio.sleep(SWEEP_S)
        try:
            swept = True
            while swept:
                swept = await store.sweep(wall_clock()) > 0
            await rooms.let_deleted_users_go()
            for _ in range(MAX_PARTS):
                if not await store.enforce_retention(wall_clock(), limits):
                    break
                await asyncio.sleep(BETWEEN_PARTS_S)
        except IloError as error:
            log.warning("cannot sweep", extra={"reason": str(error)})


def _stop_when_told() -> asyncio.Event:
    """Return what SIGINT and SIGTERM set; the second of them ends the process at once."""
    stop = asyncio.Event()

    def told(signal_number: int) -> None:
        if stop.is_set():
            os._exit(128 + signal_number)
        log.info("stopping", extra={"signal": signal.Signals(signal_number).name})
        stop.set()

    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, told, number)
    return stop


@contextmanager
def _listening(listen: Listen) -> Iterator[socket.socket]:
    try:
        family, *_, address = socket.getaddrinfo(
            listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        sock = socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        raise CommandRefused(f"cannot listen on {listen.netloc}: {_plain(error)}") from None
    with sock:
        yield sock


def _plain(error: OSError) -> str:
    """Return what the system says, without what Python adds."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error.strerror)


def _bound(sock: socket.socket) -> Listen:
    host, port = sock.getsockname()[:2]
    return Listen(host, port)


def _tls(settings: Settings) -> ssl.SSLContext | None:
    return None if settings.tls is None else settings.tls.server_context()


def _say_where(settings: Settings, doors: tuple[str, ...]) -> None:
    place = admin_secret_place(settings, os.environ) if "api" in doors else None
    sys.stdout.write(banner(settings, admin_secret_place=place, doors=doors) + "\n")
    sys.stdout.flush()
