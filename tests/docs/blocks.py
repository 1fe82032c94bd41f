"""The fenced code blocks of a page, each with its language and what the page says of it.

A page says it in the fence (```` ```python title="chat.py" ````) or in a comment on the line
before: ``<!-- not run: why -->``, ``<!-- only shown: what it is -->``, ``<!-- exit code: 1 -->``,
``<!-- frame: Schema -->``, ``<!-- body: Schema -->``.
"""

import re
from dataclasses import dataclass
from typing import Final

_OPENING: Final = re.compile(r'```(?P<language>[a-z]+)(?: title="(?P<title>[\w./-]+)")?')
_ANY_FENCE: Final = re.compile(r"\s*(?:>\s*)*(?:[-*+]\s+|\d+\.\s+)?(?:```|~~~)")
_MARK: Final = re.compile(r"<!-- (not run|only shown|exit code|frame|body): (.*\S) -->")


class BadPage(Exception):
    """A block that nobody could tell what to do with, or that does not do what it shows."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(f"line {line}: {why}")


@dataclass(frozen=True, slots=True)
class Block:
    """``line`` is that of the opening fence, from 1; ``mark`` is empty without a comment."""

    line: int
    language: str
    title: str | None
    text: str
    mark: str
    about: str


def blocks_of(page: str) -> list[Block]:
    """Return the blocks of ``page`` in order.

    Raises:
        BadPage: a fence that is indented, quoted, unlabelled, or never closed.
    """
    blocks: list[Block] = []
    lines = enumerate(page.splitlines(), start=1)
    before = ""
    for number, line in lines:
        if _ANY_FENCE.match(line):
            opening = _OPENING.fullmatch(line)
            if opening is None:
                raise BadPage(number, "the fence has no language, or is not at the line's start")
            mark = _MARK.fullmatch(before)
            blocks.append(
                Block(
                    number,
                    opening["language"],
                    opening["title"],
                    "".join(_until_closed(number, lines)),
                    mark[1] if mark else "",
                    mark[2] if mark else "",
                )
            )
        elif "<pre" in line or "<code" in line:
            raise BadPage(number, "code in HTML is not looked at: use a fence")
        before = line
    return blocks


def _until_closed(opened: int, lines: "enumerate[str]") -> list[str]:
    inside: list[str] = []
    for _, line in lines:
        if line == "```":
            return inside
        inside.append(line + "\n")
    raise BadPage(opened, "the fence is never closed")
