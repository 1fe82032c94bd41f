"""The checks of web/src/envelope as their text has them: `if (…) throw new Refused(…)`.

`noticed_by.json` says by file and check which vectors noticed when it was left out: those are run
first, and all of them only where they do not notice any more. `python -m tests.client.page_checks`
writes it anew.
"""

import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.client import page
from tests.client.page import WEB, Object
from tools.vectors.people import VECTORS

NOTICED = Path(__file__).with_name("noticed_by.json")
MANY_S = 1200.0

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


def noticed_by(
    file: str, folder: Path, first: Mapping[str, Sequence[str]]
) -> list[tuple[Cut, str | None]]:
    """Return the checks of ``file``, but for those of ``SECOND``, and which vector goes otherwise
    when each is left out, alone. ``first`` says by check which vectors to try before the others;
    copies are made in ``folder``."""
    text = (WEB / "src" / "envelope" / file).read_text(encoding="utf-8")
    vectors = _only_refused(KINDS[file], folder / "vectors")
    left_out = [cut for cut in cuts(file) if cut.key not in SECOND]
    whole = page.copy_of(folder / "whole", file, text)
    tried = [list(first.get(cut.key[1], [])) for cut in left_out]
    requests = [
        _request(page.copy_of(folder / str(number), file, cut.made(text)), file, names)
        for number, (cut, names) in enumerate(zip(left_out, tried, strict=True))
    ]

    def surprises(*requests: Object) -> list[str | None]:
        said = page.run(vectors, given=requests, program="left_out.ts", timeout_s=MANY_S)
        return [each["noticed_by"] for each in said]

    # With all checks there is no surprise, or none would show anything.
    all_tried = sorted({name for names in tried for name in names})
    wholly, *found = surprises(_request(whole, file, all_tried, others=not all_tried), *requests)
    assert wholly is None
    if any(by not in names for by, names in zip(found, tried, strict=True)):
        assert surprises(_request(whole, file, [])) == [None]
    return [*zip(left_out, found, strict=True)]


def _request(copy: Path, file: str, first: list[str], *, others: bool = True) -> Object:
    return {"copy": str(copy), "kinds": KINDS[file], "first": first, "others": others}


def noticed_before() -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = json.loads(NOTICED.read_text(encoding="ascii"))
    return found


def _only_refused(kinds: Iterable[str], folder: Path) -> Path:
    """Return a folder with the vectors that show a missing check."""
    folder.mkdir()
    for kind in kinds:
        content = json.loads((VECTORS / f"{kind}.json").read_text("utf-8"))
        if kind != "sequences":
            content["cases"] = [case for case in content["cases"] if case["expect"] != "ok"]
        (folder / f"{kind}.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def main() -> None:
    found: dict[str, dict[str, list[str]]] = {}
    for file in KINDS:
        with tempfile.TemporaryDirectory() as folder:
            for cut, by in noticed_by(file, Path(folder), {}):
                names = found.setdefault(file, {}).setdefault(cut.key[1], [])
                if by is not None and by not in names:
                    names.append(by)
    NOTICED.write_text(json.dumps(found, indent=1) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
