"""The soak: it runs, and its people notice what a relay must not do to them."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from benchmarks.soak.__main__ import losses
from benchmarks.soak.api import Api, Person
from benchmarks.soak.seat import Seat, Town
from tests.support.ilo_process import FAULTY, ROOT

SHORT = ("--minutes", "0.05", "--rate", "40", "--seats", "8", "--people", "2", "--rooms", "3")
TIMEOUT_S = 120.0

Relay = Callable[[ServerConnection, dict[str, Any], int], Awaitable[None]]
"""Answers a message that would get that seq."""


def soak(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.soak", *SHORT, *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def test_a_short_soak_of_ilo_finds_nothing_wrong() -> None:
    done = soak()

    assert done.returncode == 0, done.stdout + done.stderr
    assert "minute   1:" in done.stdout
    assert "0 faults" in done.stdout


def test_a_soak_of_an_ilo_that_leaves_descriptors_open_fails() -> None:
    done = soak("--program", " ".join([*FAULTY, "leaves-descriptors-open"]))

    assert done.returncode == 1
    assert "descriptors were open at rest before" in done.stdout


async def tell(socket: ServerConnection, **frame: object) -> None:
    await socket.send(json.dumps(frame))


async def deliver(
    socket: ServerConnection, said: dict[str, Any], seq: int, **other: object
) -> None:
    await tell(socket, **{"type": "message", "seq": seq, **said, **other})


async def faultless(socket: ServerConnection, said: dict[str, Any], seq: int) -> None:
    await tell(socket, type="something-new", seq=99)
    await deliver(socket, said, seq)
    await tell(socket, type="ack", id=said["id"], seq=seq)


async def leaves_a_hole(socket: ServerConnection, said: dict[str, Any], seq: int) -> None:
    await deliver(socket, said, seq + 1)
    await tell(socket, type="ack", id=said["id"], seq=seq + 1)


async def delivers_twice(socket: ServerConnection, said: dict[str, Any], seq: int) -> None:
    await deliver(socket, said, seq)
    await faultless(socket, said, seq)


async def acks_twice(socket: ServerConnection, said: dict[str, Any], seq: int) -> None:
    await faultless(socket, said, seq)
    await tell(socket, type="ack", id=said["id"], seq=seq)


async def acks_another_seq(socket: ServerConnection, said: dict[str, Any], seq: int) -> None:
    await deliver(socket, said, seq)
    await tell(socket, type="ack", id=said["id"], seq=seq + 1)


async def changes_the_text(socket: ServerConnection, said: dict[str, Any], seq: int) -> None:
    await deliver(socket, said, seq, data={"message": "something else"})
    await tell(socket, type="ack", id=said["id"], seq=seq)


async def hangs_up(socket: ServerConnection, _said: dict[str, Any], _seq: int) -> None:
    await socket.close(1011)


async def until(there: Callable[[], bool]) -> None:
    while not there():  # noqa: ASYNC110  # what is waited for knows nothing of the test
        await asyncio.sleep(0.01)


@asynccontextmanager
async def somebody_with(relay: Relay) -> AsyncIterator[tuple[Seat, Town]]:
    """Somebody who is in a room of a relay that answers each message with `relay`."""

    async def in_room(socket: ServerConnection) -> None:
        await tell(socket, type="welcome", head=0)
        seq = 0
        async for text in socket:
            seq += 1
            await relay(socket, json.loads(text), seq)

    api = Api("http://127.0.0.1:9")
    assert api.may_log_in_now()  # so that nobody tries to
    async with serve(in_room, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        town = Town(api, f"ws://127.0.0.1:{port}", [Person("ann", "", "token")], ["tea"])
        seat = Seat(town)
        living = asyncio.create_task(seat.live())
        async with asyncio.timeout(TIMEOUT_S):
            await until(lambda: bool(town.present))
            yield seat, town
        living.cancel()
        with suppress(asyncio.CancelledError):
            await living
    await api.close()


@pytest.mark.parametrize(
    ("relay", "fault"),
    [
        (faultless, None),
        (leaves_a_hole, "tea: seq 2 came after 0"),
        (delivers_twice, "tea: seq 1 came after 1"),
        (acks_twice, "tea: an ack of nothing"),
        (acks_another_seq, "tea: one message has seq 2 and seq 1"),
        (changes_the_text, "tea: seq 1 is not as it was said"),
        (hangs_up, "a connection was closed with 1011"),
    ],
)
async def test_people_note_what_a_relay_must_not_do(relay: Relay, fault: str | None) -> None:
    async with somebody_with(relay) as (seat, town):
        await seat.say()
        await until(lambda: bool(town.notes.counts["acked"] or town.notes.faults))
        await seat.say()  # what came after the ack is heard before the ack of this one
        await until(lambda: town.notes.counts["acked"] > 1 or bool(town.notes.faults))

    assert town.notes.faults[:1] == ([] if fault is None else [fault])


@pytest.mark.parametrize(
    ("left", "heads", "complaint"),
    [
        ({"acked": 5}, {"tea": 3, "bar": 2}, None),
        ({"acked": 5}, {"tea": 2, "bar": 3}, "tea: seq 3 was acknowledged, and the room ends at 2"),
        ({"acked": 5}, {"tea": 3, "bar": 3}, "5 messages were acknowledged, and the rooms hold 6"),
        ({"acked": 5, "still_there": 1}, {"tea": 3, "bar": 3}, "1 never got their acks"),
        ({"acked": 5, "faults": 1, "fault_sentences": ["oh"]}, {"tea": 3, "bar": 2}, "1 faults"),
    ],
)
def test_what_was_acknowledged_has_to_be_there_in_the_end(
    left: dict[str, Any], heads: dict[str, int], complaint: str | None
) -> None:
    found = {"heads": heads, "acked": {"tea": 3, "bar": 2}}

    said = list(losses({"still_there": 0, **left}, found))

    assert said == [] if complaint is None else said[0].startswith(complaint)
