"""The API under servers that are not Ilo's: uvicorn on its own, and waitress."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from ilo.logs import DEFAULT_CONFIG
from tests.support.ilo_process import ROOT, START_S, Output, write_config

# Under the default the servers do not say on which port they listen.
TALKATIVE = DEFAULT_CONFIG.replace(
    "    level: WARNING\n", "    level: INFO\n    handlers: [console]\n    propagate: false\n"
)

SERVERS: Final = {
    "uvicorn": (
        *(sys.executable, "-m", "uvicorn", "ilo.asgi:api"),
        *("--port", "0", "--no-proxy-headers", "--no-use-colors"),
    ),
    "waitress": (sys.executable, "-m", "waitress", "--listen=127.0.0.1:0", "ilo.wsgi:api"),
}
STOP: Final = {"uvicorn": signal.SIGTERM, "waitress": signal.SIGINT}


class Server:
    """A server of somebody else's, which has the API to itself."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.name = name
        self.output = Output()
        self.url = ""
        self._process = subprocess.Popen(
            SERVERS[name],
            cwd=folder.parent,
            env={**os.environ, "PYTHONPATH": str(ROOT), "ILO_CONFIG": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="backslashreplace",
        )
        assert self._process.stdout is not None
        self._reader = self.output.follow(self._process.stdout)

    def wait_until_it_listens(self) -> None:
        pattern = r"(?:running|Serving) on (http://127\.0\.0\.1:\d+)"
        found = self.output.wait_for(pattern, after=0, wait_s=START_S)
        assert found is not None, self.output.text
        self.url = found[1]

    def wait(self, wait_s: float = START_S) -> int:
        code = self._process.wait(wait_s)
        self._reader.join()
        return code

    def stop(self) -> int:
        self._process.send_signal(STOP[self.name])
        return self.wait()

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


@contextmanager
def launched(folder: Path, name: str) -> Iterator[Server]:
    server = Server(folder, name)
    try:
        yield server
    finally:
        server.close()


@contextmanager
def serving(folder: Path, name: str, config: Mapping[str, Any] | None = None) -> Iterator[Server]:
    write_config(folder, config)
    (folder / "logging_config.yaml").write_text(TALKATIVE, encoding="utf-8")
    with launched(folder, name) as server:
        server.wait_until_it_listens()
        yield server
