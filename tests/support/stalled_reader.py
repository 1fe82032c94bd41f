"""A member who reads only when told, and what its relay keeps for it meanwhile."""

import asyncio
import socket
from typing import Any

import orjson

from relay.connection import Connection
from tests.support.frame_guard import FrameGuard
from tests.support.relay import House, bearer
from tests.support.websocket import CLOSE, TEXT, client_frame, message, request_head

LARGE = "x" * 250_000
"""One of these is more than a small socket buffer; four are more than the relay keeps."""


class StalledReader:
    """A member who says nothing and reads only when told, on a socket with small buffers."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.seqs: list[int] = []
        self.frames: list[dict[str, Any]] = []
        self.close_code: int | None = None
        self._guard = FrameGuard()
        self._rest = b""

    @classmethod
    async def join(cls, house: House, name: str, room: str = "chat") -> "StalledReader":
        await house.know(name)
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(sock, ("127.0.0.1", house.port))
        reader = cls(sock)
        await reader.send(request_head(f"/ws/{room}", bearer(name)))
        head = b""
        while b"\r\n\r\n" not in head:
            head += await reader.receive()
        reader._rest = head.partition(b"\r\n\r\n")[2]
        return reader

    async def receive(self) -> bytes:
        async with asyncio.timeout(10):
            return await asyncio.get_running_loop().sock_recv(self.sock, 65536)

    def _frames(self, data: bytes) -> list[tuple[int, bytes]]:
        data, frames, at = self._rest + data, [], 0
        while len(data) - at >= 10:
            size, head = data[at + 1], 2
            if size > 125:
                head = 4 if size == 126 else 10
                size = int.from_bytes(data[at + 2 : at + head], "big")
            if len(data) - at < head + size:
                break
            frames.append((data[at] & 0x0F, data[at + head : at + head + size]))
            at += head + size
        self._rest = data[at:]
        return frames

    async def read(self, *, until_seq: int) -> None:
        """Read on until message ``until_seq`` has come, or the end."""
        while not self.seqs or self.seqs[-1] < until_seq:
            data = await self.receive()
            if not data:
                return
            for opcode, payload in self._frames(data):
                self._guard.heard(opcode, payload)
                if opcode == TEXT:
                    frame: dict[str, Any] = orjson.loads(payload)
                    self.frames.append(frame)
                    if frame["type"] == "message":
                        self.seqs.append(frame["seq"])
                if opcode == CLOSE:
                    self.close_code = int.from_bytes(payload[:2], "big")
                    return

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return all frames of type ``kind`` that were read."""
        return [frame for frame in self.frames if frame["type"] == kind]

    async def send(self, data: bytes) -> None:
        self._guard.sent(data)
        await asyncio.get_running_loop().sock_sendall(self.sock, data)

    def close(self) -> None:
        self.sock.close()


def server_side(house: House, name: str) -> Connection:
    (found,) = (
        c for c in house.relay._connections if c.session is not None and c.session.username == name
    )
    return found


def unsent(house: House, name: str) -> int:
    return server_side(house, name).transport.get_write_buffer_size()


async def say_much(talker: Any, count: int) -> None:
    """Say ``count`` large messages, each when the one before has its ack and was heard."""
    for _ in range(count):
        await talker.send(client_frame(message(LARGE), mask=bytes(4)))
        await talker.json_of("ack")
        await talker.json_of("message")
