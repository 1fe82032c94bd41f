"""Folders as values: relative paths and bytes, so that they can be compared and written."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

# What running the clients leaves beside them.
_LEFT_BY_TOOLS = frozenset(
    {"__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", "node_modules"}
)


def read_tree(folder: Path) -> dict[str, bytes]:
    """Return every file below ``folder``, in order of its path; caches are left out.

    Empty when there is no such folder.
    """
    found: dict[str, bytes] = {}
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _LEFT_BY_TOOLS]
        for name in names:
            path = Path(place) / name
            found[path.relative_to(folder).as_posix()] = path.read_bytes()
    return dict(sorted(found.items()))


def differences(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> list[str]:
    """Return a line for each path of ``old`` that is not as in ``new``; empty when all are."""
    lines: list[str] = []
    for path in sorted(old.keys() | new.keys()):
        if path not in old:
            lines.append(f"{path}: missing")
        elif path not in new:
            lines.append(f"{path}: extra")
        elif old[path] != new[path]:
            lines.append(f"{path}: different")
    return lines


def write_tree(folder: Path, files: Mapping[str, bytes]) -> int:
    """Make ``folder`` hold ``files`` and no others; return how many were touched.

    A file that is right already is left alone, so that nobody who reads it meanwhile,
    and no cache, notices.
    """
    old = read_tree(folder)
    touched = 0
    for path, content in files.items():
        if old.get(path) != content:
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            touched += 1
    for path in old.keys() - files.keys():
        (folder / path).unlink()
        touched += 1
    _remove_empty_folders(folder)
    return touched


def _remove_empty_folders(folder: Path) -> None:
    """Remove the folders that hold no file, the deepest first; caches count as files."""
    folders = [path for path in folder.rglob("*") if path.is_dir()]
    for path in sorted(folders, key=lambda path: len(path.parts), reverse=True):
        if not any(path.iterdir()):
            path.rmdir()
