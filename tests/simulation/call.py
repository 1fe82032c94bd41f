"""One connection of a client: bytes on one side, frames on the other."""

import asyncio
from typing import TYPE_CHECKING, cast

import orjson

from tests.simulation.network import End
from tests.support.promises import Asked, Visit
from tests.support.websocket import CLOSE, PING, PONG, TEXT, client_frame, request_head

if TYPE_CHECKING:
    from tests.simulation.client import Client

NO_MASK = bytes(4)


class Call(asyncio.Protocol):
    """From the handshake to the end. ``is_honest``: the cursor shown is the client's own."""

    def __init__(self, client: "Client", visit: Visit, *, is_honest: bool) -> None:
        self._client = client
        self.visit = visit
        self.is_honest = is_honest
        self.name = visit.name
        self.session = client.person.session
        self.transport: End
        self._bytes = b""
        self._upgraded = False
        self.welcomed = False
        self.over = False
        self.members_version = 0
        self.asked: dict[str, Asked] = {}
        self.heard_at_ms = client.world.now_ms()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("End", transport)
        query = ""
        if self.visit.since is not None:
            query = f"?since={self.visit.since}"
            if self.visit.epoch is not None:
                query += f"&epoch={self.visit.epoch}"
        headers = {"Authorization": f"Bearer {self.session.token}"}
        self.transport.write(request_head(f"/ws/{self._client.room}{query}", headers))

    def connection_lost(self, exc: Exception | None) -> None:
        self.finish()

    def finish(self, code: int = 1006) -> None:
        """The connection is over for the client, with this close code or HTTP status."""
        if not self.over:
            self.over = True
            self._client.hung_up(self, code)

    def eof_received(self) -> None:
        self.finish()

    def data_received(self, data: bytes) -> None:
        if self.over:
            return
        self.heard_at_ms = self._client.world.now_ms()
        self._bytes += data
        if not self._upgraded and not self._read_head():
            return
        while not self.over and (frame := self._next_frame()) is not None:
            self._frame(*frame)

    def send(self, frame: bytes) -> None:
        self.transport.write(client_frame(frame, mask=NO_MASK))

    def _read_head(self) -> bool:
        head, end, rest = self._bytes.partition(b"\r\n\r\n")
        if not end:
            return False
        status = int(head.split(b" ", 2)[1])
        if status != 101:
            self._client.world.chance.note(self.name, "refused", status)
            self.transport.close()
            self.finish(status)
            return False
        self._upgraded, self._bytes = True, rest
        return True

    def _next_frame(self) -> tuple[int, bytes] | None:
        data = self._bytes
        if len(data) < 2:
            return None
        at, size = 2, data[1]
        if size == 126:
            at, size = 4, int.from_bytes(data[2:4], "big")
        elif size == 127:
            at, size = 10, int.from_bytes(data[2:10], "big")
        if len(data) < at + size:
            return None
        self._bytes = data[at + size :]
        return data[0] & 0x0F, data[at : at + size]

    def _frame(self, opcode: int, payload: bytes) -> None:
        self._client.world.chance.note(self.name, payload)
        if opcode == TEXT:
            self._client.heard(self, orjson.loads(payload))
        elif opcode == PING:
            self.transport.write(client_frame(payload, PONG, mask=NO_MASK))
        elif opcode == CLOSE:
            self.transport.write(client_frame(payload[:2], CLOSE, mask=NO_MASK))
            self.transport.close()
            self.finish(int.from_bytes(payload[:2], "big"))
