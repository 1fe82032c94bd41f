"""Compares both contracts with what was last released: nobody who keeps to that is let down.

    python -m tools.contracts.gates

Exit 0: nothing breaks, or `CHANGELOG.md` announces every break, and no other. Exit 1: a break
that is not announced, or an announcement without a break. Exit 3: all is well as far as it could
be seen, but there is no oasdiff for this machine.
"""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tools.contracts.breaks import Break, Gate
from tools.contracts.changelog import Announced, NotUnderstood, announced
from tools.contracts.documents import NoContract
from tools.contracts.frame_gate import frame_breaks
from tools.contracts.released import NotReleased, newest_release, read_both, version_of
from tools.contracts.rest_gate import NoOasdiff, find_oasdiff, rest_breaks

ROOT = Path(__file__).resolve().parents[2]
SKIPPED = 3


def complaints(found: Mapping[Gate, list[Break]], announcements: list[Announced]) -> Iterator[str]:
    """Yield what is wrong: breaks that are not announced, announcements without a break."""
    said = set(announcements)
    for gate, breaks in found.items():
        for broken in breaks:
            if Announced(gate, broken.id) not in said:
                yield f"{gate}: {broken}"
    for announcement in announcements:
        if all(broken.id != announcement.id for broken in found[announcement.gate]):
            yield f"CHANGELOG.md: {announcement.gate}: `{announcement.id}` is no break"


def compare(spec: Path, changelog: Path, oasdiff: Path | None) -> tuple[list[str], list[str]]:
    """Return what is wrong with the contracts in ``spec``, and the breaks that are announced.

    Raises:
        NotReleased, NoContract, NotUnderstood: there is nothing to compare, or no reading it.
        OSError, subprocess.SubprocessError: a file or oasdiff cannot be read.
    """
    old_openapi, old_asyncapi = read_both(newest_release(spec))
    openapi, asyncapi = read_both(spec)
    version = version_of(openapi, asyncapi)
    found: dict[Gate, list[Break]] = {
        "rest": rest_breaks(old_openapi.root, openapi.root, oasdiff),
        "relay": frame_breaks(old_asyncapi.root, asyncapi.root),
    }
    # What the released version announced was of the step before it.
    already = newest_release(spec).name == version
    text = changelog.read_text(encoding="utf-8")
    announcements = announced(text, "Unreleased" if already else version)
    said = set(announcements)
    meant = [
        f"{gate}: {broken}"
        for gate, breaks in found.items()
        for broken in breaks
        if Announced(gate, broken.id) in said
    ]
    return list(complaints(found, announcements)), meant


def main() -> int:
    """Compare the contracts of this project; return the exit code."""
    try:
        oasdiff: Path | None = find_oasdiff()
        reason = ""
    except NoOasdiff as why:
        oasdiff, reason = None, str(why)
    try:
        wrong, meant = compare(ROOT / "spec", ROOT / "CHANGELOG.md", oasdiff)
    except (NotReleased, NoContract, NotUnderstood, subprocess.SubprocessError) as why:
        print(why)
        return 1
    for line in meant:
        print(f"announced: {line}")
    for line in wrong:
        print(line)
    if wrong:
        print("A break that is meant is announced in CHANGELOG.md:")
        print("- **Breaking (rest or relay):** `id`, `id`: why.")
        return 1
    if reason:
        print(f"skipped: {reason}")
        return SKIPPED
    return 0


if __name__ == "__main__":
    sys.exit(main())
