"""The files of vectors: their form, and how they are read and written."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from tools.vectors.people import VECTORS

Kind = Literal["envelopes", "cards", "sequences", "backups", "key_files", "safety_numbers"]
KINDS: Final[tuple[Kind, ...]] = (
    "envelopes",
    "cards",
    "sequences",
    "backups",
    "key_files",
    "safety_numbers",
)


@dataclass(frozen=True, slots=True)
class Case:
    """One vector: what goes in, and what every client has to answer."""

    name: str
    expect: str
    """``ok`` or the code of the refusal."""
    input: dict[str, Any] = field(repr=False)
    output: Any = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vectors:
    kind: Kind
    about: str
    keys: dict[str, Any] = field(repr=False)
    cases: Sequence[Case]


def read(kind: Kind, folder: Path = VECTORS) -> Vectors:
    content = json.loads((folder / f"{kind}.json").read_text("utf-8"))
    cases = [
        Case(
            each["name"],
            each["expect"],
            each["input"],
            each.get("output"),
            tuple(each.get("warnings", ())),
        )
        for each in content["cases"]
    ]
    return Vectors(kind, content["about"], content["keys"], cases)


def read_all(folder: Path = VECTORS) -> Iterator[Vectors]:
    """Yield the vectors of each kind that ``folder`` has."""
    for kind in KINDS:
        if (folder / f"{kind}.json").exists():
            yield read(kind, folder)


def write(vectors: Vectors, folder: Path = VECTORS) -> None:
    """Write a file of vectors; in ASCII, so that no editor changes what looks alike."""
    content = {
        "about": vectors.about,
        "keys": vectors.keys,
        "cases": [_members_of(case) for case in vectors.cases],
    }
    text = json.dumps(content, indent=1, ensure_ascii=True)
    (folder / f"{vectors.kind}.json").write_text(text + "\n", "ascii")


def _members_of(case: Case) -> dict[str, Any]:
    members: dict[str, Any] = {"name": case.name, "expect": case.expect, "input": case.input}
    if case.warnings:
        members["warnings"] = list(case.warnings)
    if case.output is not None:
        members["output"] = case.output
    return members
