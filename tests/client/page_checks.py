"""The checks of web/src/envelope as their text has them: `if (…) throw new Refused(…)`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.client.page import WEB

# By file: which vectors have to notice.
KINDS = {
    "base64url.ts": ("envelopes", "cards"),
    "strict.ts": ("envelopes", "cards"),
    "keys.ts": ("cards", "envelopes"),
    "pairs.ts": ("backups",),
    "jws.ts": ("cards", "envelopes"),
    "card.ts": ("cards",),
    "envelope.ts": ("envelopes",),
    "inner.ts": ("envelopes",),
    "open.ts": ("envelopes",),
    "replay.ts": ("sequences",),
    "backup.ts": ("backups",),
}
_TYPE = "it says no more than the type does"
_LATER = "what gets past it is refused with the same code later"
# Checks whose absence no vector shows, and why.
SECOND = {
    ("base64url.ts", "!text.isWellFormed()"): "the scanner refuses it too",
    ("strict.ts", "!names.every((name) => object.has(name))"): _LATER,
    ("strict.ts", "depth > MAX_DEPTH"): "a guard of the stack; exact members refuse it later",
    ("strict.ts", "this.#text[start] !== '\"'"): _LATER,
    ("strict.ts", 'typeof value !== "string"'): _TYPE,
    ("strict.ts", "found === null"): "no number is no safe integer either",
    ("keys.ts", 'kind === "Ed25519"'): "the import refuses it too",
    ("keys.ts", 'kind !== "RSA" && kind !== "Ed25519"'): "the import refuses it too",
    ("keys.ts", "key instanceof Uint8Array"): _TYPE,
    ("pairs.ts", "first === undefined"): _LATER,
    ("pairs.ts", "q < 2n"): "p is not less than 2 in the only other case",
    ("jws.ts", "!header"): _TYPE,
    ("jws.ts", "!payload"): _TYPE,
    ("jws.ts", "!signature"): _TYPE,
    ("backup.ts", "text.length > MAX_BYTES"): "a vector of a megabyte",
    ("backup.ts", "header === undefined"): _TYPE,
}
_CONDITION = re.compile(r"\bif \((?=.*)")
_CALL = re.compile(r"^ +(expectMembers|checkRsa|checkRsaHalves|checkHeader)\(.*\);$", re.MULTILINE)


@dataclass(frozen=True)
class Cut:
    """A check, and where it stands."""

    file: str
    check: str
    start: int
    end: int
    instead: str

    @property
    def key(self) -> tuple[str, str]:
        return self.file, " ".join(self.check.split())

    def made(self, text: str) -> str:
        return text[: self.start] + self.instead + text[self.end :]


def cuts(file: str) -> Iterator[Cut]:
    """Yield all checks of a file that can be told by their form."""
    text = (WEB / "src" / "envelope" / file).read_text(encoding="utf-8")
    for found in _CONDITION.finditer(text):
        start = found.end()
        end = _closing(text, start)
        if not re.match(r"\)\s*(?:\{\s*)?throw new Refused", text[end:]):
            continue
        for first, last in _operands(text, start, end):
            yield Cut(file, text[first:last], first, last, "false")
    for found in _CALL.finditer(text):
        start = found.start() + len(found[0]) - len(found[0].lstrip())
        yield Cut(file, text[start : found.end()], start, found.end(), ";")


def _closing(text: str, start: int) -> int:
    """Return where the bracket closes that was opened before ``start``."""
    depth, at = 1, start
    while depth:
        depth += (text[at] in "([{") - (text[at] in ")]}")
        at += 1
    return at - 1


def _operands(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the places of what stands between `||`, outside of any bracket."""
    depth, first = 0, start
    for at in range(start, end):
        depth += (text[at] in "([{") - (text[at] in ")]}")
        if depth == 0 and text.startswith(" || ", at):
            yield first, at
            first = at + 4
    yield first, end
