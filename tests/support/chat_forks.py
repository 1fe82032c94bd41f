"""`ilo-chat` in processes that have it loaded: most of what a command takes are its imports.

A program loads everything once, and forks for each command. What is forked has a session,
streams, an environment and an end of its own, as if a shell had started it; only the start is not
tried by that. It is asked over a socket, by one packet for each command, with its three streams
and a pipe for its pid and its exit code.
"""

import atexit
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryFile
from threading import Thread
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
PACKET_BYTES: Final = 1 << 17


class Forks:
    """The program, as tests see it; it ends with who made it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.chat_forks", str(theirs.fileno())],
                cwd=ROOT,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        atexit.register(self.close)

    def run(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        given: bytes,
        timeout_s: float,
    ) -> tuple[int, bytes, bytes]:
        """Run a command to its end; return its exit code and what it wrote.

        Raises:
            TimeoutExpired: it took longer, and was killed.
        """
        with ExitStack() as ends:
            out, err = ends.enter_context(TemporaryFile()), ends.enter_context(TemporaryFile())
            reading, writing = os.pipe()
            ends.enter_context(_written(writing, given))
            told, telling = os.pipe()
            answers = ends.enter_context(os.fdopen(told, "rb", buffering=0))
            request = json.dumps({"arguments": [*arguments], "environment": {**environment}})
            handles = [reading, out.fileno(), err.fileno(), telling]
            try:
                socket.send_fds(self._socket, [request.encode()], handles)
            finally:
                os.close(reading)
                os.close(telling)
            pid = int(answers.readline())
            if not select.select([answers], [], [], timeout_s)[0]:
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired([*arguments], timeout_s)
            code = int(answers.readline())
            out.seek(0)
            err.seek(0)
            return code, out.read(), err.read()

    def close(self) -> None:
        self._socket.close()
        self._process.wait()


def _written(handle: int, given: bytes) -> ExitStack:
    """Write to a pipe, which nobody may read; at the end of the block that is over."""

    def write() -> None:
        with suppress(BrokenPipeError), os.fdopen(handle, "wb") as pipe:
            pipe.write(given)

    writer = Thread(target=write)
    writer.start()
    ends = ExitStack()
    ends.callback(writer.join)
    return ends


# -- the program


def main(asked: socket.socket) -> int:
    _load()
    while True:
        packet, handles, _, _ = socket.recv_fds(asked, PACKET_BYTES, 4)
        if not packet:
            return 0
        if os.fork() == 0:
            asked.close()
            return _watch(json.loads(packet), *handles)
        for handle in handles:
            os.close(handle)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _load() -> None:
    import ilo_chat

    for module in pkgutil.walk_packages(ilo_chat.__path__, "ilo_chat."):
        # That one would run it.
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def _watch(request: dict[str, Any], *handles: int) -> int:
    """Fork the command; tell its pid, and how it ended."""
    *streams, told = handles
    pid = os.fork()
    if pid == 0:
        os.close(told)
        return _run(request, streams)
    for stream in streams:
        os.close(stream)
    os.write(told, b"%d\n" % pid)
    _, status = os.waitpid(pid, 0)
    os.write(told, b"%d\n" % os.waitstatus_to_exitcode(status))
    return 0


def _run(request: dict[str, Any], streams: Sequence[int]) -> int:
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    sys.argv = ["ilo-chat", *request["arguments"]]
    from ilo_chat.main import main as chat

    return chat()


if __name__ == "__main__":
    sys.exit(main(socket.socket(fileno=int(sys.argv[1]))))
