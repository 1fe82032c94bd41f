"""A client as the contract wants it: what has no ack is sent again, in order, with its id."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import orjson

from tests.simulation.network import End
from tests.support.history import Entry
from tests.support.relay import bearer
from tests.support.websocket import CLOSE, PING, PONG, TEXT, client_frame, message, request_head

if TYPE_CHECKING:
    from tests.simulation.world import World

ANSWER_MS = 10_000
"""Without an answer for so long a client tries another connection."""
QUIET_MS = 50_000
"""So long the relay is never quiet on a connection that works."""


class Call(asyncio.Protocol):
    """One connection of a client, from the handshake to its end."""

    def __init__(self, client: "Client", name: str) -> None:
        self._client = client
        self.name = name
        self.transport: End
        self._bytes = b""
        self._upgraded = False
        self.welcomed = False
        self.over = False
        self.last = 0
        self.heard_at_ms = client.world.now_ms()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("End", transport)
        client = self._client
        self.transport.write(request_head(f"/ws/{client.room}", bearer(client.name)))

    def connection_lost(self, exc: Exception | None) -> None:
        self.finish()

    def finish(self) -> None:
        if not self.over:
            self.over = True
            self._client.hung_up(self)

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
        self.transport.write(client_frame(frame))

    def _read_head(self) -> bool:
        head, end, rest = self._bytes.partition(b"\r\n\r\n")
        if not end:
            return False
        status = head.split(b" ", 2)[1].decode()
        if status != "101":
            self._client.world.chance.note(self.name, "refused", status)
            self.transport.close()
            self.finish()
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
            self.transport.write(client_frame(payload, PONG))
        elif opcode == CLOSE:
            self.transport.write(client_frame(payload[:2], CLOSE))
            self.transport.close()
            self.finish()


class Client:
    """One user in one room, with so many messages to say; comes back whenever it is cut off."""

    def __init__(self, world: "World", name: str, room: str, messages: int) -> None:
        self.world = world
        self.name = name
        self.room = room
        self._left = messages
        self._said = 0
        self._calls = 0
        self.call: Call | None = None
        self._unacked: dict[str, bytes] = {}
        self._asked_at_ms = 0
        self._later(world.chance.lag_ms(300), self._connect)
        self._later(world.chance.lag_ms(1000), self._speak)
        self._later(1000, self._look_after)

    @property
    def is_settled(self) -> bool:
        """Tell whether all was said and answered, and all was heard."""
        return (
            not self._left
            and not self._unacked
            and self.call is not None
            and self.call.welcomed
            and self.call.transport.works
            and self.call.last == self.world.disk.head_of(self.room)
        )

    def state(self) -> str:
        call = self.call
        where = "away" if call is None else f"{call.name} at {call.last}"
        head = self.world.disk.head_of(self.room)
        return f"{self.name}: {where} of {head}, {self._left} unsaid, {len(self._unacked)} unacked"

    # -- what a connection tells

    def hung_up(self, call: Call) -> None:
        if self.call is call:
            self.call = None
            self._later(self.world.chance.lag_ms(self.world.chance.pick((5, 500))), self._connect)

    def heard(self, call: Call, frame: dict[str, Any]) -> None:
        history, room, name = self.world.history, self.room, self.name
        match frame["type"]:
            case "welcome":
                call.welcomed, call.last = True, frame["head"]
                history.enters(call.name, room, frame["head"])
                self._asked_at_ms = self.world.now_ms()
                for unacked in self._unacked.values():
                    call.send(unacked)
            case "message":
                call.last = frame["seq"]
                text = frame["data"]["message"]
                history.receives(
                    call.name,
                    Entry(frame["seq"], frame["id"], frame["sender"], frame["sent_at"], text),
                )
            case "ack":
                history.acked(room, name, frame["id"], frame["seq"], frame["sent_at"])
                self._answered(frame["id"])
            case "error":
                unknown = frame["code"] == "unavailable"
                history.refused(room, name, frame["id"], "unknown" if unknown else "no")
                if frame["code"] == "storage-full":
                    self._answered(frame["id"])
                elif not unknown:
                    self.world.fail(f"fault: {name} was told {frame['code']}")
            case "head":
                if frame["seq"] != call.last:
                    self.world.fail(f"head: {call.name} is at {call.last}, told {frame['seq']}")
            case other:
                self.world.fail(f"fault: {name} was told {other}")

    def _answered(self, message_id: str) -> None:
        self._unacked.pop(message_id, None)
        self._asked_at_ms = self.world.now_ms()

    # -- what the client does of itself

    def _later(self, delay_ms: int, act: Callable[[], None]) -> None:
        self.world.loop.outside(delay_ms, act)

    def _connect(self) -> None:
        if self.call is not None:
            return
        self._calls += 1
        call = Call(self, f"{self.name}-{self._calls}")
        if self.world.dial(call, call.name):
            self.call = call
        else:
            self._later(self.world.chance.lag_ms(500), self._connect)

    def _speak(self) -> None:
        # Several at once, so that groups, holds and pipelines happen.
        for _ in range(self.world.chance.between(1, 2)):
            if self._left:
                self._say()
        if self._left:
            mean_ms = self.world.chance.pick((5, 5, 2500))
            self._later(self.world.chance.lag_ms(mean_ms), self._speak)

    def _say(self) -> None:
        self._left -= 1
        self._said += 1
        message_id = str(UUID(bytes=self.world.chance.uuid()))
        text = f"{self.name} {self._said} {'.' * self.world.chance.between(0, 300)}"
        self.world.history.sends(self.room, self.name, message_id, text)
        if not self._unacked:
            self._asked_at_ms = self.world.now_ms()
        frame = self._unacked[message_id] = message(text, id=message_id)
        if self.call is not None and self.call.welcomed:
            self.call.send(frame)

    def _look_after(self) -> None:
        self._later(1000, self._look_after)
        call, now_ms, chance = self.call, self.world.now_ms(), self.world.chance
        if call is None:
            return
        if chance.happens(chance.faults.slow_reader):
            chance.note(call.name, "does not read")
            call.transport.pause_reading()
            self._later(chance.lag_ms(chance.pick((300, 3000, 30_000))), self._read_again(call))
        elif call.transport.is_deaf:
            return
        elif (
            now_ms - call.heard_at_ms > (QUIET_MS if call.welcomed else ANSWER_MS)
            or (self._unacked and now_ms - self._asked_at_ms > ANSWER_MS)
        ) and now_ms - call.heard_at_ms > ANSWER_MS:
            chance.note(call.name, "gives up")
            call.transport.abort()
            call.finish()

    def _read_again(self, call: Call) -> Callable[[], None]:
        def read_again() -> None:
            call.heard_at_ms = self.world.now_ms()
            call.transport.resume_reading()

        return read_again
