"""Many connections that talk at once, and remember what they said, heard and had acked."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson

from services.model import RoomName
from store.sqlite import SqliteStore
from tests.support.system_client import Person, SystemClient
from tests.support.websocket import CLOSE, TEXT, RawSocket, client_frame

NO_MASK = bytes(4)
"""Masks nothing, and costs nothing."""


@dataclass(frozen=True, slots=True)
class Said:
    """One message as its sender knows it. ``after`` is what the sender had seen by then."""

    id: str
    room: str
    text: str
    after: int


@dataclass(slots=True)
class Notes:
    """What all speakers of one test know together. ``acks`` are the seqs by id."""

    said: dict[str, Said] = field(default_factory=dict)
    acks: dict[str, int] = field(default_factory=dict)
    heard: dict[tuple[str, int], str] = field(default_factory=dict)
    """Ids by room and seq."""
    errors: list[dict[str, Any]] = field(default_factory=list)
    closes: list[int | None] = field(default_factory=list)
    """The close code of each connection that ended, None for one that was cut."""
    _more: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def unacked(self) -> list[Said]:
        return [said for said in self.said.values() if said.id not in self.acks]

    async def acked(self, amount: int, wait_s: float = 60.0) -> None:
        """Wait until there are ``amount`` acks in all."""
        async with asyncio.timeout(wait_s), self._more:
            await self._more.wait_for(lambda: len(self.acks) >= amount)

    async def note_ack(self, message_id: str, seq: int) -> None:
        async with self._more:
            self.acks[message_id] = seq
            self._more.notify_all()


class Speaker:
    """One connection that always has ``in_flight`` messages without an ack."""

    def __init__(self, socket: RawSocket, room: str, head: int, notes: Notes) -> None:
        self._socket = socket
        self._room = room
        self._seen = head
        self._notes = notes

    async def talk(self, in_flight: int) -> None:
        """Say one thing after another until the connection ends."""
        await self._until_the_end([self._new() for _ in range(in_flight)], go_on=True)

    async def repeat(self, said: Sequence[Said]) -> None:
        """Say again, in its order, what has no ack; return when all of it has."""
        missing = {one.id for one in said}
        await self._send(said)
        while missing:
            frame = await self._socket.json()
            await self._note(frame)
            if frame["type"] == "ack":
                missing.discard(frame["id"])

    async def _until_the_end(self, first: Iterable[Said], *, go_on: bool) -> None:
        try:
            await self._send(first)
            while True:
                opcode, payload = await self._socket.frame()
                if opcode == CLOSE:
                    self._notes.closes.append(int.from_bytes(payload[:2], "big"))
                    await self._socket.send(client_frame(payload[:2], CLOSE))
                    self._socket.writer.close()
                    return
                if opcode != TEXT:
                    continue
                frame = orjson.loads(payload)
                await self._note(frame)
                if go_on and frame["type"] == "ack":
                    await self._send([self._new()])
        except (ConnectionError, asyncio.IncompleteReadError):
            self._notes.closes.append(None)

    def _new(self) -> Said:
        message_id = str(uuid4())
        said = Said(message_id, self._room, f"message {message_id}", self._seen)
        self._notes.said[message_id] = said
        return said

    async def _send(self, said: Iterable[Said]) -> None:
        frames = [
            orjson.dumps({"id": one.id, "after": one.after, "data": {"message": one.text}})
            for one in said
        ]
        await self._socket.send(b"".join(client_frame(frame, mask=NO_MASK) for frame in frames))

    async def _note(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "ack":
            await self._notes.note_ack(frame["id"], frame["seq"])
        elif frame["type"] == "message":
            self._seen = max(self._seen, frame["seq"])
            self._notes.heard[self._room, frame["seq"]] = frame["id"]
        elif frame["type"] == "error":
            self._notes.errors.append(frame)


async def speakers(
    client: SystemClient, people: Sequence[Person], rooms: Sequence[str], notes: Notes
) -> list[Speaker]:
    """Return one speaker for each of ``people`` in each of ``rooms``."""
    made = []
    for room in rooms:
        for person in people:
            socket, welcome = await client.join(person, room)
            made.append(Speaker(socket, room, welcome["head"], notes))
    return made


@asynccontextmanager
async def talking(all_of: Sequence[Speaker], in_flight: int = 8) -> AsyncIterator[None]:
    """Let them talk; at the end of the block wait until every connection has ended."""
    async with asyncio.TaskGroup() as tasks:
        for one in all_of:
            tasks.create_task(one.talk(in_flight))
        yield


async def say_unacked_again(client: SystemClient, person: Person, notes: Notes) -> None:
    """Have ``person``, who said all of it, say again what has no ack."""
    by_room: dict[str, list[Said]] = {}
    for said in notes.unacked:
        by_room.setdefault(said.room, []).append(said)
    for room, said_there in by_room.items():
        socket, welcome = await client.join(person, room)
        await Speaker(socket, room, welcome["head"], notes).repeat(said_there)


async def faults(data_dir: Path, rooms: Sequence[str], notes: Notes) -> list[str]:
    """Return what is wrong with a store that nobody has open, given what was promised."""
    found = []
    stored: dict[tuple[str, int], str] = {}
    store = await SqliteStore.open(data_dir)
    try:
        for name in rooms:
            room = await store.room_named(RoomName(name))
            if room is None:
                continue
            log = await store.messages_after(room.room_id, 0, 1_000_000, 1 << 30)
            if [message.seq for message in log] != list(range(1, room.head + 1)):
                found.append(f"{name} is not dense")
            for message in log:
                message_id = str(UUID(bytes=message.message_id))
                stored[name, message.seq] = message_id
                if message_id not in notes.said:
                    found.append(f"{name} {message.seq} was never said")
                elif message.text != notes.said[message_id].text:
                    found.append(f"{name} {message.seq} has another text")
    finally:
        await store.close()
    if len(set(stored.values())) != len(stored):
        found.append("a message is there twice")
    for message_id, seq in notes.acks.items():
        if stored.get((notes.said[message_id].room, seq)) != message_id:
            found.append(f"{notes.said[message_id].room} {seq} was acked and is lost")
    for place, message_id in notes.heard.items():
        if stored.get(place) != message_id:
            found.append(f"{place} was heard and is lost")
    return found
