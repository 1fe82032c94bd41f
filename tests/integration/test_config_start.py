"""A wrong configuration stops `ilo serve`, as a process, at once, with file, key and rule."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processor import children_s

ROOT = Path(__file__).parents[2]
CANARY = "hunter22-canary"
LIMIT_CPU_S = 2.0
"""Of the processor's time: a machine that is busy with other things takes longer."""

BOMB = "a0: &a0 [x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)


def ilo(*arguments: str | Path) -> tuple[subprocess.CompletedProcess[str], float]:
    """Run `ilo`; return how it ended and the processor's seconds that it took."""
    before = children_s()
    done = subprocess.run(
        [sys.executable, "-m", "ilo", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    return done, children_s() - before


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(f"api_lisen: {CANARY}", ": api_lisen: unknown key", id="unknown key"),
        pytest.param(
            f"limits: {{frame: {CANARY}}}", ": limits.frame: unknown key", id="unknown inner key"
        ),
        pytest.param(
            f"data_dir: a\ndata_dir: {CANARY}\n",
            ":2: data_dir: the key stands there twice",
            id="repeated key",
        ),
        pytest.param(
            f"session_lifetime_s: {CANARY}",
            ": session_lifetime_s: must be a whole number",
            id="wrong type",
        ),
        pytest.param("", ": is empty", id="empty"),
        pytest.param(BOMB, ":1: anchors (&) are not allowed", id="alias bomb"),
        pytest.param(
            "data_dir: !!python/object/apply:os.system ['true']",
            ":1: tags (!) are not allowed",
            id="python tag",
        ),
        pytest.param("a: " + "[" * 60_000, ":1: is nested deeper than 16", id="depth"),
        pytest.param("a: b\n" * 13_200, ": is larger than 65536 bytes", id="size"),
        pytest.param(
            "limits: {frame_bytes: 327681}",
            ": limits.frame_bytes: must be at most 327680",
            id="above its bounds",
        ),
        pytest.param(
            "limits: {json_depth: 3}",
            ": limits.json_depth: must be at least 4",
            id="below its bounds",
        ),
        pytest.param(
            "api_listen: 0.0.0.0:7999",
            ": api_listen: beyond loopback it needs tls_certificate",
            id="beyond loopback without TLS",
        ),
        pytest.param(
            "Potion_IP: 127.0.0.1:4000\nrelay_listen: 127.0.0.1:4001",
            ": Potion_IP: its port is not the one of relay_listen",
            id="two relay ports",
        ),
        pytest.param(
            f"Cassandra_user: {CANARY}\n",
            ": Cassandra_user: goes with Cassandra_address, which is missing",
            id="half of Cassandra",
        ),
        pytest.param(
            f"tls_certificate: {CANARY}\ntls_key: {CANARY}\n",
            ": tls_certificate: the file cannot be read",
            id="missing certificate",
        ),
    ],
)
def test_serve_refuses_it_at_once(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "general_config.yaml"
    file.write_text(text)

    done, took_s = ilo("serve", "--config", tmp_path)
    checked, _ = ilo("config", "check", file)

    assert done.returncode == 1
    assert took_s < LIMIT_CPU_S
    assert f"ilo: {file}{says}" in done.stderr
    assert "Traceback" not in done.stderr
    assert CANARY not in done.stdout + done.stderr
    assert done.stdout == ""
    assert (checked.returncode, checked.stderr) == (1, done.stderr)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", ": is empty"),
        ("version: 1\nlogers: {}", ": logers: unknown key"),
        ("version: 1\nroot: {}\nroot: {}", ":3: root: the key stands there twice"),
        ("version: 1\nroot: {level: LOUD}", ": root.level: must be one of"),
        ("version: 1\nroot: {handlers: [x]}", ": root.handlers: there is no x in handlers"),
        # The original's sample, shortened: without version, its formatter not defined.
        (
            "handlers: {console: {class: logging.StreamHandler, formatter: main}}",
            ": version: is missing",
        ),
    ],
)
def test_serve_refuses_a_wrong_logging_file_at_once(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "logging_config.yaml"
    file.write_text(text)

    done, took_s = ilo("serve", "--config", tmp_path)
    checked, _ = ilo("config", "check", file)

    assert done.returncode == 1
    assert took_s < LIMIT_CPU_S
    assert f"ilo: {file}{says}" in done.stderr
    assert "Traceback" not in done.stderr
    assert (checked.returncode, checked.stderr) == (1, done.stderr)


def test_a_folder_or_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    serve, _ = ilo("serve", "--config", tmp_path / "none")
    check, _ = ilo("config", "check", tmp_path / "general_config.yaml")

    assert serve.returncode == check.returncode == 1
    assert serve.stderr == f"ilo: {tmp_path / 'none'}: there is no such folder\n"
    assert "there is no such file" in check.stderr


def test_a_file_that_others_may_write_is_warned_of(tmp_path: Path) -> None:
    file = tmp_path / "general_config.yaml"
    file.write_text("key_issuance: open\n")
    file.chmod(0o622)

    done, _ = ilo("config", "check", file)

    assert done.returncode == 0
    assert done.stderr.startswith(f"ilo: warning: {file}: others may write this file")


def test_a_relay_alone_is_refused_on_the_embedded_store(tmp_path: Path) -> None:
    done, _ = ilo("relay", "--config", tmp_path)

    assert done.returncode == 1
    assert done.stderr.startswith("ilo: relay: the embedded store belongs to one process")
    assert len(done.stderr.splitlines()) == 1


def test_a_certificate_of_the_command_line_is_checked_as_that_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "others.key").touch(mode=0o604)
    file = tmp_path / "general_config.yaml"

    missing, _ = ilo("serve", "--config", tmp_path, "--tls-certificate", tmp_path / "none.crt")
    file.write_text(f"tls_certificate: none.crt\ntls_key: {CANARY}\n")
    wrong, _ = ilo("api", "--config", tmp_path, "--tls-key", tmp_path / "others.key")

    place = f"ilo: {file} with the command line"
    assert missing.stderr == f"{place}: tls_certificate: goes with tls_key, which is missing\n"
    assert wrong.stderr == (
        f"{place}: tls_certificate: the file cannot be read: No such file or directory\n"
    )
    assert (missing.returncode, wrong.returncode) == (1, 1)


def test_a_relay_with_a_store_of_its_own_needs_to_know_the_api(tmp_path: Path) -> None:
    done, _ = ilo("relay", "--own-store", "--config", tmp_path)

    assert (done.returncode, done.stderr) == (
        1,
        "ilo: relay: api_url is missing: it says where the API is\n",
    )
