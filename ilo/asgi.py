"""The API alone, for a server of one's own choice: `uvicorn ilo.asgi:api --port 7999`.

Any ASGI server that runs the lifespan will do. The environment variable ILO_CONFIG names the
folder of general_config.yaml and logging_config.yaml; without it that is the working directory.

What `ilo api` sees to, the server has to: where it listens (`api_listen` counts only as the
origin of the API's own pages), TLS, time limits on slow requests, an access log without query
strings. It must leave client addresses alone, as in `uvicorn --no-proxy-headers`: whom to
believe, `trusted_proxies` says. On Cassandra any number of processes; on the embedded store one,
which refuses a second.
"""

import asyncio
import logging
import os
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from handlers.asgi import ASGIApp, Receive, Scope, Send
from ilo.logs import start_logging
from ilo.refusals import CommandRefused
from ilo.settings import Settings, load_settings
from ilo.wiring import open_api

__all__ = ["CONFIG_VARIABLE", "AsgiApi", "api", "start_alone"]

CONFIG_VARIABLE: Final = "ILO_CONFIG"

log = logging.getLogger(__name__)


class AsgiApi:
    """Opens the API in the lifespan's startup, and closes it in its shutdown."""

    def __init__(self) -> None:
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif self._app is None:
            raise RuntimeError("the server did not run the lifespan: nothing is open")
        else:
            await self._app(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        assert (await receive())["type"] == "lifespan.startup"  # noqa: S101  # ASGI has it so
        async with AsyncExitStack() as opened:
            try:
                settings = await asyncio.to_thread(start_alone)
                self._app = await opened.enter_async_context(open_api(settings))
            except CommandRefused as refused:
                lines = "\n".join(f"ilo: {line}" for line in refused.lines)
                await send({"type": "lifespan.startup.failed", "message": lines})
                return
            except Exception:
                # Else a server might take the lifespan for unsupported, and go on.
                message = "ilo: a fault of Ilo"
                await send({"type": "lifespan.startup.failed", "message": message})
                raise
            log.info("the API is open, without a relay beside it")
            await send({"type": "lifespan.startup.complete"})
            try:
                # Until the shutdown.
                await receive()
            finally:
                self._app = None
        await send({"type": "lifespan.shutdown.complete"})


def start_alone() -> Settings:
    """Read the configuration, and start to log as it says; return the settings.

    A relay runs apart, so that the log says where clients are sent for it.

    Raises:
        CommandRefused: a file is not right.
    """
    folder = Path(os.environ.get(CONFIG_VARIABLE) or ".")
    settings = load_settings(folder)
    start_logging(folder)
    for warning in settings.warnings:
        log.warning("the configuration may be unsafe", extra={"warning": warning})
    log.info(
        "the API starts",
        extra={"configuration": settings.source, "clients_are_told": settings.relay_url},
    )
    return settings


api: Final = AsgiApi()
