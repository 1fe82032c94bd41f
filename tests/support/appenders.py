"""Senders whose messages go into the same rooms through several processes, and what they hear."""

import asyncio
import json
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

from services.model import RoomId, UserId
from tests.support.cassandra.keyspaces import Keyspace
from tests.support.history import History, Log
from tests.support.ilo_process import ROOT

READY_S: Final = 120.0
"""Generous: a busy machine imports slowly."""
UNANSWERED_S: Final = 5.0
"""After so long without an answer a sender tries another process."""
LONGEST_S: Final = 600.0
"""Far longer than it takes to get as far as is waited for."""
IN_FLIGHT: Final = 3
"""Messages that a sender has under way in a room."""
CUT: Final = 0.01
"""How often a connection breaks after an ack, with what is under way unanswered."""
PAUSE_S: Final = 0.2
"""Before what was refused is sent again, at most."""
TEXT: Final = "x7Kq" * 50

Heard = Callable[[str, int, object, int], None]


@dataclass(slots=True)
class Notes:
    """What happened in a run; times are of the monotonic clock."""

    history: History = field(default_factory=History)
    latencies: list[float] = field(default_factory=list)
    """From the first time that a message was sent to its ack."""
    acked_at: dict[str, list[float]] = field(default_factory=dict)
    """Of each room."""
    counted: dict[str, int] = field(default_factory=lambda: {"conflict": 0, "unknown": 0})
    refused: int = 0
    moved: int = 0
    """How often a sender went on elsewhere without an answer."""
    wrong: list[str] = field(default_factory=list)

    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def acked(self) -> int:
        return len(self.latencies)

    def takes_ack(self, room: str, sent_at: float) -> None:
        now = time.monotonic()
        self.latencies.append(now - sent_at)
        self.acked_at.setdefault(room, []).append(now)
        self._changed.set()

    async def until_acked(self, amount: int) -> None:
        """Return when so many messages are acknowledged."""
        async with asyncio.timeout(LONGEST_S):
            while self.acked < amount:
                self._changed.clear()
                await self._changed.wait()


class Appender:
    """One process that appends; ``hear`` is told what it answers."""

    def __init__(
        self, keyspace: Keyspace, fault: str | None, notes: Notes, hear: Callable[[str], Heard]
    ) -> None:
        self._command = [sys.executable, "-m", "tests.support.appender_child"]
        self._command += [*keyspace.contact_points, "--port", str(keyspace.port)]
        self._command += ["--keyspace", keyspace.name]
        self._command += [] if fault is None else ["--fault", fault]
        self._notes = notes
        self._hear = hear
        self._process: Process | None = None
        self._reader: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start it, and return when it is ready."""
        process = await asyncio.create_subprocess_exec(
            *self._command, cwd=ROOT, stdin=PIPE, stdout=PIPE
        )
        assert process.stdout is not None
        async with asyncio.timeout(READY_S):
            line = await process.stdout.readline()
        assert line == b'["ready"]\n', "it ended before it was ready"
        self._process = process
        self._reader = asyncio.create_task(self._read(process.stdout))

    def ask(self, *words: object) -> None:
        """Ask for an append; nobody answers when there is no process."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(json.dumps(words).encode() + b"\n")

    @property
    def is_running(self) -> bool:
        return self._process is not None

    async def kill(self) -> None:
        """End it as the kernel ends a process, if it runs."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            await self._ended(process)

    async def stop(self) -> None:
        """Let it finish what it has begun, if it runs."""
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()
            await self._ended(process)

    async def _ended(self, process: Process) -> None:
        await process.wait()
        if self._reader is not None:
            await self._reader

    async def _read(self, lines: asyncio.StreamReader) -> None:
        while line := await lines.readline():
            match json.loads(line):
                case [connection, number, *rest]:
                    seq, sent_at = rest if len(rest) == 2 else (rest[0], 0)
                    self._hear(connection)(connection, number, seq, sent_at)
                case [word]:
                    self._notes.counted[word] += 1
                case other:
                    self._notes.wrong.append(f"a process said {other}")


@dataclass(frozen=True, slots=True)
class Place:
    """A room to append to."""

    room_id: RoomId
    log: Log


@dataclass(slots=True)
class _Message:
    id: bytes
    text: str
    after: int
    sent_at: float


class Sender:
    """Somebody in one room, whose messages have an order.

    What is refused, or not answered, is sent again with all that comes behind it: the same ids,
    with the seq that had been seen when each was sent first.
    """

    def __init__(
        self,
        name: str,
        user_id: UserId,
        place: Place,
        appenders: Sequence[Appender],
        notes: Notes,
        rng: Random,
    ) -> None:
        self.key = f"{name}/{place.log.room}"
        self.is_talking = True
        self._name = name
        self._user_id = user_id
        self._place = place
        self._appenders = appenders
        self._notes = notes
        self._rng = rng
        self._home = rng.randrange(len(appenders))
        self._tries = 0
        self._numbers = 0
        self._seen = 0
        self._under_way: dict[int, _Message] = {}
        self._changed = asyncio.Event()
        self._is_refused = False

    async def talk(self) -> None:
        """Send until ``is_talking`` is false, and then until everything is answered."""
        while self.is_talking or self._under_way:
            while self.is_talking and len(self._under_way) < IN_FLIGHT:
                self._send_new()
            self._changed.clear()
            try:
                async with asyncio.timeout(UNANSWERED_S):
                    await self._changed.wait()
            except TimeoutError:
                self._move()
            if self._is_refused:
                self._notes.refused += 1
                await asyncio.sleep(self._rng.random() * PAUSE_S)
                self._move()

    def stop_talking(self) -> None:
        self.is_talking = False
        self._changed.set()

    def lose(self, appender: Appender) -> None:
        """Notice that this process is gone."""
        if self._appenders[self._home] is appender:
            self._move()

    def hear(self, connection: str, number: int, answer: object, sent_at: int) -> None:
        is_current = connection == self._connection
        if isinstance(answer, int):
            # Also what nobody listens to any more is a promise.
            self._acked(number, answer, sent_at, is_current)
        elif answer != "unavailable":
            self._notes.wrong.append(f"{connection} was told {answer}")
        elif is_current:
            self._is_refused = True
        self._changed.set()

    @property
    def _connection(self) -> str:
        return f"{self.key}/{self._tries}"

    def _acked(self, number: int, seq: int, sent_at: int, is_current: bool) -> None:
        self._notes.history.acked(
            self._place.log, self._name, self._id(number).hex(), seq, str(sent_at)
        )
        message = self._under_way.get(number) if is_current else None
        if message is None:
            return
        del self._under_way[number]
        self._seen = max(self._seen, seq)
        self._notes.takes_ack(self._place.log.room, message.sent_at)
        if self._rng.random() < CUT:
            self._move()

    def _send_new(self) -> None:
        number = self._numbers = self._numbers + 1
        message = _Message(self._id(number), f"{number} {TEXT}", self._seen, time.monotonic())
        self._under_way[number] = message
        self._notes.history.sends(self._place.log.room, self._name, message.id.hex(), message.text)
        self._send(number, message)

    def _id(self, number: int) -> bytes:
        return self._user_id[:8] + number.to_bytes(8, "big")

    def _move(self) -> None:
        """Go on with another process, from the first message that is not answered."""
        self._notes.moved += bool(self._under_way) and not self._is_refused
        self._is_refused = False
        self._tries += 1
        others = [place for place, one in enumerate(self._appenders) if one.is_running]
        self._home = self._rng.choice([place for place in others if place != self._home] or others)
        for number, message in self._under_way.items():
            self._send(number, message)

    def _send(self, number: int, message: _Message) -> None:
        self._appenders[self._home].ask(
            self._connection,
            number,
            self._place.room_id.hex(),
            self._user_id.hex(),
            message.id.hex(),
            time.time_ns() // 1_000_000,
            message.text,
            message.after,
        )
