"""One after the other in a room: they come, speak, listen, check what they hear, and go.

They check what a member may rely on: a room's messages come in order without a hole, each
message is acknowledged once, under the seq with which the room gets it, and what was cut off
before its ack can be said again. Frames that they do not know they pass over.
"""

import asyncio
import random
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from benchmarks.soak.api import PATIENCE_S, Api, Person

STAY_S = (5.0, 60.0)
PAUSE_S = (0.05, 2.0)
TEXT_BYTES = (20, 2000)
MOST_UNACKED = 32
VANISHES = 0.2  # how many visits end without a goodbye
MOST_FAULTS = 20

# What a client must live with: it comes back. Everything else is a fault.
CLOSES_TO_LIVE_WITH = (1013, 4408, 4429)
REFUSALS_TO_LIVE_WITH = (429, 503)
ERRORS_TO_LIVE_WITH = ("rate", "unavailable", "storage-full")


@dataclass(frozen=True, slots=True)
class Said:
    """One message without an ack. `after` is what its sender had seen when it first said it."""

    text: str
    after: int
    said_at: float


@dataclass(slots=True)
class Notes:
    """What everybody together has seen; `faults` are sentences."""

    counts: Counter[str] = field(default_factory=Counter)
    ack_ms: list[float] = field(default_factory=list)
    highest: dict[str, int] = field(default_factory=dict)
    """The highest seq that was acknowledged, by room."""
    faults: list[str] = field(default_factory=list)

    def fault(self, sentence: str) -> None:
        self.counts["faults"] += 1
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(sentence)


@dataclass(slots=True)
class Town:
    """What all seats share. While it is not `open` nobody comes but to be acknowledged."""

    api: Api
    relay_url: str
    people: list[Person]
    rooms: list[str]
    notes: Notes = field(default_factory=Notes)
    open: bool = True
    present: list["Seat"] = field(default_factory=list)
    """Those who are in a room at the moment, and may speak."""


class Seat:
    """One connection after the other. What has no ack is said again at the next one."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._notes = town.notes
        self._person = town.people[0]
        self._room = ""
        self._socket: ClientConnection | None = None
        self._stay: asyncio.Timeout | None = None
        self._seen = 0
        self._unacked: dict[str, Said] = {}
        # Own messages of which one half, the ack or the message, has come: seqs by id.
        self._halves: dict[str, int] = {}

    async def live(self) -> None:
        while self._town.open or self._unacked:
            if not self._unacked:
                self._person = random.choice(self._town.people)
                self._room = random.choice(self._town.rooms)
            try:
                await self._come_and_go()
            except InvalidStatus as refused:
                self._note_refusal(refused.response.status_code)
            except ConnectionClosed as closed:
                self._note_close(closed)
            except (OSError, TimeoutError, httpx.HTTPError) as error:
                self._notes.fault(f"a connection failed: {type(error).__name__}")
            await asyncio.sleep(random.uniform(*PAUSE_S) if self._town.open else 0.2)

    def go_now(self) -> None:
        if self._stay is not None and not self._stay.expired():
            self._stay.reschedule(0)

    async def say(self) -> None:
        """Say one thing, unless too much waits for its ack."""
        if self._socket is None or len(self._unacked) >= MOST_UNACKED:
            self._notes.counts["not_said"] += 1
            return
        message_id = str(uuid4())
        text = secrets.token_urlsafe(random.randint(*TEXT_BYTES) * 3 // 4)
        self._unacked[message_id] = Said(text, self._seen, time.monotonic())
        with suppress(ConnectionClosed):
            await self._send(self._socket, message_id)

    async def _come_and_go(self) -> None:
        person, api = self._person, self._town.api
        session = None
        if self._town.open and api.may_log_in_now():
            session = await api.log_in(person.name, person.password)
            self._notes.counts["logins"] += 1
        try:
            await self._visit(session or person.token)
        finally:
            if session is not None:
                await api.log_out(session)

    async def _visit(self, token: str) -> None:
        async with connect(
            f"{self._town.relay_url}/ws/{self._room}",
            additional_headers={"Authorization": f"Bearer {token}"},
            compression=None,
            open_timeout=PATIENCE_S,
            ping_interval=None,
            proxy=None,
        ) as socket:
            welcome = orjson.loads(await socket.recv())
            if welcome["type"] != "welcome":
                self._notes.fault(f"the first frame was a {welcome['type']}")
                return
            self._seen = welcome["head"]
            self._halves.clear()
            self._notes.counts["came"] += 1
            for message_id in list(self._unacked):
                self._notes.counts["said_again"] += 1
                await self._send(socket, message_id)
            with self._present(socket):
                await self._listen(socket)
            if self._town.open and random.random() < VANISHES:
                socket.transport.abort()
                return
            async with asyncio.timeout(PATIENCE_S):
                while self._unacked:
                    self._hear(await socket.recv())

    @contextmanager
    def _present(self, socket: ClientConnection) -> Iterator[None]:
        self._socket = socket
        self._town.present.append(self)
        try:
            yield
        finally:
            self._town.present.remove(self)
            self._socket = None

    async def _listen(self, socket: ClientConnection) -> None:
        stay_s = random.uniform(*STAY_S) if self._town.open else 0.0
        with suppress(TimeoutError):
            async with asyncio.timeout(stay_s) as self._stay:
                while True:
                    self._hear(await socket.recv())

    async def _send(self, socket: ClientConnection, message_id: str) -> None:
        said = self._unacked[message_id]
        frame = {"id": message_id, "after": said.after, "data": {"message": said.text}}
        await socket.send(orjson.dumps(frame), text=True)

    def _hear(self, raw: str | bytes) -> None:
        frame = orjson.loads(raw)
        match frame["type"]:
            case "message":
                self._hear_message(frame)
            case "ack":
                self._hear_ack(frame)
            case "error" if frame["code"] in ERRORS_TO_LIVE_WITH:
                self._notes.counts["refused"] += 1
            case "error":
                self._notes.fault(f"a frame was refused: {frame['code']}")
            case other:
                self._notes.counts[f"frames_{other}"] += 1

    def _hear_message(self, frame: dict[str, Any]) -> None:
        seq = frame["seq"]
        self._notes.counts["heard"] += 1
        if seq != self._seen + 1:
            self._notes.fault(f"{self._room}: seq {seq} came after {self._seen}")
        self._seen = seq
        message_id = frame["id"]
        if message_id in self._halves:
            self._same_seq(message_id, seq)
        elif (said := self._unacked.get(message_id)) is not None:
            self._halves[message_id] = seq
            if frame["data"]["message"] != said.text:
                self._notes.fault(f"{self._room}: seq {seq} is not as it was said")

    def _hear_ack(self, frame: dict[str, Any]) -> None:
        message_id, seq = frame["id"], frame["seq"]
        said = self._unacked.pop(message_id, None)
        if said is None:
            self._notes.fault(f"{self._room}: an ack of nothing")
            return
        self._notes.counts["acked"] += 1
        self._notes.ack_ms.append((time.monotonic() - said.said_at) * 1e3)
        self._notes.highest[self._room] = max(seq, self._notes.highest.get(self._room, 0))
        if message_id in self._halves:
            self._same_seq(message_id, seq)
        elif seq > self._seen:
            self._halves[message_id] = seq

    def _same_seq(self, message_id: str, seq: int) -> None:
        if (other := self._halves.pop(message_id)) != seq:
            self._notes.fault(f"{self._room}: one message has seq {seq} and seq {other}")

    def _note_refusal(self, status: int) -> None:
        if status in REFUSALS_TO_LIVE_WITH:
            self._notes.counts["refused"] += 1
        else:
            self._notes.fault(f"a handshake was answered with {status}")

    def _note_close(self, closed: ConnectionClosed) -> None:
        code = None if closed.rcvd is None else closed.rcvd.code
        if code in CLOSES_TO_LIVE_WITH:
            self._notes.counts[f"closed_{code}"] += 1
        else:
            self._notes.fault(f"a connection was closed with {code}")
