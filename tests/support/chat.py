"""People at `ilo-chat`, each with a folder of their own: commands, lines, or a terminal, and every
one a process."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import IO, Any, Final, Self

from tests.support.chat_forks import Forks
from tests.support.encrypted import PASSPHRASE, PASSWORD
from tests.support.ilo_process import ROOT

CHAT: Final = (sys.executable, "-m", "ilo_chat")
WAIT_S: Final = 120.0
"""Generous: a busy machine is slow."""
SECRETS: Final = {"ILO_PASSWORD": PASSWORD, "ILO_PASSPHRASE": PASSPHRASE}
_numbers = count(1)


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a chat: nothing of ours but ``more``."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("ILO_") and name not in ("COLUMNS", "LINES", "NO_COLOR")
    }
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "PYTHONUTF8": "1",
        "PYTHONWARNINGS": "error",
        "TZ": "UTC",
        "no_proxy": "127.0.0.1,localhost",
        **more,
    }


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """What it gave with `--json`."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def object(self) -> dict[str, Any]:
        [only] = self.objects
        return only

    @property
    def errors(self) -> list[dict[str, Any]]:
        return [json.loads(line)["error"] for line in self.err.splitlines()]

    @property
    def error(self) -> dict[str, Any]:
        [only] = self.errors
        return only

    def fine(self) -> Self:
        assert self.code == 0, (self.code, self.out, self.err)
        return self

    def refused(self, code: int = 1) -> Self:
        assert self.code == code, (self.code, self.out, self.err)
        assert "Traceback" not in self.err, self.err
        return self


@dataclass(slots=True)
class Chatter:
    """Somebody, in ``home``, with their secrets in the environment."""

    name: str
    home: Path
    api_url: str
    secrets: Mapping[str, str] = field(default_factory=lambda: dict(SECRETS))

    def run(
        self,
        *arguments: str | Path,
        given: str | bytes = "",
        more: Mapping[str, str] | None = None,
    ) -> Done:
        """Run a command to its end, without a terminal; see `tests.support.chat_forks`."""
        code, out, err = _forks().run(
            ["--home", str(self.home), *map(str, arguments)],
            environment(**self.secrets, **(more or {})),
            given.encode() if isinstance(given, str) else given,
            WAIT_S,
        )
        return Done(code, out.decode(), err.decode())

    def run_anew(self, *arguments: str | Path) -> Done:
        """Run a command as a shell does, where that is what counts."""
        done = subprocess.run(
            [*CHAT, "--home", str(self.home), *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            env=environment(**self.secrets),
            capture_output=True,
            timeout=WAIT_S,
            start_new_session=True,
            check=False,
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def json(self, *arguments: str | Path, **more: Any) -> Done:
        return self.run("--json", *arguments, **more)

    def register(self) -> Self:
        self.json("register", self.api_url, self.name).fine()
        return self

    def popen(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start a command, whose standard input stays open."""
        return subprocess.Popen(
            [*CHAT, "--home", str(self.home), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(**self.secrets),
            text=True,
            start_new_session=True,
        )

    @contextmanager
    def talking(self, *arguments: str) -> Iterator["Talking"]:
        """Run `chat` with `--json`, by lines."""
        process = self.popen("--json", "chat", *arguments)
        talking = Talking(process)
        try:
            yield talking
        finally:
            process.kill()
            talking.end()
            for stream in (process.stdin, process.stdout, process.stderr):
                assert stream is not None
                with suppress(BrokenPipeError):
                    stream.close()

    @contextmanager
    def terminal(
        self, *arguments: str, secrets: Mapping[str, str] | None = None, columns: int = 80
    ) -> Iterator["Terminal"]:
        """Run a command on a terminal of its own."""
        child = environment(
            **(self.secrets if secrets is None else secrets),
            TERM="xterm",
        )
        command = [*CHAT, "--home", str(self.home), *arguments]
        terminal = Terminal(command, child, columns)
        try:
            yield terminal
        finally:
            terminal.close()


@cache
def _forks() -> Forks:
    return Forks(environment())


def chatter(folder: Path, api_url: str, stem: str) -> Chatter:
    """Return somebody new, who has no account yet."""
    name = f"{stem}{next(_numbers)}"
    return Chatter(name, folder / name, api_url)


def private_room(owner: Chatter, *guests: Chatter, label: str = "tea") -> str:
    room = str(owner.json("create", "--label", label).fine().object["room"])
    for guest in guests:
        owner.run("invite", label, guest.name).fine()
        guest.run("accept", room).fine()
    return room


class Talking:
    """A chat by lines that runs. Threads read what it writes, so that no wait is without an end."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.seen: list[dict[str, Any]] = []
        self._out: SimpleQueue[str] = SimpleQueue()
        self._err: SimpleQueue[str] = SimpleQueue()
        self._readers = [
            Thread(target=_read, args=(_there(stream), lines))
            for stream, lines in ((process.stdout, self._out), (process.stderr, self._err))
        ]
        for reader in self._readers:
            reader.start()

    def say(self, line: str) -> None:
        stream = _there(self.process.stdin)
        stream.write(line + "\n")
        stream.flush()

    def until(self, **wanted: Any) -> dict[str, Any]:
        """Return the next event that has these members."""
        deadline = time.monotonic() + WAIT_S
        while (left := deadline - time.monotonic()) > 0:
            try:
                line = self._out.get(timeout=left)
            except Empty:
                break
            if not line:
                break
            event = json.loads(line)
            self.seen.append(event)
            if wanted.items() <= event.items():
                return dict(event)
        self.process.kill()
        raise AssertionError(f"{wanted} not in {self.seen}, {self.end().err}")

    def end(self) -> Done:
        """End its input, and return how it ended, with what was not looked at yet."""
        with suppress(BrokenPipeError):
            _there(self.process.stdin).close()
        code = self.process.wait(WAIT_S)
        for reader in self._readers:
            reader.join()
        return Done(code, _rest(self._out), _rest(self._err))


def _read(stream: IO[str], lines: "SimpleQueue[str]") -> None:
    """Pass on each line, and at the end an empty one."""
    for line in stream:
        lines.put(line)
    lines.put("")


def _rest(lines: "SimpleQueue[str]") -> str:
    found = []
    with suppress(Empty):
        while True:
            found.append(lines.get_nowait())
    return "".join(found)


def _there(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


class Terminal:
    """A process on a pseudo-terminal; ``text`` is all that it wrote."""

    def __init__(self, command: list[str], environment: Mapping[str, str], columns: int) -> None:
        self.text = ""
        self.mark = 0
        self._asked = 0
        self.written = b""
        self._pid, self._handle = pty.fork()
        if self._pid == 0:
            os.execvpe(command[0], command, environment)  # noqa: S606
        size = struct.pack("HHHH", 40, columns, 0, 0)
        fcntl.ioctl(self._handle, termios.TIOCSWINSZ, size)
        self._code: int | None = None

    def type(self, text: str) -> None:
        os.write(self._handle, text.encode())

    def enter(self, line: str) -> None:
        """Type a line, wait until it is there, and press Enter."""
        begin = len(self.text)
        self.type(line)
        if line:
            self.wait_for(re.escape(line[-8:]), after=begin)
        self.type("\r")

    def wait_for(self, pattern: str, *, after: int | None = None) -> str:
        """Return what matches next, behind what was waited for last; colours are left out."""
        begin = self.mark if after is None else after
        deadline = time.monotonic() + WAIT_S
        while True:
            found = re.compile(pattern).search(self.text, begin)
            if found:
                self.mark = max(self.mark, found.end()) if after is None else self.mark
                return found[0]
            left = deadline - time.monotonic()
            if left <= 0 or not self._read(left):
                raise AssertionError(f"no {pattern!r} in {self.text[begin:]!r}")

    def read_to_end(self) -> int:
        """Return the exit code, all output read."""
        deadline = time.monotonic() + WAIT_S
        while self._read(deadline - time.monotonic()):
            assert time.monotonic() < deadline, self.text
        _, status = os.waitpid(self._pid, 0)
        self._code = os.waitstatus_to_exitcode(status)
        return self._code

    def _read(self, wait_s: float) -> bool:
        ready, _, _ = select.select([self._handle], [], [], max(0.0, wait_s))
        if not ready:
            return False
        try:
            piece = os.read(self._handle, 65536)
        except OSError:  # its other end is closed
            return False
        # Pieces may end within a letter; what is looked for is found in the whole.
        self.written += piece
        self.text = plain(self.written.decode("utf-8", "replace"))
        # It is asked where its cursor is, and answers as terminals do.
        asked = self.written.count(b"\x1b[6n")
        os.write(self._handle, b"\x1b[10;1R" * (asked - self._asked))
        self._asked = asked
        return bool(piece)

    def close(self) -> None:
        if self._code is None:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        os.close(self._handle)


def plain(text: str) -> str:
    """Return what a terminal was sent without what moves, clears and colours; what moves to the
    right passes over spaces."""
    text = re.sub(r"\x1b\[(\d*)C", lambda found: " " * int(found[1] or 1), text)
    return re.sub(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[()][A-Z0-9]|\x1b[=>]|\r|\x07", "", text)
