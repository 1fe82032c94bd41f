"""Makes what others wrote safe to show: names, labels and messages may hold anything.

Nothing of it moves the cursor, changes a colour, begins a line of its own or turns the order of
letters around. What would do so is shown as its escape, `\\x1b` for one. All that the chat writes
for people passes through here; colours are added here, around text that is safe already.
"""

import json
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import groupby
from typing import Final, TypeAlias

PROGRAM: Final = "ilo-chat"
JOINERS: Final = "\u200c\u200d"
"""They make one emoji of several, and are part of some scripts. Between ASCII letters they could
only make two names look alike."""
TAGS: Final = range(0xE0020, 0xE0080)
"""They make a flag of a region."""
TAB: Final = "    "
LEAST_WIDTH: Final = 20
"""Of a terminal that says it is narrower, in columns."""


class Style(Enum):
    """How a part looks, as the numbers of an SGR sequence (ECMA-48)."""

    DIM = "2"
    BOLD = "1"
    GOOD = "32"
    WARNING = "33"
    BAD = "1;31"
    OWN = "36"


@dataclass(frozen=True, slots=True)
class Styled:
    text: str
    style: Style


Part: TypeAlias = str | Styled


def safe(text: str) -> str:
    """Return ``text`` as one line of what is only letters, signs and emoji."""
    return "".join(_safe(text))


def _safe(text: str) -> Iterator[str]:
    before = ""
    for char in text:
        if char == "\t":
            yield TAB
        elif _is_harmless(char, before):
            yield char
        else:
            yield _escape(char)
        before = char


def _is_harmless(char: str, before: str) -> bool:
    if char in JOINERS or ord(char) in TAGS:
        return not before.isascii() and before != ""
    # Control, format (the bidirectional ones too), half a surrogate pair, ends of lines.
    return unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _escape(char: str) -> str:
    number = ord(char)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def name(text: str) -> str:
    """Return somebody's name or a label, in quotes where it could be taken for more than that."""
    shown = safe(text)
    if shown and not any(char.isspace() or char in ':"*·[]' for char in shown):
        return shown
    return '"' + shown.replace('"', "'") + '"'


def lines(text: str) -> list[str]:
    """Return the lines of ``text``, each safe; one at least."""
    return [safe(line) for line in text.replace("\r\n", "\n").split("\n")]


def width(text: str) -> int:
    """Return how many columns ``text`` takes; rather too many than too few."""
    return sum(map(_columns, text))


def _columns(char: str) -> int:
    if char == "\ufe0f":  # makes an emoji of the sign before it, which is wide then
        return 1
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    # "A" is wide in terminals of East Asia.
    return 2 if unicodedata.east_asian_width(char) in "WFA" and not char.isascii() else 1


def wrapped(text: str, columns: int, *, first: int | None = None) -> list[str]:
    """Return ``text``, a safe line, in rows of ``columns`` at most, the first one of ``first``.

    Broken here, no row begins where the terminal would begin it: at the edge, like a line.
    """
    rows: list[str] = []
    row, left = "", columns if first is None else first
    for word in _words(text):
        if width(word) > left and (row or rows or left < columns):
            rows.append(row.rstrip(" "))
            row, left = "", columns
            if word.isspace():
                continue
        *full, rest = _cut(word, columns)
        rows += full
        row, left = (row if not full else "") + rest, (columns if full else left) - width(rest)
    return [*rows, row]


def _words(text: str) -> Iterator[str]:
    word = ""
    for char in text:
        if word and (char == " ") != (word[-1] == " "):
            yield word
            word = ""
        word += char
    yield word


def _cut(word: str, columns: int) -> list[str]:
    pieces, piece, taken = [], "", 0
    for char in word:
        size = _columns(char)
        if taken + size > columns:
            pieces.append(piece)
            piece, taken = "", 0
        piece, taken = piece + char, taken + size
    return [*pieces, piece]


def painted(parts: tuple[Part, ...], *, colour: bool) -> str:
    """Return ``parts`` as one safe line."""
    return "".join(_painted(part, colour=colour) for part in parts)


def _painted(part: Part, *, colour: bool) -> str:
    text, style = _safe_part(part)
    return f"\x1b[{style.value}m{text}\x1b[0m" if colour and text and style else text


def _safe_part(part: Part) -> tuple[str, Style | None]:
    return (safe(part), None) if isinstance(part, str) else (safe(part.text), part.style)


def fitted(parts: tuple[Part, ...], columns: int | None, *, indent: str) -> list[tuple[Part, ...]]:
    """Return ``parts`` in rows for a terminal of ``columns``, all but the first behind
    ``indent``; None: there is no terminal, and a row may be as long as a line."""
    source = [(char, style) for text, style in map(_safe_part, parts) for char in text]
    line = "".join(char for char, _ in source)
    # One column stays free: some terminals go to the next row when the last is taken.
    whole = max(LEAST_WIDTH, (columns or 0) - 1)
    if columns is None or width(line) <= whole:
        return [parts]
    rows: list[tuple[Part, ...]] = []
    place = 0
    for row in wrapped(line, whole - len(indent), first=whole):
        styled: list[tuple[str, Style | None]] = []
        for char in row:
            # Spaces at the ends of rows were left out.
            while source[place][0] != char:
                place += 1
            styled.append(source[place])
            place += 1
        pieces = (
            ("".join(char for char, _ in run), style)
            for style, run in groupby(styled, key=lambda pair: pair[1])
        )
        made = tuple(text if style is None else Styled(text, style) for text, style in pieces)
        rows.append((indent, *made) if rows else made)
    return rows


def laid_out(
    head: tuple[Part, ...],
    text: str,
    *,
    columns: int | None,
    indent: str,
    style: Style | None = None,
) -> list[tuple[Part, ...]]:
    """Return ``text`` behind ``head``, and all but its first row behind ``indent``."""
    rows: list[tuple[Part, ...]] = []
    for line in lines(text):
        part: Part = line if style is None else Styled(line, style)
        rows += fitted((indent, part) if rows else (*head, part), columns, indent=indent)
    return rows


def json_line(fields: Mapping[str, object]) -> str:
    """Return JSON of ASCII letters alone, so that it may be shown on a terminal, too."""
    return json.dumps(fields, ensure_ascii=True).replace("\x7f", "\\u007f")
