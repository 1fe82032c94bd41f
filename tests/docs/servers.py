"""The servers that a page starts, on free ports where the page has its own.

What the page says and what is really in use are exchanged in what it runs and in what that
prints.
"""

import re
import shlex
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tests.support.ilo_process import ROOT, IloProcess

API_PORT: Final = 7999
RELAY_PORT: Final = 4000

_STARTS: Final = re.compile(r"(?:make run|ilo (?:serve|api|relay))(?: [^|;&\n]*)?\n")
_HOSTS: Final = r"(?P<host>127\.0\.0\.1|localhost|\[::1\]|0\.0\.0\.0)"


def starts_a_server(script: str) -> bool:
    """Tell whether ``script`` is one command that runs until it is stopped."""
    return _STARTS.fullmatch(script) is not None


class Servers:
    """Those of one page; ``shared`` gives the one for a page that needs none of its own."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        shared: Callable[[], IloProcess] | None,
    ) -> None:
        self._folder = folder
        self._environment = environment
        self._shared = shared
        self._real: dict[int, int] = {}
        self._running: dict[int, IloProcess] = {}
        """By each documented port."""

    def start(self, command: str) -> str:
        """Start what ``command`` names, and return what it prints until it is ready.

        A server whose documented ports it takes is stopped before, as the reader has to.
        """
        arguments = _arguments(command)
        if self._shared is not None:
            return _banner(self._use_shared())
        folder = self._folder
        if "--config" in arguments:
            place = arguments.index("--config")
            folder /= arguments[place + 1]
            del arguments[place : place + 2]
        config = folder / "general_config.yaml"
        shown = self.with_real_ports(config.read_text("utf-8") if config.exists() else "")
        free, ports = _with_other_ports(shown, self._real)
        if arguments[0] != "serve":
            del ports["api" if arguments[0] == "relay" else "relay"]
        for port in ports.values():
            self._stop(port)
        config.write_text(free, encoding="utf-8")

        ilo = IloProcess(folder, arguments, environment=self._environment)
        for port in ports.values():
            self._running[port] = ilo
        ilo.start()
        urls = {"api": ilo.api_url, "relay": ilo.relay_url}
        for door, port in ports.items():
            self._real[port] = int(urls[door].rpartition(":")[2])
            # For commands that find the server by its configuration.
            door_listens = rf'^({door}_listen: ".*:)0"'
            free = re.sub(door_listens, rf'\g<1>{self._real[port]}"', free, flags=re.MULTILINE)
        config.write_text(free, encoding="utf-8")
        return _banner(ilo)

    def stop_all(self) -> None:
        for ilo in self._running.values():
            ilo.kill()

    def with_real_ports(self, text: str) -> str:
        """Return what a page shows as it has to be here and now."""
        needs_one = re.search(rf"{_HOSTS}:(?:{API_PORT}|{RELAY_PORT})\b", text)
        if self._shared is not None and not self._real and needs_one:
            self._use_shared()
        return _exchanged(text, self._real)

    def with_shown_ports(self, text: str) -> str:
        """Return what was printed as the page has it."""
        return _exchanged(text, {real: shown for shown, real in self._real.items()})

    def _use_shared(self) -> IloProcess:
        assert self._shared is not None
        ilo = self._shared()
        self._real = {API_PORT: ilo.api_port, RELAY_PORT: ilo.relay_port}
        return ilo

    def _stop(self, port: int) -> None:
        ilo = self._running.get(port)
        if ilo is None:
            return
        for other in [other for other, one in self._running.items() if one is ilo]:
            del self._running[other]
        code, _ = ilo.terminate()
        assert code == 0, ilo.output.text


def _banner(ilo: IloProcess) -> str:
    """Return what it printed when it was ready; what is logged comes at its own time."""
    banner = re.search(r"^Ilo is running\.\n(?:  .*\n)+", ilo.output.text, re.MULTILINE)
    assert banner is not None
    return banner[0]


def _arguments(command: str) -> list[str]:
    """Return what stands behind `ilo`; of `make run` what its recipe would run."""
    words = shlex.split(command)
    if words[0] == "ilo":
        return words[1:]
    # Started by `make test` it would also print which folder it enters and leaves.
    told = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", *words[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    last = shlex.split(told.stdout.splitlines()[-1])
    return last[last.index(".venv/bin/ilo") + 1 :]


def _with_other_ports(config: str, real: Mapping[int, int]) -> tuple[str, dict[str, int]]:
    """Return ``config`` with free ports for both doors, and the ports that it had.

    One that was in use before is taken again: the page may have kept it in a variable.
    """
    ports: dict[str, int] = {}
    # Its port is that of relay_listen, and stands there now.
    config = re.sub(r'^(Potion_IP: "[\d.]+):\d+"', r'\1"', config, flags=re.MULTILINE)
    for door, default in (("api", API_PORT), ("relay", RELAY_PORT)):
        line = re.search(rf'^{door}_listen: "(.*):(\d+)"', config, re.MULTILINE)
        if line is None:
            ports[door] = default
            config += f'{door}_listen: "127.0.0.1:{real.get(default, 0)}"\n'
        else:
            ports[door] = port = int(line[2])
            config = config.replace(line[0], f'{door}_listen: "{line[1]}:{real.get(port, 0)}"')
    return config, ports


def _exchanged(text: str, ports: Mapping[int, int]) -> str:
    def exchanged(found: re.Match[str]) -> str:
        port = int(found["port"])
        return f"{found['host']}:{ports.get(port, port)}"

    return re.sub(rf"{_HOSTS}:(?P<port>\d+)\b", exchanged, text)
