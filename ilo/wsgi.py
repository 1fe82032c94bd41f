"""The API alone, for WSGI servers: `waitress-serve --port=7999 ilo.wsgi:api`.

Needs the extra `wsgi`. The configuration is found, and the limits are, as in `ilo.asgi`; and
as a WSGI application is never told of its start and its end:

- Import starts it, on an event loop in a thread of its own, and what is wrong with the
  configuration ends the program. A server that forks has to import it in the worker.
- The end of the process ends it, without a word. What was answered is on disk by then.

Each request has a thread of the server's until it is answered. Its body is read here, up to
the API's own limit; how slowly a request may come in is the server's business, and so is
whose address REMOTE_ADDR is, which rates go by.
"""

import asyncio
import os
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from io import BytesIO
from threading import Thread
from typing import Any, Final
from urllib.parse import quote, quote_from_bytes

from handlers.asgi import ASGIApp, Receive, Scope, Send
from ilo.asgi import start_alone
from ilo.refusals import CommandRefused
from ilo.settings import Settings
from ilo.wiring import open_api

try:
    from a2wsgi import ASGIMiddleware
except ImportError:
    raise SystemExit("ilo: ilo.wsgi needs an extra: pip install 'ilo-server[wsgi]'") from None

__all__ = ["WsgiApi", "api"]

Environ = dict[str, Any]
StartResponse = Callable[..., Any]

PATH: Final = "ilo.path"
"""Where in the environment the path's bytes are kept, as WSGI gives them."""
ASCII_AS_IT_IS: Final = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


class WsgiApi:
    """The API in this process, from now on until its end.

    Raises:
        CommandRefused: the configuration is not right, or the store is in use.
    """

    def __init__(self, settings: Settings) -> None:
        self._pid = os.getpid()
        self._max_body_bytes = settings.limits.body_bytes
        opened: Future[tuple[asyncio.AbstractEventLoop, ASGIApp]] = Future()
        # A daemon: no hook comes early enough at the end of a process to close what it runs.
        Thread(target=_run, args=(settings, opened), name="ilo-api", daemon=True).start()
        loop, app = opened.result()
        bridged: Any = _with_wsgi_addresses(app)
        self._answer = ASGIMiddleware(bridged, loop=loop)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if os.getpid() != self._pid:
            raise RuntimeError("ilo.wsgi was imported before a fork: import it in the worker")
        body = _read_body(environ, self._max_body_bytes)
        if body is None:
            return _cut_short(start_response)
        plain: Any = _plain(environ, body)
        return self._answer(plain, start_response)


def _run(settings: Settings, opened: "Future[tuple[asyncio.AbstractEventLoop, ASGIApp]]") -> None:
    async def live() -> None:
        async with open_api(settings) as app:
            opened.set_result((asyncio.get_running_loop(), app))
            await asyncio.Event().wait()

    try:
        asyncio.run(live())
    except BaseException as error:
        if opened.done():
            raise
        opened.set_exception(error)


def _plain(environ: Environ, body: bytes) -> Environ:
    """Return ``environ`` so that the bridge neither waits for more nor fails to decode it."""
    plain = {
        **environ,
        PATH: environ.get("PATH_INFO", ""),
        "PATH_INFO": "",
        "QUERY_STRING": quote(
            environ.get("QUERY_STRING", ""), safe=ASCII_AS_IT_IS, encoding="latin-1"
        ),
        "wsgi.input": BytesIO(body),
    }
    if body or environ.get("CONTENT_LENGTH"):
        plain["CONTENT_LENGTH"] = str(len(body))
    # WSGI may leave them empty, HTTP may not.
    for name in ("CONTENT_LENGTH", "CONTENT_TYPE"):
        if not plain.get(name):
            plain.pop(name, None)
    return plain


def _with_wsgi_addresses(app: ASGIApp) -> ASGIApp:
    """Give ``app`` the path and the client as they are in the WSGI environment."""

    async def addressed(scope: Scope, receive: Receive, send: Send) -> None:
        environ: Environ = scope["wsgi_environ"]
        path = environ[PATH].encode("latin-1")
        # Never None, which is what a request of this very process has.
        client = (environ.get("REMOTE_ADDR") or "", int(environ.get("REMOTE_PORT") or 0))
        place = {
            "path": path.decode("utf-8", "replace"),
            "raw_path": quote_from_bytes(path).encode("ascii"),
            "client": client,
        }
        await app({**scope, **place}, receive, send)

    return addressed


def _read_body(environ: Environ, max_bytes: int) -> bytes | None:
    """Return the request's body, one byte beyond ``max_bytes`` of what is longer.

    None when it is shorter than the client has said.
    """
    length = environ.get("CONTENT_LENGTH") or None
    if length is None and not environ.get("wsgi.input_terminated"):
        return b""
    wanted = max_bytes + 1 if length is None else min(int(length), max_bytes + 1)
    parts: list[bytes] = []
    missing = wanted
    while missing and (part := environ["wsgi.input"].read(missing)):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts) if not missing or length is None else None


def _cut_short(start_response: StartResponse) -> Iterable[bytes]:
    # The client has gone, so that nobody reads this.
    start_response("400 Bad Request", [("Content-Length", "0")])
    return []


def _start() -> WsgiApi:
    try:
        return WsgiApi(start_alone())
    except CommandRefused as refused:
        raise SystemExit("\n".join(f"ilo: {line}" for line in refused.lines)) from None


api: Final = _start()
