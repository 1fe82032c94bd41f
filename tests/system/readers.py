"""Readers who stop reading for good, and one who reads a tenth of what is said, among others.

    python -m tests.system.readers [--readers 100] [--stalled 100] [--quiet-s 20] [--pace-s 0.05]

First nobody is stalled, then many are, until the relay has let go of them; tells memory, how
long that took, and the delivery times of the others in both parts. Ends with 1 when a target is
missed.
"""

import argparse
import asyncio
import re
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import orjson
import psutil  # type: ignore[import-untyped]
import uvloop

from tests.support.ilo_process import UNHURRIED, IloProcess, running
from tests.support.system_client import Person, visiting
from tests.support.websocket import CLOSE, PING, PONG, TEXT, client_frame, message, request_head

MIB: Final = 1024 * 1024
ROOM: Final = "tea"
CONFIG: Final = {
    "limits": {
        **UNHURRIED["limits"],
        "connections_per_user_and_room": 1000,
        "connections_per_user": 1000,
    }
}
PADDING: Final = "x" * 16_000
FULL_BYTES: Final = MIB
"""Whoever has taken nothing of so much has full buffers: the relay's and the kernel's."""
SMALL_BUFFER: Final = 4096
AHEAD: Final = 32
"""So many messages nobody who reads may be behind: the talker waits, on a slow machine."""
SLOWER: Final = 10
LOOK_S: Final = 0.2
MAX_GROWTH_MIB: Final = 150.0
GONE_S: Final = 30.0
MAX_P99_RATIO: Final = 2.0
_CLOSED_AS_SLOW: Final = re.compile(r"connection closed .*\bcode=4408\b")


class Reader(asyncio.Protocol):
    """Takes up to ``allowed`` messages, and reads nothing then; None is all there are."""

    def __init__(self, allowed: int | None = None) -> None:
        self.allowed = allowed
        self.seqs: list[int] = []
        self.delays_s: list[float] = []
        self.close_code: int | None = None
        self.is_lost = False
        self.welcomed = asyncio.Event()
        self._data = bytearray()
        self._is_in = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True

    def allow(self, messages: int | None) -> None:
        self.allowed = messages
        if not self.is_lost and (messages is None or len(self.seqs) < messages):
            self.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not self._is_in:
            head, end, rest = self._data.partition(b"\r\n\r\n")
            if not end:
                return
            assert b" 101 " in head[:20], head
            self._is_in, self._data = True, rest
        now_s = time.monotonic()
        for opcode, payload in self._frames():
            if opcode == TEXT:
                self._heard(orjson.loads(payload), now_s)
            elif opcode == PING:
                self.transport.write(client_frame(payload, PONG))
            elif opcode == CLOSE:
                self.close_code = int.from_bytes(payload[:2], "big")
        if self.welcomed.is_set() and self.allowed is not None and len(self.seqs) >= self.allowed:
            self.transport.pause_reading()

    def _heard(self, frame: dict[str, Any], now_s: float) -> None:
        if frame["type"] == "message":
            self.seqs.append(frame["seq"])
            self.delays_s.append(now_s - float(frame["data"]["message"].partition(" ")[0]))
        elif frame["type"] == "welcome":
            self.welcomed.set()

    def _frames(self) -> Iterable[tuple[int, bytes]]:
        data, at = self._data, 0
        while len(data) - at >= 2:
            size, head = data[at + 1], 2
            if size > 125:
                head = 4 if size == 126 else 10
                size = int.from_bytes(data[at + 2 : at + head], "big")
            if len(data) - at < head + size:
                break
            yield data[at] & 0x0F, bytes(data[at + head : at + head + size])
            at += head + size
        del data[:at]


@dataclass(slots=True)
class Outcome:
    """Times are in seconds, since buffers were full; memory in MiB."""

    said: int = 0
    grown_mib: float = 0.0
    gone_s: float = 0.0
    closed_as_slow: int = 0
    quiet_s: list[float] = field(default_factory=list)
    """Delivery times of those who read while nobody was stalled."""
    stalled_s: list[float] = field(default_factory=list)
    """And while many were."""
    readers: list[Reader] = field(default_factory=list)
    slow: Reader = field(default_factory=Reader)
    slow_was_behind: int = 0


@asynccontextmanager
async def joined(
    ilo: IloProcess, person: Person, allowed: int | None = None, query: str = ""
) -> AsyncIterator[Reader]:
    """Be in the room until the end of the block; with ``allowed``, on a socket of small buffers."""
    sock = socket.socket()
    if allowed is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(sock, ("127.0.0.1", ilo.relay_port))
    transport, reader = await loop.create_connection(lambda: Reader(allowed), sock=sock)
    transport.write(request_head(f"/ws/{ROOM}{query}", person.bearer))
    async with asyncio.timeout(30):
        await reader.welcomed.wait()
    try:
        yield reader
    finally:
        transport.abort()


class Talker:
    """Says one message each ``pace_s``, and waits for those who read when they cannot follow."""

    def __init__(self, reader: Reader, outcome: Outcome, pace_s: float) -> None:
        self._reader = reader
        self._outcome = outcome
        self._pace_s = pace_s

    async def talk(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            until = loop.time() + self._pace_s
            self._reader.transport.write(
                client_frame(message(f"{time.monotonic():.6f} {PADDING}"), mask=bytes(4))
            )
            self._outcome.said += 1
            self._outcome.slow.allow(self._outcome.said // SLOWER)
            while (  # noqa: ASYNC110
                self._outcome.said - self._slowest() > AHEAD or loop.time() < until
            ):
                await asyncio.sleep(self._pace_s / 10)

    def _slowest(self) -> int:
        return min(reader.seqs[-1] if reader.seqs else 0 for reader in self._outcome.readers)


async def stalling(
    folder: Path, *, readers: int, stalled: int, quiet_s: float, pace_s: float
) -> Outcome:
    """Have ``readers`` who read and one who is slow; then ``stalled`` more, until they are gone."""
    outcome = Outcome()
    with running(folder, CONFIG) as ilo:
        server = psutil.Process(ilo.pid)
        async with visiting(ilo) as client, AsyncExitStack() as stack:
            ann, bob = await client.newcomer(), await client.newcomer()
            outcome.slow = await stack.enter_async_context(joined(ilo, bob, 0))
            outcome.readers = [
                await stack.enter_async_context(joined(ilo, person))
                for person in (ann, *[bob] * (readers - 1))
            ]
            talker = Talker(outcome.readers[0], outcome, pace_s)
            talking = asyncio.create_task(talker.talk())
            stack.callback(talking.cancel)
            await asyncio.sleep(quiet_s)
            await _until(lambda: outcome.said * len(PADDING) >= FULL_BYTES, talking)
            outcome.quiet_s = _delays(outcome.readers)
            who_stays = readers + 1
            before, most = server.memory_info().rss, 0
            for number in range(stalled):
                # Half of them are fed from the store: each what is its own.
                query = "?since=0" if number % 2 else ""
                await stack.enter_async_context(joined(ilo, bob, 0, query))
            assert _connections(server, ilo) == who_stays + stalled
            start = outcome.said

            def is_over() -> bool:
                nonlocal most
                most = max(most, server.memory_info().rss)
                return _connections(server, ilo) == who_stays

            await _until(lambda: (outcome.said - start) * len(PADDING) >= FULL_BYTES, talking)
            _delays(outcome.readers)
            began = time.monotonic()
            await _until(is_over, talking, wait_s=4 * GONE_S)
            outcome.gone_s = time.monotonic() - began
            outcome.grown_mib = (most - before) / MIB
            outcome.stalled_s = _delays(outcome.readers)
            talking.cancel()
            await asyncio.wait([talking])
            outcome.slow_was_behind = outcome.said - len(outcome.slow.seqs)
            outcome.slow.allow(None)
            everybody = [*outcome.readers, outcome.slow]
            await _until(
                lambda: all(one.is_lost or one.seqs[-1:] == [outcome.said] for one in everybody)
            )
        ilo.terminate()
        outcome.closed_as_slow = len(_CLOSED_AS_SLOW.findall(ilo.output.text))
    return outcome


def _connections(server: psutil.Process, ilo: IloProcess) -> int:
    return sum(
        one.laddr.port == ilo.relay_port and one.status != psutil.CONN_LISTEN
        for one in server.net_connections("tcp")
    )


def _delays(readers: Iterable[Reader]) -> list[float]:
    """Return the delivery times since the last call, in order of size."""
    found: list[float] = []
    for reader in readers:
        found += reader.delays_s
        reader.delays_s = []
    return sorted(found)


async def _until(
    condition: Any, talking: asyncio.Task[None] | None = None, wait_s: float = 120.0
) -> None:
    async with asyncio.timeout(wait_s):
        while not condition():
            if talking is not None and talking.done():
                talking.result()
            await asyncio.sleep(LOOK_S)


def p(share: float, ordered: list[float]) -> float:
    """Return the value below which ``share`` of them are, in milliseconds."""
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000


def main() -> int:
    ask = argparse.ArgumentParser(prog="python -m tests.system.readers")
    ask.add_argument("--readers", type=int, default=100)
    ask.add_argument("--stalled", type=int, default=100)
    ask.add_argument("--quiet-s", type=float, default=20.0)
    ask.add_argument("--pace-s", type=float, default=0.05)
    asked = ask.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="ilo-readers-") as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        outcome = runner.run(
            stalling(
                Path(folder),
                readers=asked.readers,
                stalled=asked.stalled,
                quiet_s=asked.quiet_s,
                pace_s=asked.pace_s,
            )
        )
    ratio = p(0.99, outcome.stalled_s) / p(0.99, outcome.quiet_s)
    _say(f"{asked.readers} read, {asked.stalled} stalled, {outcome.said} messages of 16 kB")
    _say(f"memory grew by {outcome.grown_mib:.0f} MiB (at most {MAX_GROWTH_MIB:.0f})")
    _say(
        f"gone {outcome.gone_s:.0f} s after their buffers were full (at most {GONE_S:.0f}), "
        f"{outcome.closed_as_slow} with 4408"
    )
    for name, delays in (("nobody stalled", outcome.quiet_s), ("stalled", outcome.stalled_s)):
        _say(
            f"{name}: {len(delays)} deliveries, p50 {p(0.5, delays):.1f} ms, "
            f"p99 {p(0.99, delays):.1f} ms"
        )
    _say(f"p99 {ratio:.2f} times as long (at most {MAX_P99_RATIO:.0f})")
    whole = list(range(1, outcome.said + 1))
    missed = sum(one.seqs != whole for one in (*outcome.readers, outcome.slow))
    _say(f"{missed} missed something; the slow one was {outcome.slow_was_behind} behind")
    return int(
        missed > 0
        or outcome.grown_mib > MAX_GROWTH_MIB
        or outcome.gone_s > GONE_S
        or ratio > MAX_P99_RATIO
    )


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
