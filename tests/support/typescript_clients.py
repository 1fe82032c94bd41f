"""Generated TypeScript clients of a room, in Node.js, driven from here."""

import asyncio
import itertools
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from shutil import which
from typing import Any, Final

import pytest

from tests.support.ilo_process import ROOT
from tests.support.room_clients import HasPort
from tests.support.websocket import WAIT_S

PACKAGE: Final = ROOT / "generated_clients" / "typescript"
MODULES: Final = PACKAGE / "node_modules"
DRIVER: Final = ROOT / "tests" / "clients" / "typescript" / "driver.mts"
START_S: Final = 180.0
LATEST_S: Final = WAIT_S * 3
"""Whatever is asked of a client has come by then."""
LINE_BYTES: Final = 1 << 24

_BESIDE_PYTHON: Final = Path(sys.executable).with_name("node")
NODE: Final = str(_BESIDE_PYTHON) if _BESIDE_PYTHON.exists() else which("node")
"""The one of the environment before the machine's."""
NEEDS_NODE: Final = pytest.mark.skipif(
    NODE is None or not MODULES.exists(),
    reason="needs Node.js and what the TypeScript clients need (`make check` installs both)",
)


class JsError(Exception):
    """What a client threw, or rejected with: ``name`` is its class, ``members`` what it holds."""

    def __init__(self, members: dict[str, Any]) -> None:
        super().__init__(f"{members['name']}: {members.get('message')}")
        self.name: str = members["name"]
        self.text: str = members.get("message", "")
        self.members = members


class Room:
    """One client. What is asked of it goes out in the order in which it is asked."""

    def __init__(self, wire: "Wire", number: int) -> None:
        self._wire = wire
        self._number = number

    def start(self, verb: str, *given: Any) -> "asyncio.Future[Any]":
        """Let it do something; return what will come of it."""
        return self._wire.order(self._number, verb, *given)

    async def do(self, verb: str, *given: Any) -> Any:
        """Let it do something, and return what comes of it."""
        async with asyncio.timeout(WAIT_S):
            return await self.start(verb, *given)

    async def open(self) -> Any:
        return await self.do("open")

    async def close(self) -> None:
        await self.do("close")

    async def next(self) -> Any:
        """Return its next frame; None when there is none any more."""
        return (await self.do("next")).get("value")

    async def next_message(self) -> Any:
        """Return the next message; the others that come meanwhile are passed over."""
        # A client that comes back again and again gives a welcome each time.
        async with asyncio.timeout(LATEST_S):
            while (frame := await self.next())["type"] != "message":
                continue
        return frame

    async def seqs(self, amount: int) -> list[int]:
        """Return the seqs of the next messages; welcomes between them are passed over."""
        found: list[int] = []
        while len(found) < amount:
            frame = await self.next()
            if frame["type"] != "welcome":
                assert frame["type"] == "message", frame
                found.append(frame["seq"])
        return found

    async def texts(self, amount: int) -> list[str]:
        """Return what the next messages say; their seqs must have no hole."""
        found = [await self.next_message() for _ in range(amount)]
        first = found[0]["seq"]
        assert [one["seq"] for one in found] == list(range(first, first + amount))
        return [one["data"]["message"] for one in found]

    def say(self, text: Any, **options: Any) -> "asyncio.Future[Any]":
        return self.start("sendMessage", text, options)

    async def send_message(self, text: Any, **options: Any) -> Any:
        return await self.do("sendMessage", text, options)

    async def get(self, name: str) -> Any:
        return await self.do("get", name)

    async def pauses(self) -> list[float]:
        """Return how many milliseconds it would have waited, each time."""
        asked: list[float] = await self.do("pauses")
        return asked

    async def paused(self, times: int = 1) -> list[float]:
        """Return the same when there are so many of them."""
        async with asyncio.timeout(WAIT_S):
            while len(asked := await self.pauses()) < times:  # noqa: ASYNC110
                await asyncio.sleep(0.002)
        return asked

    async def reaches(self, state: str) -> Any:
        """Return its state when it is called ``state``."""
        async with asyncio.timeout(WAIT_S):
            while (now := await self.get("state"))["name"] != state:  # noqa: ASYNC110
                await asyncio.sleep(0.002)
        return now


class Wire:
    """A connection to the driver, and the clients that live as long as it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._numbers = itertools.count()
        self._orders: dict[int, asyncio.Future[Any]] = {}

    def order(self, client: int, verb: str, *given: Any) -> "asyncio.Future[Any]":
        number = next(self._numbers)
        order = {"number": number, "client": client, "verb": verb, "given": given}
        self._writer.write(json.dumps(order).encode() + b"\n")
        loop = asyncio.get_running_loop()
        coming = self._orders[number] = loop.create_future()
        late = loop.call_later(LATEST_S, _is_late, coming, verb)
        coming.add_done_callback(lambda _: late.cancel())
        return coming

    async def room(self, url: str, **options: Any) -> Room:
        """Return a new client of the relay at ``url``, which is not opened yet."""
        number = next(self._numbers)
        async with asyncio.timeout(WAIT_S):
            await self.order(number, "new", url, {"room": "chat", **options})
        return Room(self, number)

    async def room_at(self, where: HasPort, **options: Any) -> Room:
        return await self.room(f"ws://127.0.0.1:{where.port}", **options)

    async def rest(
        self, api: tuple[str, dict[str, Any]], method: str, path: str, **init: Any
    ) -> dict[str, Any]:
        """Return what the API answers to one call: status, data, error, and what is shown of it."""
        async with asyncio.timeout(WAIT_S):
            answer: dict[str, Any] = await self.order(-1, "rest", api, method, path, init)
        return answer

    async def listen(self) -> None:
        while line := await self._reader.readline():
            answer = json.loads(line)
            coming = self._orders.pop(answer["number"])
            if coming.done():
                continue
            if "error" in answer:
                coming.set_exception(JsError(answer["error"]))
                # Of one that nobody awaits nothing is said at the end of the loop.
                coming.exception()
            else:
                coming.set_result(answer["value"])


def _is_late(coming: "asyncio.Future[Any]", verb: str) -> None:
    if not coming.done():
        coming.set_exception(TimeoutError(f"nothing came of {verb}"))
        coming.exception()


class Driver:
    """A Node.js that runs clients; ``port`` is where it is told what to do."""

    def __init__(self, port: int) -> None:
        self.port = port

    @asynccontextmanager
    async def wire(self) -> AsyncIterator[Wire]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=LINE_BYTES)
        wire = Wire(reader, writer)
        listening = asyncio.create_task(wire.listen())
        try:
            yield wire
        finally:
            writer.close()
            listening.cancel()
            await asyncio.wait([listening])


@contextmanager
def driving(program: Path = DRIVER) -> Iterator[Driver]:
    """Run a driver until the end of the block; what it complains about is a failure."""
    process = subprocess.Popen(
        [str(NODE), str(program)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    assert process.stdout is not None
    port = process.stdout.readline()
    if not port.strip():
        _, complaints = process.communicate(timeout=START_S)
        raise AssertionError(complaints)
    yield Driver(int(port))
    _, complaints = process.communicate(timeout=START_S)
    assert (process.returncode, complaints) == (0, "")
