"""What the figures were measured on, without what would tell one machine from its like."""

import os
import platform
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.workshop import (
    Unavailable,
    Workshop,
    compiler_version,
    nats_version,
    node_version,
)

LIBRARIES = (
    "uvloop",
    "websockets",
    "orjson",
    "uvicorn",
    "httptools",
    "fastapi",
    "pydantic",
    "cryptography",
    "jwcrypto",
)


def facts(workshop: Workshop) -> dict[str, str]:
    """Return the facts to print, in order."""
    return {
        **of_this_machine(),
        "Node.js": _or_missing(lambda: node_version(workshop)),
        "C compiler": _or_missing(lambda: f"{compiler_version()}, -O2"),
        "NATS": _or_missing(nats_version),
        "disk": filesystem(workshop.folder),
        "load before": f"{os.getloadavg()[0]:.1f} of its cores busy (one-minute average)",
        "libraries": ", ".join(_library(name) for name in LIBRARIES),
    }


def of_this_machine() -> dict[str, str]:
    """Return those facts that need no other programs."""
    return {
        "cores": f"{os.cpu_count()}, {len(os.sched_getaffinity(0))} of them usable",
        "CPU": _cpu_model(),
        "kernel": f"{platform.system()} {platform.release()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def filesystem(folder: Path) -> str:
    """Return the type of the file system that `folder` is on, as the kernel names it."""
    kinds: dict[Path, str] = {}
    for line in Path("/proc/mounts").read_text().splitlines():
        _, mounted_at, kind, *_ = line.split()
        kinds[Path(mounted_at)] = kind  # of several at one place the last is seen
    folder = folder.resolve()
    return next(kinds[place] for place in (folder, *folder.parents) if place in kinds)


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.machine()


def _library(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"{name} missing"


def _or_missing(ask: Callable[[], str]) -> str:
    try:
        return ask()
    except Unavailable:
        return "missing"
