"""Tokens, the node's secret and what is said never reach a log, an error's text or a repr."""

import asyncio
import gc
import logging
import traceback
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from relay.introspect import Introspector
from relay.server import Relay
from services.errors import StorageFull
from spec import load_openapi
from tests.integration.test_relay_api_stand_in import ANN, SECRET, WRONG, right
from tests.support.api_stand_in import Question, http, open_api
from tests.support.memory_store import MemoryStore
from tests.support.relay import NOON, House, bearer, open_house, token_of, until
from tests.support.websocket import BINARY, CONT, PING, PONG, client_frame, message, request_head

BODY = "the-planted-body-of-a-message"
TICKET = "the-planted-ticket"
PLANTED = (SECRET, token_of("ann"), token_of("stranger"), TICKET, BODY)


class Record:
    """A plain handler's lines, with every field that a record has."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: set[str] = set()

    def add(self, record: logging.LogRecord) -> None:
        self.names.add(record.name)
        self.lines.append(logging.Formatter("%(name)s %(message)s").format(record))
        self.lines += [repr(value) for value in vars(record).values()]
        if record.exc_info and record.exc_info[1] is not None:
            self.lines += shown(record.exc_info[1])

    def hits(self) -> list[str]:
        return [line for line in self.lines if any(secret in line for secret in PLANTED)]


def shown(error: BaseException) -> list[str]:
    """Return an error as a traceback shows it, and the reprs of all that is chained to it."""
    lines = traceback.format_exception(error)
    chained: BaseException | None = error
    while chained is not None:
        lines += [repr(chained), str(chained)]
        chained = chained.__cause__ or chained.__context__
    return lines


class Plain(logging.Handler):
    def __init__(self, record: Record) -> None:
        super().__init__()
        self._record = record

    def emit(self, record: logging.LogRecord) -> None:
        self._record.add(record)


@pytest.fixture
def logged() -> Iterator[Record]:
    """Everything that any logger says, at every level."""
    record = Record()
    handler = Plain(record)
    root = logging.getLogger()
    loggers = [root, *(logging.getLogger(name) for name in list(root.manager.loggerDict))]
    levels = [(logger, logger.level) for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield record
    root.removeHandler(handler)
    for logger, level in levels:
        logger.setLevel(level)


@pytest.fixture
async def house(often: None) -> AsyncIterator[House]:
    """A relay that asks a stand-in for the API with a real introspector."""

    def answer(question: Question) -> bytes:
        if question.form["token"] == token_of("ann"):
            return right(question)
        return http({"active": False})

    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    # The loop logs each callback with its arguments that takes longer than this: each.
    loop.slow_callback_duration = 0.0
    async with (
        open_api(answer) as api,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{api.port}") as client,
    ):
        introspector = Introspector(client, SECRET, load_openapi(), lambda: NOON)
        async with open_house(MemoryStore(), gatekeeper=introspector) as opened:
            await opened.know("ann")
            yield opened


def test_the_record_would_show_a_secret(logged: Record) -> None:
    logging.getLogger("websockets.client").debug("a line with %s in it", BODY)
    logging.getLogger("relay.server").info("a line", extra={"text": BODY})
    try:
        raise ValueError(BODY)
    except ValueError:
        logging.getLogger("relay.server").exception("a fault")

    assert len(logged.hits()) >= 3


async def test_who_comes_in_speaks_and_is_refused_leaves_no_secret_in_the_logs(
    house: House, logged: Record
) -> None:
    ann = await house.join("ann")
    await ann.say(BODY)
    await ann.messages(1)
    fragments = client_frame(message(BODY)[:9], fin=False) + client_frame(message(BODY)[9:], CONT)
    await ann.send(fragments)
    await ann.messages(1)
    for _ in range(2):
        await ann.json_of("ack")
    await ann.send(client_frame(BODY, PING))
    assert (await ann.frame())[0] == PONG
    for bad in (
        BODY.encode(),
        message(BODY)[:-1],
        message(BODY, type=BODY),
        message(BODY, id=BODY),
        message(BODY, after=BODY),
        b'{"data":["' + BODY.encode() + b'"]}',
        message(BODY + "x" * 262144),
    ):
        await ann.send(client_frame(bad, mask=bytes(4)))
        await ann.json_of("error")
    store = house.store
    assert isinstance(store, MemoryStore)
    store.failure = StorageFull()
    await ann.say(BODY)
    await ann.json_of("error")
    store.failure = None
    for last in (
        client_frame(BODY, BINARY),
        client_frame(BODY.encode() + b"\xff"),
        client_frame(BODY, rsv=4),
        client_frame(BODY, mask=None),
        client_frame(b"{}") * 20,
    ):
        other = await house.join("ann")
        await other.send(client_frame(message(BODY)) + last)
        await other.closed()
    offer = {"Sec-WebSocket-Protocol": f"ilo.v1, ilo.ticket.{TICKET}"}
    for path, headers in (
        ("/ws/chat", bearer("stranger")),
        ("/ws/chat", offer),
        ("/ws/..", bearer("ann")),
        (f"/ws/chat?token={token_of('ann')}", bearer("ann")),
        ("/ws/chat", {**bearer("ann"), "Upgrade": ""}),
        (f"/{token_of('ann')}", bearer("ann")),
    ):
        client = await house.raw()
        await client.send(request_head(path, headers))
        answer = await client.answer()
        assert not any(secret.encode() in answer.body for secret in PLANTED)

    assert {"potion", "httpx"} <= logged.names
    assert logged.hits() == []


async def test_answers_of_a_strange_api_leave_no_secret_in_the_logs(
    logged: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.introspect.ASK_TIMEOUT_S", 0.1)
    async with (
        open_api(right) as api,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{api.port}") as client,
    ):
        introspector = Introspector(client, SECRET, load_openapi(), lambda: NOON)
        async with open_house(MemoryStore(), gatekeeper=introspector) as house:
            for answer in WRONG.values():
                api.answer = answer
                knocking = await house.raw()
                await knocking.send(request_head("/ws/chat", bearer("ann")))
                assert (await knocking.answer()).status == 503
            api.answer = lambda question: http(
                orjson_with(question, BODY), content_type="application/json"
            )
            knocking = await house.raw()
            await knocking.send(request_head("/ws/chat", bearer("ann")))
            assert (await knocking.answer()).status == 503

    assert "relay.doorway" in logged.names
    assert logged.hits() == []


def orjson_with(question: Question, text: str) -> dict[str, object]:
    return {**question.truth(ANN), "sid": text, "answer_to": text}


async def test_no_object_of_the_relay_shows_a_secret(house: House) -> None:
    ann = await house.join("ann")
    await ann.send(client_frame(message(BODY))[:-3])
    await until(lambda: len(house.relay._connections) == 1)
    (connection,) = house.relay._connections
    await until(lambda: connection._partial is not None)

    # By its type: `isinstance` would ask what a weak proxy stands for, which may be gone.
    things = [t for t in gc.get_objects() if str(type(t).__module__).startswith("relay.")]
    seen = [repr(thing) for thing in things]

    assert any("Session" in text for text in seen)
    assert any(type(thing) is Relay for thing in things)
    assert [text for text in seen if any(secret in text for secret in PLANTED)] == []
