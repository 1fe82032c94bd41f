"""A WebSocket client that sends exactly the bytes it is told to, right or wrong."""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from tests.support.frame_guard import FrameGuard

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
WAIT_S = 30.0
"""A test that waits longer for an answer fails."""

OF_OTHERS = frozenset({"member", "presence"})
"""What a connection is told whenever somebody else comes or goes."""

KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def masked(payload: bytes, mask: bytes) -> bytes:
    """Return ``payload`` under the mask (RFC 6455 §5.3), byte by byte."""
    return bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


def client_frame(
    payload: bytes | str = b"",
    opcode: int = TEXT,
    *,
    fin: bool = True,
    rsv: int = 0,
    mask: bytes | None = b"\x01\x02\x03\x04",
    claimed: int | None = None,
) -> bytes:
    """Return a client's frame. ``rsv`` has three bits; without ``mask`` it is not masked.

    ``claimed`` is the length that the header tells, whatever the payload is.
    """
    raw = payload.encode() if isinstance(payload, str) else payload
    size = len(raw) if claimed is None else claimed
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    bit = 0 if mask is None else 0x80
    if size < 126:
        head = bytes((first, bit | size))
    elif size < 65536:
        head = bytes((first, bit | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, bit | 127)) + size.to_bytes(8, "big")
    if mask is None:
        return head + raw
    # Masking in Python is slow: whoever sends much uses the mask of zeros.
    return head + mask + (raw if mask == bytes(4) else masked(raw, mask))


def message(text: str, **members: Any) -> bytes:
    """Return the JSON of a ``message`` frame."""
    return orjson.dumps({**members, "data": {"message": text}})


def request_head(
    path: str, headers: Mapping[str, str] | None = None, *, method: str = "GET"
) -> bytes:
    """Return the head of a handshake; a header of ``headers`` replaces the usual one."""
    all_headers = {
        "Host": "relay.invalid",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": KEY,
        **(headers or {}),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in all_headers.items() if value)
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1")


@dataclass(frozen=True, slots=True)
class Answer:
    """A plain HTTP answer; names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


class RawSocket:
    """One TCP connection to a relay. Every frame that is read passes ``guard``, if there is one.

    What it is told of others is put aside: it comes whenever somebody else joins a test's room.
    ``told`` and ``json_of`` return it, ``json`` does not.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        guard: FrameGuard | None = None,
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.guard = guard
        self._refusal: tuple[int, dict[str, str]] | None = None
        self._skipped: list[dict[str, Any]] = []
        self._of_others: list[dict[str, Any]] = []

    @classmethod
    async def open(cls, port: int, *, guarded: bool = True) -> "RawSocket":
        """Connect; not ``guarded`` where something other than our relay answers on purpose."""
        # The limit is what the client buffers unasked: little, so that a stalled one is stalled.
        streams = await asyncio.open_connection("127.0.0.1", port, limit=16 * 1024)
        return cls(*streams, FrameGuard() if guarded else None)

    def write(self, data: bytes) -> None:
        """Send without waiting for the relay to take it."""
        if self.guard is not None:
            self.guard.sent(data)
        self.writer.write(data)

    async def send(self, data: bytes) -> None:
        self.write(data)
        async with asyncio.timeout(WAIT_S):
            await self.writer.drain()

    async def dribble(self, data: bytes) -> None:
        """Send byte by byte, each in a segment of its own."""
        for at in range(len(data)):
            await self.send(data[at : at + 1])
            # A turn of the loop: what was written leaves before the next byte.
            await asyncio.sleep(0)

    async def say(self, text: str, **members: Any) -> None:
        await self.send(client_frame(message(text, **members), mask=os.urandom(4)))

    async def read_head(self) -> tuple[int, dict[str, str]]:
        """Return status and headers of the next answer; what follows is left in the stream."""
        async with asyncio.timeout(WAIT_S):
            head = await self.reader.readuntil(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        pairs = (line.split(": ", 1) for line in lines)
        headers = {name.lower(): value for name, value in pairs}
        code = int(status.split(" ")[1])
        self._refusal = None if code == 101 else (code, headers)
        return code, headers

    async def answer(self) -> Answer:
        """Return the next plain answer, read to the end of the connection; close it."""
        status, headers = await self.read_head()
        body = await self.rest()
        self.abort()
        return Answer(status, headers, body)

    async def rest(self) -> bytes:
        """Return everything until the relay closes its side."""
        parts = []
        async with asyncio.timeout(WAIT_S):
            while part := await self.reader.read(1 << 20):
                parts.append(part)
        body = b"".join(parts)
        if self.guard is not None and self._refusal is not None:
            self.guard.refused(*self._refusal, body)
        return body

    async def frame(self) -> tuple[int, bytes]:
        """Return opcode and payload of the next frame, which has to be whole and unmasked."""
        async with asyncio.timeout(WAIT_S):
            first, size = await self.reader.readexactly(2)
            assert first & 0x80, "the relay sends no fragments"
            assert not first & 0x70, "the relay uses no extension"
            assert not size & 0x80, "a server never masks"
            if size >= 126:
                extended = await self.reader.readexactly(2 if size == 126 else 8)
                size = int.from_bytes(extended, "big")
            payload = await self.reader.readexactly(size)
        if self.guard is not None:
            self.guard.heard(first & 0x0F, payload)
        return first & 0x0F, payload

    async def json(self) -> dict[str, Any]:
        """Return the oldest frame not yet returned, which has to be text; none of others."""
        if self._skipped:
            return self._skipped.pop(0)
        while (frame := await self._next())["type"] in OF_OTHERS:
            self._of_others.append(frame)
        return frame

    async def _next(self) -> dict[str, Any]:
        opcode, payload = await self.frame()
        while opcode == PING:
            opcode, payload = await self.frame()
        assert opcode == TEXT, f"a frame of opcode {opcode}: {payload[:100]!r}"
        frame: dict[str, Any] = orjson.loads(payload)
        return frame

    async def json_of(self, kind: str) -> dict[str, Any]:
        """Return the oldest frame of type ``kind``; the others can be had later."""
        aside = self._of_others if kind in OF_OTHERS else self._skipped
        for place, frame in enumerate(aside):
            if frame["type"] == kind:
                return aside.pop(place)
        while (frame := await self._next())["type"] != kind:
            (self._of_others if frame["type"] in OF_OTHERS else self._skipped).append(frame)
        return frame

    async def told(self, kind: str) -> list[dict[str, Any]]:
        """Return all that came of type ``kind``, member or presence, and was not returned yet."""
        await self._up_to_now()
        told = [frame for frame in self._of_others if frame["type"] == kind]
        self._of_others = [frame for frame in self._of_others if frame["type"] != kind]
        return told

    async def messages(self, count: int) -> list[str]:
        """Return what the next ``count`` messages say; their seqs must have no hole."""
        frames = [await self.json_of("message") for _ in range(count)]
        first = frames[0]["seq"]
        assert [frame["seq"] for frame in frames] == list(range(first, first + count))
        return [frame["data"]["message"] for frame in frames]

    async def nothing_more(self) -> None:
        """See that nothing was sent to this client beyond what was returned, and of others."""
        await self._up_to_now()
        assert self._skipped == []

    async def _up_to_now(self) -> None:
        await self.send(client_frame(b"last", PING))
        while (frame := await self.frame()) != (PONG, b"last"):
            opcode, payload = frame
            if opcode == PING:
                continue
            assert opcode == TEXT, f"a frame of opcode {opcode}: {payload[:100]!r}"
            told: dict[str, Any] = orjson.loads(payload)
            (self._of_others if told["type"] in OF_OTHERS else self._skipped).append(told)

    async def closed(self) -> tuple[int, str]:
        """Return code and reason of the close frame, skipping what comes before it."""
        while True:
            opcode, payload = await self.frame()
            if opcode == CLOSE:
                return int.from_bytes(payload[:2], "big"), payload[2:].decode()

    async def ended(self) -> bool:
        """Wait until the connection is over; True when it was reset."""
        try:
            await self.rest()
        except ConnectionResetError:
            return True
        return False

    def abort(self) -> None:
        self.writer.transport.abort()
