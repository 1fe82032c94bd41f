"""A real `ilo serve` (or `ilo relay`) in a folder of its own, on free ports.

It is started, asked whether it is ready, stopped in any way, and started again on the same
data; everything it ever printed is kept.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Condition, Thread
from typing import IO, Any, Final

import httpx
import yaml

from tests.support.seen import saw

ROOT: Final = Path(__file__).resolve().parents[2]
START_S: Final = 180.0
"""Generous: a busy machine imports slowly."""
STOP_S: Final = 10.0
"""The longest that a stop by SIGTERM may take."""

ILO: Final = (sys.executable, "-m", "ilo")
FAULTY: Final = (sys.executable, "-m", "tests.support.faulty_ilo")
"""The same with a fault built in; its first argument names the fault."""

FREE_PORTS: Final = {"api_listen": "127.0.0.1:0", "relay_listen": "127.0.0.1:0"}
UNHURRIED: Final = {
    "limits": {"frames_per_s": 10_000, "frames_burst": 100_000},
    "rates": {"keys_per_source_and_hour": 1_000_000},
}
"""Limits that a test under load does not meet."""
_FIRST_ANSWERS: Final = re.compile(
    r"first answer of its kind operation=(\S+) status=(\d+) problem=(\S+)"
)


class DidNotStart(Exception):
    """It ended, or said nothing, before it was ready; the text is what it printed."""


class Output:
    """What a process writes, kept line by line while it writes."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._changed = Condition()
        self._open = 0

    def follow(self, stream: IO[str]) -> Thread:
        self._open += 1
        reader = Thread(target=self._read, args=(stream,), daemon=True)
        reader.start()
        return reader

    @property
    def text(self) -> str:
        with self._changed:
            return "".join(self._parts)

    def wait_for(self, pattern: str, *, after: int, wait_s: float) -> re.Match[str] | None:
        """Return the first match of ``pattern`` beyond character ``after``; None at the end."""
        found: re.Match[str] | None = None

        def there() -> bool:
            nonlocal found
            found = re.search(pattern, "".join(self._parts)[after:], re.MULTILINE)
            return found is not None or not self._open

        with self._changed:
            self._changed.wait_for(there, wait_s)
        return found

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            with self._changed:
                self._parts.append(line)
                self._changed.notify_all()
        with self._changed:
            self._open -= 1
            self._changed.notify_all()


class IloProcess:
    """``ilo ARGUMENTS --config FOLDER``. ``before`` is put before the command (strace...)."""

    def __init__(
        self,
        folder: Path,
        arguments: Sequence[str] = ("serve",),
        *,
        program: Sequence[str] = ILO,
        before: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        root: Path = ROOT,
    ) -> None:
        self.folder = folder
        self.output = Output()
        self.api_url = self.relay_url = ""
        command = [*before, *program, *arguments, "--config", str(folder)]
        if arguments[0] == "serve" and checks_responses():
            command.append("--check-responses")
        self._command = command
        self._environment = {**os.environ, "PYTHONPATH": str(root), **(environment or {})}
        self._traced = bool(before)
        self._process: subprocess.Popen[str] | None = None
        self._readers: list[Thread] = []

    def start(self) -> None:
        """Start it, and return when it is ready.

        Raises:
            DidNotStart: it ended, or took too long.
        """
        begin = len(self.output.text)
        self.launch()
        # The last line of the banner: after it, the doors are known.
        if self.output.wait_for(r"^  to stop", after=begin, wait_s=START_S) is None:
            self.kill()
            raise DidNotStart(self.output.text[begin:])
        banner = self.output.text[begin:]
        self.api_url = _found(r"^  API +(\S+)$", banner)
        self.relay_url = _found(r"^  relay +(\S+)/ws/<room>$", banner)
        origin = self.api_url or "http" + self.relay_url.removeprefix("ws")
        # No secret is said, so it does not matter who answers.
        ready = httpx.get(
            f"{origin}/ready",
            verify=False,  # noqa: S501
            timeout=START_S,
            trust_env=False,
        )
        if ready.status_code != httpx.codes.OK:
            self.kill()
            raise DidNotStart(f"{ready.text}\n{self.output.text[begin:]}")

    def launch(self) -> None:
        """Start it, and wait for nothing."""
        self._process = subprocess.Popen(
            self._command,
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="backslashreplace",
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._readers = [
            self.output.follow(self._process.stdout),
            self.output.follow(self._process.stderr),
        ]

    @property
    def pid(self) -> int:
        """The process id of Ilo itself."""
        started = self._running().pid
        if not self._traced:
            return started
        children = Path(f"/proc/{started}/task/{started}/children").read_text(encoding="ascii")
        return int(children.split()[0])

    @property
    def api_port(self) -> int:
        return int(self.api_url.rpartition(":")[2])

    @property
    def relay_port(self) -> int:
        return int(self.relay_url.rpartition(":")[2])

    @property
    def data_dir(self) -> Path:
        return self.folder / "ilo-data"

    def terminate(self) -> tuple[int, float]:
        """Ask it to stop; return its exit code and the seconds that it took."""
        started = time.monotonic()
        self.send_signal(signal.SIGTERM)
        return self.wait(), time.monotonic() - started

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        """End it as a loss of power would, if it runs."""
        if self._process is None:
            return
        if self._process.poll() is None:
            # Of one that is traced the tracer ends by itself then.
            self.send_signal(signal.SIGKILL)
        self.wait()

    def wait(self, wait_s: float = START_S) -> int:
        """Return the exit code of a process that is about to end, all output read."""
        process = self._running()
        code = process.wait(wait_s)
        for reader in self._readers:
            reader.join()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
        self._count_answers()
        return code

    def _count_answers(self) -> None:
        """Count what the process says that its answers were: under --check-responses it does."""
        for operation_id, status, slug in _FIRST_ANSWERS.findall(self.output.text):
            saw("reply", f"{operation_id} {status}")
            saw("problem", slug)

    @property
    def exit_code(self) -> int:
        """The exit code of a process that has ended."""
        code = self._running().poll()
        assert code is not None, "it is still running"
        return code

    def _running(self) -> subprocess.Popen[str]:
        assert self._process is not None, "it was never started"
        return self._process


@contextmanager
def running(
    folder: Path,
    config: Mapping[str, Any] | None = None,
    *,
    arguments: Sequence[str] = ("serve",),
    program: Sequence[str] = ILO,
    before: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Iterator[IloProcess]:
    """Run Ilo in ``folder`` until the end of the block; ``config`` is added to free ports."""
    write_config(folder, config)
    ilo = IloProcess(folder, arguments, program=program, before=before, environment=environment)
    try:
        ilo.start()
        yield ilo
    finally:
        ilo.kill()


def write_config(folder: Path, config: Mapping[str, Any] | None = None) -> None:
    """Write the general_config.yaml of ``folder``: free ports, no limits met, and ``config``."""
    folder.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump({**FREE_PORTS, **UNHURRIED, **(config or {})})
    (folder / "general_config.yaml").write_text(text, encoding="utf-8")


@cache
def checks_responses() -> bool:
    """Whether `ilo serve` can be told to hold every answer against the contract."""
    told = subprocess.run(
        [*ILO, "serve", "--help"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return "--check-responses" in told.stdout


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text, re.MULTILINE)
    return match[1] if match else ""
