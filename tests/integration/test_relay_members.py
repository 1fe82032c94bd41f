"""Changes of the members: who is told what, and messages that are meant for certain members."""

from typing import Any
from uuid import uuid4

import pytest

from services.events import KeyChanged
from services.model import Username
from tests.support.relay import House, user_id_of
from tests.support.websocket import RawSocket, client_frame, message

Frame = dict[str, Any]


def member(event: str, username: str, version: int, key_version: int = 1) -> Frame:
    return {
        "type": "member",
        "event": event,
        "username": username,
        "key_version": key_version,
        "members_version": version,
    }


def only(version: int) -> Frame:
    return {"type": "member", "members_version": version}


async def test_who_comes_into_an_open_room_for_the_first_time_has_joined(any_house: House) -> None:
    ann, first = await any_house.welcome("ann")
    bob, second = await any_house.welcome("bob")
    _, again = await any_house.welcome("bob")

    versions = [one["members_version"] for one in (first, second, again)]
    assert versions == [versions[0], versions[0] + 1, versions[0] + 1]
    assert await ann.told("member") == [member("joined", "bob", versions[1])]
    assert await bob.told("member") == []


async def test_membership_lasts_though_nobody_is_connected(any_house: House) -> None:
    ann, first = await any_house.welcome("ann")
    ann.abort()

    _, again = await any_house.welcome("ann")

    assert again["members_version"] == first["members_version"]


async def test_who_leaves_or_is_removed_is_told_to_the_others(any_house: House) -> None:
    house = any_house
    room = await house.private_room("ann", "bob", "eve")
    ann, bob, eve = [await house.join(name, room) for name in ("ann", "bob", "eve")]
    version = (await house.welcome("ann", room))[1]["members_version"]
    for one in (ann, bob, eve):
        await one.told("member")

    await house.remove(room, "bob")
    await house.remove(room, "eve", by="ann")

    assert await bob.closed() == (4403, "not-a-member")
    assert await eve.closed() == (4403, "not-a-member")
    assert await ann.told("member") == [
        member("left", "bob", version + 1),
        member("removed", "eve", version + 2),
    ]


async def test_an_invitation_and_its_end_are_told_by_the_version_alone(any_house: House) -> None:
    house = any_house
    room = await house.private_room("ann")
    ann, welcome = await house.welcome("ann", room)
    version = welcome["members_version"]

    for name in ("bob", "eve"):
        await house.invite(room, "ann", name)
    await house.remove(room, "bob")
    await house.remove(room, "eve", by="ann")

    assert await ann.told("member") == [only(version + one) for one in (1, 2, 3, 4)]


async def test_who_accepts_by_connecting_has_joined(any_house: House) -> None:
    room = await any_house.private_room("ann", "bob")
    ann, welcome = await any_house.welcome("ann", room)

    bob, second = await any_house.welcome("bob", room)

    version = welcome["members_version"] + 1
    assert second["members_version"] == version
    assert await ann.told("member") == [member("joined", "bob", version)]
    assert await bob.told("member") == []


async def test_a_new_key_is_told_in_all_rooms_of_the_user_connected_or_not(
    any_house: House,
) -> None:
    house = any_house
    bob, elsewhere = await house.join("bob"), await house.join("bob", "other")
    stranger = await house.join("bob", "strange")
    (await house.join("ann", "other")).abort()
    ann, welcome = await house.welcome("ann")
    for one in (bob, elsewhere, stranger):
        await one.told("member")
    version = await house.store.add_public_key(user_id_of("ann"), "another", 1, house.wall)

    house.events.tell(KeyChanged(user_id_of("ann"), Username("ann"), version))

    told = member("key_changed", "ann", welcome["members_version"], 2)
    assert await bob.json_of("member") == told
    assert (await elsewhere.json_of("member"))["event"] == "key_changed"
    assert await stranger.told("member") == []
    assert await ann.told("member") == []
    await house.join("zoe")
    assert (await bob.json_of("member"))["event"] == "joined"


async def test_in_an_open_room_of_more_than_100_only_the_version_is_told(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.rooms.BIG_ROOM", 3)
    ann, welcome = await house.welcome("ann")
    for name in ("one", "two"):
        await house.join(name)
    assert [one.get("event") for one in await ann.told("member")] == ["joined"] * 2

    for name in ("three", "four", "five"):
        await house.join(name)
    while True:
        told = await ann.json_of("member")
        assert "event" not in told
        if told["members_version"] == welcome["members_version"] + 5:
            break


# -- messages for certain members


async def reply(client: RawSocket, text: str, **members: Any) -> Frame:
    """Say something; return its ack or error."""
    await client.send(client_frame(message(text, **members)))
    while (frame := await client.json())["type"] not in ("ack", "error"):
        pass
    return frame


async def test_a_message_for_the_members_that_the_room_has_is_taken(any_house: House) -> None:
    ann, welcome = await any_house.welcome("ann")

    taken = await reply(ann, "hi", if_members=welcome["members_version"])

    assert taken["type"] == "ack"


@pytest.mark.parametrize("off_by", [-1, 1, 1000])
async def test_a_message_for_other_members_is_refused_and_not_stored(
    any_house: House, off_by: int
) -> None:
    await any_house.join("bob")
    ann, welcome = await any_house.welcome("ann")
    asked = str(uuid4())

    refused = await reply(ann, "hi", id=asked, if_members=welcome["members_version"] + off_by)

    assert (refused["code"], refused["id"]) == ("members-changed", asked)
    # The id is still free: for another text, too.
    taken = await reply(ann, "ho", id=asked, if_members=welcome["members_version"])
    assert (taken["type"], taken["seq"]) == ("ack", 1)


async def test_a_message_is_refused_as_soon_as_somebody_has_joined(any_house: House) -> None:
    ann, welcome = await any_house.welcome("ann")
    version = welcome["members_version"]
    assert (await reply(ann, "hi", if_members=version))["type"] == "ack"

    bob = await any_house.join("bob")

    refused = await reply(ann, "not for bob", if_members=version)
    assert refused["code"] == "members-changed"
    told = await ann.json_of("member")
    taken = await reply(ann, "for bob too", if_members=told["members_version"])
    assert taken["type"] == "ack"
    assert await bob.messages(1) == ["for bob too"]
    await bob.nothing_more()


async def test_that_the_members_are_others_is_told_as_often_as_it_is_tried(house: House) -> None:
    ann, welcome = await house.welcome("ann")

    for _ in range(25):
        refused = await reply(ann, "hi", if_members=welcome["members_version"] + 1)
        assert refused["code"] == "members-changed"

    assert (await reply(ann, "hi"))["type"] == "ack"
