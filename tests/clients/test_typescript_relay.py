"""The generated TypeScript client against a real relay: what it says, hears and survives."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from relay.hangups import HANGUPS, Hangup
from relay.introspect import ApiUnavailable
from relay.outgoing import head_frame
from relay.wire import text_frame
from services.errors import StoreUnavailable
from services.limits import Limits
from services.ports import Store
from spec import load_asyncapi
from tests.support.memory_store import MemoryStore
from tests.support.relay import GENEROUS, House, open_house, token_of, until
from tests.support.tcp_proxy import proxy_to
from tests.support.typescript_clients import NEEDS_NODE, PACKAGE, JsError, Room, Wire

ID = "0b8f1c9e-6f0e-4a55-9d6b-2f0c7f5f1a11"
SECRET = "what-nobody-else-may-read"
CHANNEL = load_asyncapi()["channels"]["room"]
CLOSE_CODES = {row["code"]: row for row in CHANNEL["x-close-codes"]}

pytestmark = NEEDS_NODE


async def opened(wire: Wire, where: Any, name: str = "ann", **options: Any) -> Room:
    """Return a client that is in the room."""
    room = await wire.room_at(where, **{"token": token_of(name), **options})
    await room.open()
    return room


async def failure_of(coming: Any) -> JsError:
    with pytest.raises(JsError) as raised:
        await coming
    return raised.value


# -- saying and hearing


async def test_two_talk_and_acks_fit_the_messages(store: Store, wire: Wire) -> None:
    async with open_house(store) as house:
        await house.know("ann")
        await house.know("Ωρίων")
        anns, orions = await opened(wire, house), await opened(wire, house, "Ωρίων")
        first = await anns.send_message("γειά 👋", id=ID)
        second = await orions.send_message("hello\u2028\n")
        heard = [[await room.next_message() for _ in range(2)] for room in (anns, orions)]

    assert (first["id"], first["seq"], second["seq"]) == (ID, 1, 2)
    assert heard[0] == heard[1]
    assert [(m["sender"], m["id"], m["data"]["message"]) for m in heard[0]] == [
        ("ann", ID, "γειά 👋"),
        ("Ωρίων", second["id"], "hello\u2028\n"),
    ]


async def test_several_may_wait_for_their_answers_at_once_in_order(
    house: House, wire: Wire
) -> None:
    room = await opened(wire, house)
    acks = [room.say(str(n)) for n in range(200)]

    assert [(await ack)["seq"] for ack in acks] == list(range(1, 201))
    assert await room.texts(200) == [str(n) for n in range(200)]


async def test_no_more_wait_for_an_ack_than_the_relay_allows(wire: Wire) -> None:
    limits = replace(GENEROUS, unacked_messages=3)
    async with open_house(MemoryStore(), limits=limits) as house, proxy_to(house.port) as proxy:
        await house.know("ann")
        member = await house.join("listener")
        room = await opened(wire, proxy)
        proxy.answers.clear()
        acks = [room.say(str(n)) for n in range(10)]
        assert await member.messages(3) == ["0", "1", "2"]
        await member.nothing_more()
        proxy.answers.set()
        assert [(await ack)["seq"] for ack in acks] == list(range(1, 11))
        assert await room.texts(10) == [str(n) for n in range(10)]


@pytest.mark.parametrize("over", [0, 1])
async def test_a_text_over_the_limit_is_not_sent(over: int, wire: Wire) -> None:
    limits = replace(GENEROUS, message_bytes=10)
    async with open_house(MemoryStore(), limits=limits) as house:
        await house.know("ann")
        room = await opened(wire, house)
        if not over:
            assert (await room.send_message("é" * 5))["seq"] == 1
            return
        error = await failure_of(room.send_message("é" * 5 + "!"))

    assert (error.name, error.text) == (
        "TooLarge",
        "/data/message: 11 bytes, and limits.message_bytes is 10",
    )


async def test_a_limit_holds_for_what_is_said_before_the_welcome(wire: Wire) -> None:
    limits = replace(GENEROUS, message_bytes=10)
    async with open_house(MemoryStore(), limits=limits) as house:
        await house.know("ann")
        room = await wire.room_at(house, token=token_of("ann"))
        opening, said, fits = room.start("open"), room.say("x" * 11), room.say("x" * 10)
        await opening

        assert (await failure_of(said)).name == "TooLarge"
        assert (await fits)["seq"] == 1


async def test_a_frame_over_the_limit_is_not_sent_and_one_at_it_is(wire: Wire) -> None:
    limits = replace(GENEROUS, frame_bytes=1024)
    around = len('{"type":"message","id":"","after":0,"data":{"message":""}}') + len(ID)
    async with open_house(MemoryStore(), limits=limits) as house:
        await house.know("ann")
        room = await opened(wire, house)
        assert (await room.send_message("x" * (1024 - around), id=ID))["seq"] == 1
        # A quote is two bytes in JSON: the frame is over, the text is not.
        text = "x" * (1024 - around - 1) + '"'
        error = await failure_of(room.send_message(text, id=ID, after=0))

    assert (error.members["limit"], error.members["size"]) == ("frame_bytes", 1025)


async def test_what_the_relay_refuses_says_what_became_of_it(house: House, wire: Wire) -> None:
    room = await opened(wire, house)
    await room.send_message("first", id=ID)
    reused = await failure_of(room.send_message("second", id=ID))
    # The relay's limit falls behind the client's back.
    house.relay.reader._message_bytes = 3
    too_big = await failure_of(room.send_message("four"))

    assert [
        (e.name, e.members["code"], e.members["stored"], e.members["again"])
        for e in (reused, too_big)
    ] == [
        ("RelayError", "id-reused", "no", False),
        ("RelayError", "too-big", "no", False),
    ]
    assert reused.members["id"] == ID
    assert too_big.members["path"] == "/data/message"


async def test_who_is_too_fast_is_told_when_to_try_again(wire: Wire) -> None:
    limits = Limits(frames_burst=2, frames_per_s=1)
    async with open_house(MemoryStore(), limits=limits) as house:
        await house.know("ann")
        room = await opened(wire, house)
        for text in "ab":
            await room.send_message(text)
        error = await failure_of(room.send_message("c"))

    assert (error.members["code"], error.members["stored"]) == ("rate", "no")
    assert (error.members["again"], error.members["retryAfterS"]) == (True, 1)


@pytest.mark.parametrize(
    ("text", "options", "place"),
    [
        pytest.param("x", {"id": "no-uuid"}, "/id", id="no uuid"),
        pytest.param("x", {"id": ID.upper()}, "/id", id="in upper case"),
        pytest.param("x", {"after": -1}, "/after", id="before the beginning"),
        pytest.param("x", {"after": 2**53}, "/after", id="beyond every seq"),
        pytest.param("x", {"after": 1.5}, "/after", id="no whole number"),
        pytest.param("x", {"after": "1"}, "/after", id="a number as text"),
        pytest.param("x", {"after": True}, "/after", id="no number"),
        pytest.param("x", {"ifMembers": 0}, "/if_members", id="no version"),
        pytest.param(5, {}, "/data/message", id="no text"),
        pytest.param({"special": "undefined"}, {}, "/data/message", id="nothing"),
        pytest.param("\0" + SECRET, {}, "/data/message", id="U+0000"),
        pytest.param({"special": "half"}, {}, "/data/message", id="half a pair"),
    ],
)
async def test_what_is_against_the_contract_is_not_sent(
    house: House, wire: Wire, text: Any, options: dict[str, Any], place: str
) -> None:
    room = await opened(wire, house)
    error = await failure_of(room.send_message(text, **options))
    assert (await room.send_message("fine"))["seq"] == 1

    assert (error.name, error.members["place"]) == ("InvalidFrame", place)
    assert SECRET not in error.members["shown"]
    assert not error.members["hasCause"]


async def test_an_id_waits_for_one_answer_at_a_time(house: House, wire: Wire) -> None:
    async with proxy_to(house.port) as proxy:
        room = await opened(wire, proxy)
        proxy.answers.clear()
        first, second = room.say("x", id=ID), room.say("x", id=ID)
        assert "waits for an answer" in (await failure_of(second)).text
        proxy.answers.set()
        assert (await first)["seq"] == 1


# -- the open side of the contract


async def tell(house: House, text: str) -> None:
    """Let the relay send a frame of our making to everybody."""
    for connection in list(house.relay._connections):
        connection.write(text_frame(text.encode()))


async def test_unknown_frames_and_members_are_passed_over(house: House, wire: Wire) -> None:
    room = await opened(wire, house)
    await tell(house, '{"type":"of another day","seq":"x"}')
    await tell(house, '{"type":"head","seq":7,"more":{"and":"more"}}')
    said = {"type": "message", "id": ID, "seq": 1, "room": "chat", "sender": "bob", "more": 1}
    said |= {"sent_at": "2026-01-02T12:00:00.000Z", "data": {"message": "hi", "more": 2}}
    await tell(house, json.dumps(said))
    await tell(house, '{"type":"error","code":"of another day","detail":"sorry"}')
    await tell(house, '{"type":"member","event":"promoted","members_version":9}')

    frames = [await room.next() for _ in range(4)]

    del said["more"]
    assert frames == [
        {"type": "head", "seq": 7},
        said | {"data": {"message": "hi"}},
        {"type": "error", "code": "of another day", "detail": "sorry"},
        {"type": "member", "event": "promoted", "members_version": 9},
    ]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"type":"head"}', "/seq"),
        ('{"type":"head","seq":"7"}', "/seq"),
        ('{"type":"head","seq":-1}', "/seq"),
        ('{"type":"head","seq":1.5}', "/seq"),
        ("[]", ""),
        ('{"seq":1}', ""),
        (SECRET, ""),
    ],
)
async def test_a_relay_that_breaks_its_contract_is_left(
    house: House, wire: Wire, text: str, place: str
) -> None:
    room = await opened(wire, house)
    await tell(house, text)
    errors = [await failure_of(room.next()), await failure_of(room.send_message("x"))]

    for error in errors:
        assert (error.name, error.members["place"]) == ("BrokenFrame", place)
        assert SECRET not in error.members["shown"]
    assert (await room.get("state"))["name"] == "closed"
    await until(lambda: not house.relay._connections)


# -- the line is lost


@pytest.mark.parametrize("hangup", HANGUPS, ids=lambda hangup: str(hangup.code))
async def test_it_comes_back_after_a_close_code_as_the_contract_says(
    house: House, wire: Wire, hangup: Hangup
) -> None:
    row = CLOSE_CODES[hangup.code]
    assert (row["reason"], row["reconnect"]) == (hangup.reason, hangup.may_reconnect)
    room = await opened(wire, house)
    (connection,) = house.relay._connections
    connection.hang_up(hangup)
    if row["reconnect"]:
        assert (await room.next())["type"] == "welcome"
        assert (await room.send_message("back"))["seq"] == 1
        assert await room.get("isConnected")
    else:
        errors = [await failure_of(room.next()), await failure_of(room.send_message("back"))]
        for error in errors:
            told = [error.members[name] for name in ("code", "reason", "meaning")]
            assert (error.name, told) == (
                "RelayClosed",
                [row["code"], row["reason"], row["meaning"]],
            )
        assert not await room.get("isConnected")

    assert len(await room.pauses()) == (1 if row["reconnect"] else 0)


async def test_after_an_unknown_close_code_it_asks_again(house: House, wire: Wire) -> None:
    room = await opened(wire, house)
    (connection,) = house.relay._connections
    connection.hang_up(Hangup(4999, SECRET, may_reconnect=False))
    assert (await room.next())["type"] == "welcome"
    assert SECRET not in await room.do("shown")


async def test_a_session_that_ended_is_not_tried_again(house: House, wire: Wire) -> None:
    await house.know("eve", for_ms=1000)
    room = await opened(wire, house, "eve")
    house.wall = type(house.wall)(house.wall + 1000)
    error = await failure_of(room.next())

    assert error.text.startswith("4401 session-ended: The session expired")
    assert await room.pauses() == []


async def test_it_comes_back_when_the_relay_does(store: Store, wire: Wire) -> None:
    async with proxy_to(None) as proxy:
        async with open_house(store) as house:
            await house.know("ann")
            proxy.target = house.port
            room = await opened(wire, proxy)
            await room.send_message("before")
            assert await room.texts(1) == ["before"]
            await room.do("hold")
        # 1001, and then nobody there for three tries.
        proxy.target = None
        await room.do("release")
        await room.paused(4)
        async with open_house(store) as house:
            await house.know("ann")
            proxy.target = house.port
            back = await room.next()
            assert (back["type"], back["head"]) == ("welcome", 1)
            assert await room.get("welcome") == back
            assert (await room.send_message("after"))["seq"] == 2
            await room.close()

    assert (await room.pauses())[:4] == [500, 1000, 2000, 4000]


async def test_what_has_no_ack_is_sent_again_in_order_and_once(store: Store, wire: Wire) -> None:
    async with open_house(store) as house, proxy_to(house.port) as proxy:
        await house.know("ann")
        listener = await house.join("listener")
        room = await opened(wire, proxy)
        await room.send_message("0")
        proxy.answers.clear()
        acks = [room.say(str(n)) for n in range(1, 30)]
        # Some of them are stored, and nobody knows.
        assert await listener.messages(10) == [str(n) for n in range(10)]
        proxy.cut()
        acks += [room.say(str(n)) for n in range(30, 40)]

        assert [(await ack)["seq"] for ack in acks] == list(range(2, 41))
        assert await listener.messages(30) == [str(n) for n in range(10, 40)]
        await listener.nothing_more()
        assert await room.texts(40) == [str(n) for n in range(40)]
        whys = [state["why"]["message"] for state in await room.do("states") if "why" in state]
        assert whys == ["the connection broke off"]


async def test_what_is_said_while_there_is_no_line_is_said_then(house: House, wire: Wire) -> None:
    listener = await house.join("listener")
    async with proxy_to(house.port) as proxy:
        room = await opened(wire, proxy)
        await room.do("hold")
        proxy.cut()
        await room.paused()
        assert not await room.get("isConnected")
        acks = [room.say(str(n)) for n in range(20)]
        await room.do("release")
        assert await listener.messages(20) == [str(n) for n in range(20)]
        assert [(await ack)["seq"] for ack in acks] == list(range(1, 21))


async def test_a_store_that_does_not_answer_loses_nothing(wire: Wire) -> None:
    store = MemoryStore()
    async with open_house(store) as house:
        await house.know("ann")
        listener = await house.join("listener")
        room = await opened(wire, house)
        await room.do("hold")
        store.failure = StoreUnavailable()
        acks = [room.say(str(n)) for n in range(5)]
        await room.paused()
        store.failure = None
        await room.do("release")
        assert [(await ack)["seq"] for ack in acks] == [1, 2, 3, 4, 5]
        assert await listener.messages(5) == list("01234")


async def test_a_silent_line_is_a_lost_one(house: House, wire: Wire) -> None:
    async with proxy_to(house.port) as proxy:
        room = await opened(wire, proxy, silenceMs=100)
        proxy.answers.clear()
        await room.paused()
        proxy.answers.set()
        assert (await room.next())["type"] == "welcome"
        assert "nothing came for 0.1 s" in await room.do("shown")


async def test_a_line_that_speaks_is_not_a_lost_one(house: House, wire: Wire) -> None:
    room = await opened(wire, house, silenceMs=2000)
    loop = asyncio.get_running_loop()
    began = loop.time()
    while loop.time() - began < 3:
        await tell(house, head_frame(0).decode())
        await room.next()
        await asyncio.sleep(0.05)

    assert await room.pauses() == []


async def test_by_itself_it_waits_for_two_missing_heads(house: House, wire: Wire) -> None:
    """Fifty seconds: what the relay promises every twenty is missing twice, and half again."""
    source = (PACKAGE / "relay" / "room.ts").read_text("utf-8")

    assert "silenceMs = 50_000" in source


async def test_its_waiting_is_real_and_can_be_cut_short(wire: Wire) -> None:
    async with proxy_to(None) as proxy:
        slow = {"firstMs": 3_600_000, "capMs": 3_600_000}
        room = await wire.room_at(proxy, token="t", isTimed=True, backoff=slow)
        opening = room.start("open")
        state = await room.reaches("waiting")
        assert 0 <= state["delayMs"] <= 3_600_000
        assert proxy.accepted == 1
        async with open_house(MemoryStore()) as house:
            await house.know("ann")
            house.door.people["t"] = house.door.people[token_of("ann")]
            proxy.target = house.port
            await room.do("retryNow")
            assert (await opening)["username"] == "ann"
            await room.close()

    states = [state["name"] for state in await room.do("states")]
    assert states == ["connecting", "waiting", "connecting", "connected", "closed"]


async def test_nobody_there_is_said_after_so_many_tries(wire: Wire) -> None:
    async with proxy_to(None) as proxy:
        backoff = {"firstMs": 1000, "capMs": 3000, "attempts": 5}
        room = await wire.room_at(proxy, token="t", backoff=backoff)
        error = await failure_of(room.open())

    assert error.name == "RelayUnreachable"
    assert await room.pauses() == [1000, 2000, 3000, 3000]
    assert proxy.accepted == 5


# -- who it is


async def test_a_fresh_ticket_is_got_for_each_connect(house: House, wire: Wire) -> None:
    for ticket in ("ilo_t_1", "ilo_t_2"):
        house.door.people[ticket] = house.door.people[token_of("ann")]
    room = await wire.room_at(house, ticket=["ilo_t_1", None, "ilo_t_2"])
    await room.open()
    (connection,) = house.relay._connections
    connection.hang_up(HANGUPS[1])
    assert (await room.next())["type"] == "welcome"

    assert house.door.asked == [("ilo_t_1", "ticket"), ("ilo_t_2", "ticket")]
    assert len(await room.pauses()) == 2


async def test_what_gets_the_secret_may_fail_for_good(house: House, wire: Wire) -> None:
    room = await wire.room_at(house, ticket=[""])
    error = await failure_of(room.open())

    assert (error.name, error.text) == ("RangeError", "no such user")
    assert await room.pauses() == []


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"token": "a", "ticket": "b"},
        {"token": "a\r\nX: y" + SECRET},
        {"token": SECRET + "é"},
        {"ticket": SECRET + ",x"},
        {"ticket": 5},
        {"token": "t", "queueFrames": 0},
        {"token": "t", "queueFrames": 1.5},
    ],
)
async def test_wrong_options_are_refused_and_not_shown(more: dict[str, Any], wire: Wire) -> None:
    error = await failure_of(wire.room("ws://127.0.0.1:1", **more))

    assert error.name in ("TypeError", "RangeError")
    assert any(word in error.text for word in ("token", "ticket", "queue"))
    assert SECRET not in error.members["shown"]


@pytest.mark.parametrize("room", ["", "a b", "a/b", "../x", "a?b", "é", "a\n", "x" * 65, "~x", 5])
async def test_a_room_against_the_contract_is_refused(room: Any, wire: Wire) -> None:
    error = await failure_of(wire.room("ws://127.0.0.1:1", token="t", room=room))

    assert (error.name, error.members["place"]) == ("InvalidFrame", "room")


@pytest.mark.parametrize(
    "url",
    [
        "http://h:1",
        "ws://",
        "h:1",
        f"ws://h:1/{SECRET}",
        f"ws://h:1?token={SECRET}",
        f"ws://{SECRET}@h:1",
        f"ws://h:1#{SECRET}",
        f"ws://h:1#{SECRET}\n",
    ],
)
async def test_a_url_that_is_more_than_an_address_is_refused(url: str, wire: Wire) -> None:
    error = await failure_of(wire.room(url, token="t"))

    assert (error.name, "a relay's URL" in error.text) == ("TypeError", True)
    assert SECRET not in error.members["shown"]


async def test_nothing_secret_is_shown_by_a_console(house: House, wire: Wire) -> None:
    room = await opened(wire, house)
    ack = await room.send_message(SECRET)
    message = await room.next_message()
    await failure_of(room.send_message(SECRET + "!", id=ack["id"]))
    await room.do("sendHistory")
    (connection,) = house.relay._connections
    async with proxy_to(house.port) as proxy:
        held = await opened(wire, proxy)
        proxy.answers.clear()
        held.say(SECRET)
        held.start("sendSignal", {"key": SECRET})
        shown = [await held.do("shown"), await room.do("shown")]
    connection.hang_up(HANGUPS[1])
    await room.next()
    house.door.people.clear()
    refused = await wire.room_at(house, token=token_of("ann"), backoff={"attempts": 1})
    error = await failure_of(refused.open())
    shown += [await refused.do("shown"), await room.do("shown"), error.members["shown"]]

    # It is there, for who asks for it.
    assert message["data"]["message"] == SECRET
    assert "message: [Getter]" in shown[1]
    for secret in (SECRET, token_of("ann")):
        assert not [text for text in shown if secret in text]


# -- who does not read


async def test_nobody_takes_and_nothing_is_dropped(house: House, wire: Wire) -> None:
    slow = await opened(wire, house, queueFrames=8)
    bob = await opened(wire, house, "bob")
    acks = [bob.say(str(n)) for n in range(300)]
    for ack in acks:
        await ack
    await slow.reaches("behind")
    # It has left, and keeps no more than it may.
    await until(lambda: len(house.relay._connections) == 1)
    assert await bob.texts(300) == [str(n) for n in range(300)]

    assert await slow.texts(300) == [str(n) for n in range(300)]
    assert await slow.pauses() == []
    assert len([one for one in await slow.do("states") if one["name"] == "behind"]) > 10


async def test_who_awaits_an_answer_gets_it_behind_what_nobody_took(
    house: House, wire: Wire
) -> None:
    slow = await opened(wire, house, queueFrames=4)
    bob = await opened(wire, house, "bob")
    for n in range(20):
        await bob.send_message(str(n))
    await slow.reaches("behind")

    assert (await slow.send_message("20"))["seq"] == 21
    assert await slow.texts(21) == [str(n) for n in range(21)]


async def test_who_never_takes_is_told_so_and_still_loses_nothing(house: House, wire: Wire) -> None:
    slow = await opened(wire, house, queueFrames=2)
    bob = await opened(wire, house, "bob")
    for n in range(100):
        await bob.send_message(str(n))
    await slow.reaches("behind")
    error = await failure_of(slow.send_message("100"))

    assert (error.name, "behind frames that nobody takes" in error.text) == ("Unconfirmed", True)
    assert await slow.texts(100) == [str(n) for n in range(100)]


# -- the end


async def test_closing_ends_everything_and_says_goodbye(
    house: House, wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "potion")
    room = await opened(wire, house)
    await room.send_message("x")
    waiting = [room.start("next") for _ in range(3)]
    await room.close()
    await until(lambda: not house.relay._connections)

    # What had come can still be taken; then it is over.
    assert [(await one).get("done") for one in waiting] == [False, True, True]
    await room.close()
    assert (await failure_of(room.send_message("y"))).name == "ClientClosed"
    assert (await failure_of(room.open())).name == "ClientClosed"
    assert await room.next() is None
    codes = [vars(r).get("code") for r in caplog.records if r.getMessage() == "connection closed"]
    assert codes == [1000]


async def test_closing_tells_who_still_waits(house: House, wire: Wire) -> None:
    async with proxy_to(house.port) as proxy:
        room = await opened(wire, proxy, closeTimeoutMs=50)
        proxy.answers.clear()
        said, taken = room.say("x"), room.start("next")
        # The relay's goodbye does not come: it is not awaited for ever.
        await room.close()

        assert (await failure_of(said)).name == "Unconfirmed"
        assert (await taken)["done"] is True


@pytest.mark.parametrize("moment", ["connecting", "waiting"])
async def test_closing_while_there_is_no_line_is_at_once(
    house: House, wire: Wire, moment: str
) -> None:
    room = await wire.room_at(house, token=token_of("ann"), isTimed=True, closeTimeoutMs=50)
    if moment == "connecting":
        house.door.opens = asyncio.Event()
    else:
        house.door.failure = ApiUnavailable("away")
    opening, said = room.start("open"), room.say("x")
    if moment == "connecting":
        await house.door.was_asked.wait()
    else:
        await room.reaches("waiting")
    await room.close()

    assert (await failure_of(opening)).name == "ClientClosed"
    assert (await failure_of(said)).name == "ClientClosed"
    if house.door.opens is not None:
        house.door.opens.set()
    await until(lambda: not house.relay._connections)


async def test_before_it_is_opened_nothing_works(wire: Wire) -> None:
    room = await wire.room("ws://127.0.0.1:1", token="t")

    for verb, *given in (
        ("sendMessage", "x"),
        ("sendSignal", {}),
        ("next",),
        ("get", "welcome"),
        ("get", "cursor"),
    ):
        assert (await failure_of(room.do(verb, *given))).name == "ClientClosed"
    assert (await room.get("state")) == {"name": "new"}
    await room.close()
    assert (await failure_of(room.open())).name == "ClientClosed"


async def test_two_clients_of_one_program_do_not_meet(house: House, wire: Wire) -> None:
    tea = await opened(wire, house, room="tea")
    chat = await opened(wire, house)
    await tea.send_message("in tea")
    await chat.send_message("in chat")

    assert (await tea.texts(1), await chat.texts(1)) == (["in tea"], ["in chat"])
