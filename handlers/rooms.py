"""The operations on rooms: who is in them, and what was said there."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from handlers.audit import audit
from handlers.call import Call
from services.model import LoggedMessage, Room, RoomMember, RoomOfUser
from services.timestamps import to_rfc3339

# No line of the log has the name of a private room: where it is known, so is who talks to whom.
# The request's id and the user lead to what happened.


async def list_rooms(call: Call) -> Mapping[str, Any]:
    page = await call.services.rooms.mine(
        call.caller, after=call.query.get("after"), limit=call.query["limit"]
    )
    return {"rooms": [_place(place) for place in page.rooms], "more": page.more}


async def create_room(call: Call) -> Mapping[str, Any]:
    name = await call.services.rooms.create(
        call.caller,
        retention_s=call.body.get("retention_s"),
        retention_messages=call.body.get("retention_messages"),
        history=call.body.get("history", "joined"),
    )
    audit(call, "made a private room", call.caller.username)
    return {"room": name}


async def get_room(call: Call) -> Mapping[str, Any]:
    view = await call.services.rooms.view(
        call.caller,
        name=call.path["room"],
        after=call.query.get("after"),
        limit=call.query["limit"],
    )
    room, limits = view.room, call.settings.limits
    return {
        "room": room.name,
        "kind": _kind(room),
        **({} if view.owner is None else {"owner": view.owner}),
        "epoch": str(UUID(bytes=room.epoch)),
        "head": room.head,
        "floor": view.floor,
        "retention_s": limits.retention_s if room.retention_s is None else room.retention_s,
        "retention_messages": (
            limits.retention_messages
            if room.retention_messages is None
            else room.retention_messages
        ),
        "history": "all" if room.shows_all_history else "joined",
        "members_version": room.members_version,
        "members": [_member(member) for member in view.members],
        "more": view.more,
    }


async def delete_room(call: Call) -> Mapping[str, Any]:
    await call.services.rooms.delete(call.caller, name=call.path["room"])
    audit(call, "deleted a private room", call.caller.username)
    return {"detail": "Successfully deleted the room"}


async def put_member(call: Call) -> Mapping[str, Any]:
    username = call.path["username"]
    state = await call.services.rooms.put_member(
        call.caller, name=call.path["room"], username=username
    )
    if username == call.caller.username:
        audit(call, "is a member of a room", username)
    else:
        audit(call, "invited to a private room", call.caller.username, whom=username)
    return {"state": state}


async def delete_member(call: Call) -> Mapping[str, Any]:
    username = call.path["username"]
    was = await call.services.rooms.remove_member(
        call.caller, name=call.path["room"], username=username
    )
    if username != call.caller.username:
        audit(call, "removed from a private room", call.caller.username, whom=username)
    elif was == "joined":
        audit(call, "left a room", username)
    else:
        audit(call, "declined an invitation", username)
    return {"detail": f"Successfully removed {username}"}


async def list_messages(call: Call) -> Mapping[str, Any]:
    page = await call.services.rooms.messages(
        call.caller, name=call.path["room"], after=call.query["after"], limit=call.query["limit"]
    )
    return {
        "messages": [_message(message) for message in page.messages],
        "more": page.more,
        "epoch": str(UUID(bytes=page.room.epoch)),
        "head": page.room.head,
        "floor": page.floor,
    }


def _place(place: RoomOfUser) -> Mapping[str, Any]:
    room, membership = place.room, place.membership
    return {
        "room": room.name,
        "kind": _kind(room),
        "state": membership.state,
        "since": to_rfc3339(membership.since),
        **({} if place.owner is None else {"owner": place.owner}),
        "members_version": room.members_version,
        "head": room.head,
        "floor": room.floor_of(membership),
    }


def _member(member: RoomMember) -> Mapping[str, Any]:
    return {
        "username": member.username,
        "state": member.state,
        "since": to_rfc3339(member.since),
        "public_key": member.public_key.text,
        "key_version": member.public_key.version,
    }


def _message(message: LoggedMessage) -> Mapping[str, Any]:
    return {
        "id": str(UUID(bytes=message.message_id)),
        "seq": message.seq,
        "sender": message.sender,
        "sent_at": to_rfc3339(message.sent_at),
        "data": {"message": message.text},
    }


def _kind(room: Room) -> str:
    return "private" if room.is_private else "open"
