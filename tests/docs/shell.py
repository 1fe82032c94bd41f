"""One bash for a whole page: what a block sets is there in the next."""

import contextlib
import os
import secrets
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

RUN_S: Final = 60.0
"""Generous: a busy machine is slow."""


class BlockFailed(Exception):
    """A block ended with another exit code than it shows; the text is what it printed."""


class Shell:
    """bash in ``folder``; a command that fails ends it. Standard error goes to the output."""

    def __init__(self, folder: Path, scripts: Path, environment: Mapping[str, str]) -> None:
        """``scripts`` is an empty folder for what is run."""
        self._scripts = scripts
        self._count = 0
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Its whole session, and nothing else: a block may have left something running.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._bash.pid, signal.SIGKILL)
        self._bash.wait()
        for stream in (self._bash.stdin, self._bash.stdout):
            assert stream is not None
            stream.close()

    def run(self, script: str, *, exit_code: int = 0) -> str:
        """Return what ``script`` prints. One that is to fail runs apart: nothing it sets stays.

        Raises:
            BlockFailed: it ends otherwise, or takes too long.
        """
        self._count += 1
        file = self._scripts / f"{self._count}.sh"
        file.write_text(script, encoding="utf-8")
        end = f"end-{secrets.token_hex(8)}"
        source = f"source '{file}' </dev/null"
        if exit_code == 0:
            told = f"set -euo pipefail; {source}; printf '\\n{end} 0\\n'\n"
        else:
            told = f"set +e; (set -euo pipefail; {source}); printf '\\n{end} %d\\n' $?\n"
        assert self._bash.stdin is not None
        try:
            self._bash.stdin.write(told.encode())
        except BrokenPipeError:
            raise BlockFailed("the shell has ended") from None
        printed, ended = self._read_until(f"\n{end} ")
        if ended != str(exit_code):
            raise BlockFailed(f"exit code {ended or self._bash.wait()}, printed:\n{printed}")
        return printed

    def _read_until(self, end: str) -> tuple[str, str]:
        """Return what comes before ``end`` and the exit code behind it; "" when bash ends."""
        assert self._bash.stdout is not None
        read = b""
        deadline = time.monotonic() + RUN_S
        with selectors.DefaultSelector() as selector:
            selector.register(self._bash.stdout, selectors.EVENT_READ)
            while not (end.encode() in read and read.endswith(b"\n")):
                if not selector.select(deadline - time.monotonic()):
                    raise BlockFailed(f"not done after {RUN_S:g} s, printed:\n{read.decode()}")
                part = self._bash.stdout.read(65536)
                if not part:
                    return read.decode(), ""
                read += part
        printed, _, code = read.decode().rpartition(end)
        return printed, code.strip()
