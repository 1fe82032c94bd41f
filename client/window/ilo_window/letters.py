"""Text as a window may show it: no character of it does anything, and what is too long is cut.

Knows no Tk: whoever cuts gives the function that measures.
"""

import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Final

ELLIPSIS: Final = "…"
UNKNOWN: Final = "\N{REPLACEMENT CHARACTER}"
MOST_MARKS: Final = 8
"""Accents on one letter; a name of thousands would cover the lines above it."""

_PICTURES: Final = 0x2400
_KEPT: Final = frozenset("\n\t")
# They turn the order of what stands around them.
_TURNING: Final = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
_EMOJI: Final = (0x1F000, 0x1FAFF)


@lru_cache(maxsize=1024)
def shown(text: str, *, with_emoji: bool = True) -> str:
    """Return ``text`` with lines and tabs, and a picture in place of every other control character.

    ``with_emoji`` is False where drawing one would end the program; a box stands for it then.
    """
    if text.isascii() and text.isprintable():
        return text
    found: list[str] = []
    marks = 0
    for letter in text.replace("\r\n", "\n"):
        category = unicodedata.category(letter)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if marks > MOST_MARKS:
            continue
        found.append(_safe(letter, category, with_emoji))
    return "".join(found)


def shown_name(text: str, *, with_emoji: bool = True) -> str:
    """Return ``text`` in one line; an empty one is visible too."""
    one_line = shown(text, with_emoji=with_emoji).replace("\n", "␊").replace("\t", " ")
    return one_line if one_line.strip() else "(no name)"


def elided(text: str, width: int, measure: Callable[[str], int]) -> str:
    """Return as much of ``text`` as fits into ``width``, with an ellipsis if that is not all."""
    if measure(text) <= width:
        return text
    fits, too_long = 0, len(text)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if measure(text[:middle] + ELLIPSIS) <= width:
            fits = middle
        else:
            too_long = middle
    return text[:fits].rstrip() + ELLIPSIS


def _safe(letter: str, category: str, with_emoji: bool) -> str:
    if letter in _KEPT:
        return letter
    code = ord(letter)
    if code < 0x20:
        return chr(_PICTURES + code)
    if code == 0x7F:
        return "␡"
    # Also halves of pairs, and what Unicode has not given out.
    if category in ("Cc", "Cs", "Cn") or letter in _TURNING or letter in "\u2028\u2029":
        return UNKNOWN
    if not with_emoji and _EMOJI[0] <= code <= _EMOJI[1]:
        return "▯"
    return letter
