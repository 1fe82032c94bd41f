"""One real Cassandra in a folder of its own: started, killed, started again on its data.

It does not outlive its owner, which is the process that started it unless another is named.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil  # type: ignore[import-untyped]
import yaml

from tests.support.cassandra.jars import HERE, jars, java
from tests.support.cassandra.places import NATIVE_PORT, STORAGE_PORT

DATACENTER: Final = "dc1"
START_S: Final = 300.0
"""Generous: ten seconds of a processor, which on a busy machine are minutes."""
LAUNCH_S: Final = 60.0
STOP_S: Final = 60.0
PAUSE_S: Final = 0.1
NOBODY: Final = 0
"""As an owner: the node runs until it is stopped."""

# A frame of the native protocol, version 4: OPTIONS, which needs no login; and its answer.
_OPTIONS: Final = bytes([4, 0, 0, 0, 5, 0, 0, 0, 0])
_ANSWER: Final = bytes([0x84])


class DidNotStart(Exception):
    """It ended, or took too long; the text is the end of its log."""


@dataclass(frozen=True, slots=True)
class Contact:
    """What a client has to know: any of ``contact_points`` tells it the others."""

    contact_points: tuple[str, ...]
    port: int
    datacenter: str


class Node:
    """A Cassandra at ``address``, with all it has and writes in ``folder``.

    It joins the ring of ``seed``, another node's address; without, it makes its own. ``settings``
    are entries of cassandra.yaml, ``options`` are java's. ``owner`` is a process id; with
    ``removed_with_owner`` the folder goes when the owner does.
    """

    def __init__(
        self,
        folder: Path,
        address: str,
        *,
        seed: str | None = None,
        settings: Mapping[str, object] | None = None,
        options: Sequence[str] = (),
        owner: int | None = None,
        removed_with_owner: bool = False,
    ) -> None:
        self.folder = folder
        self.address = address
        self._seed = seed or address
        self._settings = dict(settings or {})
        self._options = tuple(options)
        self._owner = os.getpid() if owner is None else owner
        self._doomed = str(folder) if removed_with_owner else ""

    @property
    def contact(self) -> Contact:
        return Contact((self.address,), NATIVE_PORT, DATACENTER)

    @property
    def pid(self) -> int:
        """The process id of Cassandra itself, while it runs."""
        process = self._process()
        assert process is not None, "it does not run"
        return int(process.pid)

    @property
    def log(self) -> str:
        """All that it printed, of every start."""
        return self._log_file.read_text("utf-8", "replace") if self._log_file.exists() else ""

    @property
    def is_running(self) -> bool:
        """Whether there is a process, whoever started it in this folder."""
        return self._process() is not None

    def start(self) -> None:
        """Start it, on the data that it has, and return when it answers clients.

        Raises:
            NoCassandra: this machine lacks what it needs.
            DidNotStart: it ended, or took too long.
        """
        self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        """Start it, and return when there is a process.

        Raises:
            NoCassandra: this machine lacks what it needs.
            DidNotStart: its owner is gone.
        """
        assert not self.is_running, "it runs"
        program, libraries = java(), jars()
        self._configure()
        self._pid_file.unlink(missing_ok=True)
        keeper = [sys.executable, "-P", str(HERE / "keeper.py"), str(self._owner)]
        files = [str(self._pid_file), str(self._log_file), self._doomed]
        command = [*keeper, *files, *self._command(program, libraries)]
        subprocess.run(command, stdin=subprocess.DEVNULL, cwd=self.folder, check=True)
        until = time.monotonic() + LAUNCH_S
        while not self._pid_file.exists():
            if time.monotonic() > until:
                raise DidNotStart("there is no process")
            time.sleep(PAUSE_S)

    def wait_until_ready(self) -> None:
        """Return when it answers clients: it is a member of its ring then.

        Raises:
            DidNotStart: it ended, or took too long.
        """
        until = time.monotonic() + START_S
        while not answers(self.address):
            if not self.is_running or time.monotonic() > until:
                self.kill()
                raise DidNotStart(self.log[-4000:])
            time.sleep(PAUSE_S)

    def stop(self) -> None:
        """Stop it in order, if it runs, and return when it is gone."""
        if process := self._process():
            process.terminate()
            try:
                process.wait(STOP_S)
            except psutil.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """End it as the kernel ends a process, if it runs; what it wrote is in its folder."""
        if process := self._process():
            process.kill()
            process.wait(STOP_S)

    def remove(self) -> None:
        """Kill it and delete its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _process(self) -> psutil.Process | None:
        """Return the process of the newest start, if it still runs."""
        try:
            pid, started_at = self._pid_file.read_text("ascii").split()
            process = psutil.Process(int(pid))
            is_it = process.create_time() == float(started_at)
            return process if is_it and process.status() != psutil.STATUS_ZOMBIE else None
        except (FileNotFoundError, psutil.NoSuchProcess):
            return None

    @property
    def _pid_file(self) -> Path:
        return self.folder / "pid"

    @property
    def _log_file(self) -> Path:
        return self.folder / "log"

    def _configure(self) -> None:
        conf = self.folder / "conf"
        for made in (conf, self.folder / "tmp"):
            made.mkdir(parents=True, exist_ok=True)
        shared = yaml.safe_load((HERE / "cassandra.yaml").read_text("utf-8"))
        own = {
            "listen_address": self.address,
            "rpc_address": self.address,
            "storage_port": STORAGE_PORT,
            "native_transport_port": NATIVE_PORT,
            "seed_provider": [
                {
                    "class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
                    "parameters": [{"seeds": f"{self._seed}:{STORAGE_PORT}"}],
                }
            ],
            "data_file_directories": [str(self.folder / "data")],
        }
        for name in ("commitlog", "saved_caches", "hints", "cdc_raw"):
            own[f"{name}_directory"] = str(self.folder / name)
        text = yaml.safe_dump({**shared, **own, **self._settings})
        (conf / "cassandra.yaml").write_text(text, "utf-8")
        (conf / "cassandra-rackdc.properties").write_text(f"dc={DATACENTER}\nrack=rack1\n", "utf-8")

    def _command(self, program: Path, libraries: Path) -> list[str]:
        agent = next(libraries.glob("jamm-*.jar"))
        conf = self.folder / "conf"
        properties = {
            "java.io.tmpdir": self.folder / "tmp",
            "jna.tmpdir": self.folder / "tmp",
            "cassandra.storagedir": self.folder,
            "cassandra.logdir": self.folder,
            "cassandra.config": (conf / "cassandra.yaml").as_uri(),
            "logback.configurationFile": HERE / "logback.xml",
        }
        return [
            str(program),
            f"@{HERE / 'jvm.options'}",
            f"-javaagent:{agent}",
            *(f"-D{name}={value}" for name, value in properties.items()),
            *self._options,
            "-cp",
            f"{conf}:{libraries}/*",
            "org.apache.cassandra.service.CassandraDaemon",
        ]


def answers(address: str) -> bool:
    """Whether clients are answered there, which begins when the node has joined its ring."""
    try:
        with socket.create_connection((address, NATIVE_PORT), timeout=5.0) as line:
            line.sendall(_OPTIONS)
            return line.recv(1) == _ANSWER
    except OSError:
        return False
