"""The generated client of the relay against a real relay: what it says, hears and survives."""

import asyncio
import json
import logging
import ssl
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ilo_relay import (
    CLOSE_CODES,
    REFUSALS,
    Backoff,
    BrokenFrame,
    ClientClosed,
    Failure,
    HandshakeRefused,
    InvalidFrame,
    NoLine,
    RelayClosed,
    RelayError,
    RelayUnreachable,
    RoomClient,
    TooLarge,
    Unconfirmed,
    Welcome,
)
from ilo_relay.frames import ServerFrame, read_frame

from relay import hangups
from relay.hangups import HANGUPS, Hangup, Refusal
from relay.introspect import ApiUnavailable
from relay.outgoing import head_frame
from relay.wire import text_frame
from services.errors import StoreUnavailable
from services.limits import Limits
from services.ports import Store
from tests.support.certificates import certificate_in
from tests.support.memory_store import MemoryStore
from tests.support.relay import GENEROUS, House, open_house, token_of, until
from tests.support.room_clients import Pauses, client_of, next_message, next_of, texts, told
from tests.support.tcp_proxy import proxy_to
from tests.support.websocket import WAIT_S

ID = "0b8f1c9e-6f0e-4a55-9d6b-2f0c7f5f1a11"
SECRET = "what-nobody-else-may-read"


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


# -- saying and hearing


async def test_two_talk_and_acks_fit_the_messages(store: Store) -> None:
    async with open_house(store) as house:
        await house.know("ann")
        await house.know("Ωρίων")
        async with client_of(house) as anns, client_of(house, name="Ωρίων") as orions:
            first = await anns.send_message("γειά 👋", id=ID)
            second = await orions.send_message("hello\u2028\n")
            heard = [[await next_message(room) for _ in range(2)] for room in (anns, orions)]

    assert (first.id, first.seq, second.seq) == (ID, 1, 2)
    assert heard[0] == heard[1]
    assert [(m.sender, m.id, m.data.message) for m in heard[0]] == [
        ("ann", ID, "γειά 👋"),
        ("Ωρίων", second.id, "hello\u2028\n"),
    ]


async def test_several_may_wait_for_their_answers_at_once_in_order(house: House) -> None:
    async with client_of(house) as room:
        async with asyncio.TaskGroup() as tasks:
            acks = [tasks.create_task(room.send_message(str(n))) for n in range(200)]

        assert [ack.result().seq for ack in acks] == list(range(1, 201))
        assert await texts(room, 200) == [str(n) for n in range(200)]


async def test_no_more_wait_for_an_ack_than_the_relay_allows() -> None:
    store = MemoryStore()
    limits = replace(GENEROUS, unacked_messages=3)
    async with open_house(store, limits=limits) as house, proxy_to(house.port) as proxy:
        await house.know("ann")
        member = await house.join("listener")
        async with client_of(proxy) as room:
            proxy.answers.clear()
            async with asyncio.TaskGroup() as tasks:
                for n in range(10):
                    tasks.create_task(room.send_message(str(n)))
                assert await member.messages(3) == ["0", "1", "2"]
                await member.nothing_more()
                proxy.answers.set()
            assert await texts(room, 10) == [str(n) for n in range(10)]


async def test_the_cursor_tells_the_newest_seq_that_was_seen(house: House) -> None:
    said: list[Any] = []
    read = house.relay.reader.read

    def listen(raw: bytes) -> Any:
        said.append(read(raw))
        return said[-1]

    house.relay.reader.read = listen  # type: ignore[method-assign]
    async with client_of(house) as room:
        await room.send_message("a")
        assert await texts(room, 1) == ["a"]
        await room.send_message("b")
        await room.send_message("c", after=0)

    assert [one.after for one in said] == [0, 1, 0]


@pytest.mark.parametrize("over", [0, 1])
async def test_a_text_over_the_limit_is_not_sent(over: int) -> None:
    limits = replace(GENEROUS, message_bytes=10)
    async with open_house(MemoryStore(), limits=limits) as house:
        await house.know("ann")
        async with client_of(house) as room:
            if not over:
                assert (await room.send_message("é" * 5)).seq == 1
                return
            with pytest.raises(TooLarge, match=r"limits\.message_bytes is 10") as raised:
                await room.send_message("é" * 5 + "!")

    assert (raised.value.limit, raised.value.bound, raised.value.size) == ("message_bytes", 10, 11)
    assert raised.value.place == "/data/message"


async def test_a_frame_over_the_limit_is_not_sent_and_one_at_it_is() -> None:
    limits = replace(GENEROUS, frame_bytes=1024)
    around = len('{"type":"message","id":"","after":0,"data":{"message":""}}') + len(ID)
    async with open_house(MemoryStore(), limits=limits) as house:
        await house.know("ann")
        async with client_of(house) as room:
            assert (await room.send_message("x" * (1024 - around), id=ID)).seq == 1
            # A quote is two bytes in JSON: the frame is over, the text is not.
            with pytest.raises(TooLarge, match=r"limits\.frame_bytes is 1024") as raised:
                await room.send_message("x" * (1024 - around - 1) + '"', id=ID, after=0)

    assert raised.value.size == 1025


async def test_what_the_relay_refuses_says_what_became_of_it(house: House) -> None:
    async with client_of(house) as room:
        await room.send_message("first", id=ID)
        with pytest.raises(RelayError) as reused:
            await room.send_message("second", id=ID)
        # The relay's limit falls behind the client's back.
        house.relay.reader._message_bytes = 3
        with pytest.raises(RelayError) as too_big:
            await room.send_message("four")

    assert [(e.value.code, e.value.stored, e.value.again) for e in (reused, too_big)] == [
        ("id-reused", "no", False),
        ("too-big", "no", False),
    ]
    assert reused.value.id == ID
    assert too_big.value.path == "/data/message"


async def test_who_is_too_fast_is_told_when_to_try_again() -> None:
    limits = Limits(frames_burst=2, frames_per_s=1)
    async with open_house(MemoryStore(), limits=limits) as house:
        await house.know("ann")
        # The relay's clock stands still: it is too early for a goodbye, too.
        async with client_of(house, close_timeout_s=0.05) as room:
            for text in "ab":
                await room.send_message(text)
            with pytest.raises(RelayError) as raised:
                await room.send_message("c")

    assert (raised.value.code, raised.value.stored, raised.value.again) == ("rate", "no", True)
    assert raised.value.retry_after == 1.0


@pytest.mark.parametrize(
    ("members", "place"),
    [
        pytest.param({"message": "x", "id": "no-uuid"}, "/id", id="no uuid"),
        pytest.param({"message": "x", "id": ID.upper()}, "/id", id="in upper case"),
        pytest.param({"message": "x", "after": -1}, "/after", id="before the beginning"),
        pytest.param({"message": "x", "after": "1"}, "/after", id="a number as text"),
        pytest.param({"message": "x", "after": True}, "/after", id="no number"),
        pytest.param({"message": 5}, "/data/message", id="no text"),
        pytest.param({"message": "\0" + SECRET}, "/data/message", id="U+0000"),
        pytest.param({"message": "\ud800" + SECRET}, "/data/message", id="half a pair"),
    ],
)
async def test_what_is_against_the_contract_is_not_sent(
    house: House, members: dict[str, Any], place: str
) -> None:
    async with client_of(house) as room:
        with pytest.raises(InvalidFrame) as raised:
            await room.send_message(**members)

    assert raised.value.place == place
    assert SECRET not in str(raised.value)
    assert raised.value.__context__ is None


async def test_an_id_waits_for_one_answer_at_a_time(house: House) -> None:
    async with proxy_to(house.port) as proxy, client_of(proxy) as room:
        proxy.answers.clear()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(room.send_message("x", id=ID))
            await until(lambda: len(room._unanswered) == 1)
            with pytest.raises(InvalidFrame, match="waits for an answer"):
                await room.send_message("x", id=ID)
            proxy.answers.set()


# -- the open side of the contract


async def tell(house: House, text: str) -> None:
    """Let the relay send a frame of our making to everybody."""
    for connection in list(house.relay._connections):
        connection.write(text_frame(text.encode()))


async def test_unknown_frames_and_members_are_passed_over(house: House) -> None:
    async with client_of(house) as room:
        await tell(house, '{"type":"of another day","seq":"x"}')
        await tell(house, '{"type":"head","seq":7,"more":{"and":"more"}}')
        said = {"type": "message", "id": ID, "seq": 1, "room": "chat", "sender": "bob", "more": 1}
        said |= {"sent_at": "2026-01-02T12:00:00.000Z", "data": {"message": "hi", "more": 2}}
        await tell(house, json.dumps(said))
        await tell(house, '{"type":"error","code":"of another day","detail":"sorry"}')

        frames = [await next_of(room) for _ in range(3)]

    assert [frame.type for frame in frames] == ["head", "message", "error"]
    assert (frames[0].seq, frames[1].data.message, frames[2].code) == (7, "hi", "of another day")


async def test_of_an_unknown_error_code_nothing_is_promised(house: House) -> None:
    async with proxy_to(house.port) as proxy, client_of(proxy) as room:
        proxy.answers.clear()
        async with asyncio.TaskGroup() as tasks:
            sent = tasks.create_task(told(room.send_message("x", id=ID)))
            await until(lambda: len(room._unanswered) == 1)
            # Kept back by the proxy too: the relay's own ack is behind it.
            failure = {"type": "error", "code": "of another day", "detail": "sorry", "id": ID}
            assert room._unanswered.answered_by(read_of(failure))
            proxy.answers.set()
    error = sent.result()

    assert isinstance(error, RelayError)
    assert (error.code, error.stored, error.again) == ("of another day", "unknown", False)


def read_of(frame: dict[str, Any]) -> ServerFrame:
    found = read_frame(json.dumps(frame))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"type":"head"}', "/seq"),
        ('{"type":"head","seq":"7"}', "/seq"),
        ('{"type":"head","seq":-1}', "/seq"),
        ("[]", ""),
        ('{"seq":1}', ""),
        (SECRET, ""),
    ],
)
async def test_a_relay_that_breaks_its_contract_is_left(
    house: House, text: str, place: str
) -> None:
    async with client_of(house) as room:
        await tell(house, text)
        with pytest.raises(BrokenFrame) as raised:
            await next_of(room)
        with pytest.raises(BrokenFrame):
            await room.send_message("x")

    assert raised.value.place == place
    assert SECRET not in str(raised.value)


# -- the line is lost


@pytest.mark.parametrize("hangup", HANGUPS, ids=lambda hangup: str(hangup.code))
async def test_it_comes_back_after_a_close_code_as_the_contract_says(
    house: House, pauses: Pauses, hangup: Hangup
) -> None:
    row = CLOSE_CODES[hangup.code]
    assert (row.reason, row.reconnect) == (hangup.reason, hangup.may_reconnect)
    async with client_of(house, pauses) as room:
        (connection,) = house.relay._connections
        connection.hang_up(hangup)
        if row.reconnect:
            assert isinstance(await next_of(room), Welcome)
            assert (await room.send_message("back")).seq == 1
        else:
            with pytest.raises(RelayClosed) as raised:
                await next_of(room)
            with pytest.raises(RelayClosed):
                await room.send_message("back")

            told = (raised.value.code, raised.value.reason, raised.value.meaning)
            assert told == (row.code, row.reason, row.meaning)

    assert len(pauses.asked) == (1 if row.reconnect else 0)


async def test_after_an_unknown_close_code_it_asks_again(house: House, pauses: Pauses) -> None:
    async with client_of(house, pauses) as room:
        (connection,) = house.relay._connections
        connection.hang_up(Hangup(4999, SECRET, may_reconnect=False))
        assert isinstance(await next_of(room), Welcome)


async def test_a_session_that_ended_is_not_tried_again(house: House, pauses: Pauses) -> None:
    await house.know("eve", for_ms=1000)
    async with client_of(house, pauses, "eve") as room:
        house.wall = type(house.wall)(house.wall + 1000)
        with pytest.raises(RelayClosed, match="4401 session-ended: The session expired"):
            await next_of(room)

    assert pauses.asked == []


async def test_twenty_bad_frames_are_the_end(house: House, pauses: Pauses) -> None:
    async with client_of(house, pauses) as room:
        assert room._ready is not None
        for _ in range(20):
            await room._ready.send("what the client itself would not send")
        for _ in range(20):
            assert isinstance(await next_of(room), Failure)
        with pytest.raises(RelayClosed, match="4400 bad-frames"):
            await next_of(room)

    assert pauses.asked == []


async def test_it_comes_back_when_the_relay_does(store: Store, pauses: Pauses) -> None:
    async with proxy_to(None) as proxy:
        async with open_house(store) as house:
            await house.know("ann")
            proxy.target = house.port
            room = client_of(proxy, pauses)
            await room.__aenter__()
            await room.send_message("before")
            assert await texts(room, 1) == ["before"]
            pauses.go_on.clear()
        # 1001, and then nobody there for three tries.
        proxy.target = None
        pauses.go_on.set()
        await until(lambda: len(pauses.asked) >= 4)
        async with open_house(store) as house:
            await house.know("ann")
            proxy.target = house.port
            back = await next_of(room)
            assert isinstance(back, Welcome)
            assert (back.head, room.welcome) == (1, back)
            assert (await room.send_message("after")).seq == 2
            await room.close()

    assert pauses.asked[:4] == [0.5, 1.0, 2.0, 4.0]


async def test_what_has_no_ack_is_sent_again_in_order_and_once(
    store: Store, pauses: Pauses
) -> None:
    async with open_house(store) as house, proxy_to(house.port) as proxy:
        await house.know("ann")
        listener = await house.join("listener")
        async with client_of(proxy, pauses) as room:
            await room.send_message("0")
            proxy.answers.clear()
            async with asyncio.TaskGroup() as tasks:
                acks = [tasks.create_task(room.send_message(str(n))) for n in range(1, 30)]
                # Some of them are stored, and nobody knows.
                assert await listener.messages(10) == [str(n) for n in range(10)]
                proxy.cut()
                acks += [tasks.create_task(room.send_message(str(n))) for n in range(30, 40)]

            assert [ack.result().seq for ack in acks] == list(range(2, 41))
            assert await listener.messages(30) == [str(n) for n in range(10, 40)]
            await listener.nothing_more()

    assert len(pauses.asked) == 1


async def test_what_was_never_stored_is_sent_again_in_order(house: House, pauses: Pauses) -> None:
    listener = await house.join("listener")
    async with proxy_to(house.port) as proxy, client_of(proxy, pauses) as room:
        pauses.go_on.clear()
        proxy.cut()
        await until(lambda: pauses.asked != [])
        async with asyncio.TaskGroup() as tasks:
            for n in range(20):
                tasks.create_task(room.send_message(str(n)))
            await until(lambda: bool(room._turn._waiters))
            pauses.go_on.set()
        assert await listener.messages(20) == [str(n) for n in range(20)]


async def test_a_store_that_does_not_answer_loses_nothing(pauses: Pauses) -> None:
    store = MemoryStore()
    async with open_house(store) as house:
        await house.know("ann")
        listener = await house.join("listener")
        pauses.go_on.clear()
        async with client_of(house, pauses) as room:
            store.failure = StoreUnavailable()
            async with asyncio.TaskGroup() as tasks:
                acks = [tasks.create_task(room.send_message(str(n))) for n in range(5)]
                await until(lambda: pauses.asked != [])
                store.failure = None
                pauses.go_on.set()
            assert [ack.result().seq for ack in acks] == [1, 2, 3, 4, 5]
        assert await listener.messages(5) == list("01234")


async def test_in_another_epoch_nothing_counts_as_seen(pauses: Pauses) -> None:
    said: list[Any] = []
    async with proxy_to(None) as proxy:
        async with open_house(MemoryStore()) as first:
            await first.know("ann")
            proxy.target = first.port
            room = client_of(proxy, pauses)
            await room.__aenter__()
            await room.send_message("seen")
            proxy.answers.clear()
            waiting = asyncio.create_task(room.send_message("x"))
            await until(lambda: len(room._unanswered) == 1)
            pauses.go_on.clear()
            proxy.cut()
            await until(lambda: pauses.asked != [])
        async with open_house(MemoryStore()) as second:
            await second.know("ann")
            proxy.target = second.port
            read = second.relay.reader.read

            def listen(raw: bytes) -> Any:
                said.append(read(raw))
                return said[-1]

            second.relay.reader.read = listen  # type: ignore[method-assign]
            pauses.go_on.set()
            ack = await waiting
            await room.close()

    assert ([one.after for one in said], ack.seq) == ([0], 1)


async def test_a_silent_line_is_a_lost_one(house: House, pauses: Pauses) -> None:
    async with proxy_to(house.port) as proxy, client_of(proxy, pauses, silence_s=0.05) as room:
        proxy.answers.clear()
        await until(lambda: pauses.asked != [])
        proxy.answers.set()
        assert isinstance(await next_of(room), Welcome)


async def test_a_line_that_speaks_is_not_a_lost_one(house: House, pauses: Pauses) -> None:
    async with client_of(house, pauses, silence_s=2) as room:
        loop = asyncio.get_running_loop()
        began = loop.time()
        while loop.time() - began < 3:
            await tell(house, head_frame(0).decode())
            await next_of(room)
            await asyncio.sleep(0.05)

    assert pauses.asked == []


# -- the handshake is refused


@pytest.mark.parametrize("refusal", hangups.REFUSALS, ids=lambda r: f"{r.status.value} {r.detail}")
async def test_it_tries_again_after_a_refusal_as_the_contract_says(
    house: House, pauses: Pauses, monkeypatch: pytest.MonkeyPatch, refusal: Refusal
) -> None:
    row = next(r for r in REFUSALS if (r.status, r.reason) == (refusal.status, refusal.reason))
    assert row.reconnect == refusal.may_reconnect
    doorway = house.relay.doorway
    monkeypatch.setattr(doorway, "asked", lambda line, *_: doorway.refuse(line, refusal))
    backoff = Backoff(attempts=3, random=lambda: 1.0, sleep=pauses)

    with pytest.raises(HandshakeRefused) as raised:
        await client_of(house, backoff=backoff).__aenter__()

    error = raised.value
    assert (error.status, error.reason, error.meaning) == (row.status, row.reason, row.meaning)
    assert error.__context__ is None
    after = refusal.retry_after_s or 0
    assert pauses.asked == ([after + 0.5, after + 1.0] if row.reconnect else [])


async def test_an_unknown_token_is_refused_for_good(house: House, pauses: Pauses) -> None:
    with pytest.raises(HandshakeRefused, match=r"401 not-logged-in: .*Log in again"):
        await client_of(house, pauses, token="of-nobody").__aenter__()

    assert pauses.asked == []


async def test_a_wrong_origin_is_refused_for_good(house: House, pauses: Pauses) -> None:
    with pytest.raises(HandshakeRefused, match="403 wrong-origin"):
        await client_of(house, pauses, origin="https://elsewhere.invalid").__aenter__()

    assert pauses.asked == []


async def test_one_connection_too_many_waits_its_turn(pauses: Pauses) -> None:
    limits = replace(GENEROUS, connections_per_user_and_room=1)
    async with open_house(MemoryStore(), limits=limits) as house:
        await house.know("ann")
        first = client_of(house)
        await first.__aenter__()
        pauses.go_on.clear()
        async with asyncio.TaskGroup() as tasks:
            second = client_of(house, pauses)
            opening = tasks.create_task(second.__aenter__())
            await until(lambda: pauses.asked != [])
            await first.close()
            pauses.go_on.set()
        assert opening.result().welcome.username == "ann"
        await second.close()

    assert pauses.asked == [5.5]


async def test_an_api_that_is_away_is_asked_again(house: House, pauses: Pauses) -> None:
    house.door.failure = ApiUnavailable("away")
    pauses.go_on.clear()
    async with asyncio.TaskGroup() as tasks:
        room = client_of(house, pauses)
        tasks.create_task(room.__aenter__())
        await until(lambda: pauses.asked != [])
        house.door.failure = None
        pauses.go_on.set()
    await room.close()

    assert pauses.asked == [1.5]


@pytest.mark.parametrize(
    ("answer", "again"),
    [
        ("502 Bad Gateway", True),
        ("504 Gateway Timeout", True),
        ("404 Not Found", False),
        ("302 Found\r\nLocation: ws://127.0.0.1:1/", False),
        ("200 OK", False),
    ],
)
async def test_what_stands_before_the_relay_may_refuse_too(
    pauses: Pauses, answer: str, again: bool
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {answer}\r\nContent-Length: 9\r\n\r\n{SECRET[:9]}".encode())
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        backoff = Backoff(attempts=2, random=lambda: 1.0, sleep=pauses)
        room = RoomClient(f"ws://127.0.0.1:{port}", room="chat", token="t", backoff=backoff)
        with pytest.raises(HandshakeRefused, match=answer[:3]) as raised:
            await room.__aenter__()

    assert raised.value.reason == "unknown"
    assert SECRET[:9] not in str(raised.value)
    assert len(pauses.asked) == (1 if again else 0)


async def test_nobody_there_is_said_after_so_many_tries(pauses: Pauses) -> None:
    async with proxy_to(None) as proxy:
        backoff = Backoff(first_s=1.0, cap_s=3.0, attempts=5, random=lambda: 0.5, sleep=pauses)
        with pytest.raises(RelayUnreachable):
            await client_of(proxy, backoff=backoff).__aenter__()

    assert pauses.asked == [0.5, 1.0, 1.5, 1.5]
    assert proxy.accepted == 5


async def test_a_certificate_that_nobody_vouches_for_is_not_tried_again(
    pauses: Pauses, tmp_path: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate_in(tmp_path))

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        backoff = Backoff(attempts=3, sleep=pauses)
        room = RoomClient(f"wss://127.0.0.1:{port}", room="chat", token="t", backoff=backoff)
        with pytest.raises(RelayUnreachable, match="certificate is not trusted"):
            await room.__aenter__()

    assert pauses.asked == []


def test_the_jitter_is_full_and_bounded() -> None:
    low, high = Backoff(random=lambda: 0.0), Backoff(random=lambda: 1.0)

    assert [low.delay_s(step) for step in (0, 5, 5000)] == [0.0, 0.0, 0.0]
    assert [high.delay_s(step) for step in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert high.delay_s(5000) == 30
    assert (low.delay_s(0, 7), high.delay_s(0, 7)) == (7, 7.5)
    assert low.delay_s(0, 10**9) == 3600
    real = Backoff()
    delays = [real.delay_s(3) for _ in range(2000)]
    assert 0 <= min(delays) < 0.4
    assert 3.6 < max(delays) <= 4


# -- who it is


async def test_a_fresh_token_is_got_for_each_connect(house: House, pauses: Pauses) -> None:
    got = 0

    async def token() -> str:
        nonlocal got
        got += 1
        if got == 2:
            raise ConnectionError
        return token_of("ann")

    async with client_of(house, pauses, token=token) as room:
        house.relay._connections.copy().popitem()[0].hang_up(hangups.GOING_AWAY)
        assert isinstance(await next_of(room), Welcome)

    assert (got, len(pauses.asked)) == (3, 2)


async def test_what_gets_the_token_may_fail_for_good(house: House, pauses: Pauses) -> None:
    async def token() -> str:
        raise LookupError("no such user")

    with pytest.raises(LookupError, match="no such user"):
        await client_of(house, pauses, token=token).__aenter__()

    assert pauses.asked == []


async def test_a_ticket_is_shown_as_a_subprotocol(house: House) -> None:
    house.door.people["ilo_t_once"] = house.door.people[token_of("ann")]

    async def ticket() -> str:
        return "ilo_t_once"

    async with client_of(house, ticket=ticket) as room:
        assert room.welcome.username == "ann"

    assert house.door.asked == [("ilo_t_once", "ticket")]


@pytest.mark.parametrize(
    "more",
    [
        {"token": None},
        {"token": "a", "ticket": "b"},
        {"token": "a\r\nX: y" + SECRET},
        {"token": SECRET + "é"},
        {"ticket": SECRET + ",x"},
        {"queue_frames": 0},
    ],
)
def test_wrong_arguments_are_refused_and_not_shown(more: dict[str, Any]) -> None:
    arguments: dict[str, Any] = {"room": "chat", "token": None, **more}
    if more == {"queue_frames": 0}:
        arguments["token"] = "t"
    with pytest.raises(ValueError, match=r"token|ticket|queue") as raised:
        RoomClient("ws://127.0.0.1:1", **arguments)

    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("room", ["", "a b", "a/b", "../x", "a?b", "é", "a\n", "x" * 65, "~x"])
def test_a_room_against_the_contract_is_refused(room: str) -> None:
    with pytest.raises(InvalidFrame, match="room:"):
        RoomClient("ws://127.0.0.1:1", room=room, token="t")


@pytest.mark.parametrize(
    "url",
    [
        "http://h:1",
        "ws://",
        f"ws://h:1/{SECRET}",
        f"ws://h:1?token={SECRET}",
        f"ws://{SECRET}@h:1",
        f"ws://h:1#{SECRET}",
    ],
)
def test_a_url_that_is_more_than_an_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="a relay's URL") as raised:
        RoomClient(url, room="chat", token="t")

    assert SECRET not in str(raised.value)


async def test_nothing_secret_is_logged_or_shown(
    house: House, pauses: Pauses, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    shown: list[str] = []
    async with client_of(house, pauses) as room:
        ack = await room.send_message(SECRET)
        message = await next_of(room)
        for error in (
            await told(room.send_message(SECRET, id=ack.id)),
            await told(room.send_message(SECRET + "!", id=ack.id)),
        ):
            shown += [repr(error), str(error)]
        (connection,) = house.relay._connections
        connection.hang_up(hangups.GOING_AWAY)
        await next_of(room)
        shown += [repr(room), str(room), repr(message), str(message), repr(ack)]
        shown += [repr(pending) for pending in room._unanswered]
    house.door.people.clear()
    with pytest.raises(HandshakeRefused) as refused:
        await client_of(house).__aenter__()
    shown += [repr(refused.value), str(refused.value)]
    shown += [f"{record.getMessage()} {vars(record)}" for record in caplog.records]

    assert message.data.message == SECRET
    assert any("the line is lost" in line for line in shown)
    for secret in (SECRET, token_of("ann")):
        assert not [line for line in shown if secret in line]


# -- who does not read


async def test_nobody_takes_and_nothing_is_dropped(house: House) -> None:
    async with client_of(house, queue_frames=4) as slow, client_of(house, name="bob") as bob:
        async with asyncio.TaskGroup() as tasks:
            for n in range(300):
                tasks.create_task(bob.send_message(str(n)))
        await until(lambda: len(slow._inbox) == 4)
        assert await texts(bob, 300) == [str(n) for n in range(300)]
        assert len(slow._inbox) == 4

        assert await texts(slow, 300) == [str(n) for n in range(300)]


async def test_who_awaits_an_answer_gets_it_behind_what_nobody_took(house: House) -> None:
    async with client_of(house, queue_frames=4) as slow, client_of(house, name="bob") as bob:
        for n in range(20):
            await bob.send_message(str(n))
        await until(lambda: len(slow._inbox) == 4)

        async with asyncio.timeout(WAIT_S):
            assert (await slow.send_message("20")).seq == 21
        assert await texts(slow, 21) == [str(n) for n in range(21)]


async def test_who_never_takes_is_told_so_and_still_loses_nothing(house: House) -> None:
    async with client_of(house, queue_frames=2) as slow, client_of(house, name="bob") as bob:
        for n in range(100):
            await bob.send_message(str(n))
        async with asyncio.timeout(WAIT_S):
            with pytest.raises(Unconfirmed, match="behind frames that nobody takes"):
                await slow.send_message("100")
        assert len(slow._inbox) == 32

        assert await texts(slow, 101) == [str(n) for n in range(101)]


# -- the end


async def test_closing_ends_everything_and_says_goodbye(house: House) -> None:
    before = asyncio.all_tasks()
    async with proxy_to(house.port) as proxy:
        room = client_of(proxy)
        async with room:
            await room.send_message("x")
            proxy_tasks = asyncio.all_tasks() - before
        assert asyncio.all_tasks() - before < proxy_tasks
        await until(lambda: not house.relay._connections)
        # What had come can still be taken; then it is over.
        assert [frame.data.message async for frame in room.messages()] == ["x"]
        await room.close()
        with pytest.raises(ClientClosed):
            await room.send_message("y")
        with pytest.raises(ClientClosed):
            await room.__aenter__()


async def test_closing_tells_who_still_waits(house: House) -> None:
    async with proxy_to(house.port) as proxy:
        room = client_of(proxy, close_timeout_s=0.05)
        await room.__aenter__()
        proxy.answers.clear()
        async with asyncio.TaskGroup() as tasks:
            said = tasks.create_task(told(room.send_message("x")))
            taken = tasks.create_task(aiter_all(room))
            await until(lambda: len(room._unanswered) == 1)
            # The relay's goodbye does not come: it is not awaited for ever.
            await room.close()
        assert isinstance(said.result(), Unconfirmed)
        assert taken.result() == []
        assert not [task for task in asyncio.all_tasks() if task.get_name() == "ilo_relay"]


async def aiter_all(room: RoomClient) -> list[Any]:
    return [frame async for frame in room]


async def test_closing_with_much_unread_still_says_goodbye(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "potion")
    slow = client_of(house, queue_frames=1, close_timeout_s=3600)
    async with asyncio.timeout(WAIT_S), slow, client_of(house, name="bob") as bob:
        for n in range(100):
            await bob.send_message(str(n))
        caplog.clear()
    codes = [vars(r).get("code") for r in caplog.records if r.getMessage() == "connection closed"]

    assert codes == [1000, 1000]


@pytest.mark.parametrize("moment", ["connecting", "waiting", "reading", "sending"])
async def test_cancelling_leaves_no_task_and_no_socket(house: House, moment: str) -> None:
    before = asyncio.all_tasks()
    pauses = Pauses()
    pauses.go_on.clear()
    if moment == "connecting":
        house.door.opens = asyncio.Event()
    if moment == "waiting":
        house.door.failure = ApiUnavailable("away")

    async def use() -> None:
        async with client_of(house, pauses) as room:
            if moment == "sending":
                room._turn = _Held()
                await room.send_message("x")
            await next_of(room)

    using = asyncio.create_task(use())
    if moment == "connecting":
        await house.door.was_asked.wait()
    elif moment == "waiting":
        await until(lambda: pauses.asked != [])
    else:
        await until(lambda: len(house.relay._connections) == 1)
        await asyncio.sleep(0)
    using.cancel()
    with pytest.raises(asyncio.CancelledError):
        await using
    if house.door.opens is not None:
        house.door.opens.set()

    await until(lambda: not house.relay._connections)
    await until(lambda: asyncio.all_tasks() - before == set())


class _Held(asyncio.Lock):
    async def acquire(self) -> Any:
        await asyncio.Event().wait()


async def test_a_second_cancel_does_not_wait_for_the_goodbye(house: House) -> None:
    async with proxy_to(house.port) as proxy:
        room = client_of(proxy, close_timeout_s=3600)

        async def use() -> None:
            async with room:
                proxy.answers.clear()
                await next_of(room)

        using = asyncio.create_task(use())
        await until(lambda: room._ready is not None)
        using.cancel()
        await until(lambda: room._ready is None)
        using.cancel()
        with pytest.raises(asyncio.CancelledError):
            await using
        await until(
            lambda: not [task for task in asyncio.all_tasks() if task.get_name() == "ilo_relay"]
        )


async def test_a_cancelled_send_waits_no_longer_and_the_others_do(house: House) -> None:
    async with proxy_to(house.port) as proxy, client_of(proxy) as room:
        proxy.answers.clear()
        first = asyncio.create_task(room.send_message("a"))
        second = asyncio.create_task(room.send_message("b"))
        await until(lambda: len(room._unanswered) == 2)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        proxy.answers.set()

        assert (await second).seq == 2


async def test_before_it_is_opened_nothing_works() -> None:
    room = RoomClient("ws://127.0.0.1:1", room="chat", token="t")

    with pytest.raises(ClientClosed):
        await room.send_message("x")
    with pytest.raises(ClientClosed):
        await anext(room)
    with pytest.raises(ClientClosed):
        _ = room.welcome
    await room.close()
    assert issubclass(HandshakeRefused, NoLine)
