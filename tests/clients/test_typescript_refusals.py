"""The generated TypeScript client is not let in: what it says of it, and whether it tries again."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from spec import load_asyncapi
from tests.support.api_stand_in import http
from tests.support.ilo_process import IloProcess, running
from tests.support.relay import until
from tests.support.relay_stand_in import stand_in
from tests.support.system_client import Person, SystemClient, some_name, visiting
from tests.support.tcp_proxy import proxy_to
from tests.support.typescript_clients import NEEDS_NODE, JsError, Room, Wire

REFUSALS = {row["reason"]: row for row in load_asyncapi()["channels"]["room"]["x-refusals"]}
SECRET = "what-nobody-else-may-read"
TIGHT = {"connections_per_user_and_room": 1, "rooms_per_user": 2, "members_per_open_room": 2}

pytestmark = NEEDS_NODE


@pytest.fixture(scope="module")
def ilo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IloProcess]:
    limits = {"frames_per_s": 10_000, "frames_burst": 100_000, **TIGHT}
    with running(tmp_path_factory.mktemp("tight"), {"limits": limits}) as process:
        yield process


@pytest.fixture
async def people(ilo: IloProcess) -> AsyncIterator[SystemClient]:
    async with visiting(ilo) as client:
        yield client


def api_of(url: str, token: str) -> list[Any]:
    return [url, {"token": token}]


async def room_of(wire: Wire, ilo: IloProcess, who: Person, **options: Any) -> Room:
    return await wire.room(ilo.relay_url, api=api_of(ilo.api_url, who.token), **options)


async def failure_of(coming: Any) -> JsError:
    with pytest.raises(JsError) as raised:
        await coming
    return raised.value


def is_refusal(error: JsError, reason: str) -> bool:
    row = REFUSALS[reason]
    told = [error.members[name] for name in ("status", "reason", "meaning", "reconnect")]
    return (error.name, told) == ("HandshakeRefused", list(row.values()))


async def may_be(room: Room, *, pauses: int = 1) -> list[str]:
    """Return for which reasons it may be waiting, as it says."""
    await room.paused(pauses)
    why = (await room.get("state"))["why"]
    for refusal in why["mayBe"]:
        assert refusal == REFUSALS[refusal["reason"]]
    return [refusal["reason"] for refusal in why["mayBe"]]


# -- by a real Ilo


async def test_it_gets_its_tickets_itself(
    wire: Wire, ilo: IloProcess, people: SystemClient
) -> None:
    ann = await people.newcomer()
    room = await room_of(wire, ilo, ann, room=some_name("room"))
    assert (await room.open())["username"] == ann.name
    await room.send_message("γειά 👋")

    assert await room.texts(1) == ["γειά 👋"]


async def test_whose_session_ended_is_told_to_log_in_again(
    wire: Wire, ilo: IloProcess, people: SystemClient
) -> None:
    ann = await people.newcomer()
    assert (await people.rest.delete("/session", headers=ann.bearer)).status_code == 200
    room = await room_of(wire, ilo, ann)
    error = await failure_of(room.open())

    assert is_refusal(error, "not-logged-in")
    assert await room.pauses() == []
    assert (await failure_of(room.next())).text == error.text
    assert ann.token not in await room.do("shown")


@pytest.mark.parametrize("which", ["not invited", "not there"])
async def test_who_is_no_member_of_a_private_room_is_told_so(
    wire: Wire, ilo: IloProcess, people: SystemClient, which: str
) -> None:
    ann, bob = await people.newcomer(), await people.newcomer()
    name = "~" + "A" * 22
    if which == "not invited":
        made = await people.rest.post("/room", headers=bob.bearer, json={})
        name = made.json()["room"]
    room = await room_of(wire, ilo, ann, room=name)
    error = await failure_of(room.open())

    assert is_refusal(error, "not-a-member")
    assert await room.pauses() == []


async def test_who_is_removed_is_hung_up_on_and_then_no_member(
    wire: Wire, ilo: IloProcess, people: SystemClient
) -> None:
    ann, bob = await people.newcomer(), await people.newcomer()
    name = (await people.rest.post("/room", headers=bob.bearer, json={})).json()["room"]
    place = f"/room/{name}/member/{ann.name}"
    assert (await people.rest.put(place, headers=bob.bearer)).status_code == 200
    room = await room_of(wire, ilo, ann, room=name)
    await room.open()
    assert (await people.rest.delete(place, headers=bob.bearer)).status_code == 200

    assert (await failure_of(room.next_message())).members["code"] == 4403
    again = await room_of(wire, ilo, ann, room=name)
    assert is_refusal(await failure_of(again.open()), "not-a-member")


async def test_one_connection_too_many_may_be_it_and_waits_its_turn(
    wire: Wire, ilo: IloProcess, people: SystemClient
) -> None:
    ann, name = await people.newcomer(), some_name("room")
    first = await room_of(wire, ilo, ann, room=name)
    await first.open()
    second = await room_of(wire, ilo, ann, room=name)
    await second.do("hold")
    opening = second.start("open")

    # She is in the room: it is not for being new there.
    assert await may_be(second) == ["too-many-connections", "unavailable"]
    await first.close()
    await second.do("release")
    assert (await opening)["username"] == ann.name


async def test_one_room_too_many_may_be_it(
    wire: Wire, ilo: IloProcess, people: SystemClient
) -> None:
    ann = await people.newcomer()
    for _ in range(TIGHT["rooms_per_user"]):
        room = await room_of(wire, ilo, ann, room=some_name("room"))
        await room.open()
        await room.close()
    room = await room_of(wire, ilo, ann, room=some_name("room"))
    await room.do("hold")
    room.start("open")

    reasons = await may_be(room)
    assert "too-many-rooms" in reasons
    assert not {"not-a-member", "not-logged-in", "bad-request", "wrong-origin"} & set(reasons)


async def test_a_full_room_may_be_it(wire: Wire, ilo: IloProcess, people: SystemClient) -> None:
    name = some_name("room")
    for _ in range(TIGHT["members_per_open_room"]):
        room = await room_of(wire, ilo, await people.newcomer(), room=name)
        await room.open()
    room = await room_of(wire, ilo, await people.newcomer(), room=name)
    await room.do("hold")
    room.start("open")

    assert "room-full" in await may_be(room)


async def test_a_ticket_that_was_used_may_be_it(
    wire: Wire, ilo: IloProcess, people: SystemClient
) -> None:
    ann = await people.newcomer()
    tickets = [await people.ticket(ann), await people.ticket(ann)]
    name = some_name("room")
    first = await room_of(wire, ilo, ann, room=name, ticket=tickets[0])
    await first.open()
    await first.close()
    second = await room_of(wire, ilo, ann, room=name, ticket=[tickets[0], tickets[1]])
    await second.do("hold")
    opening = second.start("open")

    assert "not-logged-in" in await may_be(second)
    await second.do("release")
    assert (await opening)["username"] == ann.name


async def test_with_a_token_and_no_api_it_tries_again_and_cannot_say_why(
    wire: Wire, ilo: IloProcess
) -> None:
    room = await wire.room(ilo.relay_url, token="of-nobody", backoff={"attempts": 2})
    error = await failure_of(room.open())

    assert (error.name, len(await room.pauses())) == ("RelayUnreachable", 1)


async def test_with_a_token_and_the_api_it_says_why(wire: Wire, ilo: IloProcess) -> None:
    token = "ilo_s_" + "A" * 43
    room = await wire.room(ilo.relay_url, token=token, api=api_of(ilo.api_url, token))

    assert is_refusal(await failure_of(room.open()), "not-logged-in")
    assert await room.pauses() == []


# -- over a server that is killed


async def test_over_killed_servers_everything_is_said_and_heard_once_and_in_order(
    wire: Wire, tmp_path: Path
) -> None:
    async with proxy_to(None) as api, proxy_to(None) as relay:
        with running(tmp_path) as ilo:
            lead(ilo, api, relay)
            async with visiting(ilo) as people:
                ann, bob = await people.newcomer(), await people.newcomer()
            url, door = f"http://127.0.0.1:{api.port}", relay.url
            quick = {"firstMs": 20, "capMs": 100}
            rooms = [
                await wire.room(
                    door, api=api_of(url, who.token), isTimed=True, backoff=quick, since=0
                )
                for who in (ann, bob)
            ]
            for room in rooms:
                await room.open()
            acks = []
            for life in range(3):
                for n in range(50):
                    acks.append(rooms[n % 2].say(f"{life}.{n}"))
                    if n == 25:
                        # Some of it is stored, some on its way, some not said.
                        ilo.kill()
                ilo.start()
                lead(ilo, api, relay)
                async with asyncio.timeout(30):
                    assert all([(await ack)["seq"] for ack in acks])
            heard = []
            for room in rooms:
                async with asyncio.timeout(30):
                    heard.append([await room.next_message() for _ in acks])
            seqs = [[one["seq"] for one in all_] for all_ in heard]
            assert seqs == [list(range(1, len(acks) + 1))] * 2
            said = {(await ack)["id"]: (await ack)["seq"] for ack in acks}
            assert {one["id"]: one["seq"] for one in heard[0]} == said
            # What each of them said stands in the order in which it was said.
            for who, parity in ((ann, 0), (bob, 1)):
                own = [o["data"]["message"] for o in heard[1] if o["sender"] == who.name]
                assert own == [f"{life}.{n}" for life in range(3) for n in range(parity, 50, 2)]
            for room in rooms:
                states = {state["name"] for state in await room.do("states")}
                assert states >= {"connecting", "connected", "waiting"}


def lead(ilo: IloProcess, api: Any, relay: Any) -> None:
    """Let the proxies lead to where ``ilo`` listens now."""
    api.target, relay.target = ilo.api_port, ilo.relay_port


# -- whatever the API answers


@dataclass
class Desk:
    """An API that answers what it is told, by method and path; ``asked`` is what it was."""

    answers: dict[str, bytes]
    asked: list[str]
    port: int = 0


@asynccontextmanager
async def open_desk(answers: dict[str, bytes]) -> AsyncIterator[Desk]:
    desk = Desk(answers, [])

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        asked = " ".join(head.split(" ")[:2])
        desk.asked.append(asked)
        writer.write(desk.answers.get(asked, b""))
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        desk.port = server.sockets[0].getsockname()[1]
        yield desk


def answer(body: dict[str, Any], status: str = "200 OK", **headers: str) -> bytes:
    return http(body, status, Connection="close", **headers)


def problem(reason: str, status: str, **headers: str) -> bytes:
    body = {"type": f"/problems/{reason}", "title": "", "status": int(status[:3]), "detail": SECRET}
    return http(body, status, "application/problem+json", Connection="close", **headers)


TICKET = {"POST /ticket": answer({"ticket": "ilo_t_x", "expires_at": ""}, "201 Created")}
SESSION = {"GET /session": answer({"username": "ann"})}


@pytest.mark.parametrize(
    ("answers", "told", "waits"),
    [
        pytest.param(
            {"POST /ticket": problem("not-logged-in", "401 Unauthorized")},
            ("HandshakeRefused", 401, "not-logged-in"),
            None,
            id="no ticket for whom nobody knows",
        ),
        pytest.param(
            {"POST /ticket": problem("too-many-tries", "429 Too Many", Retry_After="7")},
            ("HandshakeRefused", 429, "unknown"),
            7500,
            id="no ticket for who asks too often",
        ),
        pytest.param(
            {"POST /ticket": problem("store-unavailable", "503 Unavailable", Retry_After="2")},
            ("HandshakeRefused", 503, "unavailable"),
            2500,
            id="no ticket without a store",
        ),
        pytest.param(
            {"POST /ticket": b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nno!"},
            ("HandshakeRefused", 502, "unknown"),
            500,
            id="no ticket through a gateway",
        ),
        pytest.param(
            {"POST /ticket": problem("of-another-day", "418 Teapot")},
            ("HandshakeRefused", 418, "unknown"),
            None,
            id="no ticket for whatever",
        ),
        pytest.param({}, ("RelayUnreachable", None, None), 500, id="no answer"),
        pytest.param(
            {**TICKET, "GET /session": problem("not-logged-in", "401 Unauthorized")},
            ("HandshakeRefused", 401, "not-logged-in"),
            None,
            id="the session ended meanwhile",
        ),
        pytest.param(
            {**TICKET, "GET /session": problem("overloaded", "503 Unavailable")},
            ("HandshakeRefused", 503, "unavailable"),
            500,
            id="nobody to ask about the session",
        ),
        pytest.param(
            {**TICKET, **SESSION, "GET /room/chat": problem("bad-request", "400 Bad Request")},
            ("HandshakeRefused", 400, "bad-request"),
            None,
            id="no such name of a room",
        ),
        pytest.param(
            {**TICKET, **SESSION, "GET /room/chat": problem("room-not-found", "404 Not Found")},
            ("HandshakeUnexplained", None, None),
            500,
            id="an open room that is not there yet",
        ),
        pytest.param({**TICKET, **SESSION}, ("RelayUnreachable", None, None), 500, id="no room"),
        pytest.param(TICKET, ("RelayUnreachable", None, None), 500, id="no session"),
    ],
)
async def test_what_the_api_answers_says_whether_to_try_again(
    wire: Wire, answers: dict[str, bytes], told: tuple[Any, ...], waits: float | None
) -> None:
    async with open_desk(answers) as desk, proxy_to(None) as nobody:
        room = await wire.room(
            nobody.url, api=api_of(f"http://127.0.0.1:{desk.port}", "t"), backoff={"attempts": 2}
        )
        error = await failure_of(room.open())

    assert (error.name, error.members.get("status"), error.members.get("reason")) == told
    assert await room.pauses() == ([] if waits is None else [waits])
    assert SECRET not in error.members["shown"]
    assert SECRET not in await room.do("shown")
    assert "ilo_t_x" not in await room.do("shown")


async def test_for_every_connect_there_is_one_ticket_and_no_question(wire: Wire) -> None:
    async with stand_in() as relay, open_desk({**TICKET, **SESSION}) as desk:
        room = await wire.room_at(relay, api=api_of(f"http://127.0.0.1:{desk.port}", "t"))
        opened = room.start("open")
        line = await relay.line()
        await opened
        line.cut()
        await relay.line()
        await room.reaches("connected")

    # Who was let in knows why the line is lost.
    assert desk.asked == ["POST /ticket"] * 2


async def test_a_relay_that_hangs_up_at_once_is_not_asked_about(wire: Wire) -> None:
    async with stand_in() as relay, open_desk(TICKET) as desk:
        api = api_of(f"http://127.0.0.1:{desk.port}", "t")
        room = await wire.room_at(relay, api=api)
        opened = room.start("open")
        line = await relay._lines.get()
        await line._socket.close(4410, "room-deleted")
        error = await failure_of(opened)

    assert (error.name, error.members["code"]) == ("RelayClosed", 4410)
    assert desk.asked == ["POST /ticket"]


# -- the REST client


async def test_rest_calls_are_typed_answers_and_refusals(wire: Wire, ilo: IloProcess) -> None:
    nobody: tuple[str, dict[str, Any]] = (ilo.api_url, {})
    key = await wire.rest(nobody, "POST", "/key")
    name, password = some_name(), "MySuperSecurePassword57!"
    who = {"username": name, "password": password, "api_key": key["data"]["detail"]}
    made = await wire.rest(nobody, "POST", "/user", body={**who, "public_key": "any"})
    again = await wire.rest(nobody, "POST", "/user", body={**who, "public_key": "any"})
    login = await wire.rest(nobody, "PUT", "/user", body=who)
    me = (ilo.api_url, {"token": login["data"]["token"]})
    session = await wire.rest(me, "GET", "/session")
    found = await wire.rest(me, "HEAD", "/user/{username}", params={"path": {"username": name}})
    refused = await wire.rest(nobody, "GET", "/session")
    ticket = await wire.rest(me, "POST", "/ticket")

    statuses = [one["status"] for one in (key, made, again, login, session, found, refused, ticket)]
    assert statuses == [201, 201, 409, 200, 200, 200, 401, 201]
    assert again["error"]["type"] == "/problems/name-taken"
    assert session["data"]["username"] == name
    secrets = [
        key["data"]["detail"],
        key["data"]["revoke_token"],
        login["data"]["token"],
        ticket["data"]["ticket"],
        password,
    ]
    for one in (key, made, again, login, session, refused, ticket):
        assert not [secret for secret in secrets if secret in one["shown"]]
    for one, getters in ((key, 2), (login, 1), (ticket, 1), (session, 0)):
        assert one["shown"].count("[Getter]") == getters


async def test_what_was_said_is_a_getter_in_history_too(
    wire: Wire, ilo: IloProcess, people: SystemClient
) -> None:
    ann, name = await people.newcomer(), some_name("room")
    room = await room_of(wire, ilo, ann, room=name)
    await room.open()
    await room.send_message(SECRET)
    page = await wire.rest(
        (ilo.api_url, {"token": ann.token}),
        "GET",
        "/room/{room}/message",
        params={"path": {"room": name}},
    )

    assert [one["data"]["message"] for one in page["data"]["messages"]] == [SECRET]
    assert SECRET not in page["shown"]


async def test_a_token_is_shown_where_a_session_is_asked_for_and_nowhere_else(wire: Wire) -> None:
    heads: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode().lower())
        writer.write(answer({}))
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for method, path in (("GET", "/session"), ("POST", "/key"), ("GET", "/health")):
            await wire.rest((url, {"token": "mine"}), method, path)
        other = {"headers": {"Authorization": "Bearer other"}}
        await wire.rest((url, {"token": "mine"}), "DELETE", "/key", **other)
        await wire.rest((url, {"token": "mine"}), "GET", "/session", **other)

    shown = ["bearer mine" in head for head in heads]
    assert shown == [True, False, False, False, False]
    assert ["bearer other" in head for head in heads[3:]] == [True, True]


async def test_redirects_are_not_followed(wire: Wire) -> None:
    async with open_desk({}) as elsewhere, open_desk({}) as desk:
        where = f"http://127.0.0.1:{elsewhere.port}/user"
        redirect = b"HTTP/1.1 307 Elsewhere\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n"
        desk.answers["PUT /user"] = redirect % where.encode()
        body = {"username": "ann", "password": SECRET, "api_key": "k"}
        call = wire.rest((f"http://127.0.0.1:{desk.port}", {}), "PUT", "/user", body=body)
        error = await failure_of(call)

    assert (desk.asked, elsewhere.asked) == (["PUT /user"], [])
    assert SECRET not in json.dumps(error.members)


async def test_an_answer_that_does_not_come_is_not_awaited_for_ever(wire: Wire) -> None:
    async with proxy_to(None) as proxy, stand_in() as relay:
        proxy.target = relay.port
        proxy.requests.clear()
        call = wire.rest((f"http://127.0.0.1:{proxy.port}", {"timeoutMs": 50}), "GET", "/health")
        error = await failure_of(call)
        await until(lambda: proxy.accepted == 1)

    assert error.name == "TimeoutError"
