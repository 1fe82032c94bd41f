"""Starts servers and load generators on a core of their own, and reads what they cost.

Linux only: CPU and memory come from /proc.
"""

import os
import select
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parent.parent
START_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 10.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
USER_TICKS, SYSTEM_TICKS = 11, 12  # in /proc/PID/stat, after the name in parentheses


class RunFailed(Exception):
    """A server or a load generator did not do what the measurement needs."""


@dataclass(frozen=True, slots=True)
class Cores:
    """Which core serves and which one makes the load; one does both if there is one."""

    server: int
    load: int

    @classmethod
    def of_this_machine(cls) -> Self:
        usable = sorted(os.sched_getaffinity(0))
        return cls(server=usable[0], load=usable[-1])


@dataclass(frozen=True, slots=True)
class Cpu:
    """The CPU time of a process with all its threads, in steps of a clock tick (10 ms)."""

    user_s: float
    system_s: float

    @property
    def total_s(self) -> float:
        return self.user_s + self.system_s

    def since(self, earlier: "Cpu") -> "Cpu":
        return Cpu(self.user_s - earlier.user_s, self.system_s - earlier.system_s)


@contextmanager
def _pinned(core: int) -> Iterator[None]:
    """What is started inside inherits the core, with every thread it will ever have."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Process:
    """A program pinned to one core that talks to us in lines."""

    def __init__(self, command: Sequence[str], core: int, errors: Path) -> None:
        """Start `command` in the project's folder; its stderr goes to `errors`."""
        self._name = Path(command[0]).name
        self._errors = errors
        self._arrived = b""
        with _pinned(core), errors.open("wb") as stderr:
            self._child = subprocess.Popen(
                command,
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                bufsize=0,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Ask it to end, and end it when it does not."""
        self._child.terminate()
        try:
            self._child.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()

    def line(self, timeout_s: float) -> str:
        """Return its next line, without the end.

        Raises:
            RunFailed: it ended first, with the last it said, or said nothing in time.
        """
        assert self._child.stdout is not None
        deadline = time.monotonic() + timeout_s
        while b"\n" not in self._arrived:
            left_s = deadline - time.monotonic()
            if not select.select([self._child.stdout], [], [], max(left_s, 0.0))[0]:
                raise RunFailed(f"{self._name} said nothing for {timeout_s:g} s")
            chunk = os.read(self._child.stdout.fileno(), 4096)
            if not chunk:
                raise RunFailed(f"{self._name} ended: {self._last_words()}")
            self._arrived += chunk
        line, _, self._arrived = self._arrived.partition(b"\n")
        return line.decode()

    def go_on(self) -> None:
        """Answer a line it waits on."""
        self.tell("go")

    def tell(self, line: str) -> None:
        """Write it a line.

        Raises:
            RunFailed: it has ended, with the last it said.
        """
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(line.encode() + b"\n")
        except BrokenPipeError:
            raise RunFailed(f"{self._name} ended: {self._last_words()}") from None

    def cpu(self) -> Cpu:
        """Return the CPU time it has used since it began."""
        stat = Path(f"/proc/{self._child.pid}/stat").read_text()
        fields = stat.rpartition(")")[2].split()
        user, system = int(fields[USER_TICKS]), int(fields[SYSTEM_TICKS])
        return Cpu(user / TICKS_PER_S, system / TICKS_PER_S)

    def rss_bytes(self) -> int:
        """Return its resident memory, exactly: /proc/PID/status may lag behind."""
        for line in Path(f"/proc/{self._child.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Rss:"):
                return int(line.split()[1]) * 1024
        raise RunFailed(f"the kernel does not tell the memory of {self._name}")

    def descriptors(self) -> int:
        """Return how many descriptors it has open."""
        return len(os.listdir(f"/proc/{self._child.pid}/fd"))

    def _last_words(self) -> str:
        lines = self._errors.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"exit status {self._child.wait()}"


class ServerProcess(Process):
    """A server that has said `ready <port> …` and listens on 127.0.0.1."""

    def __init__(self, command: Sequence[str], core: int, errors: Path) -> None:
        super().__init__(command, core, errors)
        try:
            word, port, *rest = self.line(START_TIMEOUT_S).split()
            if word != "ready":
                raise RunFailed(f"{command[0]} did not begin with `ready <port>`")
        except BaseException:
            self.__exit__()
            raise
        self.port = int(port)
        self.words = tuple(rest)
