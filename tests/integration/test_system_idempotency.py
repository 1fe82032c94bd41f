"""One id is one message, on the real process: from two connections at once, after a `kill -9`, and
more than a thousand messages later."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final
from uuid import uuid4

import pytest

from tests.support.ilo_process import IloProcess, running
from tests.support.system_client import Person, SystemClient, some_name, visiting
from tests.support.websocket import RawSocket, client_frame, message

IDS: Final = 100
MUCH_LATER: Final = 1100
"""More than two of the store's buckets of 512."""
AT_ONCE: Final = 50


@pytest.fixture(scope="module")
def ilo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IloProcess]:
    with running(tmp_path_factory.mktemp("idempotency")) as started:
        yield started


@pytest.fixture
async def client(ilo: IloProcess) -> AsyncIterator[SystemClient]:
    async with visiting(ilo) as visitor:
        yield visitor


async def say(socket: RawSocket, ids: list[str], *, after: int) -> None:
    """Say one thing for each id, the same each time."""
    said = [message(f"text of {one}", id=one, after=after) for one in ids]
    await socket.send(b"".join(client_frame(one, mask=bytes(4)) for one in said))


async def acks(socket: RawSocket, amount: int) -> list[dict[str, Any]]:
    return [await socket.json_of("ack") for _ in range(amount)]


async def stored(client: SystemClient, person: Person, room: str) -> list[tuple[int, str]]:
    """Return seq and id of everything in the room."""
    found: list[tuple[int, str]] = []
    more = True
    while more:
        query = {"after": found[-1][0] if found else 0, "limit": 200}
        answer = await client.rest.get(f"/room/{room}/message", params=query, headers=person.bearer)
        page = answer.json()
        found += [(one["seq"], one["id"]) for one in page["messages"]]
        more = page["more"]
    return found


async def test_an_id_from_two_connections_at_once_is_one_message(client: SystemClient) -> None:
    ann, room = await client.newcomer(), some_name("room-")
    first, second = [(await client.join(ann, room))[0] for _ in range(2)]
    ids = [str(uuid4()) for _ in range(IDS)]

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(say(first, ids, after=0))
        tasks.create_task(say(second, ids, after=0))
    told = [await acks(socket, IDS) for socket in (first, second)]
    heard = [await socket.messages(IDS) for socket in (first, second)]

    by_id = [{one["id"]: one for one in one_told} for one_told in told]
    assert by_id[0] == by_id[1]
    assert sorted(one["seq"] for one in told[0]) == list(range(1, IDS + 1))
    assert heard[0] == heard[1]
    for socket in (first, second):
        await socket.nothing_more()
    assert await stored(client, ann, room) == sorted((one["seq"], one["id"]) for one in told[0])


async def test_an_id_said_again_after_a_kill_is_the_first_message(
    ilo: IloProcess, client: SystemClient
) -> None:
    ann, room = await client.newcomer(), some_name("room-")
    socket, _ = await client.join(ann, room)
    ids = [str(uuid4()) for _ in range(IDS)]
    await say(socket, ids, after=0)
    before = await acks(socket, IDS)

    await asyncio.to_thread(ilo.kill)
    await asyncio.to_thread(ilo.start)
    async with visiting(ilo) as back:
        again, welcome = await back.join(ann, room)
        await say(again, ids, after=0)
        after = await acks(again, IDS)
        await again.say("something else", id=ids[0], after=0)
        error = await again.json_of("error")
        kept = await stored(back, ann, room)

    assert welcome["head"] == IDS
    assert after == before
    assert (error["code"], error["id"]) == ("id-reused", ids[0])
    assert kept == [(one["seq"], one["id"]) for one in before]


async def test_an_id_said_again_much_later_is_the_first_message(client: SystemClient) -> None:
    ann, room = await client.newcomer(), some_name("room-")
    socket, _ = await client.join(ann, room)
    ids = [str(uuid4()) for _ in range(MUCH_LATER + AT_ONCE)]
    for place in range(0, len(ids), AT_ONCE):
        await say(socket, ids[place : place + AT_ONCE], after=place)
        await acks(socket, AT_ONCE)

    await say(socket, ids[:1], after=0)
    [again] = await acks(socket, 1)

    assert (again["id"], again["seq"]) == (ids[0], 1)
    assert await stored(client, ann, room) == list(enumerate(ids, 1))
