"""What `CHANGELOG.md` says of the breaks that are meant.

A break on purpose is a line of its own, in `Unreleased` or in the version that is prepared:

    - **Breaking (relay):** `client message /id required`: every message has an id now.

First the gate, then the ids of the breaks, each in backticks, then why.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tools.contracts.breaks import Gate

_SECTION: Final = re.compile(r"^## \[?([^\]\s]+)\]?", re.MULTILINE)
_BEGINS: Final = re.compile(r"^- \*\*Breaking\b", re.MULTILINE)
_LINE: Final = re.compile(r"- \*\*Breaking \((rest|relay)\):\*\* (`[^`]+`(?:, `[^`]+`)*): \S.*")


class NotUnderstood(Exception):
    """A line of the changelog begins as a break, and is none that the gates can read."""


@dataclass(frozen=True, slots=True)
class Announced:
    """A break that the changelog announces."""

    gate: Gate
    id: str


def announced(text: str, version: str) -> list[Announced]:
    """Return what is announced in `Unreleased` and in ``version`` of the changelog ``text``.

    Raises:
        NotUnderstood: a line that begins with ``- **Breaking`` has another form.
    """
    found: list[Announced] = []
    for entry in _entries(text, {"Unreleased", version}):
        match = _LINE.fullmatch(entry)
        if match is None:
            raise NotUnderstood(
                f"CHANGELOG.md: {entry[:60]!r} has to be: - **Breaking (rest or relay):** `id`: why"
            )
        gate: Gate = "rest" if match[1] == "rest" else "relay"
        found += [Announced(gate, id_) for id_ in re.findall(r"`([^`]+)`", match[2])]
    return found


def _entries(text: str, wanted: set[str]) -> Iterator[str]:
    """Yield each entry of the ``wanted`` sections that begins as a break, on one line."""
    sections = list(_SECTION.finditer(text))
    ends = [section.start() for section in sections[1:]] + [len(text)]
    for section, end in zip(sections, ends, strict=True):
        if section[1] not in wanted:
            continue
        body = text[section.end() : end]
        for beginning in _BEGINS.finditer(body):
            lines = body[beginning.start() :].split("\n")
            entry = [lines[0]]
            for line in lines[1:]:
                if not line.startswith("  "):
                    break
                entry.append(line.strip())
            yield " ".join(entry)
