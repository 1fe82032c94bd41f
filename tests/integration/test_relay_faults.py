"""Faults of the relay's own: they end one connection, with a word, and nobody else notices."""

import asyncio

import pytest

from relay.connection import Connection
from relay.frames import FrameReader, Heard, Refused
from tests.support.relay import House, bearer
from tests.support.websocket import request_head

PLANTED = "a planted fault"


def read_with_a_fault(reader: FrameReader, raw: bytes) -> Heard | Refused:
    if b"planted" in raw:
        raise LookupError(PLANTED)
    return right_read(reader, raw)


right_read = FrameReader.read


async def test_a_fault_while_reading_a_frame_closes_its_connection_with_1011(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(FrameReader, "read", read_with_a_fault)
    ann, bob = await house.join("ann"), await house.join("bob")

    await ann.say("planted")

    assert await ann.closed() == (1011, "internal")
    await bob.say("still here")
    assert await bob.messages(1) == ["still here"]
    assert "a fault in the relay" in caplog.messages


async def test_a_fault_while_a_connection_is_looked_after_spares_the_others(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = await house.join("ann"), await house.join("bob")
    right = Connection.look_after

    def look_after(
        connection: Connection, now_s: float, *, head_after_s: float, ping_after_s: float
    ) -> None:
        if connection.session is not None and connection.session.username == "ann":
            raise LookupError(PLANTED)
        right(connection, now_s, head_after_s=head_after_s, ping_after_s=ping_after_s)

    monkeypatch.setattr(Connection, "look_after", look_after)
    assert await ann.closed() == (1011, "internal")

    house.now_s += 20
    assert (await bob.json_of("head"))["seq"] == 0


async def test_a_fault_at_the_door_is_answered_with_503(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def ask(_token: str, _kind: str) -> None:
        raise LookupError(PLANTED)

    monkeypatch.setattr(house.door, "ask", ask)
    stranger = await house.raw()
    await stranger.send(request_head("/ws/chat", bearer("ann")))

    assert (await stranger.answer()).status == 503
    monkeypatch.undo()
    await house.join("ann")
    assert "a fault in the relay" in caplog.messages


async def test_a_store_that_does_not_open_the_room_in_time_is_answered_with_503(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def enter_room(*_: object) -> None:
        await asyncio.Event().wait()

    await house.know("ann")
    monkeypatch.setattr("relay.doorway.ENTER_TIMEOUT_S", 0.01)
    monkeypatch.setattr(house.store, "enter_room", enter_room)
    stranger = await house.raw()
    await stranger.send(request_head("/ws/chat", bearer("ann")))

    assert (await stranger.answer()).status == 503
