"""Two APIs on one Cassandra: of many that register one name at both, one gets it for good.

The hashes of the passwords are cheap here: true ones would come one after another, and so the
writes behind them.
"""

import asyncio
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.support.ilo_process import FAULTY, IloProcess, running
from tests.support.system_client import Person, SystemClient, registration, visiting

if TYPE_CHECKING:
    from tests.support.cassandra.keyspaces import Keyspace

ROUNDS = 20
AT_ONCE = 50


@pytest.fixture
def config(keyspace: "Keyspace") -> dict[str, Any]:
    return {
        "Cassandra_address": list(keyspace.contact_points),
        "Cassandra_port": keyspace.port,
        "Cassandra_keyspace": keyspace.name,
    }


async def race(
    doors: list[httpx.AsyncClient], name: str, api_key: str
) -> tuple[Counter[int], list[str]]:
    """Register ``name`` many times at once, at each door in turn; return the statuses, and the
    public keys that got 201."""

    async def register(runner: int) -> tuple[int, str]:
        body = registration(name, api_key) | {"public_key": f"key of runner {runner} for {name}"}
        # On a connection of its own: an idle one may be closed while it is used again.
        close = {"Connection": "close"}
        answer = await doors[runner % len(doors)].post("/user", json=body, headers=close)
        return answer.status_code, body["public_key"]

    async with asyncio.TaskGroup() as tasks:
        runners = [tasks.create_task(register(number)) for number in range(AT_ONCE)]
    results = [runner.result() for runner in runners]
    return Counter(status for status, _ in results), [
        key for status, key in results if status == 201
    ]


async def served_keys(client: SystemClient, reader: Person, names: list[str]) -> dict[str, str]:
    """Return what the API of ``client`` says is the public key of each."""

    async def served(name: str) -> str:
        answer = await client.rest.get(f"/user/{name}", headers=reader.bearer)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["detail"])

    return {name: await served(name) for name in names}


async def test_one_of_fifty_at_two_apis_gets_the_name_for_good(
    config: dict[str, Any], tmp_path: Path
) -> None:
    names = [f"runner{number}" for number in range(ROUNDS)]
    won: dict[str, list[str]] = {}
    statuses: list[Counter[int]] = []
    apis: list[IloProcess] = []
    with ExitStack() as stack:
        for folder in ("one", "other"):
            program = (*FAULTY, "hashes-cheaply")
            started = running(tmp_path / folder, config, arguments=("api",), program=program)
            apis.append(stack.enter_context(started))
        async with visiting(apis[0]) as one, visiting(apis[1]) as other:
            reader = await one.newcomer()
            for name in names:
                counted, won[name] = await race([one.rest, other.rest], name, reader.api_key)
                statuses.append(counted)
            before = [await served_keys(client, reader, names) for client in (one, other)]
        codes = [api.terminate()[0] for api in apis]
        for api in apis:
            api.start()
        async with visiting(apis[0]) as one, visiting(apis[1]) as other:
            after = [await served_keys(client, reader, names) for client in (one, other)]

    assert statuses == [Counter({201: 1, 409: AT_ONCE - 1})] * ROUNDS
    winners = {name: key for name, [key] in won.items()}
    assert before == [winners, winners]
    assert codes == [0, 0]
    assert after == [winners, winners]
