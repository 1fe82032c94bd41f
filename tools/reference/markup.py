"""Pieces of Markdown: headings with ids, tables, code. Ids are written as ``attr_list`` has them.

What is taken from a contract is Markdown already, and stays as it is.
"""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

_CODE = re.compile(r"(`+)(.+?)(?<!`)\1(?!`)")


def heading(level: int, text: str, anchor: str) -> str:
    return f"{'#' * level} {text} {{#{anchor}}}"


def code(value: object) -> str:
    """Return a value as inline code: a string as it is, all else as JSON."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if not text:
        return "the empty string"
    fence = "``" if "`" in text else "`"
    pad = " " if "`" in text else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def link(text: str, anchor: str) -> str:
    return f"[{text}](#{anchor})"


def json_block(value: Any) -> str:
    return f"```json\n{json.dumps(value, indent=2, ensure_ascii=False)}\n```"


def text_block(text: str) -> str:
    return f"```text\n{text}\n```"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; its cells are Markdown of one paragraph, line breaks and bars allowed."""
    lines = [_row(head), _row(["---"] * len(head))]
    lines += [_row([cell(text) for text in row]) for row in rows]
    return "\n".join(lines)


def cell(text: str) -> str:
    """Return ``text`` in one line, with the bars outside of code escaped."""
    line = " ".join(text.split())
    parts: list[str] = []
    end = 0
    for found in _CODE.finditer(line):
        parts += [line[end : found.start()].replace("|", "\\|"), found[0]]
        end = found.end()
    return "".join([*parts, line[end:].replace("|", "\\|")])


def listed(items: Iterable[str]) -> str:
    return "\n".join(f"- {' '.join(item.split())}" for item in items)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
