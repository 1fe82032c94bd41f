"""Who may not be there any more is told so: at once, or by the re-check when nobody said so."""

import asyncio
from typing import Any

import pytest

from relay.introspect import ApiUnavailable
from relay.news import RECHECK_S
from services.events import AccountDeleted, MemberChanged, RoomDeleted, SessionsEnded
from services.model import Entry, RoomName, Username
from tests.support.relay import House, bearer, open_house, token_of, until, user_id_of
from tests.support.websocket import RawSocket, request_head


def log_out(house: House, *names: str) -> None:
    """End the sessions of ``names``; nobody is told."""
    for name in names:
        house.door.people.pop(token_of(name))
        house.door.sessions.add(user_id_of(name).hex())


async def stays(client: RawSocket) -> None:
    await client.say("still here")
    await client.json_of("ack")


# -- events


@pytest.mark.parametrize("whose", ["the user's", "anybody's"])
async def test_who_logs_out_is_told_4401_in_every_room_and_the_others_stay(
    any_house: House, whose: str
) -> None:
    house = any_house
    ann, elsewhere = await house.join("ann"), await house.join("ann", "other")
    bob = await house.join("bob")
    log_out(house, "ann")

    house.events.tell(SessionsEnded(user_id_of("ann") if whose == "the user's" else None))

    for one in (ann, elsewhere):
        assert await one.closed() == (4401, "session-ended")
    await stays(bob)
    assert (await house.knock("bob", "other", "?since=x")).status == 400


async def test_a_session_that_has_not_ended_stays(house: House) -> None:
    """The event says that some have: the API says which."""
    ann, bob = await house.join("ann"), await house.join("bob")
    house.door.sessions.add("of nobody here")

    house.events.tell(SessionsEnded(user_id_of("ann")))
    house.events.tell(SessionsEnded(None))
    await until(lambda: len(house.door.asked_ended) > 0)

    await stays(ann)
    await stays(bob)


async def test_whose_account_is_deleted_is_told_4401_in_every_room(any_house: House) -> None:
    house = any_house
    ann, elsewhere, bob = [
        await house.join(*who) for who in (("ann", "chat"), ("ann", "other"), ("bob", "chat"))
    ]

    await house.store.delete_user(user_id_of("ann"), house.wall)
    house.events.tell(AccountDeleted(user_id_of("ann")))
    await house.rooms.let_deleted_users_go()

    for one in (ann, elsewhere):
        assert await one.closed() == (4401, "session-ended")
    assert (await bob.json_of("member"))["event"] == "left"
    await stays(bob)


async def test_what_is_told_of_others_rooms_and_users_changes_nothing(house: House) -> None:
    ann = await house.join("ann")
    stored = await house.store.room_named(RoomName("chat"))
    assert stored is not None
    stranger, missing = user_id_of("stranger"), stored.room_id[::-1]

    for event in (
        SessionsEnded(stranger),
        AccountDeleted(stranger),
        RoomDeleted(type(stored.room_id)(missing)),
        MemberChanged(
            type(stored.room_id)(missing), "removed", user_id_of("ann"), Username("ann"), 1, 9, 1
        ),
    ):
        house.events.tell(event)

    await stays(ann)
    assert await ann.told("member") == []


# -- an event that was lost


async def test_within_a_minute_everybody_knows_what_nobody_told(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await house.private_room("ann", "bob")
    deleted = await house.private_room("ann")
    ann, bob = await house.join("ann", room), await house.join("bob", room)
    eve, of_deleted = await house.join("eve"), await house.join("ann", deleted)
    await until(lambda: house.relay._news._rechecked_s is not None)
    monkeypatch.setattr(house.events, "tell", lambda _event: None)
    monkeypatch.setattr(house.rooms, "_tell", lambda _event: None)
    await house.remove(room, "bob", by="ann")
    await house.rooms.delete(await house.caller("ann"), name=deleted)
    log_out(house, "eve")
    house.now_s += RECHECK_S - 1
    await house.swept()
    for one in (ann, bob, eve, of_deleted):
        # Nobody is gone: each is told that the line lives, and answered.
        await one.json_of("head")
        await one.nothing_more()

    house.now_s += 1

    assert await bob.closed() == (4403, "not-a-member")
    assert await of_deleted.closed() == (4410, "room-deleted")
    assert await eve.closed() == (4401, "session-ended")
    # The others are told that the members are other ones.
    while "event" in await ann.json_of("member"):
        pass
    await stays(ann)


async def test_what_another_node_stored_in_silence_is_heard_by_the_second_recheck(
    house: House,
) -> None:
    async with open_house(house.store) as other:
        ann, there = await house.join("ann"), await other.join("bob")
        await there.say("said elsewhere")
        await there.json_of("ack")
        await ann.nothing_more()

        for _ in range(2):
            house.now_s += RECHECK_S
            await until(lambda: house.relay._news._rechecked_s == house.now_s)
            await until(lambda: not house.relay._news._is_looking)
            # A sign of life: a minute without one is no line.
            await ann.told("member")

        assert await ann.messages(1) == ["said elsewhere"]


# -- the API cannot be asked


async def test_while_the_api_cannot_be_asked_it_is_asked_again_each_second(house: House) -> None:
    ann, bob = await house.join("ann"), await house.join("bob")
    log_out(house, "ann")
    house.door.failure = ApiUnavailable("no answer")

    house.events.tell(SessionsEnded(None))
    await until(lambda: len(house.door.asked_ended) >= 3)
    await stays(ann)
    house.door.failure = None

    assert await ann.closed() == (4401, "session-ended")
    await stays(bob)
    asked = len(house.door.asked_ended)
    await stays(bob)
    await stays(bob)
    assert len(house.door.asked_ended) == asked


# -- somebody is being admitted meanwhile


async def asking(house: House, name: str, room: str) -> RawSocket:
    """Return a connection of ``name``, about whom the API is being asked."""
    await house.know(name)
    house.door.opens = asyncio.Event()
    house.door.was_asked.clear()
    client = await house.raw()
    await client.send(request_head(f"/ws/{room}", bearer(name)))
    await house.door.was_asked.wait()
    return client


async def test_who_logs_out_while_being_admitted_is_told_so(house: House) -> None:
    client = await asking(house, "ann", "chat")
    house.door.sessions.add(user_id_of("ann").hex())
    house.events.tell(SessionsEnded(user_id_of("ann")))
    assert house.door.opens is not None

    house.door.opens.set()

    assert (await client.read_head())[0] == 101
    assert await client.closed() == (4401, "session-ended")


def slow_entry(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> tuple[asyncio.Event, asyncio.Event]:
    """Let the store answer who comes in late, with what it knew before: (asked, answers)."""
    asked, answers = asyncio.Event(), asyncio.Event()
    right = house.store.enter_room

    async def enter_room(*who: Any) -> Entry | None:
        entry = await right(*who)
        asked.set()
        await answers.wait()
        return entry

    monkeypatch.setattr(house.store, "enter_room", enter_room)
    return asked, answers


@pytest.mark.parametrize(
    ("what", "closed"),
    [("removed", (4403, "not-a-member")), ("deleted", (4410, "room-deleted"))],
)
@pytest.mark.parametrize("is_first", [True, False], ids=["first there", "not first there"])
async def test_who_is_removed_while_being_admitted_is_told_so(
    house: House, monkeypatch: pytest.MonkeyPatch, what: str, closed: Any, is_first: bool
) -> None:
    room = await house.private_room("ann", "bob")
    (await house.join("bob", room)).abort()
    await until(lambda: not house.relay._connections)
    if not is_first:
        await house.join("ann", room)
    asked, answers = slow_entry(house, monkeypatch)
    client = await house.raw()
    await client.send(request_head(f"/ws/{room}", bearer("bob")))
    await asked.wait()
    if what == "removed":
        await house.remove(room, "bob", by="ann")
    else:
        await house.rooms.delete(await house.caller("ann"), name=room)

    answers.set()

    assert (await client.read_head())[0] == 101
    assert await client.closed() == closed


async def test_an_event_about_others_keeps_nobody_out(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.know("bob")
    asked, answers = slow_entry(house, monkeypatch)
    client = await house.raw()
    await client.send(request_head("/ws/chat", bearer("bob")))
    await asked.wait()
    house.events.tell(SessionsEnded(None))

    answers.set()

    assert (await client.read_head())[0] == 101
    await client.json()
    await stays(client)
    # The relay did look twice.
    assert [user_id_of("bob").hex()] in house.door.asked_ended
