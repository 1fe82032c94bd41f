"""Who is online: the first connection of a user, and ten seconds after the last is gone."""

from typing import Any

from services.limits import Limits
from tests.support.memory_store import MemoryStore
from tests.support.relay import House, open_house, until, user_id_of
from tests.support.websocket import RawSocket


def presence(event: str, username: str, online: int) -> dict[str, Any]:
    return {"type": "presence", "event": event, "username": username, "online": online}


async def gone(house: House, client: RawSocket, name: str, left: int = 0) -> None:
    """Cut a connection, and wait until the relay knows."""
    client.abort()
    user = user_id_of(name)
    await until(lambda: [c.user_id for c in house.relay._connections].count(user) == left)


async def test_with_the_first_connection_the_others_are_told_and_not_the_user(
    house: House,
) -> None:
    ann, first = await house.welcome("ann")
    bob, second = await house.welcome("bob")
    bobs_other, third = await house.welcome("bob")

    assert (first["online"], second["online"], third["online"]) == (1, 2, 2)
    assert await ann.told("presence") == [presence("online", "bob", 2)]
    assert await bob.told("presence") == []
    assert await bobs_other.told("presence") == []


async def test_ten_seconds_after_the_last_connection_the_others_are_told(house: House) -> None:
    ann, bob = await house.join("ann"), await house.join("bob")
    bobs_other = await house.join("bob")
    await ann.told("presence")

    await gone(house, bob, "bob", left=1)
    house.now_s += 11
    await house.swept()
    assert await ann.told("presence") == []
    await gone(house, bobs_other, "bob")
    house.now_s += 9.9
    await house.swept()
    assert await ann.told("presence") == []
    _, welcome = await house.welcome("eve")
    assert welcome["online"] == 3
    house.now_s += 0.1

    assert await ann.json_of("presence") == presence("online", "eve", 3)
    assert await ann.json_of("presence") == presence("offline", "bob", 2)
    _, welcome = await house.welcome("zoe")
    assert welcome["online"] == 3


async def test_who_comes_back_within_ten_seconds_was_never_away(house: House) -> None:
    ann, bob = await house.join("ann"), await house.join("bob")
    await ann.told("presence")
    await gone(house, bob, "bob")
    house.now_s += 9.9
    await house.swept()

    bob, welcome = await house.welcome("bob")
    house.now_s += 60
    await house.swept()

    assert welcome["online"] == 2
    assert await ann.told("presence") == []


async def test_rooms_are_apart(house: House) -> None:
    ann = await house.join("ann")
    _, welcome = await house.welcome("bob", "other")

    assert welcome["online"] == 1
    assert await ann.told("presence") == []


async def test_above_100_online_only_the_count_is_told_and_at_most_once_a_second(
    often: None, monkeypatch: Any
) -> None:
    monkeypatch.setattr("relay.rooms.BIG_ROOM", 4)
    async with open_house(MemoryStore(), limits=Limits(frames_burst=1000)) as house:
        ann = await house.join("ann")
        for number in range(3):
            await house.join(f"user-{number}")
        told = await ann.told("presence")
        assert [one["online"] for one in told] == [2, 3, 4]
        # The relay looks after its rooms when the test lets it.
        monkeypatch.setattr("relay.server.SWEEP_S", 1000)
        await ann.nothing_more()
        room = next(iter(house.relay._rooms))
        many = [await house.join(f"more-{number}") for number in range(5)]
        before = await ann.told("presence")
        room.look_after(house.now_s)

        only = {"type": "presence", "online": 9}
        # A sweep may have been under way when the test stopped them.
        assert [*before, *await ann.told("presence")][-1] == only
        assert all(set(one) == {"type", "online"} for one in before)
        assert len(before) <= 1
        # Also those who came after the 100th are told.
        assert (await many[0].told("presence"))[-1] == only
        room.look_after(house.now_s)
        assert await ann.told("presence") == []
