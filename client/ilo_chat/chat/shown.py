"""What happens in a room, in words for people and as objects for scripts."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import Final, assert_never

from ilo_client import (
    Back,
    Change,
    Event,
    Gap,
    Message,
    NotShown,
    Presence,
    Typing,
)
from ilo_client.events import ChangeKind, Warning_
from ilo_client.pins import State

from ilo_chat.screen import Part, Style, Styled, laid_out, name, safe

INDENT: Final = "        "
"""Before the second and every further row of a message."""

_TYPES: Final[dict[type[Event], str]] = {
    Message: "message",
    NotShown: "not-shown",
    Gap: "gap",
    Change: "change",
    Typing: "typing",
    Presence: "presence",
    Back: "back",
}
_WARNINGS: Final[dict[Warning_, str]] = {
    "gap": "messages of this sender are missing before this one",
    "unknown-recipient": "somebody who is no member known here can read this one",
}
_REASONS: Final = {
    "retention": "the server keeps them no longer",
    "epoch": "the server was set back to a backup",
    "ahead": "the server has lost them",
}
_MARKS: Final[Mapping[State | None, Styled]] = {
    "verified": Styled("✓ ", Style.GOOD),
    "changed": Styled("! ", Style.BAD),
}


def fields(event: Event, room: str) -> dict[str, object]:
    """Return an event for `--json`: `type` is which one, and a message's own is `message_type`."""
    found = asdict(event)
    if isinstance(event, Message):
        found["message_type"] = found.pop("type")
    return {"type": _TYPES[type(event)], "room": room, **found}


class Shown:
    """Turns events into rows, and says the day when it is another one. ``columns`` is the width
    of the terminal, if there is one."""

    def __init__(self) -> None:
        self._day: date | None = None

    def rows(
        self,
        event: Event,
        *,
        title: str | None,
        state: State | None,
        columns: int | None,
        advice: str = "`ilo-chat accept-key {}`",
    ) -> list[tuple[Part, ...]]:
        """Return the rows of an event; none: it is not shown.

        ``title`` is the room's, if there are several; ``state`` that of the sender's key;
        ``advice`` how to accept a key.
        """
        room: tuple[Part, ...] = () if title is None else (f"[{safe(title)}] ",)
        match event:
            case Message():
                return self._message(event, room, state, columns)
            case NotShown():
                words = f"message {event.seq} of {name(event.sender)} is not shown: {event.words}"
                return _told(room, f"{words} ({event.code})", Style.BAD, columns)
            case Gap():
                which = f"messages {event.from_seq} to {event.to_seq} cannot be had"
                words = f"{which}: {_REASONS.get(event.reason, event.reason)}"
                return _told(room, words, Style.WARNING, columns)
            case Change():
                words = _change(event.kind, name(event.name), advice.format(event.name))
                bad = event.kind in ("key-changed", "still-listed")
                return _told(room, words, Style.BAD if bad else Style.DIM, columns)
            case Back():
                return _told(room, "back on line", Style.DIM, columns)
            case Typing() | Presence():
                return []
            case _:
                assert_never(event)

    def _message(
        self, message: Message, room: tuple[Part, ...], state: State | None, columns: int | None
    ) -> list[tuple[Part, ...]]:
        rows: list[tuple[Part, ...]] = []
        at = local_time(message.sent_at)
        if at is not None and at.date() != self._day:
            self._day = at.date()
            rows.append((Styled(f"--- {at:%A, %d %B %Y} ---", Style.DIM),))
        time = "--:--" if at is None else f"{at:%H:%M}"
        who = name(message.sender)
        if message.is_own:
            mark: Part = "  "
            sender = Styled(f"{who} (you)", Style.OWN)
        else:
            # What nobody signed may be anybody's.
            mark = _MARKS.get(None if message.is_plaintext else state, "  ")
            sender = Styled(who, Style.BOLD)
        head = (*room, Styled(time, Style.DIM), " ", mark, sender, ": ")
        rows += laid_out(head, message.text, columns=columns, indent=INDENT)
        notes = [(f"warning: {_WARNINGS[each]}", Style.WARNING) for each in message.warnings]
        if message.is_plaintext:
            notes.append(("not encrypted, not signed", Style.DIM))
        for words, style in notes:
            rows += laid_out((INDENT,), words, columns=columns, indent=INDENT, style=style)
        return rows


def _told(
    room: tuple[Part, ...], words: str, style: Style, columns: int | None
) -> list[tuple[Part, ...]]:
    return laid_out((*room, "*** "), words, columns=columns, indent="    ", style=style)


def _change(kind: ChangeKind, who: str, accept: str) -> str:
    match kind:
        case "joined":
            return f"{who} is in the room now"
        case "left":
            return f"{who} left"
        case "removed":
            return f"{who} was removed"
        case "key-changed":
            return (
                f"{who} has another key than before: either they made new ones, or somebody"
                f" pretends to be them. Nothing is sent until you accept it: {accept}"
            )
        case "still-listed":
            return (
                f"the server lists {who}, whom you removed: nothing is encrypted for them until"
                " you invite them again"
            )
        case _:
            assert_never(kind)


def local_time(sent_at: str) -> datetime | None:
    """Return the server's time as clocks show it here; None: it is none."""
    try:
        return datetime.fromisoformat(sent_at).astimezone()
    except (ValueError, OverflowError, OSError):
        return None
