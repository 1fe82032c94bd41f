"""Checks the locks without a network: they cover what is declared, and name no host.

What a lock must hold: every declared requirement at a version the declaration admits, every
version with its hashes, the same version in both Python locks, and no address, so that
whoever installs takes the files from the registry they trust, and the hashes decide.
"""

import json
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
NODE = (
    ROOT / "tools" / "check",
    ROOT / "web",
    ROOT / "tools" / "clients" / "templates" / "typescript" / "package",
    ROOT / "generated_clients" / "typescript",
)

# An address, an option of pip that gives one, or somebody's folder.
FOREIGN = re.compile(r"://|^\s*(--(index|extra|find|trusted)|-[ief]\b)|/(home|root|tmp|Users)/")
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)")


def pins(lock: Path) -> dict[str, str]:
    """Return the version of each package ``lock`` holds, by normalised name."""
    found = map(PIN.match, lock.read_text(encoding="utf-8").splitlines())
    return {canonicalize_name(pin[1]): pin[2] for pin in found if pin}


def foreign_lines(lock: Path) -> Iterator[str]:
    """Yield a complaint for each line of ``lock`` that names a host or a machine's path."""
    for number, line in enumerate(lock.read_text(encoding="utf-8").splitlines(), 1):
        if FOREIGN.search(line):
            yield f"{lock.name}:{number}: names a host or a path"


def unhashed(lock: Path) -> Iterator[str]:
    """Yield a complaint for each entry of ``lock`` that is no exact version with hashes."""
    lines = [
        line
        for line in lock.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    ]
    for line in lines:
        if not PIN.match(line) or "--hash=sha256:" not in line:
            yield f"{lock.name}: no exact version with hashes: {line.split()[0]}"


def declared(project: Mapping[str, Any], groups: tuple[str, ...]) -> Iterator[Requirement]:
    """Yield the requirements of ``groups`` in ``project``, included groups too."""
    for group in groups:
        for entry in project["dependency-groups"][group]:
            if isinstance(entry, str):
                yield Requirement(entry)
            else:
                yield from declared(project, (entry["include-group"],))


def uncovered(
    requirements: Iterator[Requirement], lock: Path, versions: Mapping[str, str]
) -> Iterator[str]:
    """Yield a complaint for each requirement that ``versions`` of ``lock`` do not meet."""
    for requirement in requirements:
        version = versions.get(canonicalize_name(requirement.name))
        if version is None:
            yield f"{lock.name}: {requirement.name} is declared and not locked"
        elif not requirement.specifier.contains(version, prereleases=True):
            yield f"{lock.name}: {requirement} is declared, {version} is locked"


def python_complaints() -> Iterator[str]:
    """Yield what is wrong with requirements.txt and requirements-dev.txt."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    runtime, dev = ROOT / "requirements.txt", ROOT / "requirements-dev.txt"
    runtime_pins, dev_pins = pins(runtime), pins(dev)
    for lock in (runtime, dev):
        yield from foreign_lines(lock)
        yield from unhashed(lock)

    run_time = map(Requirement, project["project"]["dependencies"])
    yield from uncovered(run_time, runtime, runtime_pins)
    build_time = map(Requirement, project["build-system"]["requires"])
    yield from uncovered(build_time, runtime, runtime_pins)
    yield from uncovered(declared(project, ("build",)), runtime, runtime_pins)
    yield from uncovered(declared(project, ("dev",)), dev, dev_pins)
    for name, version in runtime_pins.items():
        if dev_pins.get(name) != version:
            yield f"{dev.name}: {name} is {dev_pins.get(name)}, {version} in {runtime.name}"


def node_complaints(folder: Path) -> Iterator[str]:
    """Yield what is wrong with the package-lock.json of ``folder``."""
    declared_there = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    lock = json.loads((folder / "package-lock.json").read_text(encoding="utf-8"))
    name = f"{folder.relative_to(ROOT)}/package-lock.json"
    for kind in ("dependencies", "devDependencies", "optionalDependencies"):
        if lock["packages"][""].get(kind) != declared_there.get(kind):
            yield f"{name}: declares other {kind} than package.json"
    for path, package in lock["packages"].items():
        if "resolved" in package:
            yield f"{name}: {path} names a host"
        if path and "integrity" not in package:
            yield f"{name}: {path} has no hash"


def main() -> int:
    """Print every complaint; return the exit code."""
    complaints = [*python_complaints()]
    for folder in NODE:
        complaints += node_complaints(folder)
    for complaint in complaints:
        print(complaint)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
