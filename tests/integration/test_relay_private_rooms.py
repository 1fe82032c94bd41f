"""Private rooms: closed to strangers as if they were not there, and left for good."""

import re
from typing import Any
from uuid import uuid4

import orjson
import pytest

from services.model import RoomName
from tests.support.relay import House, user_id_of
from tests.support.websocket import CLOSE, RawSocket, client_frame, message

MISSING = "~" + "a" * 22


async def raw_refusal(house: House, name: str, room: str, query: str = "") -> bytes:
    """Return all bytes of a refusal, but for what is another one each time: the request's id."""
    answer = await house.knock(name, room, query)
    assert answer.status == 403
    request = answer.headers["x-request-id"]
    text = repr((answer.status, sorted(answer.headers.items()), answer.body))
    assert text.count(request) == 2
    return re.sub(re.escape(request), "", text).encode()


async def test_a_room_that_is_missing_or_not_for_this_user_is_refused_with_the_same_bytes(
    any_house: House,
) -> None:
    house = any_house
    room = await house.private_room("ann", "declined", "removed", "left", "uninvited")
    for name in ("removed", "left"):
        client = await house.join(name, room)
        client.abort()
    await house.remove(room, "declined")
    await house.remove(room, "left")
    await house.remove(room, "removed", by="ann")
    await house.remove(room, "uninvited", by="ann")
    deleted = await house.private_room("ann", "bob")
    await house.rooms.delete(await house.caller("ann"), name=deleted)

    refusals = {
        "missing": await raw_refusal(house, "bob", MISSING),
        "deleted": await raw_refusal(house, "bob", deleted),
        "the owner's, deleted": await raw_refusal(house, "ann", deleted),
        "never invited": await raw_refusal(house, "bob", room),
    }
    for name in ("declined", "removed", "left", "uninvited"):
        refusals[name] = await raw_refusal(house, name, room)
    query = f"?since=3&epoch={uuid4()}"
    refusals["with a cursor"] = await raw_refusal(house, "bob", room, query)

    assert len(set(refusals.values())) == 1, refusals


async def test_connecting_accepts_an_invitation(any_house: House) -> None:
    room = await any_house.private_room("ann", "bob")
    ann = await any_house.join("ann", room)

    bob, welcome = await any_house.welcome("bob", room)
    await bob.say("hi")

    assert welcome["room"] == room
    assert await ann.messages(1) == ["hi"]
    stored = await any_house.store.room_named(room)
    assert stored is not None
    membership = await any_house.store.membership(stored.room_id, user_id_of("bob"))
    assert membership is not None
    assert membership.state == "joined"


@pytest.mark.parametrize(("history", "floor"), [("joined", 4), ("all", 1)])
async def test_what_a_newcomer_may_read_is_as_the_room_was_made(
    any_house: House, history: Any, floor: int
) -> None:
    house = any_house
    room = await house.private_room("ann", "bob", history=history)
    ann = await house.fill(3, room=room)

    bob, welcome = await house.welcome("bob", room, since=0)

    assert (welcome["head"], welcome["floor"]) == (3, floor)
    assert welcome["recovered"] == (history == "all")
    if history == "joined":
        told = {"type": "gap", "from_seq": 1, "to_seq": 3, "reason": "retention"}
        assert await bob.json() == told
    else:
        assert await bob.messages(3) == list("123")
    await ann.say("4")
    assert await bob.messages(1) == ["4"]
    await bob.nothing_more()

    again, second = await house.welcome("bob", room, since=2, epoch=welcome["epoch"])
    assert second["floor"] == floor
    assert await again.messages(4 - max(2, floor - 1)) == list("34")[max(0, floor - 3) :]


async def test_who_was_invited_before_a_message_and_came_after_it_does_not_read_it(
    any_house: House,
) -> None:
    room = await any_house.private_room("ann", "bob")
    await any_house.fill(3, room=room)

    _, welcome = await any_house.welcome("bob", room)

    assert (welcome["head"], welcome["floor"]) == (3, 4)


async def test_a_cursor_of_another_epoch_shows_a_member_only_what_is_theirs(
    any_house: House,
) -> None:
    room = await any_house.private_room("ann", "bob")
    ann = await any_house.fill(3, room=room)
    bob = await any_house.join("bob", room)
    await ann.say("4")
    await bob.messages(1)

    again = await any_house.join("bob", room, since=1, epoch=str(uuid4()))

    told = {"type": "gap", "from_seq": 4, "to_seq": 4, "reason": "epoch"}
    assert await again.json() == told
    assert await again.messages(1) == ["4"]
    await again.nothing_more()


async def said_and_heard_nothing(house: House, room: str, gone: RawSocket) -> None:
    """See that who was told goodbye is out of the room, though its socket is still open."""
    stored = await house.store.room_named(RoomName(room))
    assert stored is not None
    gone.write(client_frame(message("from outside")))
    owner = await house.join("ann", room)
    await owner.say("only for members")
    said = await owner.json_of("message")
    assert (said["seq"], said["data"]["message"]) == (stored.head + 1, "only for members")
    gone.write(client_frame((4403).to_bytes(2, "big"), CLOSE))
    assert b"only for members" not in await gone.rest()


@pytest.mark.parametrize("how", ["left", "removed"])
async def test_who_is_no_member_any_more_is_told_4403_and_neither_hears_nor_says_anything(
    any_house: House, how: str
) -> None:
    house = any_house
    room = await house.private_room("ann", "bob")
    ann, bob, bobs_other = [await house.join(name, room) for name in ("ann", "bob", "bob")]
    elsewhere = await house.join("bob", "open")
    await ann.say("before")
    assert await bob.messages(1) == await bobs_other.messages(1) == ["before"]

    await house.remove(room, "bob", by=None if how == "left" else "ann")

    assert await bob.closed() == await bobs_other.closed() == (4403, "not-a-member")
    await said_and_heard_nothing(house, room, bob)
    await elsewhere.say("still here")
    assert await elsewhere.messages(1) == ["still here"]
    assert (await house.knock("bob", room)).status == 403


async def test_who_leaves_an_open_room_is_told_4403_and_may_come_again(any_house: House) -> None:
    ann, bob = await any_house.join("ann"), await any_house.join("bob")

    await any_house.remove("chat", "bob")

    assert await bob.closed() == (4403, "not-a-member")
    assert [one["event"] for one in await ann.told("member")] == ["joined", "left"]
    bob = await any_house.join("bob")
    await bob.say("again")
    assert await ann.messages(1) == ["again"]


async def test_who_is_invited_again_reads_from_then_on(any_house: House) -> None:
    house = any_house
    room = await house.private_room("ann", "bob")
    ann = await house.join("ann", room)
    bob = await house.join("bob", room)
    await ann.say("1")
    await bob.messages(1)
    await house.remove(room, "bob", by="ann")
    await ann.say("2")
    await ann.json_of("ack")
    await ann.messages(2)
    await house.invite(room, "ann", "bob")

    bob, welcome = await house.welcome("bob", room, since=0)

    assert welcome["floor"] == 3
    assert (await bob.json())["to_seq"] == 2
    await bob.send(
        client_frame(orjson.dumps({"type": "history", "id": str(uuid4())})),
    )
    assert (await bob.json())["messages"] == []


@pytest.mark.parametrize("how", ["deleted", "the last one left"])
async def test_of_a_room_that_is_deleted_everybody_is_told_4410(any_house: House, how: str) -> None:
    house = any_house
    room = await house.private_room("ann", "bob", "eve")
    everybody = [await house.join("ann", room)]
    if how == "deleted":
        everybody += [await house.join(name, room) for name in ("bob", "eve")]
        await house.rooms.delete(await house.caller("ann"), name=room)
    else:
        await house.remove(room, "ann")

    for one in everybody:
        assert await one.closed() == (4410, "room-deleted")
    for name in ("ann", "bob", "eve"):
        assert (await house.knock(name, room)).status == 403


async def test_when_the_owner_goes_the_others_stay(any_house: House) -> None:
    house = any_house
    room = await house.private_room("ann", "bob")
    ann, bob = await house.join("ann", room), await house.join("bob", room)

    await house.remove(room, "ann")

    assert await ann.closed() == (4403, "not-a-member")
    await bob.say("mine now")
    assert await bob.messages(1) == ["mine now"]
    await house.invite(room, "bob", "eve")
    await house.join("eve", room)
