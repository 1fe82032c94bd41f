"""Wheels of this tree, and environments that have them and nothing else of this tree."""

import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.ilo_process import ROOT

WITHOUT_THIS_TREE = {"PYTHONPATH": ""}
RUN_S = 120.0


def built_wheel(source: Path, folder: Path) -> Path:
    """Return the wheel of the project in ``source``, built into ``folder`` without a network."""
    pytest.importorskip("hatchling", reason="hatchling is not installed (requirements.txt)")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=source,
        capture_output=True,
        check=True,
    )
    [built] = folder.glob("*.whl")
    return built


def environment_of(wheels: Sequence[Path], place: Path) -> Path:
    """Return ``place`` as an environment with these wheels; what they depend on is borrowed."""
    venv.create(place, symlinks=True)
    run(
        *(sys.executable, "-m", "pip", "--python", str(place / "bin/python"), "install"),
        *("--quiet", "--no-deps", "--no-index", "--disable-pip-version-check"),
        *map(str, wheels),
    )
    # A plain folder behind the environment's own: the .pth files in it are not read, so that
    # no link to this tree is followed.
    borrowed = sysconfig.get_path("purelib")
    [own] = place.glob("lib/python*/site-packages")
    (own / "borrowed.pth").write_text(f"{borrowed}\n", encoding="utf-8")
    return place


def run(*command: str, cwd: Path = ROOT) -> str:
    """Run ``command`` without this tree on Python's path; return what it prints."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **WITHOUT_THIS_TREE, "no_proxy": "127.0.0.1", "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=RUN_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
