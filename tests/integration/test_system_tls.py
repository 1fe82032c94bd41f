"""TLS on both doors with the certificate of `ilo cert`, and a relay apart from its API."""

import asyncio
import json
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidMessage, InvalidStatus

from tests.support.ilo_process import ILO, ROOT, IloProcess, running
from tests.support.system_client import Person, SystemClient, visiting
from tests.support.websocket import WAIT_S, RawSocket, request_head

TLS_FILES = {"tls_certificate": "localhost.crt", "tls_key": "localhost.key"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `ilo cert` was run."""
    made = tmp_path_factory.mktemp("tls")
    done = subprocess.run(
        [*ILO, "cert", "--folder", str(made)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return made


@pytest.fixture(scope="module")
def trusting(folder: Path) -> ssl.SSLContext:
    """What a client needs that trusts this certificate alone."""
    return ssl.create_default_context(cafile=folder / "localhost.crt")


@pytest.fixture(scope="module")
def ilo(folder: Path) -> Iterator[IloProcess]:
    with running(folder, TLS_FILES) as started:
        yield started


@pytest.fixture
async def client(ilo: IloProcess, trusting: ssl.SSLContext) -> AsyncIterator[SystemClient]:
    async with visiting(ilo, trusting) as visitor:
        yield visitor


@asynccontextmanager
async def joined(
    relay: IloProcess, person: Person, room: str, tls: ssl.SSLContext, host: str = "127.0.0.1"
) -> AsyncIterator[ClientConnection]:
    url = f"wss://{host}:{relay.relay_port}/ws/{room}"
    async with connect(url, ssl=tls, additional_headers=person.bearer, proxy=None) as socket:
        assert (await heard_by(socket))["type"] == "welcome"
        yield socket


async def heard_by(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(WAIT_S):
        frame: dict[str, Any] = json.loads(await socket.recv())
    return frame


async def say_and_hear(speaker: ClientConnection, listener: ClientConnection, text: str) -> str:
    await speaker.send(json.dumps({"data": {"message": text}}))
    while (frame := await heard_by(listener))["type"] == "ack":
        pass
    return str(frame["data"]["message"])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_messages_go_over_tls_both_ways(
    client: SystemClient, trusting: ssl.SSLContext, host: str
) -> None:
    ann, bob = await client.newcomer(), await client.newcomer()
    ilo = client.ilo

    async with (
        joined(ilo, ann, "tea", trusting, host) as anns,
        joined(ilo, bob, "tea", trusting) as bobs,
    ):
        heard = await say_and_hear(anns, bobs, "Γειά 👋")

    assert ilo.api_url.startswith("https://")
    assert ilo.relay_url.startswith("wss://")
    assert heard == "Γειά 👋"


async def test_who_does_not_know_the_certificate_does_not_talk(client: SystemClient) -> None:
    ann = await client.newcomer()
    stranger = ssl.create_default_context()

    async with httpx.AsyncClient(verify=stranger, trust_env=False) as http:
        with pytest.raises(httpx.ConnectError):
            await http.get(f"{client.ilo.api_url}/health")
    with pytest.raises(ssl.SSLCertVerificationError):
        async with joined(client.ilo, ann, "tea", stranger):
            pass


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_no_version_before_1_2_is_spoken(ilo: IloProcess, folder: Path) -> None:
    for port in (ilo.api_port, ilo.relay_port):
        outcomes = {
            version: subprocess.run(
                [
                    *("openssl", "s_client", "-connect", f"127.0.0.1:{port}", f"-{version}"),
                    *("-cipher", "ALL:@SECLEVEL=0", "-CAfile", str(folder / "localhost.crt")),
                ],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            ).stdout
            for version in ("tls1_1", "tls1_2", "tls1_3")
        }

        assert "Cipher is (NONE)" in outcomes["tls1_1"]
        assert "Verify return code: 0 (ok)" in outcomes["tls1_2"]
        assert "Verify return code: 0 (ok)" in outcomes["tls1_3"]


async def test_plain_text_to_a_tls_port_fails_and_harms_nothing(client: SystemClient) -> None:
    ann = await client.newcomer()
    for port in (client.ilo.api_port, client.ilo.relay_port):
        socket = await RawSocket.open(port)
        await socket.send(request_head("/ws/tea", ann.bearer))
        # Not a byte of an answer in HTTP; an alert of TLS at most.
        try:
            answer = await socket.rest()
        except ConnectionResetError:
            answer = b""
        assert b"HTTP" not in answer
        socket.abort()
    with pytest.raises((InvalidMessage, ConnectionError, EOFError)):
        await connect(
            f"ws://127.0.0.1:{client.ilo.relay_port}/ws/tea", open_timeout=WAIT_S, proxy=None
        )

    alive = await client.rest.get("/health")

    assert alive.status_code == 200
    assert "Traceback" not in client.ilo.output.text


async def test_a_relay_apart_admits_whom_the_api_knows(
    client: SystemClient, folder: Path, trusting: ssl.SSLContext, tmp_path: Path
) -> None:
    ann, bob = await client.newcomer("ann🍪"), await client.newcomer("Ωρίων")
    gone = await client.newcomer()
    assert (await client.rest.delete("/session", headers=gone.bearer)).status_code == 200
    config = {
        "api_url": client.ilo.api_url,
        "node_secret_file": str(folder / "ilo-data" / "node_secret"),
        **{key: str(folder / name) for key, name in TLS_FILES.items()},
    }

    with running(tmp_path, config, arguments=("relay", "--own-store")) as relay:
        async with (
            joined(relay, ann, "tea", trusting) as anns,
            joined(relay, bob, "tea", trusting) as bobs,
        ):
            heard = await say_and_hear(anns, bobs, "over two processes")
        # The same again, now that both are known there.
        async with joined(relay, ann, "tea", trusting) as anns:
            again = await say_and_hear(anns, anns, "once more")
        refused = await refusal_of(relay, gone, trusting)
        code, _ = relay.terminate()

    assert (heard, again) == ("over two processes", "once more")
    assert refused == 401
    assert code == 0


async def refusal_of(relay: IloProcess, person: Person, tls: ssl.SSLContext) -> int:
    with pytest.raises(InvalidStatus) as refused:
        async with joined(relay, person, "tea", tls):
            pass
    return refused.value.response.status_code


async def test_a_relay_with_a_wrong_node_secret_admits_nobody(
    client: SystemClient, folder: Path, trusting: ssl.SSLContext, tmp_path: Path
) -> None:
    ann = await client.newcomer()
    config = {
        "api_url": client.ilo.api_url,
        **{key: str(folder / name) for key, name in TLS_FILES.items()},
    }

    # Without a file named, it makes a secret of its own.
    with running(tmp_path, config, arguments=("relay", "--own-store")) as relay:
        refused = await refusal_of(relay, ann, trusting)
        told = relay.output.wait_for("the API does not know this relay.*", after=0, wait_s=WAIT_S)

    assert refused == 503
    assert "status 401" in relay.output.text
    assert told is not None
    assert f"ours={tmp_path / 'ilo-data' / 'node_secret'}" in told[0]


async def test_a_relay_that_does_not_trust_the_api_admits_nobody(
    client: SystemClient, folder: Path, tmp_path: Path
) -> None:
    ann = await client.newcomer()
    config = {
        "api_url": client.ilo.api_url,
        "node_secret_file": str(folder / "ilo-data" / "node_secret"),
    }

    with running(tmp_path, config, arguments=("relay", "--own-store")) as relay:
        socket = await RawSocket.open(relay.relay_port)
        await socket.send(request_head("/ws/tea", ann.bearer))
        answer = await socket.answer()
        socket.abort()

    assert answer.status == 503
    assert answer.json["type"].endswith("unavailable")
    assert "retry-after" in answer.headers
