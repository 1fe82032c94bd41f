"""Connections between clients and a relay: late, cut into pieces, broken, silent, or not read."""

import asyncio
from collections.abc import Callable
from typing import Any

from tests.simulation.chance import Chance
from tests.simulation.loop import Process, VirtualLoop

SCALE = 256
"""Buffers are so much smaller than asked for: few messages are enough to fill them."""

KEEPALIVE_MS = 60_000
"""When the kernel gives up a connection on which nothing comes through."""


class End(asyncio.Transport):
    """One end of a link: the transport of the protocol there. Writes go to the other end."""

    def __init__(self, link: "Link", name: str, process: Process | None) -> None:
        super().__init__()
        self._link = link
        self._name = name
        self._process = process
        self._protocol: asyncio.BaseProtocol
        self._other: End
        self._unsent = bytearray()
        self._high, self._low = 64 * 1024 // SCALE, 16 * 1024 // SCALE
        self._pumping = False
        self._full = False
        self._paused = False
        self._closing = False
        self._eof = False
        self._eof_sent = False
        self.lost = False

    def join(self, protocol: asyncio.BaseProtocol, other: "End") -> None:
        self._protocol = protocol
        self._other = other

    def begin(self) -> None:
        self._tell(self._protocol.connection_made, self)

    # -- what a protocol may ask of its transport

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("192.0.2.1", 1) if name == "peername" else default

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high, self._low = (high or 0) // SCALE, (low or 0) // SCALE

    def get_write_buffer_size(self) -> int:
        return len(self._unsent)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._eof:
            raise RuntimeError("a write after write_eof")
        if self.lost or not data:
            return
        self._unsent += data
        if len(self._unsent) > self._high and not self._full:
            self._full = True
            self._link.chance.note(self._link.name, self._name, "full")
            self._protocol.pause_writing()
        self._kick()

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self._eof = True
        self._kick()

    def pause_reading(self) -> None:
        self._paused = True

    def resume_reading(self) -> None:
        if self._paused:
            self._paused = False
            self._other.wake()

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        """Send what is unsent, then the end."""
        self._closing = True
        self._kick()

    def abort(self) -> None:
        self._closing = True
        self._unsent.clear()
        self._link.loop.outside(0, self.lose)
        self._link.cut()

    # -- what the network does

    def wake(self) -> None:
        if self._unsent or self._closing or self._eof:
            self._kick()

    def give(self, size: int) -> None:
        """Let the first ``size`` unsent bytes arrive."""
        if size and not self._other.lost and not self._other.is_deaf:
            piece = bytes(self._unsent[:size])
            del self._unsent[:size]
            self._link.chance.note(self._link.name, self._name, size)
            self._other.take(piece)

    @property
    def is_deaf(self) -> bool:
        return self._paused

    @property
    def works(self) -> bool:
        """Tell whether bytes come through: what neither end may know."""
        return not self._link.broken

    @property
    def unsent(self) -> int:
        return len(self._unsent)

    def take(self, piece: bytes) -> None:
        if not self._closing:
            self._tell(self._protocol.data_received, piece)  # type: ignore[attr-defined]

    def lose(self) -> None:
        """Learn that the connection is over."""
        if not self.lost:
            self.lost = self._closing = True
            self._unsent.clear()
            self._link.chance.note(self._link.name, self._name, "lost")
            self._tell(self._protocol.connection_lost, None)

    def _kick(self) -> None:
        if not self._pumping:
            self._pumping = True
            self._link.loop.outside(self._link.chance.lag_ms(self._link.lag_ms), self._pump)

    def _pump(self) -> None:
        self._pumping = False
        chance = self._link.chance
        if self._link.broken or self.lost:
            return
        if self._other.lost:
            self.lose()
            return
        if self._other.is_deaf:
            return
        size = len(self._unsent)
        if size > 1 and chance.happens(chance.faults.pieces):
            size = chance.between(1, size)
        self.give(size)
        if self._full and len(self._unsent) <= self._low and not self.lost:
            self._full = False
            self._tell(self._protocol.resume_writing)
        if self._unsent:
            self._kick()
        elif (self._eof or self._closing) and not self._eof_sent:
            self._eof_sent = True
            self._other.hear_end()
            if self._closing:
                self._link.loop.outside(0, self.lose)
        elif self._closing:
            self._link.loop.outside(0, self.lose)

    def hear_end(self) -> None:
        """Nothing more comes: protocols here do not stay half open."""
        if not self.lost:
            self._tell(self._protocol.eof_received)  # type: ignore[attr-defined]
            self.close()

    def _tell(self, act: Callable[..., object], *args: object) -> None:
        if self._process is None:
            act(*args)
        else:
            self._process.enter(act, *args)


class Link:
    """One connection: ``up`` is the client's end, ``down`` the relay's."""

    def __init__(self, loop: VirtualLoop, chance: Chance, name: str, process: Process) -> None:
        self.loop = loop
        self.chance = chance
        self.name = name
        self.broken = False
        self.lag_ms = chance.between(1, 60)
        self.up = End(self, "up", None)
        self.down = End(self, "down", process)

    def open(self, client: asyncio.Protocol, connection: asyncio.Protocol) -> None:
        self.up.join(client, self.down)
        self.down.join(connection, self.up)
        self.down.begin()
        self.up.begin()

    @property
    def is_over(self) -> bool:
        return self.broken or (self.up.lost and self.down.lost)

    def cut(self) -> None:
        """Break: part of what is under way arrives, and each end learns of it in its own time."""
        if self.broken:
            return
        for end in (self.up, self.down):
            if end.unsent and self.chance.happens(0.7):
                end.give(self.chance.between(1, end.unsent))
        self.broken = True
        self.chance.note(self.name, "cut")
        for end in (self.up, self.down):
            self.loop.outside(self.chance.lag_ms(self.chance.pick((5, 100, 500, 8000))), end.lose)

    def fall_silent(self) -> None:
        """Nothing comes through any more, and nobody is told for a minute."""
        if self.broken:
            return
        self.broken = True
        self.chance.note(self.name, "silent")
        for end in (self.up, self.down):
            self.loop.outside(KEEPALIVE_MS, end.lose)
