"""Two APIs and a relay on one Cassandra, each a process of its own, TLS between them."""

import asyncio
import json
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.support.ilo_process import ILO, ROOT, IloProcess, running
from tests.support.system_client import SystemClient
from tests.support.websocket import WAIT_S

if TYPE_CHECKING:
    from tests.support.cassandra.keyspaces import Keyspace

TLS_FILES = {"tls_certificate": "localhost.crt", "tls_key": "localhost.key"}


@pytest.fixture
def config(keyspace: "Keyspace", tmp_path: Path) -> dict[str, Any]:
    """What all processes have in common; the secret is the operator's, in a file."""
    subprocess.run([*ILO, "cert", "--folder", str(tmp_path)], cwd=ROOT, check=True)
    secret = tmp_path / "shared_secret"
    secret.write_text("of-the-operator-" * 4)
    secret.chmod(0o600)
    return {
        "Cassandra_address": list(keyspace.contact_points),
        "Cassandra_port": keyspace.port,
        "Cassandra_keyspace": keyspace.name,
        "node_secret_file": str(secret),
        **{key: str(tmp_path / name) for key, name in TLS_FILES.items()},
    }


@pytest.fixture
def apis(config: dict[str, Any], tmp_path: Path) -> Iterator[list[IloProcess]]:
    with ExitStack() as stack:
        yield [
            stack.enter_context(running(tmp_path / name, config, arguments=("api",)))
            for name in ("one", "other")
        ]


def relay_config(config: dict[str, Any], api: IloProcess) -> dict[str, Any]:
    return {**config, "api_url": api.api_url}


async def test_who_registers_at_one_api_is_let_in_by_the_relay_of_the_other(
    config: dict[str, Any], apis: list[IloProcess], tmp_path: Path
) -> None:
    tls = ssl.create_default_context(cafile=tmp_path / "localhost.crt")
    one, other = apis
    with running(tmp_path / "relay", relay_config(config, other), arguments=("relay",)) as relay:
        async with (
            httpx.AsyncClient(base_url=one.api_url, verify=tls, trust_env=False) as here,
            httpx.AsyncClient(base_url=other.api_url, verify=tls, trust_env=False) as there,
        ):
            key = await SystemClient(one, here).make_key()
            await SystemClient(one, here).register("ann", key)
            ann = await SystemClient(other, there).log_in("ann", key)
            url = f"wss://127.0.0.1:{relay.relay_port}/ws/tea"
            headers = {"Authorization": f"Bearer {ann.token}"}
            async with connect(url, ssl=tls, additional_headers=headers, proxy=None) as socket:
                await socket.send(json.dumps({"data": {"message": "hello"}}))
                seen = [await frame(socket) for _ in range(3)]
            page = await here.get("/room/tea/message", headers=headers)
        code, _ = relay.terminate()

    assert {one["type"] for one in seen} >= {"welcome", "ack", "message"}
    # What the relay stored is read by the API that has never spoken with it.
    assert [message["data"]["message"] for message in page.json()["messages"]] == ["hello"]
    assert code == 0
    assert "the API knows this relay" in relay.output.text


async def frame(socket: Any) -> dict[str, Any]:
    async with asyncio.timeout(WAIT_S):
        while True:
            said: dict[str, Any] = json.loads(await socket.recv())
            if said["type"] not in {"member", "presence"}:
                return said


def test_a_relay_with_a_secret_of_its_own_says_where_it_is(
    config: dict[str, Any], apis: list[IloProcess], tmp_path: Path
) -> None:
    alone = {key: value for key, value in config.items() if key != "node_secret_file"}

    with running(tmp_path / "relay", relay_config(alone, apis[0]), arguments=("relay",)) as relay:
        told = relay.output.wait_for("the API does not know this relay.*", after=0, wait_s=WAIT_S)

    assert told is not None
    assert f"ours={tmp_path / 'relay' / 'ilo-data' / 'node_secret'}" in told[0]


def test_after_a_backup_was_restored_rooms_have_another_epoch(
    config: dict[str, Any], tmp_path: Path
) -> None:
    folder = tmp_path / "restored"
    with running(folder, config):
        pass

    done = subprocess.run(
        [sys.executable, "-m", "ilo", "restored", "--config", folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, "rooms with a new epoch: 0\n")
    shutil.rmtree(folder)
