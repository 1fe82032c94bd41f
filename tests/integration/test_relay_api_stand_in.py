"""Whatever stands where the API should be: only its explicit, fresh, fitting yes admits anybody."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import httpx
import orjson
import pytest

from relay import introspect
from relay.introspect import Introspector
from spec import load_openapi
from tests.support.api_stand_in import ApiStandIn, Question, http, open_api
from tests.support.memory_store import MemoryStore
from tests.support.relay import NOON, House, bearer, open_house, token_of, user_id_of
from tests.support.websocket import message, request_head

OPENAPI = load_openapi()
SECRET = "node-secret-of-the-test"
LONG_S = 60.0
SOON_S = 1.0


def person(name: str) -> dict[str, Any]:
    user_id = user_id_of(name)
    hexed = user_id.hex()
    sub = f"{hexed[:8]}-{hexed[8:12]}-{hexed[12:16]}-{hexed[16:20]}-{hexed[20:]}"
    return {"sub": sub, "username": name, "exp": NOON // 1000 + 3600, "sid": hexed}


ANN = person("ann")


def right(question: Question) -> bytes:
    return http(question.truth(ANN))


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no busy machine make the relay lose its patience: what refuses is to be the answer."""
    monkeypatch.setattr(introspect, "ASK_TIMEOUT_S", LONG_S)


@asynccontextmanager
async def stranger_at(
    answer: Callable[[Question], bytes | AsyncIterator[bytes]],
) -> AsyncIterator[tuple[House, ApiStandIn]]:
    """Yield a relay with a real introspector, whose API is a stand-in that answers ``answer``."""
    async with (
        open_api(answer) as api,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{api.port}") as client,
    ):
        introspector = Introspector(client, SECRET, OPENAPI, lambda: NOON)
        async with open_house(MemoryStore(), gatekeeper=introspector) as house:
            # Users, so that the store takes them in; the door does not ask the house.
            await house.know("ann")
            await house.know("bob")
            yield house, api


async def knock(house: House) -> int:
    """Return the status that ann is answered; she has to be answered before anybody gives up."""
    async with asyncio.timeout(LONG_S / 2):
        client = await house.raw()
        await client.send(request_head("/ws/chat", bearer("ann")))
        status, headers = await client.read_head()
    if status == 503:
        assert headers["retry-after"] == "1"
    return status


# -- controls: the stand-in can admit, and the checks are what refuses


async def test_the_right_answer_admits() -> None:
    async with stranger_at(right) as (house, api):
        client, welcome = await house.welcome("ann")
        await client.say("hi")

        assert welcome["username"] == "ann"
        assert await client.messages(1) == ["hi"]
        (question,) = api.questions
        assert question.target == "/potion"
        assert question.authorization == f"Bearer {SECRET}"
        assert question.form["token"] == token_of("ann")
        assert question.form["token_type_hint"] == "session"


async def test_every_question_has_a_nonce_of_its_own() -> None:
    async with stranger_at(right) as (house, api):
        for _ in range(3):
            await house.join("ann")

        nonces = {question.form["nonce"] for question in api.questions}
        assert len(nonces) == 3
        assert all(len(nonce) == 22 for nonce in nonces)


async def test_an_explicit_no_is_a_401() -> None:
    async with stranger_at(lambda _: http({"active": False})) as (house, _):
        assert await knock(house) == 401


async def test_without_the_check_of_answer_to_anothers_answer_would_admit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    credulous = SimpleNamespace(compare_digest=lambda *_: True)
    monkeypatch.setattr(introspect, "hmac", credulous)
    for wrong in (somebody_elses, replayed()):
        async with stranger_at(wrong) as (house, _):
            await knock(house)
            assert await knock(house) == 101


# -- answers that admit nobody


def somebody_elses(question: Question) -> bytes:
    """Answer well, but a question about bob's token."""
    about_bob = Question("", "", {**question.form, "token": token_of("bob")})
    return http(about_bob.truth(person("bob")))


def replayed() -> Callable[[Question], bytes]:
    """Answer the first question with a no, and every later one with the first one's yes."""
    kept: list[bytes] = []

    def answer(question: Question) -> bytes:
        kept.append(right(question))
        return http({"active": False}) if len(kept) == 1 else kept[0]

    return answer


async def silence(_: Question) -> AsyncIterator[bytes]:
    await asyncio.Event().wait()
    yield b""


async def silence_after_the_head(question: Question) -> AsyncIterator[bytes]:
    yield right(question)[:-5]
    await asyncio.Event().wait()


async def trickle(question: Question) -> AsyncIterator[bytes]:
    for byte in http(question.truth(ANN)):
        yield bytes((byte,))
        await asyncio.sleep(0.1)


async def endless_head(_: Question) -> AsyncIterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\n"
    while True:
        yield b"X: y\r\n" * 1000
        await asyncio.sleep(0)


async def endless_body(question: Question) -> AsyncIterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
    yield orjson.dumps(question.truth(ANN))
    while True:
        yield b" " * 1000
        await asyncio.sleep(0)


def redirect(status: str) -> Callable[[Question], bytes]:
    def answer(question: Question) -> bytes:
        if question.target == "/potion":
            return http(question.truth(ANN), status, Location="/yes")
        return right(question)

    return answer


def bomb(question: Question) -> bytes:
    body = orjson.dumps(question.truth(ANN)) + b" " * 50_000_000
    return http(gzip.compress(body, 1), Content_Encoding="gzip")


def with_status(status: str) -> Callable[[Question], bytes]:
    return lambda question: http(question.truth(ANN), status)


def with_body(body: object) -> Callable[[Question], bytes]:
    return lambda _: http(body)


def changed(**members: Any) -> Callable[[Question], bytes]:
    return lambda question: http(question.truth(ANN, **members))


def without(member: str) -> Callable[[Question], bytes]:
    def answer(question: Question) -> bytes:
        truth = question.truth(ANN)
        del truth[member]
        return http(truth)

    return answer


def written(write: Callable[[bytes], bytes]) -> Callable[[Question], bytes]:
    return lambda question: http(write(orjson.dumps(question.truth(ANN))))


STATUSES = (
    "201 Created",
    "202 Accepted",
    "203 Non-Authoritative Information",
    "204 No Content",
    "206 Partial Content",
    "304 Not Modified",
    "400 Bad Request",
    "401 Unauthorized",
    "403 Forbidden",
    "404 Not Found",
    "429 Too Many Requests",
    "500 Internal Server Error",
    "503 Service Unavailable",
)
BODIES: tuple[object, ...] = ({}, True, False, None, [], 1, "yes", [True])
REDIRECTS = ("301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent")

WRONG: dict[str, Callable[[Question], bytes | AsyncIterator[bytes]]] = {
    **{f"body {body!r}": with_body(body) for body in BODIES},
    "nothing": with_body(b""),
    "html": lambda _: http(b"<html>yes</html>", content_type="text/html"),
    "html that says it is json": with_body(b"<html>yes</html>"),
    **{status: with_status(status) for status in STATUSES},
    **{status: redirect(status) for status in REDIRECTS},
    "somebody else's": somebody_elses,
    "another token's answer_to": lambda q: http(
        Question("", "", {**q.form, "token": "x"}).truth(ANN)
    ),
    "another nonce's answer_to": lambda q: http(
        Question("", "", {**q.form, "nonce": "A" * 22}).truth(ANN)
    ),
    "without the answer_to": without("answer_to"),
    "without the expiry": without("exp"),
    "without the user": without("sub"),
    "without the name": without("username"),
    "without the session": without("sid"),
    "without active": without("active"),
    "active 1": changed(active=1),
    "active 'true'": changed(active="true"),
    "active null": changed(active=None),
    "an empty answer_to": changed(answer_to=""),
    "a session that is over": changed(exp=NOON // 1000),
    "a session long over": changed(exp=0),
    "a session that never ends": changed(exp=2**53 - 1),
    "a session into the year 10000": changed(exp=253_402_300_800),
    "an expiry that is no number": changed(exp="9999999999"),
    "a user id that is none": changed(sub="ann"),
    "a name that is none": changed(username=""),
    "a name too long": changed(username="a" * 65),
    "active twice": written(lambda raw: b'{"active":false,' + raw[1:]),
    "cut short": written(lambda raw: raw[:-1]),
    "more behind it": written(lambda raw: raw + b"{}"),
    "a byte order mark": written(lambda raw: b"\xef\xbb\xbf" + raw),
    "utf-16": written(lambda raw: raw.decode().encode("utf-16")),
    "in an array": written(lambda raw: b"[" + raw + b"]"),
    "no content type": lambda q: http(q.truth(ANN), content_type=""),
    "a wrong content type": lambda q: http(q.truth(ANN), content_type="text/plain"),
    "10 MB": written(lambda raw: raw + b" " * 10_000_000),
    "8 KiB and a byte": written(lambda raw: raw.ljust(8 * 1024 + 1)),
    "a gzip bomb": bomb,
    "gzip": lambda q: http(gzip.compress(orjson.dumps(q.truth(ANN))), Content_Encoding="gzip"),
    "10 MB of head": lambda q: http(q.truth(ANN), X="y" * 10_000_000),
    "silence": silence,
    "silence after the head": silence_after_the_head,
    "a trickle": trickle,
    "an endless head": endless_head,
    "an endless body": endless_body,
    "garbage": lambda _: b"\x00\xff\x16\x03\x01garbage\r\n\r\n" * 100,
    "a WebSocket": lambda _: b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x04true",
    "a length that is none": lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\ntrue",
    "a length too long": lambda q: http(q.truth(ANN), Content_Length="8000"),
    "HTTP/0.9": lambda q: orjson.dumps(q.truth(ANN)),
    "an immediate close": lambda _: b"",
}


UNENDING = frozenset({"silence", "silence after the head", "a trickle", "a length too long"})
"""What only the relay's patience ends."""


@pytest.mark.parametrize("wrong", WRONG)
async def test_any_other_answer_admits_nobody_and_the_relay_lives_on(
    wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stranger_at(WRONG[wrong]) as (house, api):
        if wrong in UNENDING:
            monkeypatch.setattr(introspect, "ASK_TIMEOUT_S", SOON_S)
        assert await knock(house) == 503
        assert await knock(house) == 503

        assert [question.target for question in api.questions] == ["/potion", "/potion"]
        monkeypatch.setattr(introspect, "ASK_TIMEOUT_S", LONG_S)
        api.answer = right
        client = await house.join("ann")
        await client.say("hi")
        assert await client.messages(1) == ["hi"]


async def test_a_replayed_answer_admits_nobody() -> None:
    async with stranger_at(replayed()) as (house, _):
        assert [await knock(house) for _ in range(3)] == [401, 503, 503]


async def test_an_answer_of_8_kib_is_not_too_long() -> None:
    def answer(question: Question) -> bytes:
        return http(orjson.dumps(question.truth(ANN)).ljust(introspect.MAX_ANSWER_BYTES))

    async with stranger_at(answer) as (house, _):
        assert introspect.MAX_ANSWER_BYTES == 8 * 1024
        assert await knock(house) == 101


async def test_an_api_that_is_not_there_admits_nobody() -> None:
    async with stranger_at(right) as (house, api):
        introspector = house.relay.doorway._gatekeeper
        assert isinstance(introspector, Introspector)
        async with open_api(right) as gone:
            pass
        introspector._client.base_url = httpx.URL(f"http://127.0.0.1:{gone.port}")
        assert await knock(house) == 503

        introspector._client.base_url = httpx.URL(f"http://127.0.0.1:{api.port}")
        assert await knock(house) == 101


async def test_many_questions_without_an_answer_do_not_keep_the_next_one_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with stranger_at(silence) as (house, api):
        monkeypatch.setattr(introspect, "ASK_TIMEOUT_S", SOON_S)
        async with asyncio.TaskGroup() as knocking:
            knocks = [knocking.create_task(knock(house)) for _ in range(150)]
        assert {done.result() for done in knocks} == {503}

        monkeypatch.setattr(introspect, "ASK_TIMEOUT_S", LONG_S)
        api.answer = right
        await house.join("ann")


async def test_the_relay_asks_for_at_most_3_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert introspect.ASK_TIMEOUT_S == 3.0
    async with stranger_at(trickle) as (house, _):
        assert await knock(house) == 503


def test_the_stand_in_writes_what_the_contract_describes() -> None:
    question = Question("/potion", "", {"token": "t", "nonce": "n"})
    schema = OPENAPI["components"]["schemas"]["ActiveToken"]

    assert set(question.truth(ANN)) == set(schema["required"])
    assert b'"active":true' in right(question)
    assert message("x") == b'{"data":{"message":"x"}}'
