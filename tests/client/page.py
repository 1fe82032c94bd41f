"""The page's half of the envelope, as Node.js runs it: web/vectors.ts, or a changed copy."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from shutil import copy, copytree
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "web"
TIMEOUT_S = 120.0

Object = dict[str, Any]


def lines(said: str) -> list[Object]:
    """Return the objects of lines of JSON."""
    # Not `splitlines`: JSON may hold other ends of lines than ours.
    return [json.loads(line) for line in said.split("\n") if line]


def run(
    *words: str | Path,
    given: Iterable[Object] = (),
    web: Path = WEB,
    program: str = "vectors.ts",
    timeout_s: float = TIMEOUT_S,
) -> list[Object]:
    """Return what ``program`` in ``web`` prints; ``given`` are the lines that it reads."""
    done = subprocess.run(
        ["node", web / program, *words],
        env=_environment(),
        input="".join(f"{json.dumps(each)}\n" for each in given),
        capture_output=True,
        encoding="utf-8",
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return lines(done.stdout)


def said_by_python(folder: Path) -> list[Object]:
    """Return what the Python library says to the vectors in ``folder``."""
    done = subprocess.run(
        [sys.executable, "-m", "tools.vectors.verdicts", folder],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return lines(done.stdout)


def copy_with(folder: Path, file: str, old: str, new: str) -> Path:
    """Return a copy of web/ in ``folder`` whose ``file`` has ``new`` where ours has ``old``."""
    text = (WEB / "src" / "envelope" / file).read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file} has not once: {old}"
    return copy_of(folder, file, text.replace(old, new))


def copy_of(folder: Path, file: str, changed: str) -> Path:
    """Return a copy of web/ in ``folder`` whose ``file`` of the envelope is ``changed``."""
    web = folder / "web"
    web.mkdir(parents=True)
    copytree(WEB / "src", web / "src")
    copytree(WEB / "vectors", web / "vectors")
    copy(WEB / "vectors.ts", web)
    copy(WEB / "package.json", web)
    (web / "node_modules").symlink_to(WEB / "node_modules")
    (web / "src" / "envelope" / file).write_text(changed, encoding="utf-8")
    return web


def _environment() -> dict[str, str]:
    beside_python = str(Path(sys.executable).parent)
    return {**os.environ, "PATH": beside_python + os.pathsep + os.environ.get("PATH", "")}
