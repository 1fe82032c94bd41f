"""Rooms: which there are, who is in them, and coming and going."""

from dataclasses import asdict

from ilo_client import RoomInfo

from ilo_chat.commands.people import row_of
from ilo_chat.context import Context
from ilo_chat.naming import room_of_mine, title
from ilo_chat.problems import CommandRefused
from ilo_chat.screen import Style, Styled, name
from ilo_chat.secrets import agrees


async def rooms(context: Context) -> int:
    output = context.output
    async with context.opened() as ilo:
        found = await ilo.rooms()
    for room in found:
        output.give(asdict(room))
        output.say(*_row(room))
    if not found:
        output.note("you are in no room: `ilo-chat create --label NAME` makes one")
    return 0


def _row(room: RoomInfo) -> list[str | Styled]:
    row: list[str | Styled] = [Styled(name(room.name), Style.BOLD)]
    if room.label is not None:
        row.append(f"  {name(room.label)}")
    row.append("  private" if room.is_private else "  open")
    if room.owner is not None:
        row.append(f", of {name(room.owner)}")
    row.append(f", {room.head} messages")
    if room.state == "invited":
        row.append(Styled(f"  invited: `ilo-chat accept {room.name}`", Style.WARNING))
    return row


async def members(context: Context) -> int:
    async with context.opened() as ilo:
        room = await room_of_mine(ilo, context.options.room)
        for member in await ilo.members(room.name):
            person = member.person
            context.output.give(
                {
                    "name": member.name,
                    "state": member.state,
                    "key": person.state,
                    "kid": person.kid,
                    "new_kid": person.new_kid,
                }
            )
            context.output.say(*row_of(member, ilo.username))
    return 0


async def create(context: Context) -> int:
    label = context.options.label
    async with context.opened() as ilo:
        if label is not None:
            _see_that_label_is_one(label)
        room = await ilo.create_room(label)
    context.output.say(room)
    context.output.give({"room": room, "label": label})
    return 0


async def label(context: Context) -> int:
    wanted = context.options.label
    async with context.opened() as ilo:
        room = await room_of_mine(ilo, context.options.room)
        if wanted is not None:
            if wanted:
                _see_that_label_is_one(wanted)
            ilo.set_label(room.name, wanted or None)
        now = ilo.label(room.name)
    if now is None:
        context.output.note("it has no label")
    else:
        context.output.say(name(now))
    context.output.give({"room": room.name, "label": now})
    return 0


def _see_that_label_is_one(label: str) -> None:
    if not label.strip() or label[0] in "~@/" or not label.isprintable():
        raise CommandRefused(
            "bad-label",
            "a label is one line of letters, and begins with none of ~ @ /",
            is_usage=True,
        )


async def invite(context: Context) -> int:
    who = context.options.name
    async with context.opened() as ilo:
        room = await room_of_mine(ilo, context.options.room)
        await ilo.invite(room.name, who)
    return _done(context, room, f"{name(who)} is invited to {name(title(room))}.", who)


async def remove(context: Context) -> int:
    who = context.options.name
    async with context.opened() as ilo:
        room = await room_of_mine(ilo, context.options.room)
        await ilo.remove(room.name, who)
    return _done(context, room, f"{name(who)} is removed from {name(title(room))}.", who)


async def accept(context: Context) -> int:
    async with context.opened() as ilo:
        room = await room_of_mine(ilo, context.options.room)
        await ilo.accept(room.name)
    return _done(context, room, f"You are in {name(title(room))}.")


async def decline(context: Context) -> int:
    async with context.opened() as ilo:
        room = await room_of_mine(ilo, context.options.room)
        if room.state != "invited":
            raise CommandRefused(
                "not-invited", "you are a member there, not invited: `ilo-chat leave` ends that"
            )
        await ilo.decline(room.name)
    return _done(context, room, f"You declined {name(title(room))}.")


async def leave(context: Context) -> int:
    async with context.opened() as ilo:
        room = await room_of_mine(ilo, context.options.room)
        await ilo.leave(room.name)
    return _done(context, room, f"You left {name(title(room))}.")


async def delete(context: Context) -> int:
    async with context.opened() as ilo:
        room = await room_of_mine(ilo, context.options.room)
        if not agrees(
            context.options, f"Delete {name(title(room))}, with all that was said, for everybody?"
        ):
            raise CommandRefused("not-confirmed", "nothing was deleted")
        await ilo.delete_room(room.name)
    return _done(context, room, f"{name(title(room))} is deleted.")


def _done(context: Context, room: RoomInfo, words: str, who: str | None = None) -> int:
    context.output.say(words)
    fields: dict[str, object] = {"room": room.name, "label": room.label}
    context.output.give(fields if who is None else {**fields, "name": who})
    return 0
