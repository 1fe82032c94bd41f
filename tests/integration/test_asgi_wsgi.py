"""The API alone: `ilo.asgi:api` under uvicorn, `ilo.wsgi:api` under waitress, and `ilo api`."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from ilo.settings import load_settings
from ilo.wiring import open_api
from tests.support.api_servers import SERVERS, Server, launched, serving
from tests.support.ilo_process import ROOT, START_S, STOP_S, running, write_config
from tests.support.system_client import PASSWORD, SystemClient, messages, registration

STARTUP_FAILURE: Final = {"uvicorn": 3, "waitress": 1}


@pytest.fixture(scope="module", params=list(SERVERS))
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp(request.param) / "config", request.param) as started:
        yield started


@pytest.fixture
async def rest(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.url, timeout=60.0, trust_env=False) as client:
        yield client


async def key_of(rest: httpx.AsyncClient) -> str:
    made = await rest.post("/key")
    assert made.status_code == 201, made.text
    return str(made.json()["detail"])


async def test_an_account_lives_as_it_does_under_ilo_serve(
    server: Server, rest: httpx.AsyncClient
) -> None:
    name, key = "Ωρίων 👋", await key_of(rest)
    login = {"username": name, "password": PASSWORD, "api_key": key}

    registered = await rest.post("/user", json=registration(name, key))
    logged_in = (await rest.put("/user", json=login)).json()
    bearer = {"Authorization": f"Bearer {logged_in['token']}"}
    looked_up = await rest.get(f"/user/{name}", headers=bearer)
    exists = await rest.head(f"/user/{name}", headers=bearer)
    deleted = await rest.delete(f"/user/{name}", headers=bearer)
    gone = await rest.put("/user", json=login)

    assert registered.status_code == 201
    assert logged_in["relay_url"] == load_settings(server.folder).relay_url
    assert (looked_up.status_code, looked_up.json()["detail"]) == (200, f"public key of {name}")
    assert (exists.status_code, exists.content) == (200, b"")
    assert (deleted.status_code, gone.status_code) == (200, 401)
    assert "Traceback" not in server.output.text


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("GET /ready", 200),
        ("GET /docs", 200),
        ("GET /openapi.json", 200),
        ("OPTIONS /key", 204),
        ("GET /nowhere", 404),
        ("GET /key", 405),
        ("GET /health?surprise=1", 400),
        ("GET /user/%ff", 400),
        ("GET /user/a%2Fb", 401),
        ("GET /user/ann", 401),
    ],
)
async def test_each_answer_is_the_contracts(
    rest: httpx.AsyncClient, server: Server, request_line: str, status: int
) -> None:
    method, path = request_line.split(" ")

    answer = await rest.request(method, path)

    if server.name == "waitress" and "%2F" in path:
        # WSGI has no escaped slash: it comes as two segments. No name has one.
        status = 404
    assert answer.status_code == status, answer.text
    assert (status < 400) or answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("sends_length", [True, False])
async def test_a_body_above_the_limit_is_refused(
    rest: httpx.AsyncClient, sends_length: bool
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b" " * 32 * 1024

    content = b" " * (96 * 1024) if sends_length else pieces()

    answer = await rest.put("/user", content=content, headers={"Content-Type": "application/json"})

    assert answer.status_code == 413
    # The API is none the worse.
    assert (await rest.get("/health")).status_code == 200


async def test_a_body_without_a_length_is_read(rest: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield json.dumps(registration("ann", key)).encode()

    key = await key_of(rest)

    answer = await rest.post(
        "/user", content=pieces(), headers={"Content-Type": "application/json"}
    )

    assert answer.status_code == 201, answer.text


async def test_only_a_relay_with_the_node_secret_may_ask(
    server: Server, rest: httpx.AsyncClient
) -> None:
    secret = (server.folder / "ilo-data" / "node_secret").read_text().strip()
    question = {"token": "ilo_s_" + "A" * 43, "token_type_hint": "session", "nonce": "A" * 22}

    stranger = await rest.post("/potion", data=question)
    relay = await rest.post("/potion", data=question, headers={"Authorization": f"Bearer {secret}"})

    assert stranger.status_code == 401
    assert (relay.status_code, relay.json()["active"]) == (200, False)


async def test_who_asks_is_who_the_server_says_it_is(server: Server) -> None:
    """The source in the log is the one that rates go by."""
    before = len(server.output.text)
    here = httpx.AsyncHTTPTransport(local_address="127.0.0.2")
    async with httpx.AsyncClient(transport=here, timeout=60.0) as client:
        # A proxy that nobody has named is not believed.
        made = await client.post(f"{server.url}/key", headers={"X-Forwarded-For": "192.0.2.1"})

    pattern = rf"made an API key.* source=(\S+) request={made.headers['x-request-id']}"
    logged = server.output.wait_for(pattern, after=before, wait_s=STOP_S)
    assert logged is not None
    assert logged[1] == "127.0.0.2"


@pytest.mark.parametrize("name", SERVERS)
def test_a_wrong_configuration_stops_the_start_as_it_stops_ilo_serve(
    tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "config"
    write_config(folder, {"api_lisen": "hunter22-canary"})

    with launched(folder, name) as server:
        code = server.wait()

    assert code == STARTUP_FAILURE[name]
    lines = [line for line in server.output.text.splitlines() if "api_lisen" in line]
    assert len(lines) == 1
    assert f"ilo: {folder}/general_config.yaml: api_lisen: unknown key" in lines[0]
    assert "hunter22" not in server.output.text
    assert "Traceback" not in server.output.text


async def test_a_second_process_on_the_same_store_is_refused(
    server: Server, rest: httpx.AsyncClient
) -> None:
    with launched(server.folder, server.name) as second:
        code = second.wait()

    assert code == STARTUP_FAILURE[server.name]
    assert "ilo: the store cannot be opened: " in second.output.text
    assert "is in use by process" in second.output.text
    assert "Traceback" not in second.output.text
    # The first goes on.
    await key_of(rest)


async def test_what_was_answered_is_there_after_a_stop(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    codes = []
    key = ""
    for name in ("waitress", "uvicorn"):
        with serving(folder, name) as server:
            async with httpx.AsyncClient(base_url=server.url, timeout=60.0) as rest:
                if not key:
                    key = await key_of(rest)
                    assert (await rest.post("/user", json=registration("ann", key))).is_success
                login = {"username": "ann", "password": PASSWORD, "api_key": key}
                assert (await rest.put("/user", json=login)).status_code == 200
            codes.append(server.stop())
            assert "Traceback" not in server.output.text
    # Closed, not only left: nothing waits in the WAL.
    wal = folder / "ilo-data" / "ilo.db-wal"
    assert not wal.exists() or wal.stat().st_size == 0

    # uvicorn ends by the signal that it was sent.
    assert codes == [0, -signal.SIGTERM]


async def test_ilo_api_and_ilo_relay_are_two_processes(tmp_path: Path) -> None:
    with running(tmp_path / "api", arguments=("api",)) as api:
        secret_file = tmp_path / "api" / "ilo-data" / "node_secret"
        config = {"api_url": api.api_url, "node_secret_file": str(secret_file)}
        with running(tmp_path / "relay", config, arguments=("relay", "--own-store")) as relay:
            async with httpx.AsyncClient(base_url=api.api_url, trust_env=False) as rest:
                client = SystemClient(relay, rest)
                ann, bob = await client.newcomer(), await client.newcomer()
                anns, _ = await client.join(ann, "tea")
                bobs, _ = await client.join(bob, "tea")
                await anns.say("over two processes")
                [heard] = await messages(bobs, 1)
                await rest.delete("/session", headers=ann.bearer)
                _, refused, _ = await client.knock("tea", ann.bearer)
                await client.hang_up()
        code, _ = api.terminate()

    assert heard["data"]["message"] == "over two processes"
    assert refused == 401
    assert re.search(r"^  relay +runs apart; clients are told ws://", api.output.text, re.M)
    assert code == 0


async def test_without_an_address_nobody_is_taken_for_a_relay(tmp_path: Path) -> None:
    """As behind a Unix socket: only in `ilo serve` has a relay no address."""
    write_config(tmp_path)
    async with open_api(load_settings(tmp_path)) as app:

        async def unaddressed(scope: Any, receive: Any, send: Any) -> None:
            await app({**scope, "client": None}, receive, send)

        secret = (tmp_path / "ilo-data" / "node_secret").read_text().strip()
        transport = httpx.ASGITransport(unaddressed)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as rest:
            answer = await rest.post(
                "/potion",
                data={"token": "A" * 43, "token_type_hint": "session", "nonce": "A" * 22},
                headers={"Authorization": f"Bearer {secret}"},
            )

    assert answer.status_code == 401


async def test_a_server_without_the_lifespan_is_told() -> None:
    from ilo.asgi import AsgiApi

    transport = httpx.ASGITransport(AsgiApi())
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as rest:
        with pytest.raises(RuntimeError, match="did not run the lifespan"):
            await rest.get("/health")


# Requests as servers other than waitress may hand them on; each prints its status.
ODD_REQUESTS = """
import io, json, os, signal, sys
from ilo.wsgi import api

def ask(method, path, body=b"", **environ):
    said = []
    given = {
        "REQUEST_METHOD": method, "PATH_INFO": path, "SCRIPT_NAME": "", "QUERY_STRING": "",
        "SERVER_NAME": "localhost", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": "",
        "CONTENT_TYPE": "application/json" if body else "", **environ,
    }
    list(api(given, lambda status, headers, trouble=None: said.append(int(status[:3]))))
    return said

nobody = b'{"username": "ann", "password": "-", "api_key": "%s"}' % (b"0" * 8 + b"-0000" * 3
    + b"-" + b"0" * 12)
question = b"token=%s&token_type_hint=session&nonce=%s" % (b"A" * 43, b"A" * 22)
secret = open(os.environ["ILO_CONFIG"] + "/ilo-data/node_secret").read().strip()
print(json.dumps([
    ask("POST", "/key"),
    ask("PUT", "/user", nobody, CONTENT_LENGTH=str(len(nobody))),
    ask("PUT", "/user", nobody, CONTENT_LENGTH=str(len(nobody) + 1)),
    ask("PUT", "/user", nobody + b" " * 100, CONTENT_LENGTH=str(len(nobody))),
    ask("PUT", "/user", nobody, **{"wsgi.input_terminated": True}),
    ask("GET", "/health", QUERY_STRING="caf\\xe9"),
    ask("GET", "/user/\\xff"),
    ask("POST", "/potion", question, CONTENT_LENGTH=str(len(question)), REMOTE_ADDR="127.0.0.1",
        CONTENT_TYPE="application/x-www-form-urlencoded", HTTP_AUTHORIZATION="Bearer " + secret),
]))
reader, writer = os.pipe()
if not os.fork():
    signal.alarm(10)
    try:
        ask("GET", "/health")
    except RuntimeError as error:
        os.write(writer, str(error).encode())
    os._exit(0)
os.wait()
os.close(writer)
print(os.read(reader, 1000).decode())
"""


def test_odd_wsgi_requests_are_answered_and_a_fork_is_told(tmp_path: Path) -> None:
    write_config(tmp_path)

    done = run_python(ODD_REQUESTS, ILO_CONFIG=str(tmp_path))

    assert done.returncode == 0, done.stderr
    statuses, fork = done.stdout.splitlines()[-2:]
    # Of a body that ends too early nothing is believed; an address needs no port.
    assert json.loads(statuses) == [
        *([201], [401], [400], [401], [401]),
        *([400], [400], [200]),
    ]
    assert fork == "ilo.wsgi was imported before a fork: import it in the worker"


def test_without_its_extra_the_wsgi_door_says_what_to_install(tmp_path: Path) -> None:
    done = run_python(
        "import sys; sys.modules['a2wsgi'] = None; import ilo.wsgi", ILO_CONFIG=str(tmp_path)
    )

    assert done.returncode == 1
    assert done.stderr == "ilo: ilo.wsgi needs an extra: pip install 'ilo-server[wsgi]'\n"
    assert list(tmp_path.iterdir()) == []


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=START_S,
        check=False,
    )
