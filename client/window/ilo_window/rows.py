"""A conversation as rows to draw: who, what, when, and what is wrong with it. No Tk."""

from dataclasses import dataclass, field
from datetime import date, tzinfo
from typing import Final, Literal, TypeAlias

from ilo_client import Message, NotShown

from ilo_window.conversation import Conversation, Line, Note, Outgoing
from ilo_window.letters import shown, shown_name
from ilo_window.words import day_of, day_words, time_of, warning_words

MOST_LETTERS: Final = 1500
MOST_LINES: Final = 25
"""A longer message is cut, and whole on a page of its own."""

Side: TypeAlias = Literal["left", "right", "middle"]
Tone: TypeAlias = Literal["plain", "muted", "wrong", "day"]
Place: TypeAlias = tuple[int, int]
OUTGOING: Final = -1
"""The first half of an outgoing message's place, the second is its key."""
DAY: Final = -2


@dataclass(frozen=True, slots=True)
class Row:
    """``head`` is above the text, ``foot`` under it; ``can_retry``: choosing it sends again."""

    place: Place
    side: Side
    text: str = field(repr=False)
    head: str = ""
    foot: str = ""
    tone: Tone = "plain"
    is_alarm: bool = False
    is_cut: bool = False
    can_retry: bool = False


def rows_of(
    talk: Conversation,
    me: str,
    today: date,
    *,
    zone: tzinfo | None = None,
    with_emoji: bool = True,
) -> list[Row]:
    """Return the rows of a conversation, oldest first, with a row where a day begins."""
    rows: list[Row] = []
    day: date | None = None
    before: str | None = None
    for place, line in talk.lines:
        if isinstance(line, Message):
            its_day = day_of(line.sent_at, zone)
            if its_day is not None and its_day != day:
                day, before = its_day, None
                words = day_words(its_day, today)
                rows.append(Row((DAY, its_day.toordinal()), "middle", words, tone="day"))
        row, before = _row(place, line, me, before, zone, with_emoji)
        rows.append(row)
    rows.extend(_outgoing(one, with_emoji) for one in talk.outgoing)
    return rows


def _row(
    place: Place,
    line: Line,
    me: str,
    before: str | None,
    zone: tzinfo | None,
    with_emoji: bool,
) -> tuple[Row, str | None]:
    """Return the row, and whose it is: who goes on talking is not named again."""
    if isinstance(line, Note):
        words = shown_name(line.words, with_emoji=with_emoji)
        return Row(place, "middle", words, tone="muted", is_alarm=line.is_alarm), None
    is_own = line.sender == me if isinstance(line, NotShown) else line.is_own
    side: Side = "right" if is_own else "left"
    sender = "" if is_own else line.sender
    head = "" if is_own or before == sender else shown_name(line.sender, with_emoji=with_emoji)
    if isinstance(line, NotShown):
        return Row(place, side, f"Not shown: {line.words}", head, "", "wrong", True), sender
    text, is_cut = _cut(shown(line.text, with_emoji=with_emoji))
    foot = time_of(line.sent_at, zone)
    if is_cut:
        foot += " · open it to read the rest"
    if line.type != "text":
        foot += f" · {shown_name(line.type)[:40]}"
    if line.warnings:
        foot += f" · {warning_words(line.warnings)}"
    return Row(place, side, text, head, foot, "plain", bool(line.warnings), is_cut), sender


def _outgoing(one: Outgoing, with_emoji: bool) -> Row:
    text, is_cut = _cut(shown(one.text, with_emoji=with_emoji))
    foot = {"sending": "sending …", "kept": one.words, "failed": f"{one.words} Try again"}
    return Row(
        (OUTGOING, one.key),
        "right",
        text,
        "",
        foot[one.state],
        "plain",
        one.state != "sending",
        is_cut,
        one.state == "failed",
    )


def _cut(text: str) -> tuple[str, bool]:
    lines = text.split("\n")
    cut = "\n".join(lines[:MOST_LINES])[:MOST_LETTERS]
    return (cut, False) if cut == text else (cut + " …", True)
