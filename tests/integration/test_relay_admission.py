"""Who comes in: refusals and their order, heads that dribble, bytes that come early, caps."""

import asyncio
from typing import Any

import httpx
import orjson
import pytest

from relay.introspect import ApiUnavailable
from services.limits import Limits
from spec import load_asyncapi
from tests.support.memory_store import MemoryStore
from tests.support.relay import GENEROUS, House, bearer, open_house, token_of, until
from tests.support.websocket import Answer, RawSocket, client_frame, message, request_head

PRIVATE = "~" + "a" * 22
ORIGIN = "https://app.invalid"
EVIL = {"Origin": "https://evil.invalid"}


async def asked(house: House, head: bytes) -> Answer:
    client = await house.raw()
    await client.send(head)
    return await client.answer()


async def refused(house: House, path: str, headers: dict[str, str] | None = None) -> Answer:
    """Return the answer to a handshake; it has to be a problem of the contract."""
    answer = await asked(house, request_head(path, headers))
    row = (answer.status, answer.json["type"].removeprefix("/problems/"))
    table = load_asyncapi()["channels"]["room"]["x-refusals"]
    assert row in [(row["status"], row["reason"]) for row in table]
    assert answer.json["status"] == answer.status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["instance"] == f"urn:uuid:{answer.headers['x-request-id']}"
    return answer


async def test_who_shows_a_good_token_comes_in(house: House) -> None:
    await house.join("ann")

    assert house.door.asked == [(token_of("ann"), "session")]


async def test_a_ticket_is_asked_for_as_a_ticket_and_its_subprotocol_answered(
    house: House,
) -> None:
    await house.know("ann")
    client = await house.raw()
    offer = f"ilo.v1, ilo.ticket.{token_of('ann')}"

    await client.send(request_head("/ws/chat", {"Sec-WebSocket-Protocol": offer}))

    status, headers = await client.read_head()
    assert (status, headers["sec-websocket-protocol"]) == (101, "ilo.v1")
    assert (await client.json())["type"] == "welcome"
    assert house.door.asked == [(token_of("ann"), "ticket")]


async def test_extensions_are_not_agreed_to(house: House) -> None:
    await house.know("ann")
    client = await house.raw()
    headers = {**bearer("ann"), "Sec-WebSocket-Extensions": "permessage-deflate"}

    await client.send(request_head("/ws/chat", headers))

    status, answered = await client.read_head()
    assert status == 101
    assert "sec-websocket-extensions" not in answered


# -- refusals


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nobody"}])
async def test_who_shows_nothing_or_a_wrong_token_is_refused_with_401(
    house: House, headers: dict[str, str]
) -> None:
    answer = await refused(house, "/ws/chat", headers)

    assert answer.status == 401
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_without_an_upgrade_the_answer_is_426(house: House) -> None:
    for missing in ({"Upgrade": ""}, {"Connection": ""}, {"Upgrade": "h2c"}):
        answer = await refused(house, "/ws/chat", {**bearer("ann"), **missing})
        assert answer.status == 426
        assert answer.headers["upgrade"] == "websocket"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-WebSocket-Key": ""},
        {"Sec-WebSocket-Key": "short"},
        {"Sec-WebSocket-Version": "8"},
        {"Sec-WebSocket-Version": ""},
    ],
)
async def test_a_malformed_handshake_is_refused_with_400(
    house: House, headers: dict[str, str]
) -> None:
    assert (await refused(house, "/ws/chat", {**bearer("ann"), **headers})).status == 400


@pytest.mark.parametrize(
    "path", ["/ws/", "/ws/..", "/ws/%2e%2e", "/ws/a%2fb", "/ws/%00", "/ws/a/b", "/ws/" + "a" * 65]
)
async def test_what_is_no_room_is_refused_with_400(house: House, path: str) -> None:
    await house.know("ann")

    assert (await refused(house, path, bearer("ann"))).status == 400
    assert house.door.asked == []


async def test_a_private_room_is_refused_alike_whether_it_exists_or_not(house: House) -> None:
    await house.know("ann")

    answers = [await refused(house, f"/ws/~{x * 22}", bearer("ann")) for x in "ab"]

    assert {answer.status for answer in answers} == {403}
    assert len({answer.json["detail"] for answer in answers}) == 1


async def test_only_origins_on_the_list_come_in(often: None) -> None:
    async with open_house(MemoryStore(), allowed_origins=frozenset({ORIGIN})) as house:
        await house.know("ann")
        answer = await refused(house, "/ws/chat", {**bearer("ann"), **EVIL})
        assert answer.json["type"] == "/problems/wrong-origin"
        assert house.door.asked == []

        client = await house.raw()
        await client.send(request_head("/ws/chat", {**bearer("ann"), "Origin": ORIGIN}))
        assert (await client.read_head())[0] == 101


async def test_the_first_of_several_faults_is_told(house: House) -> None:
    """Each handshake has one fault fewer than the one before."""
    await house.know("ann")
    house.door.failure = ApiUnavailable("no answer")
    faults: list[tuple[str, dict[str, str], int, str]] = [
        ("/ws/..?since=1", {**EVIL, "Upgrade": ""}, 426, "no-upgrade"),
        ("/ws/..?since=1", EVIL, 400, "bad-request"),
        (f"/ws/{PRIVATE}?since=1", EVIL, 400, "bad-request"),
        (f"/ws/{PRIVATE}", EVIL, 403, "wrong-origin"),
        (f"/ws/{PRIVATE}", {}, 401, "not-logged-in"),
        (f"/ws/{PRIVATE}", bearer("ann"), 503, "unavailable"),
    ]
    for path, headers, status, reason in faults:
        answer = await refused(house, path, headers)
        assert (answer.status, answer.json["type"]) == (status, f"/problems/{reason}")
    house.door.failure = None
    assert (await refused(house, f"/ws/{PRIVATE}", {"Authorization": "Bearer x"})).status == 401
    assert (await refused(house, f"/ws/{PRIVATE}", bearer("ann"))).status == 403


async def test_a_ticket_is_not_used_up_by_a_request_that_is_malformed(house: House) -> None:
    offer = {"Sec-WebSocket-Protocol": f"ilo.v1, ilo.ticket.{token_of('ann')}"}

    for path, headers in (
        ("/ws/..", offer),
        ("/ws/chat?since=1", offer),
        ("/ws/chat", {**offer, **EVIL}),
        ("/ws/chat", {**offer, "Upgrade": ""}),
    ):
        await refused(house, path, headers)

    assert house.door.asked == []


async def test_an_api_that_cannot_be_asked_admits_nobody(house: House) -> None:
    await house.know("ann")
    house.door.failure = ApiUnavailable("no answer")

    answer = await refused(house, "/ws/chat", bearer("ann"))

    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    house.door.failure = None
    await house.join("ann")


# -- plain requests


async def test_health_and_readiness(house: House) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{house.port}") as client:
        for path in ("/health", "/ready"):
            assert (await client.get(path)).status_code == 200
            head = await client.head(path)
            assert (head.status_code, head.content) == (200, b"")
        house.not_ready = ["the store does not answer"]
        assert (await client.get("/health")).status_code == 200
        answer = await client.get("/ready")
        assert (answer.status_code, answer.json()["reasons"]) == (503, house.not_ready)
        assert (await client.get("/ws/chat")).status_code == 426
        assert (await client.get("/")).status_code == 404
        assert (await client.get("/ws")).status_code == 404
        assert (await client.post("/potion", content=b"token=x")).status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "status", "reason"),
    [
        ("POST", "/health", 405, "method-not-allowed"),
        ("DELETE", "/ready", 405, "method-not-allowed"),
        ("POST", "/nowhere", 404, "not-found"),
        ("POST", "/ws/chat", 400, "bad-request"),
        ("HEAD", "/nowhere", 404, None),
        ("HEAD", "/ws/chat", 400, None),
        ("HEAD", "/ready", 200, None),
    ],
)
async def test_another_method_is_refused_and_head_is_answered_without_a_body(
    house: House, method: str, path: str, status: int, reason: str | None
) -> None:
    client = await house.raw()

    await client.send(request_head(path, method=method))
    answered, headers = await client.read_head()
    body = await client.rest()

    assert answered == status
    assert ("allow" in headers) == (status == 405)
    assert int(headers["content-length"]) > 0
    assert (orjson.loads(body)["type"] if body else None) == (reason and f"/problems/{reason}")


async def test_a_request_with_a_body_is_refused_wherever_it_goes(house: House) -> None:
    for path in ("/health", "/nowhere", "/ws/chat"):
        head = request_head(path, {"Content-Length": "1"}, method="POST")
        answer = await asked(house, head + b"x")
        assert (answer.status, answer.json["type"]) == (400, "/problems/bad-request")


# -- heads


async def test_a_head_may_dribble_in(house: House) -> None:
    await house.know("ann")
    client = await house.raw()

    await client.dribble(request_head("/ws/chat", bearer("ann")))

    assert (await client.read_head())[0] == 101


@pytest.mark.parametrize("sent", [b"", b"G", request_head("/ws/chat")[:-2]])
async def test_a_head_that_is_not_there_after_10_s_is_cut(house: House, sent: bytes) -> None:
    client, bystander = await house.raw(), await house.join("bob")
    await client.send(sent)
    house.now_s += 9.9
    await bystander.nothing_more()
    assert not client.reader.at_eof()

    house.now_s += 0.2

    await client.ended()
    await bystander.nothing_more()


async def test_a_head_that_never_ends_is_cut_in_time_though_it_keeps_coming(house: House) -> None:
    client = await house.raw()
    await client.send(b"GET /ws/chat HTTP/1.1\r\n")
    for _ in range(11):
        await client.dribble(b"X: y\r\n")
        house.now_s += 1.0

    await client.ended()


@pytest.mark.parametrize("ends", [True, False])
@pytest.mark.parametrize("at_once", [True, False])
async def test_a_head_over_16_kib_is_refused(house: House, ends: bool, at_once: bool) -> None:
    await house.know("ann")
    lines = "".join(f"X-{number}: {'y' * 1000}\r\n" for number in range(17))
    head = request_head("/ws/chat", bearer("ann"))[:-2] + lines.encode()
    client = await house.raw()

    for part in (head + b"\r\n" * ends,) if at_once else (head[:10_000], head[10_000:]):
        await client.send(part)
        await asyncio.sleep(0)

    assert (await client.answer()).status == 400
    assert house.door.asked == []


@pytest.mark.parametrize(
    "head",
    [
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET /ws/chat HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /ws/chat HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"GET /ws/\xff HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        request_head("/ws/chat", method="POST"),
    ],
)
async def test_what_is_no_request_is_refused(house: House, head: bytes) -> None:
    assert (await asked(house, head)).status in (400, 426)
    await house.join("ann")


# -- early bytes


async def test_early_bytes_are_not_looked_at_before_the_caller_is_admitted(house: House) -> None:
    await house.know("ann")
    house.door.opens = asyncio.Event()
    client, bob = await house.raw(), await house.raw()
    early = client_frame(b"", claimed=2**40) + b"{" * 50_000
    await client.send(request_head("/ws/chat", bearer("ann")) + early)
    async with asyncio.timeout(10):
        await house.door.was_asked.wait()
    # The relay is alive and has said nothing, though the frame calls for a 1009.
    await bob.send(request_head("/health"))
    assert (await bob.answer()).status == 200
    assert not client.reader._buffer  # type: ignore[attr-defined]  # nothing has arrived
    house.door.opens.set()

    assert (await client.read_head())[0] == 101
    assert (await client.json())["type"] == "welcome"
    assert (await client.closed())[0] == 1009


async def test_early_bytes_of_a_stranger_are_never_looked_at(house: House) -> None:
    client = await house.raw()
    early = client_frame(message("hi")) + client_frame(b"", 9)

    await client.send(request_head("/ws/chat", {"Authorization": "Bearer nobody"}) + early)

    answer = await client.answer()
    assert answer.status == 401
    assert len(answer.body) == int(answer.headers["content-length"])


async def test_a_stranger_cannot_make_the_relay_keep_what_he_sends(house: House) -> None:
    house.door.opens = asyncio.Event()
    client = await house.raw()
    await client.send(request_head("/ws/chat", {"Authorization": "Bearer nobody"}))
    async with asyncio.timeout(10):
        await house.door.was_asked.wait()

    client.writer.write(b"x" * 50_000_000)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await client.writer.drain()

    (connection,) = house.relay._connections
    assert connection._partial is None or len(connection._partial) < 300_000
    house.door.opens.set()


async def test_early_frames_are_heard_once_the_caller_is_admitted(house: House) -> None:
    await house.know("ann")
    bob = await house.join("bob")
    client = await house.raw()
    raw = client_frame(message("one")) + client_frame(message("two"))

    await client.send(request_head("/ws/chat", bearer("ann")) + raw[:-3])
    assert await bob.messages(1) == ["one"]
    await client.send(raw[-3:])

    assert await bob.messages(1) == ["two"]
    assert (await client.read_head())[0] == 101
    assert (await client.json())["type"] == "welcome"
    assert await client.messages(2) == ["one", "two"]


async def test_who_hangs_up_while_asked_about_leaves_nothing_behind(house: House) -> None:
    await house.know("ann")
    house.door.opens = asyncio.Event()
    clients = [await house.raw() for _ in range(20)]
    for client in clients:
        await client.send(request_head("/ws/chat", bearer("ann")))
    await until(lambda: len(house.door.asked) == 20)
    for client in clients:
        client.abort()
    house.door.opens.set()
    await until(lambda: not house.relay._connections)

    # All ten places are free.
    for _ in range(10):
        await house.join("ann")


# -- caps


async def test_ten_connections_of_a_user_in_a_room_and_not_one_more(house: House) -> None:
    clients = [await house.join("ann") for _ in range(10)]

    answer = await refused(house, "/ws/chat", bearer("ann"))

    assert house.relay.limits.connections_per_user_and_room == 10
    assert (answer.status, answer.headers["retry-after"]) == (429, "5")
    await house.join("bob")
    await house.join("ann", "other")
    clients[3].abort()
    await until(lambda: len(house.relay._connections) == 11)
    await house.join("ann")


async def test_200_connections_of_a_user_and_not_one_more(house: House) -> None:
    for number in range(200):
        client = await house.join("ann", f"room{number // 10}")

    answer = await refused(house, "/ws/another", bearer("ann"))

    assert house.relay.limits.connections_per_user == 200
    assert answer.status == 429
    await house.join("bob", "another")
    client.abort()
    await until(lambda: len(house.relay._connections) == 200)
    await house.join("ann", "another")


async def test_many_at_once_do_not_get_past_the_cap(house: House) -> None:
    await house.know("ann")
    house.door.opens = asyncio.Event()
    clients = [await house.raw() for _ in range(30)]
    for client in clients:
        await client.send(request_head("/ws/chat", bearer("ann")))
    house.door.opens.set()

    statuses = [(await client.read_head())[0] for client in clients]

    assert sorted(statuses) == [101] * 10 + [429] * 20


@pytest.mark.parametrize("at_once", [True, False])
async def test_handshakes_in_flight_have_a_bound(
    house: House, monkeypatch: pytest.MonkeyPatch, at_once: bool
) -> None:
    monkeypatch.setattr("relay.doorway.MAX_HANDSHAKES", 5)
    for number in range(7):
        await house.know(f"user{number}")
    house.door.opens = asyncio.Event()
    clients = [await house.raw() for _ in range(7)]
    for number, client in enumerate(clients):
        await client.send(request_head("/ws/chat", bearer(f"user{number}")))
        if not at_once and number < 5:
            await until(lambda: len(house.door.asked) > number)  # noqa: B023  # awaited at once
    statuses: list[Any] = [(await client.read_head())[0] for client in clients[5:]]
    house.door.opens.set()
    statuses += [(await client.read_head())[0] for client in clients[:5]]

    assert statuses == [503] * 2 + [101] * 5
    await house.join("ann")


async def test_limits_are_the_operators(often: None) -> None:
    limits = Limits(connections_per_user_and_room=1, connections_per_user=2)
    async with open_house(MemoryStore(), limits=limits) as house:
        _, welcome = await house.welcome("ann")
        assert (await refused(house, "/ws/chat", bearer("ann"))).status == 429
        await house.join("ann", "other")
        assert (await refused(house, "/ws/third", bearer("ann"))).status == 429

    assert welcome["limits"]["connections_per_user_and_room"] == 1
    assert GENEROUS.connections_per_user == 200


async def test_nobody_comes_in_while_the_relay_shuts_down(house: House) -> None:
    await house.know("ann")
    house.door.opens = asyncio.Event()
    client: RawSocket = await house.raw()
    await client.send(request_head("/ws/chat", bearer("ann")))
    async with asyncio.timeout(10):
        await house.door.was_asked.wait()

    async with asyncio.timeout(8):
        await house.relay.drain()

    assert b"101" not in await client.rest()
