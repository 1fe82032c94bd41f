"""Clients that lose their line and come back, and write down all that happens to them.

``RawParticipant`` keeps its cursor itself, as the contract says, and believes the relay nothing;
``LibraryParticipant`` is the generated client, which comes back by itself.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final, Protocol
from uuid import UUID

import orjson
from ilo_relay import Ack, Backoff, Gap, MessageOut, RelayError, RoomClient

from services.model import RoomName
from services.timestamps import to_rfc3339
from store.sqlite import SqliteStore
from tests.support.history import Entry, History, Log
from tests.support.system_client import Person
from tests.support.websocket import CLOSE, PING, PONG, TEXT, RawSocket, client_frame, request_head

NO_MASK: Final = bytes(4)
COMES_BACK_S: Final = 0.1
"""At most so long after an end, or after nobody answered, a participant tries again."""
FULL_AGAIN_S: Final = 0.1
"""So long after the word that the storage is full something else is said."""
SETTLE_S: Final = 60.0
FAULTY_SETTLE_S: Final = 3.0
"""Where a fault is built in, nobody waits long for what will not come."""
LONGEST_TEXT: Final = 1500
MAY_COME_BACK: Final = frozenset({429, 503})
NOT_STORED: Final = frozenset({"storage-full", "rate"})

Port = Callable[[], int | None]
"""Where the relay is now; None while there is none."""


def dice(seed: int) -> Random:
    """Return what decides in a run that can be had again."""
    return Random(seed)  # noqa: S311


@dataclass(slots=True)
class Notes:
    """What all participants of one run write down. ``faults`` is what no history can charge."""

    history: History = field(default_factory=History)
    faults: list[str] = field(default_factory=list)
    codes: dict[str, int] = field(default_factory=dict)
    """How often each error code was heard."""
    closes: dict[int, int] = field(default_factory=dict)
    heads: dict[str, int] = field(default_factory=dict)
    """The newest acknowledged seq by room."""
    acked: int = 0
    received: int = 0
    returns: int = 0
    """How often somebody came back with a cursor."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def ack(self, room: str, sender: str, message_id: str, seq: int, sent_at: str) -> None:
        self.history.acked(log_of(room), sender, message_id, seq, sent_at)
        self.heads[room] = max(seq, self.heads.get(room, 0))
        self.acked += 1
        self.changed.set()

    def error(self, code: str) -> None:
        self.codes[code] = self.codes.get(code, 0) + 1
        self.changed.set()

    async def until(self, condition: Callable[[], bool], wait_s: float = SETTLE_S) -> None:
        """Wait until ``condition`` holds; it is looked at after each change."""
        async with asyncio.timeout(wait_s):
            while not condition():
                self.changed.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(1):
                        await self.changed.wait()


class Participant(Protocol):
    """One person in one room, who always has ``in_flight`` messages without an ack."""

    room: str
    in_flight: int

    async def live(self) -> None:
        """Come, talk, come back, for ever."""
        ...

    def is_settled(self) -> bool:
        """Tell whether all is acknowledged that was said, and all heard that anybody said."""
        ...


@dataclass(frozen=True, slots=True)
class Said:
    """``after`` is what its sender had seen when it was said first."""

    id: str
    text: str
    after: int


class RawParticipant:
    """Sends and reads frames itself. ``rng`` decides about ids, lengths and pauses."""

    def __init__(
        self,
        person: Person,
        room: str,
        port: Port,
        notes: Notes,
        rng: Random,
        *,
        in_flight: int = 8,
        name: str = "",
    ) -> None:
        self.room = room
        self.in_flight = in_flight
        self.seq = 0
        self.epoch = ""
        self._person = person
        self._port = port
        self._notes = notes
        self._rng = rng
        self._connection = f"{person.name} in {room}{name}"
        self._unacked: dict[str, Said] = {}

    def is_settled(self) -> bool:
        return not self._unacked and self.seq == self._notes.heads.get(self.room, 0)

    async def live(self) -> None:
        while True:
            port = self._port()
            if port is not None:
                with suppress(OSError, EOFError, TimeoutError):
                    await self._connect(port)
            await asyncio.sleep(self._rng.random() * COMES_BACK_S)

    async def _connect(self, port: int) -> None:
        socket = await RawSocket.open(port, guarded=False)
        try:
            cursor = f"?since={self.seq}&epoch={self.epoch}" if self.epoch else ""
            await socket.send(request_head(f"/ws/{self.room}{cursor}", self._person.bearer))
            status, _ = await socket.read_head()
            if status == 101:
                self._welcomed(await socket.json())
                await self._say(socket, self._unacked.values())
                await self._stay(socket)
            elif status not in MAY_COME_BACK:
                self._notes.faults.append(f"{self._connection} was refused with {status}")
        finally:
            socket.abort()

    def _welcomed(self, welcome: Mapping[str, Any]) -> None:
        if not self.epoch:
            self.epoch, self.seq = welcome["epoch"], welcome["head"]
            self._notes.history.enters(self._connection, log_of(self.room), self.seq)
            return
        self._notes.returns += 1
        if not welcome["recovered"]:
            where = f"{self._connection} at {self.seq}"
            self._notes.faults.append(f"{where} was not recovered: head {welcome['head']}")

    async def _stay(self, socket: RawSocket) -> None:
        await self._say_more(socket)
        reader = socket.reader
        while True:
            opcode, payload = await _frame(reader)
            if opcode == TEXT:
                await self._heard(socket, orjson.loads(payload))
            elif opcode == PING:
                await socket.send(client_frame(payload, PONG))
            elif opcode == CLOSE:
                code = int.from_bytes(payload[:2], "big")
                self._notes.closes[code] = self._notes.closes.get(code, 0) + 1
                await socket.send(client_frame(payload[:2], CLOSE))
                return

    async def _heard(self, socket: RawSocket, frame: Mapping[str, Any]) -> None:
        notes = self._notes
        match frame["type"]:
            case "message":
                self.seq = frame["seq"]
                notes.received += 1
                notes.history.receives(self._connection, entry_of(frame))
            case "ack":
                if self._unacked.pop(frame["id"], None) is not None:
                    who = self._person.name
                    notes.ack(self.room, who, frame["id"], frame["seq"], frame["sent_at"])
                await self._say_more(socket)
            case "error":
                notes.error(frame["code"])
                if frame["code"] in NOT_STORED:
                    self._unacked.pop(frame["id"])
                    notes.history.refused(log_of(self.room), self._person.name, frame["id"], "no")
                    await asyncio.sleep(FULL_AGAIN_S)
                    await self._say_more(socket)
                elif frame["code"] != "unavailable":
                    notes.faults.append(f"{self._connection}: {frame['code']}")
            case "gap":
                told = f"{frame['reason']} {frame['from_seq']} to {frame['to_seq']}"
                notes.faults.append(f"{self._connection} has a gap: {told}")
                if frame["reason"] == "ahead":
                    self.seq = frame["from_seq"] - 1
            case _:
                pass

    async def _say_more(self, socket: RawSocket) -> None:
        new = [self._new() for _ in range(self.in_flight - len(self._unacked))]
        if new:
            await self._say(socket, new)

    def _new(self) -> Said:
        message_id = str(UUID(int=self._rng.getrandbits(128), version=4))
        text = message_id + "." * self._rng.randrange(LONGEST_TEXT)
        said = self._unacked[message_id] = Said(message_id, text, self.seq)
        self._notes.history.sends(self.room, self._person.name, message_id, text)
        return said

    async def _say(self, socket: RawSocket, said: Sequence[Said] | Any) -> None:
        frames = [
            orjson.dumps({"id": one.id, "after": one.after, "data": {"message": one.text}})
            for one in said
        ]
        socket.write(b"".join(client_frame(frame, mask=NO_MASK) for frame in frames))


class LibraryParticipant:
    """The generated client: what it gives its application has to be whole, whatever happens."""

    def __init__(
        self,
        person: Person,
        room: str,
        relay_url: str,
        notes: Notes,
        rng: Random,
        *,
        in_flight: int = 8,
    ) -> None:
        self.room = room
        self.in_flight = in_flight
        self._person = person
        self._notes = notes
        self._rng = rng
        self._connection = f"{person.name} in {room}"
        self._seq = 0
        self._unacked = 0
        self._client = RoomClient(
            relay_url,
            room=room,
            token=person.token,
            backoff=Backoff(COMES_BACK_S / 4, COMES_BACK_S, random=rng.random),
        )

    def is_settled(self) -> bool:
        return not self._unacked and self._seq == self._notes.heads.get(self.room, 0)

    async def live(self) -> None:
        async with self._client, asyncio.TaskGroup() as tasks:
            self._seq = self._client.welcome.head
            self._notes.history.enters(self._connection, log_of(self.room), self._seq)
            for _ in range(self.in_flight):
                tasks.create_task(self._talk())
            async for event in self._client:
                if isinstance(event, MessageOut):
                    self._seq = event.seq
                    self._notes.received += 1
                    frame = event.model_dump()
                    self._notes.history.receives(self._connection, entry_of(frame))
                    self._notes.changed.set()
                elif isinstance(event, Gap):
                    self._notes.faults.append(f"{self._connection} has a gap: {event.reason}")
                elif event.type == "welcome":
                    self._notes.returns += 1

    async def _talk(self) -> None:
        while self.in_flight:
            message_id = str(UUID(int=self._rng.getrandbits(128), version=4))
            text = message_id + "." * self._rng.randrange(LONGEST_TEXT)
            name = self._person.name
            self._notes.history.sends(self.room, name, message_id, text)
            self._unacked += 1
            try:
                ack: Ack = await self._client.send_message(text, id=message_id)
            except RelayError as refused:
                self._notes.faults.append(f"{self._connection}: {refused.code}")
                return
            self._unacked -= 1
            self._notes.ack(self.room, name, message_id, ack.seq, ack.sent_at)


@asynccontextmanager
async def living(participants: Sequence[Participant]) -> AsyncIterator[None]:
    """Let them live until the end of the block."""
    async with asyncio.TaskGroup() as tasks:
        lives = [tasks.create_task(one.live()) for one in participants]
        try:
            yield
        finally:
            for life in lives:
                life.cancel()


async def settle(
    participants: Sequence[Participant], notes: Notes, wait_s: float = SETTLE_S
) -> None:
    """Let them say nothing new, and wait until they have all that was said."""
    for one in participants:
        one.in_flight = 0
    try:
        await notes.until(lambda: all(one.is_settled() for one in participants), wait_s)
    except TimeoutError:
        late = sum(not one.is_settled() for one in participants)
        notes.faults.append(f"{late} of {len(participants)} do not have everything at the end")


async def wrongs(data_dir: Path, rooms: Sequence[str], notes: Notes) -> list[str]:
    """Return all that is wrong, with the logs of a store that nobody has open."""
    charges = notes.history.charges(await logs_of(data_dir, rooms))
    return [*notes.faults, *map(str, charges)]


def log_of(room: str) -> Log:
    """Return the one log of a room: no epoch ends here, for that would be told as a gap."""
    return Log(room, "")


async def logs_of(data_dir: Path, rooms: Sequence[str]) -> dict[Log, list[Entry]]:
    """Return what a store that nobody has open keeps of the rooms."""
    logs: dict[Log, list[Entry]] = {}
    store = await SqliteStore.open(data_dir)
    try:
        for name in rooms:
            room = await store.room_named(RoomName(name))
            assert room is not None, f"{name} is not there"
            log = await store.messages_after(room.room_id, 0, 10_000_000, 1 << 40)
            logs[log_of(name)] = [
                Entry(
                    one.seq,
                    str(UUID(bytes=one.message_id)),
                    one.sender,
                    to_rfc3339(one.sent_at),
                    one.text,
                )
                for one in log
            ]
    finally:
        await store.close()
    return logs


def entry_of(frame: Mapping[str, Any]) -> Entry:
    """Return a ``message`` frame as an entry of a log."""
    text = frame["data"]["message"]
    return Entry(frame["seq"], frame["id"], frame["sender"], frame["sent_at"], text)


async def _frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Return opcode and payload of the next frame; waits for ever, which a silent room may take."""
    first, size = await reader.readexactly(2)
    if size >= 126:
        size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
    return first & 0x0F, await reader.readexactly(size)
