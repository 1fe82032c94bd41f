"""Signals: to the other users' connections that keep up, never kept, never acknowledged."""

from typing import Any

import orjson
import pytest

from services.limits import Limits
from tests.support.memory_store import MemoryStore
from tests.support.relay import House, open_house
from tests.support.websocket import CONT, client_frame


def signal(data: dict[str, Any]) -> bytes:
    return client_frame(orjson.dumps({"type": "signal", "data": data}))


async def test_a_signal_goes_to_the_other_users_in_the_room_and_to_nobody_else(
    house: House,
) -> None:
    ann, bob, eve = [await house.join(name) for name in ("ann", "bob", "eve")]
    anns_other, elsewhere = await house.join("ann"), await house.join("bob", "other")

    await ann.send(signal({"typing": True}))

    told = {"type": "signal", "sender": "ann", "data": {"typing": True}}
    assert await bob.json() == await eve.json() == told
    for nobody in (ann, anns_other, elsewhere, bob, eve):
        await nobody.nothing_more()


async def test_a_signal_is_not_kept(any_house: House) -> None:
    ann, bob = await any_house.join("ann"), await any_house.join("bob")
    await ann.send(signal({"n": 1}))
    await bob.json()

    eve, welcome = await any_house.welcome("eve", since=0)

    assert welcome["head"] == 0
    await eve.send(client_frame(b'{"type":"history","id":"0b8f1c9e-6f0e-4a55-9d6b-2f0c7f5f1a11"}'))
    assert (await eve.json())["messages"] == []
    await eve.nothing_more()


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"type": "message", "data": {"message": "x"}},
        {"": [None, True, -1, 0.5, {"a": []}]},
        {"γ": '👋\u2028"\\\n'},
        {"n": 2**53 + 1, "m": -(2**63)},
    ],
)
async def test_what_a_signal_holds_comes_as_it_was(house: House, data: dict[str, Any]) -> None:
    ann, bob = await house.join("ann"), await house.join("bob")

    await ann.send(signal(data))

    assert (await bob.json())["data"] == data


async def test_signals_of_one_connection_keep_their_order_among_themselves(house: House) -> None:
    ann, bob = await house.join("ann"), await house.join("bob")

    await ann.send(b"".join(signal({"n": number}) for number in range(100)))

    assert [(await bob.json())["data"]["n"] for _ in range(100)] == list(range(100))


async def test_a_signal_may_come_in_fragments(house: House) -> None:
    ann, bob = await house.join("ann"), await house.join("bob")
    raw = b'{"type":"signal","data":{"n":1}}'

    await ann.send(client_frame(raw[:9], fin=False) + client_frame(raw[9:], CONT))

    assert (await bob.json())["data"] == {"n": 1}


@pytest.mark.parametrize("bound", [2, 100, 4096])
async def test_a_signal_has_as_many_bytes_as_the_limit_and_no_more(often: None, bound: int) -> None:
    async with open_house(MemoryStore(), limits=Limits(signal_bytes=bound)) as house:
        ann, bob = await house.join("ann"), await house.join("bob")
        most = {} if bound == 2 else {"x": "é" * ((bound - 8) // 2)}
        more = {"": 1} if bound == 2 else {"x": most["x"] + "a"}
        # White space is not counted.
        await ann.send(client_frame(b'{ "type":"signal" ,\n"data" : %b }' % orjson.dumps(most)))
        await ann.send(signal(more))

        assert (await bob.json())["data"] == most
        refused = await ann.json()
        assert (refused["code"], refused["path"]) == ("too-big", "/data")
        assert refused["expected"] == {"maximum": bound}
        await bob.nothing_more()


async def test_signals_share_the_pace_of_all_frames(often: None) -> None:
    async with open_house(MemoryStore(), limits=Limits(frames_burst=5)) as house:
        ann, bob = await house.join("ann"), await house.join("bob")
        await ann.send(b"".join(signal({"n": number}) for number in range(7)))

        assert [(await ann.json())["code"] for _ in range(2)] == ["rate", "rate"]
        assert [(await bob.json())["data"]["n"] for _ in range(5)] == list(range(5))
        await bob.nothing_more()
