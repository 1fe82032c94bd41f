"""Makes what the benchmarks run, the C programs and the Node.js server, in one folder."""

import importlib.util
import os
import shutil
import subprocess
import sys
from functools import cached_property
from pathlib import Path

HERE = Path(__file__).resolve().parent
LOAD_SHARED = ("run.c",)
LOAD_SOURCES = {
    "fanout": ("fanout.c", "traffic.c", "member.c", *LOAD_SHARED),
    "jetstream": ("jetstream.c", "traffic.c", *LOAD_SHARED),
    "idle": ("idle.c", "member.c", *LOAD_SHARED),
    "rest": ("rest.c", *LOAD_SHARED),
}
BASELINE_SHARED = ("delivery.c", "loop.c", "handshake.c")
BUILD_TIMEOUT_S = 300.0


class Unavailable(Exception):
    """Something that a figure needs is not on this machine; says what."""


class Workshop:
    """Everything is made at its first use, inside `folder`, and kept for the next."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, name: str) -> str:
        """Return the load generator `name`, compiled."""
        return self._compiled(
            f"load-{name}", [HERE / "load" / source for source in LOAD_SOURCES[name]]
        )

    def baseline(self, name: str) -> str:
        """Return the C server `name`, compiled."""
        sources = (f"{name}.c", *BASELINE_SHARED)
        return self._compiled(name, [HERE / "baselines" / source for source in sources])

    def python(self, *modules: str) -> str:
        """Return this Python, which has `modules`."""
        for module in modules:
            if importlib.util.find_spec(module) is None:
                raise Unavailable(f"the Python module {module} is missing")
        return sys.executable

    def program(self, name: str) -> str:
        """Return the program `name` of the environment or of the system."""
        return _program(name)

    @cached_property
    def node(self) -> str:
        """The Node.js binary itself, not a script that starts it."""
        asked = [_program("node"), "--print", "process.execPath"]
        return _output(asked).strip()

    @cached_property
    def node_ws(self) -> Path:
        """The folder of the Node.js server with its dependency installed."""
        folder = self.folder / "node_ws"
        source = HERE / "baselines" / "node_ws"
        folder.mkdir()
        for name in ("package.json", "package-lock.json", "server.js"):
            shutil.copy(source / name, folder)
        _output(
            [_program("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            folder,
        )
        return folder

    def _compiled(self, name: str, sources: list[Path]) -> str:
        binary = self.folder / name
        if not binary.exists():
            command = [_program("cc"), "-O2", "-Wall", "-Wextra", "-pthread", "-o", str(binary)]
            _output([*command, *map(str, sources)])
        return str(binary)


def compiler_version() -> str:
    return _output([_program("cc"), "--version"]).splitlines()[0]


def nats_version() -> str:
    return _output([_program("nats-server"), "--version"]).strip().removeprefix("nats-server: ")


def node_version(workshop: Workshop) -> str:
    return _output([workshop.node, "--version"]).strip()


def _search_path() -> str:
    # The environment's own Node.js comes before the system's.
    here = str(Path(sys.executable).parent)
    return os.pathsep.join((here, os.environ.get("PATH", os.defpath)))


def _program(name: str) -> str:
    found = shutil.which(name, path=_search_path())
    if found is None:
        raise Unavailable(f"{name} is not installed")
    return found


def _output(command: list[str], folder: Path | None = None) -> str:
    """Run a tool to its end and return what it printed."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
            timeout=BUILD_TIMEOUT_S,
            env={**os.environ, "PATH": _search_path()},
        )
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().splitlines() or [f"exit status {error.returncode}"]
        raise Unavailable(f"{Path(command[0]).name} failed: {said[0]}") from error
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"{Path(command[0]).name} took too long") from error
    return done.stdout
