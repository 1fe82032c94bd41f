"""Of many that register one name at once, one gets it, and its public key is the one served."""

import asyncio
from collections import Counter
from pathlib import Path

import httpx

from tests.support.ilo_process import running
from tests.support.system_client import PASSWORD, Person, SystemClient, visiting

ROUNDS = 20
AT_ONCE = 50


async def race(client: SystemClient, name: str, api_key: str) -> tuple[Counter[int], list[str]]:
    """Register ``name`` many times at once; return the statuses, and the keys that got 201."""

    async def register(runner: int) -> tuple[int, str]:
        public_key = f"key of runner {runner} for {name}"
        body = {
            "username": name,
            "password": PASSWORD,
            "public_key": public_key,
            "api_key": api_key,
        }
        return (await client.rest.post("/user", json=body)).status_code, public_key

    async with asyncio.TaskGroup() as tasks:
        runners = [tasks.create_task(register(number)) for number in range(AT_ONCE)]
    results = [runner.result() for runner in runners]
    return Counter(status for status, _ in results), [
        key for status, key in results if status == 201
    ]


async def served_key(rest: httpx.AsyncClient, reader: Person, name: str) -> str:
    answer = await rest.get(f"/user/{name}", headers=reader.bearer)
    assert answer.status_code == 200
    return str(answer.json()["detail"])


async def test_one_of_fifty_gets_the_name_for_good(tmp_path: Path) -> None:
    names = [f"runner{number}" for number in range(ROUNDS)]
    won: dict[str, list[str]] = {}
    statuses: list[Counter[int]] = []
    with running(tmp_path) as ilo:
        async with visiting(ilo) as client:
            reader = await client.newcomer()
            for name in names:
                counted, keys = await race(client, name, reader.api_key)
                statuses.append(counted)
                won[name] = keys
            served = {name: [await served_key(client.rest, reader, name)] for name in names}
        code, _ = ilo.terminate()
        ilo.start()
        async with visiting(ilo) as client:
            after = {name: [await served_key(client.rest, reader, name)] for name in names}

    assert statuses == [Counter({201: 1, 409: AT_ONCE - 1})] * ROUNDS
    assert code == 0
    assert served == won
    assert after == won
