"""`python -m tools.vectors.left_out [--all] [--note] [FILE...]`: leaves checks out, each alone.

For each check of the pure modules it makes a copy of the library without it, runs the vectors,
and prints a JSON line: `file`, `line`, `check`, and `noticed_by`, the first vector that comes
to another verdict; null where none does. The tests want one for every check but those of
``SECOND``, which are tried with ``--all`` alone.

The vectors that noticed before are run first; all of them only where those do not notice any
more. Which ones they are stands in `noticed_by.json`, and ``--note`` writes it anew.
"""

import argparse
import ast
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import argon2.low_level
import jwcrypto.jwe
import jwcrypto.jws  # noqa: F401  # loaded once here, so that no copy has to load them

LIBRARY: Final = Path(__file__).resolve().parents[2] / "client" / "ilo_client"
FILES: Final[dict[str, tuple[str, ...]]] = {
    "strict.py": ("envelopes", "cards", "key_files", "backups"),
    "jwk.py": ("cards", "envelopes", "backups"),
    "keys.py": ("cards", "key_files", "backups"),
    "signed.py": ("cards", "envelopes"),
    "card.py": ("cards",),
    "outer.py": ("envelopes",),
    "inner.py": ("envelopes",),
    "opening.py": ("envelopes",),
    "replay.py": ("sequences",),
    "passphrase.py": ("key_files", "backups"),
    "keyfile.py": ("key_files",),
    "backup.py": ("backups",),
}
"""What is looked at, and which vectors have to notice, the cheaper ones first."""
NOTICED: Final = Path(__file__).with_name("noticed_by.json")
"""By file and check, which vectors noticed when the checks of that text were left out."""

_GUARD: Final = "a guard: what gets past it is refused with the same code by the exact members"
_SAID_BEFORE: Final = "it was looked at before, and is here for the type"
SECOND: Final[dict[tuple[str, str], str]] = {
    ("strict.py", "_check_depth(value, MAX_DEPTH)"): _GUARD,
    ("strict.py", "_check_depth(each, left - 1)"): _GUARD,
    ("strict.py", "left < 0"): _GUARD,
    ("strict.py", "len(digits) > _DIGITS_OF_MAX"): "a guard: no huge number is made at all",
    ("jwk.py", "p * q == n"): "cryptography finds it too",
    ("signed.py", "len(signature) == _ED25519_BYTES"): "cryptography finds it too",
    ("opening.py", "len(decode(mine.encrypted_key)) != size"): (
        "cryptography finds it too; what the page runs on does not"
    ),
    ("card.py", "not text.isascii()"): "no letter beyond ASCII is base64url",
    ("card.py", "not isinstance(listed, list)"): "what an object yields is no object",
    ("outer.py", 'text_of(members, "iv")'): _SAID_BEFORE,
    ("outer.py", 'text_of(members, "ciphertext")'): _SAID_BEFORE,
    ("outer.py", 'text_of(members, "tag")'): _SAID_BEFORE,
    ("keyfile.py", 'number_of(header, "t")'): _SAID_BEFORE,
    ("keyfile.py", 'number_of(header, "m")'): _SAID_BEFORE,
    ("keyfile.py", 'number_of(header, "p")'): _SAID_BEFORE,
    ("backup.py", "len(text) > MAX_BACKUP_BYTES"): "a vector of a megabyte; a test has it",
}
"""Checks whose absence no vector shows, by file, and why."""

# A reader of a member, and what is read where nobody looks at its form.
_READERS: Final = {
    "text_of": "{0}[{1}]",
    "number_of": "{0}[{1}]",
    "object_of": "{0}[{1}]",
    "hash_of": "text_of({0}, {1})",
    "optional_hash_of": "{0}[{1}]",
}


@dataclass(frozen=True, slots=True)
class Cut:
    """A piece of a file, and what stands there instead once the check is left out."""

    file: str
    line: int
    check: str
    start: int
    end: int
    instead: str


def cuts(file: str) -> Iterator[Cut]:
    """Yield all checks of ``file``, in order."""
    source = (LIBRARY / file).read_bytes()
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def cut(node: ast.expr, instead: str) -> Cut:
        # `ast.parse` sets both; only trees that are made by hand have none.
        end_line, end_column = node.end_lineno or 0, node.end_col_offset or 0
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[end_line - 1] + end_column
        check = " ".join(source[start:end].decode("utf-8").split())
        return Cut(file, node.lineno, check, start, end, instead)

    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.If(test=test, body=[ast.Raise(exc=ast.Call(func=ast.Name("Refused")))]):
                for part in _parts(test, ast.Or):
                    yield cut(part, "False")
            case ast.Assign(value=ast.BoolOp(op=ast.And()) as value):
                for part in _parts(value, ast.And):
                    yield cut(part, "True")
            case ast.Return(value=(ast.BoolOp(op=ast.And()) | ast.Compare()) as value):
                for part in _parts(value, ast.And):
                    yield cut(part, "True")
            case ast.Expr(value=ast.Call(func=ast.Name(name) | ast.Attribute(attr=name)) as call):
                if name.lstrip("_").startswith("check_"):
                    yield cut(call, "None")
            case ast.Call(func=ast.Name(name), args=[of, member]) if name in _READERS:
                instead = _READERS[name].format(ast.unparse(of), ast.unparse(member))
                yield cut(node, instead)
            case _:
                pass


def _parts(test: ast.expr, op: type[ast.boolop]) -> list[ast.expr]:
    if isinstance(test, ast.BoolOp) and isinstance(test.op, op):
        return test.values
    return [test]


class Trial:
    """Leaves out checks of ``file``, each alone; ``noticed`` as in ``NOTICED``.

    Raises:
        RuntimeError: the whole library surprises already.
    """

    def __init__(self, file: str, noticed: Mapping[str, Sequence[str]]) -> None:
        self._kinds = FILES[file]
        self._noticed = noticed
        self._are_all_known = False
        first = {name for names in noticed.values() for name in names}
        if first:
            _warm_up(self._kinds, first)

    def noticed_by(self, cut: Cut) -> str | None:
        """Return a vector that goes otherwise without the check, or None."""
        found = None
        if first := self._noticed.get(cut.check):
            found = _in_a_child(cut, set(first))
        if found is None:
            if not self._are_all_known:
                _warm_up(self._kinds)
                self._are_all_known = True
            found = _in_a_child(cut)
        return found


def _warm_up(kinds: Iterable[str], only: Set[str] = frozenset()) -> None:
    """Let the whole library say what the vectors want; what is slow on purpose is then known."""
    surprise = _run(kinds, only)
    if surprise is not None:
        raise RuntimeError(f"with all checks there is a surprise: {surprise}")


def _in_a_child(cut: Cut, only: Set[str] = frozenset()) -> str | None:
    """Return the first vector of ``only``, or of all, that goes otherwise.

    In a process of its own: the copy of the library is nobody else's.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        status = 1
        try:
            os.write(writing, json.dumps(_first_surprise(cut, only)).encode("ascii"))
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    if status != 0:
        raise RuntimeError(f"the library without this cannot be tried: {cut}")
    noticed: str | None = json.loads(said)
    return noticed


def _first_surprise(cut: Cut, only: Set[str]) -> str | None:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "ilo_client"
        # With what is compiled already; of the changed file that would be the old text.
        shutil.copytree(LIBRARY, copy)
        for compiled in copy.glob(f"__pycache__/{Path(cut.file).stem}.*"):
            compiled.unlink()
        source = (copy / cut.file).read_bytes()
        changed = source[: cut.start] + cut.instead.encode() + source[cut.end :]
        (copy / cut.file).write_bytes(changed)
        # It brings the whole client, of which the pure modules need nothing.
        (copy / "__init__.py").write_bytes(b"")
        sys.path.insert(0, folder)
        for name in [*sys.modules]:
            if name.startswith(("ilo_client", "tools.vectors.")):
                del sys.modules[name]
        sys.dont_write_bytecode = True
        return _run(FILES[cut.file], only)


def _run(kinds: Iterable[str], only: Set[str]) -> str | None:
    """Import the library that is first on the path, and return the first surprise of the vectors
    ``only``; of all, if there are none."""
    from ilo_client.errors import Refused  # only now is the copy on the path

    from tools.vectors.files import read
    from tools.vectors.verdicts import ANSWERS, Ring, Said

    for kind in kinds:
        vectors = read(kind)  # type: ignore[arg-type]  # the names are those of `Kind`
        cases = [case for case in vectors.cases if not only or f"{kind}: {case.name}" in only]
        named = {name for case in cases for name in _keys_of(case.input)}
        ring = Ring({name: jwks for name, jwks in vectors.keys.items() if name in named})
        answer = ANSWERS[vectors.kind]
        # Refusals first: mostly it is one of them that goes otherwise.
        for case in sorted(cases, key=lambda case: case.expect == "ok"):
            try:
                said = answer(case.input, ring)
            except Refused as refused:
                said = Said(refused.code)
            except Exception:  # noqa: BLE001  # whatever breaks breaks for want of a check
                return f"{kind}: {case.name}"
            if said != Said(case.expect, case.warnings, case.output):
                return f"{kind}: {case.name}"
    return None


def _keys_of(given: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of the keys that a case needs."""
    if "pairs" in given:
        yield given["pairs"]
    yield from given.get("pins", {}).values()


def main() -> int:
    ask = argparse.ArgumentParser(prog="python -m tools.vectors.left_out", description=__doc__)
    ask.add_argument("--all", action="store_true", help="those of SECOND too")
    ask.add_argument("--note", action="store_true", help="write down which vectors notice")
    ask.add_argument("files", nargs="*", metavar="FILE", help=f"of {', '.join(FILES)}")
    asked = ask.parse_args()
    files = asked.files or [*FILES]
    # Typed for what is hashable, as all of ours is.
    hashlib.pbkdf2_hmac = cache(hashlib.pbkdf2_hmac)  # type: ignore[assignment]
    argon2.low_level.hash_secret_raw = cache(argon2.low_level.hash_secret_raw)
    before: dict[str, dict[str, list[str]]] = json.loads(NOTICED.read_text("ascii"))
    for file in files:
        trial = Trial(file, {} if asked.note else before.get(file, {}))
        now: dict[str, list[str]] = {}
        for cut in cuts(file):
            if (file, cut.check) in SECOND and not asked.all:
                continue
            by = trial.noticed_by(cut)
            if by is not None and by not in now.setdefault(cut.check, []):
                now[cut.check].append(by)
            members = {"noticed_by": by, **asdict(cut)}
            for name in ("start", "end"):
                del members[name]
            print(json.dumps(members), flush=True)
        before[file] = now
    if asked.note:
        NOTICED.write_text(json.dumps(before, indent=1) + "\n", "ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main())
