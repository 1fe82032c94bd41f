"""`ilo key` speaks to an API over HTTP and TLS, and keeps the admin credential to itself.

The API here is a small one that answers as the contract says and notes what it is asked.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from ilo.cli import main
from ilo.secrets import admin_secret
from ilo.settings import TlsSettings, load_settings

ROOT = Path(__file__).parents[2]
KEY = "824a47ae-d0b9-5350-bffb-cc2ee48424a3"
REVOKE_TOKEN = "ilo_r_" + "x" * 43


class Api(HTTPServer):
    """``asked`` has method, path, Authorization and Ilo-Api-Key of each request."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.asked: list[tuple[str, str, str | None, str | None]] = []
        self.answer: tuple[int, object] = (200, {"detail": "Successfully revoked the API key"})
        self.location: str | None = None


class Answer(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Api)
        authorization, key = self.headers["Authorization"], self.headers["Ilo-Api-Key"]
        self.server.asked.append((self.command, self.path, authorization, key))
        status, body = self.server.answer
        content = json.dumps(body).encode()
        self.send_response(status)
        if self.server.location is not None:
            self.send_header("Location", self.server.location)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_DELETE = do_POST  # noqa: N815
    do_GET = do_POST  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def serving(api: Api) -> Iterator[Api]:
    thread = threading.Thread(target=api.serve_forever)
    thread.start()
    yield api
    api.shutdown()
    thread.join()
    api.server_close()


@pytest.fixture
def api() -> Iterator[Api]:
    yield from serving(Api())


@pytest.fixture
def folder(tmp_path: Path, api: Api) -> Path:
    """A configuration folder of a server that has been started once."""
    (tmp_path / "general_config.yaml").write_text(f"api_listen: 127.0.0.1:{api.server_port}\n")
    admin_secret(load_settings(tmp_path), {})
    return tmp_path


def bearer(folder: Path) -> str:
    return f"Bearer {admin_secret(load_settings(folder), {}).reveal()}"


def revoke(folder: Path, key: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ilo", "key", "revoke", "--config", folder],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        input=key,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def test_make_prints_the_key_and_its_revoke_token(
    folder: Path, api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    api.answer = (201, {"detail": KEY, "revoke_token": REVOKE_TOKEN})

    done = main(["key", "make", "--config", str(folder)])

    assert done == 0
    assert api.asked == [("POST", "/key", bearer(folder), None)]
    assert capsys.readouterr().out == f"api_key: {KEY}\nrevoke_token: {REVOKE_TOKEN}\n"


def test_revoke_takes_the_key_from_standard_input(folder: Path, api: Api) -> None:
    done = revoke(folder, KEY + "\n")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Successfully revoked the API key\n"
    assert api.asked == [("DELETE", "/key", bearer(folder), KEY)]


def test_what_is_no_key_is_not_sent_and_not_shown(folder: Path, api: Api) -> None:
    done = revoke(folder, "hunter22-canary\n")

    assert done.returncode == 1
    assert done.stderr == "ilo: an API key is a UUID; this is none\n"
    assert api.asked == []


def test_a_refusal_is_one_line_with_the_apis_reason(
    folder: Path, api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    api.answer = (401, {"detail": "the admin credential\nis \x1b[31mneeded"})

    assert main(["key", "make", "--config", str(folder)]) == 1
    assert capsys.readouterr().err == (
        f"ilo: http://127.0.0.1:{api.server_port}: refuses with 401:"
        " the admin credential\\x0ais \\x1b[31mneeded\n"
    )


@pytest.mark.parametrize("body", [{}, [], "text", {"detail": 5}, {"detail": KEY}])
def test_an_answer_without_a_key_is_refused(folder: Path, api: Api, body: object) -> None:
    api.answer = (201, body)

    assert main(["key", "make", "--config", str(folder)]) == 1


def test_the_credential_does_not_follow_a_redirect(folder: Path, api: Api) -> None:
    api.answer, api.location = (307, {}), f"http://127.0.0.1:{api.server_port}/elsewhere"

    assert main(["key", "make", "--config", str(folder)]) == 1
    assert [path for _, path, _, _ in api.asked] == ["/key"]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://api.example.org", "--url: must be https:// beyond loopback"),
        ("ftp://127.0.0.1", "--url: must be https:// beyond loopback"),
        ("127.0.0.1:7999", "--url: must be http:// or https://"),
        ("http://user@127.0.0.1", "--url: must be http:// or https://"),
        ("http://127.0.0.1/path", "--url: must be http:// or https://"),
        ("http://127.0.0.1:99999", "--url: must be http:// or https://"),
        ("http://[::1", "--url: must be http:// or https://"),
    ],
)
def test_a_url_that_would_give_the_credential_away_is_refused(
    folder: Path, api: Api, url: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["key", "make", "--config", str(folder), "--url", url]) == 1
    assert capsys.readouterr().err.startswith(f"ilo: {says}")


def test_nobody_there_is_one_line(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Port 1 of loopback: nobody listens there.
    assert main(["key", "make", "--config", str(folder), "--url", "http://127.0.0.1:1"]) == 1
    assert capsys.readouterr().err == (
        "ilo: http://127.0.0.1:1: does not answer: Connection refused\n"
    )


def test_without_a_credential_it_says_where_it_looked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["key", "make", "--config", str(tmp_path)]) == 1
    assert capsys.readouterr().err == (
        f"ilo: {tmp_path / 'ilo-data' / 'admin_secret'}: cannot be read:"
        " No such file or directory\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_over_tls_the_configured_certificate_is_trusted_and_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours, others = tmp_path / "ours", tmp_path / "others"
    for folder in (ours, others):
        folder.mkdir()
        assert main(["cert", "--folder", str(folder)]) == 0
    api = Api()
    api.answer = (201, {"detail": KEY, "revoke_token": REVOKE_TOKEN})
    tls = TlsSettings(ours / "localhost.crt", ours / "localhost.key")
    api.socket = tls.server_context().wrap_socket(api.socket, server_side=True)
    for folder in (ours, others):
        (folder / "general_config.yaml").write_text(
            f"api_listen: 127.0.0.1:{api.server_port}\n"
            "tls_certificate: localhost.crt\ntls_key: localhost.key\n"
        )
        admin_secret(load_settings(folder), {})
    capsys.readouterr()

    for _ in serving(api):
        trusted = main(["key", "make", "--config", str(ours)])
        refused = main(["key", "make", "--config", str(others)])

    assert (trusted, refused) == (0, 1)
    assert len(api.asked) == 1
    said = capsys.readouterr()
    assert said.out.startswith(f"api_key: {KEY}\n")
    assert "its certificate is refused: " in said.err
