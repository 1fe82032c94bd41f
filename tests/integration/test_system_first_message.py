"""Two people meet: from an API key to messages both ways, over the real sockets of `ilo serve`."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.ilo_process import IloProcess, running
from tests.support.system_client import SystemClient, some_name, visiting

LIFETIME_S = 2


@pytest.fixture(scope="module")
def ilo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IloProcess]:
    with running(tmp_path_factory.mktemp("first-message")) as started:
        yield started


@pytest.fixture
async def client(ilo: IloProcess) -> AsyncIterator[SystemClient]:
    async with visiting(ilo) as visitor:
        yield visitor


async def test_two_people_talk_and_another_room_hears_nothing(client: SystemClient) -> None:
    ann = await client.newcomer(some_name("ann🍪"))
    orion = await client.newcomer(some_name("Ωρίων"))
    anns, _ = await client.join(ann, "tea")
    orions, _ = await client.join(orion, "tea")
    elsewhere, _ = await client.join(orion, "garden")

    await anns.say("Hello Ωρίων 👋")
    first = [await one.json_of("message") for one in (anns, orions)]
    await orions.say("Γειά σου!")
    second = [await one.json_of("message") for one in (anns, orions)]
    await elsewhere.say("anybody here?")
    alone = await elsewhere.json_of("message")

    assert first[0] == first[1]
    assert second[0] == second[1]
    assert [told(frame) for frame in (first[0], second[0])] == [
        ("tea", 1, ann.name, "Hello Ωρίων 👋"),
        ("tea", 2, orion.name, "Γειά σου!"),
    ]
    # The first message that the other room heard is its own.
    assert told(alone) == ("garden", 1, orion.name, "anybody here?")


def told(frame: dict[str, object]) -> tuple[object, object, object, object]:
    data = frame["data"]
    assert isinstance(data, dict)
    return frame["room"], frame["seq"], frame["sender"], data["message"]


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="none"),
        pytest.param({"Authorization": "Bearer "}, id="empty"),
        pytest.param({"Authorization": f"Bearer ilo_s_{'A' * 43}"}, id="wrong"),
        pytest.param({"Authorization": f"Bearer ilo_t_{'A' * 43}"}, id="of another kind"),
        pytest.param({"Authorization": "Basic YW5uOmFubg=="}, id="another scheme"),
        pytest.param(
            {"Sec-WebSocket-Protocol": f"ilo.v1, ilo.ticket.ilo_t_{'A' * 43}"}, id="wrong ticket"
        ),
    ],
)
async def test_nobody_gets_in_without_a_right_token(
    client: SystemClient, headers: dict[str, str]
) -> None:
    socket, status, answered = await client.knock("tea", headers)

    assert status == 401
    assert answered["content-type"] == "application/problem+json"
    assert b"not-logged-in" in await socket.rest()


async def test_a_token_that_was_logged_out_is_refused(client: SystemClient) -> None:
    ann = await client.newcomer()
    assert (await client.rest.delete("/session", headers=ann.bearer)).status_code == 200

    _, status, _ = await client.knock("tea", ann.bearer)

    assert status == 401


async def test_a_ticket_lets_in_once(client: SystemClient) -> None:
    ann = await client.newcomer()
    ticket = await client.ticket(ann)
    shown = {"Sec-WebSocket-Protocol": f"ilo.v1, ilo.ticket.{ticket}"}

    socket, status, answered = await client.knock("tea", shown)
    welcome = await socket.json()
    _, again, _ = await client.knock("tea", shown)

    assert (status, answered["sec-websocket-protocol"]) == (101, "ilo.v1")
    assert (welcome["type"], welcome["username"]) == ("welcome", ann.name)
    assert again == 401


async def test_of_many_with_one_ticket_one_gets_in(client: SystemClient) -> None:
    ann = await client.newcomer()
    shown = {"Sec-WebSocket-Protocol": f"ilo.v1, ilo.ticket.{await client.ticket(ann)}"}

    async with asyncio.TaskGroup() as tasks:
        knocks = [tasks.create_task(client.knock("tea", shown)) for _ in range(8)]

    assert sorted(knock.result()[1] for knock in knocks) == [101, *[401] * 7]


async def test_a_session_that_ends_closes_the_socket_and_lets_nobody_in(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("short-session")
    with running(folder, {"session_lifetime_s": LIFETIME_S}) as ilo:
        async with visiting(ilo) as client:
            ann = await client.newcomer()
            before = await client.rest.get("/session", headers=ann.bearer)
            socket, welcome = await client.join(ann, "tea")

            closed = await socket.closed()
            _, status, _ = await client.knock("tea", ann.bearer)
            after = await client.rest.get("/session", headers=ann.bearer)

    assert closed == (4401, "session-ended")
    assert (status, after.status_code) == (401, 401)
    # Both doors mean the same instant: between two there would be a time of neither.
    assert welcome["expires_at"] == before.json()["expires_at"]


async def test_a_token_stays_right_over_a_restart(client: SystemClient) -> None:
    ann = await client.newcomer()
    socket, welcome = await client.join(ann, "over-a-night")
    await socket.say("good night")
    await socket.json_of("ack")
    await client.hang_up()

    code, _ = client.ilo.terminate()
    client.ilo.start()
    async with visiting(client.ilo) as back:
        again, welcome_back = await back.join(ann, "over-a-night")
        await again.say("good morning")
        morning = await again.json_of("message")

    assert code == 0
    assert (welcome_back["epoch"], welcome_back["head"]) == (welcome["epoch"], 1)
    assert morning["seq"] == 2
