"""Ilo's relay as the benchmark meets it: any bearer is a user of its own, and no rate holds it.

Without `--stored` nothing is kept, so that the engine is measured and not a store.
"""

import argparse
import asyncio
import contextlib
import hashlib
import resource
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import uvloop

from relay.introspect import Admitted, TokenKind
from relay.server import Relay, RelaySettings
from services.errors import NameTaken
from services.events import Listeners
from services.limits import Limits
from services.model import Draft, Instant, PublicKey, Receipt, RoomId, User, UserId, Username
from services.ports import Appended, Store
from spec import load_asyncapi
from store.sqlite import SqliteStore
from tests.support.memory_store import MemoryStore

PLENTY = 1_000_000
DAY_MS = 24 * 3600 * 1000
UNBOUND = Limits(
    frames_per_s=PLENTY,
    frames_burst=PLENTY,
    connections_per_user=PLENTY,
    connections_per_user_and_room=PLENTY,
    rooms_per_user=PLENTY,
    members_per_open_room=PLENTY,
)


def wall_clock() -> Instant:
    return Instant(int(time.time() * 1000))


class NothingKept(MemoryStore):
    """Counts messages and forgets them: what is left is the engine, as in the other servers."""

    def __init__(self) -> None:
        super().__init__()
        self._heads: dict[RoomId, int] = {}

    def append(self, drafts: Sequence[Draft], done: Callable[[Sequence[Appended]], None]) -> None:
        heads = self._heads
        outcomes: list[Appended] = []
        for draft in drafts:
            seq = heads[draft.room_id] = heads.get(draft.room_id, 0) + 1
            outcomes.append((draft, Receipt(seq, draft.sent_at, True)))
        asyncio.get_running_loop().call_soon(done, outcomes)


class AnyBearer:
    """Admits whoever shows a token, as a user made on the spot."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def ask(self, token: str, kind: TokenKind) -> Admitted:
        digest = hashlib.sha256(f"{kind} {token}".encode()).digest()
        user_id, name = UserId(digest[:16]), Username(digest.hex()[:16])
        now = wall_clock()
        user = User(user_id, name, name, password_hash="", created_at=now)
        with contextlib.suppress(NameTaken):
            await self._store.add_user(user, PublicKey(1, "-", now))
        return Admitted(user_id, name, digest.hex()[:32], Instant(now + DAY_MS))

    async def ended(self, session_ids: Sequence[str]) -> frozenset[str]:
        return frozenset()


async def ready() -> list[str]:
    return []


async def serve(port: int, store: Store) -> None:
    settings = RelaySettings(limits=UNBOUND)
    relay = Relay(
        load_asyncapi(), settings, store, AnyBearer(store), wall_clock, ready, Listeners()
    )
    with socket.create_server(("127.0.0.1", port)) as listener:
        await relay.start([listener])
        print("ready", listener.getsockname()[1], flush=True)
        stopped = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
        await stopped.wait()
    await relay.drain()
    await store.close()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--stored", action="store_true", help="keep messages in SQLite")
    arguments = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if not arguments.stored:
        await serve(arguments.port, NothingKept())
        return
    with tempfile.TemporaryDirectory() as folder:
        await serve(arguments.port, await SqliteStore.open(Path(folder)))


if __name__ == "__main__":
    uvloop.run(main())
