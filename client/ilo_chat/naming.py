"""Which room is meant: by its name, or by what this person calls it."""

from collections.abc import Sequence

from ilo_client import Ilo, RoomInfo

from ilo_chat.problems import CommandRefused
from ilo_chat.screen import name


async def room_of_mine(ilo: Ilo, said: str) -> RoomInfo:
    """Return the room of this person that is meant, also one they are invited to.

    Raises:
        CommandRefused: there is none, or there are several.
    """
    found = _meant(await ilo.rooms(), said)
    if found is None:
        raise _no_such_room(said)
    return found


async def room_to_enter(ilo: Ilo, said: str, *, may_be_new: bool) -> RoomInfo:
    """Return the room that is meant; if it ``may_be_new``, an open one that one is not in yet.

    Raises:
        CommandRefused: there is none, or there are several, or one has to accept first.
    """
    found = _meant(await ilo.rooms(), said)
    if found is None and may_be_new and not said.startswith("~"):
        return RoomInfo(said, None, is_private=False, state="joined", owner=None, head=0)
    if found is None:
        raise _no_such_room(said)
    if found.state == "invited":
        raise CommandRefused(
            "invited", f"you are only invited to {name(said)}: `ilo-chat accept` lets you in"
        )
    return found


def _no_such_room(said: str) -> CommandRefused:
    return CommandRefused(
        "no-such-room",
        f"you are in no room {name(said)}: `ilo-chat rooms` lists yours, and"
        " `ilo-chat chat NAME` enters an open one",
    )


def _meant(rooms: Sequence[RoomInfo], said: str) -> RoomInfo | None:
    found = [room for room in rooms if said in (room.name, room.label)]
    if len(found) > 1:
        names = ", ".join(name(room.name) for room in found)
        raise CommandRefused(
            "ambiguous-room", f"{name(said)} may be any of {names}: say which by its name"
        )
    return found[0] if found else None


def title(room: RoomInfo) -> str:
    """Return what people call it."""
    return room.label or room.name
