"""Ilo's REST door as the benchmark meets it: the real one, on a store in memory, without a rate."""

import argparse
import asyncio
import logging
import secrets
import signal
import socket
import time

import uvloop

from handlers.app import ApiSettings, create_api
from handlers.pages import Pages, PageServer
from ilo.settings import Settings
from ilo.wiring import api_services, serving, wall_clock
from ilo.work_pool import ThreadWorkPool
from services.events import Listeners
from services.model import ApiKey, Instant, PublicKey, SecretHash, User, UserId, Username
from services.sessions import Sessions
from spec import load_asyncapi, load_openapi
from tests.support.memory_store import MemoryStore

USERS = 16
DAY_S = 24 * 3600
RELAY_URL = "ws://127.0.0.1:4000"


async def ready() -> list[str]:
    return []


async def registered(store: MemoryStore) -> list[tuple[str, str]]:
    """Make the users, each with a session; return token and name of each."""
    now = wall_clock()
    key_hash = SecretHash(secrets.token_bytes(32))
    await store.add_api_key(ApiKey(key_hash, SecretHash(secrets.token_bytes(32)), Instant(now)))
    tell = Listeners().tell
    sessions = Sessions(store, wall_clock, lifetime_s=DAY_S, now_s=time.monotonic, tell=tell)
    found: list[tuple[str, str]] = []
    for number in range(USERS):
        name = Username(f"user-{number}")
        user = User(UserId(secrets.token_bytes(16)), name, name, "!", now)
        await store.add_user(user, PublicKey(1, "k" * 400, now))
        session = await sessions.start(user, key_hash)
        found.append((session.token, name))
    return found


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    port: int = parser.parse_args().port
    # As an operator who wants speed: audit lines of refusals only.
    logging.basicConfig(level=logging.WARNING)
    store, pool, settings = MemoryStore(), ThreadWorkPool(), Settings()
    users = await registered(store)
    services = api_services(settings, store, pool, wall_clock, ready, Listeners().tell)
    api = create_api(services, ApiSettings(relay_url=RELAY_URL))
    pages = Pages(load_openapi(), load_asyncapi(), relay_url=RELAY_URL, hsts=False)
    app = PageServer(pages, api)
    with socket.create_server(("127.0.0.1", port)) as listener:
        async with serving(app, listener, settings):
            stopped = asyncio.Event()
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
            words = " ".join(f"{token} {name}" for token, name in users)
            print("ready", listener.getsockname()[1], words, flush=True)
            await stopped.wait()
    pool.close()


if __name__ == "__main__":
    uvloop.run(main())
