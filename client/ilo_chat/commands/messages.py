"""Say something, look back, and talk."""

import asyncio
import sys
from dataclasses import asdict
from typing import Final

from ilo_client import Ilo, Message, NotShown, Room, RoomInfo

from ilo_chat.chat.shown import Shown, fields
from ilo_chat.context import Context
from ilo_chat.naming import room_to_enter
from ilo_chat.output import is_terminal
from ilo_chat.problems import CommandRefused

PAGE: Final = 100
"""So many messages are asked for at once."""


async def send(context: Context) -> int:
    options = context.options
    text = _text(options.text, context)
    if not text:
        raise CommandRefused("nothing-to-say", "there is nothing to say", is_usage=True)
    async with context.opened() as ilo:
        info = await room_to_enter(ilo, options.room, may_be_new=options.join)
        room = ilo.room(info.name, plaintext=options.plaintext)
        try:
            async with asyncio.timeout(options.timeout), room:
                sent = await room.send(text)
        except TimeoutError:
            is_kept = await room.under_way() == text
            raise _unanswered(options.timeout, is_kept=is_kept) from None
    context.output.say(str(sent.seq))
    context.output.give({"room": info.name, **asdict(sent)})
    return 0


def _text(said: str, context: Context) -> str:
    if said != "-":
        return said
    if is_terminal(sys.stdin):
        context.output.note("type the message; Ctrl-D on a line of its own sends it")
    try:
        text = sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError:
        raise CommandRefused("not-text", "standard input is not UTF-8 text") from None
    return text.removesuffix("\n").removesuffix("\r")


def _unanswered(timeout_s: int, *, is_kept: bool) -> CommandRefused:
    after = (
        "your message is kept, and goes out when you open this room next"
        if is_kept
        else "your message is not sent, as far as is known here: look at `ilo-chat history`, and"
        " try again later"
    )
    return CommandRefused("unreachable", f"no answer within {timeout_s} s: {after}")


async def history(context: Context) -> int:
    options = context.options
    async with context.opened() as ilo:
        info = await room_to_enter(ilo, options.room, may_be_new=options.join)
        try:
            async with (
                asyncio.timeout(options.timeout),
                ilo.room(info.name, plaintext=options.plaintext) as room,
            ):
                found = await _older(room, options.before, options.limit)
        except TimeoutError:
            raise CommandRefused(
                "unreachable", f"no answer within {options.timeout} s: try again later"
            ) from None
        await _show(context, ilo, info, found)
    return 0


async def _older(room: Room, before: int | None, limit: int) -> list[Message | NotShown]:
    found: list[Message | NotShown] = []
    while len(found) < limit:
        page = await room.history(before=before, limit=min(PAGE, limit - len(found)))
        if not page:
            break
        found = page + found
        before = page[0].seq
        if before <= 1:
            break
    return found


async def _show(
    context: Context, ilo: Ilo, info: RoomInfo, found: list[Message | NotShown]
) -> None:
    shown, output = Shown(), context.output
    for each in found:
        output.give(fields(each, info.name))
        pin = await asyncio.to_thread(ilo.people.pins.of, each.sender)
        state = None if pin is None else pin.person.state
        for row in shown.rows(each, title=None, state=state, columns=output.columns):
            output.say(*row)


async def chat(context: Context) -> int:
    options, output = context.options, context.output
    async with context.opened() as ilo:
        rooms: list[RoomInfo] = []
        for said in options.rooms:
            room = await room_to_enter(ilo, said, may_be_new=True)
            if room.name not in [each.name for each in rooms]:
                rooms.append(room)
        if is_terminal(sys.stdin) and is_terminal(sys.stdout) and not output.as_json:
            from ilo_chat.chat.terminal import talk_on_terminal

            return await talk_on_terminal(context, ilo, rooms)
        from ilo_chat.chat.script import talk_by_lines

        return await talk_by_lines(context, ilo, rooms)
