"""The README's example, word for word, against `ilo serve` as the README starts it."""

import logging
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.ilo_process import IloProcess, running

README = Path(__file__).parents[2] / "README.md"
DEFAULT_PORTS = (7999, 4000)
RUN_S = 60.0

log = logging.getLogger(__name__)


def example() -> tuple[str, str]:
    """Return the shell text between the markers, and what the README says it prints."""
    found = re.search(
        r"<!-- example: begin -->\n(.*?)<!-- example: end -->\s+```text\n(.*?)```",
        README.read_text(encoding="utf-8"),
        re.DOTALL,
    )
    assert found is not None
    blocks = re.findall(r"^```sh\n(.*?)^```$", found[1], re.DOTALL | re.MULTILINE)
    return "".join(blocks), found[2]


def are_free(ports: tuple[int, ...]) -> bool:
    for port in ports:
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            return False
    return True


def with_ports_of(ilo: IloProcess, script: str) -> str:
    """Return ``script`` with the ports that are really in use."""
    for default, port in zip(DEFAULT_PORTS, (ilo.api_port, ilo.relay_port), strict=True):
        script, count = re.subn(rf"127\.0\.0\.1:{default}\b", f"127.0.0.1:{port}", script)
        assert count == 1
        if port != default:
            log.warning("port %s is taken: the example ran on %s instead", default, port)
    return script


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed (apt: curl)")
def test_the_example_runs_as_it_stands_and_prints_what_it_says(tmp_path: Path) -> None:
    script, expected = example()
    (tmp_path / ".venv").symlink_to(sys.prefix)
    listen = (
        {
            "api_listen": f"127.0.0.1:{DEFAULT_PORTS[0]}",
            "relay_listen": f"127.0.0.1:{DEFAULT_PORTS[1]}",
        }
        if are_free(DEFAULT_PORTS)
        else {}
    )

    with running(tmp_path / "ilo", listen) as ilo:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", with_ports_of(ilo, script)],
            cwd=tmp_path,
            env={**os.environ, "no_proxy": "127.0.0.1", "PYTHONUTF8": "1"},
            capture_output=True,
            encoding="utf-8",
            timeout=RUN_S,
            check=False,
        )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(expected)
    registered = done.stdout.removesuffix(expected)
    assert registered.count('"detail":"Successfully created') == 2
