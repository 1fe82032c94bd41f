"""The generated TypeScript client comes back: where to, what it repeats, what it never does."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.cursor_cases import BAD_CURSORS, HERE, NO_MESSAGES
from tests.support.relay import until
from tests.support.relay_stand_in import (
    EPOCH,
    OTHER_EPOCH,
    Line,
    RoomKeeper,
    StandIn,
    gap,
    id_of,
    message,
    room_keeper,
    stand_in,
    welcome,
)
from tests.support.tcp_proxy import Cut, TcpProxy, proxy_to
from tests.support.typescript_clients import NEEDS_NODE, Driver, JsError, Room, Wire

ID = id_of(1)
SECRET = "what-nobody-else-may-read"

pytestmark = NEEDS_NODE


@pytest.fixture
async def relay() -> AsyncIterator[StandIn]:
    async with stand_in() as opened:
        yield opened


@pytest.fixture
async def wire(driver: Driver, relay: StandIn) -> AsyncIterator[Wire]:
    async with driver.wire() as opened:
        yield opened


def place(epoch: str, seq: int) -> dict[str, Any]:
    return {"epoch": epoch, "seq": seq}


class Opening:
    """A client in the room of a stand-in, and the relay's side of its first line."""

    def __init__(self, wire: Wire, relay: StandIn) -> None:
        self._wire = wire
        self._relay = relay

    async def __call__(
        self, *frames: Any, options: dict[str, Any] | None = None, **members: Any
    ) -> tuple[Room, Line]:
        room = await self._wire.room_at(self._relay, token="t", **(options or {}))
        opened = room.start("open")
        line = await self._relay.line(**members)
        assert (await opened)["type"] == "welcome"
        await line.say(*frames)
        return room, line


@pytest.fixture
def opening(wire: Wire, relay: StandIn) -> Opening:
    return Opening(wire, relay)


async def failure_of(coming: Any) -> JsError:
    with pytest.raises(JsError) as raised:
        await coming
    return raised.value


# -- the cursor


async def test_without_a_cursor_it_asks_for_nothing_and_then_goes_on_from_the_head(
    opening: Opening, relay: StandIn
) -> None:
    room, line = await opening(head=41)
    assert line.query == {}
    assert await room.get("cursor") == place(EPOCH, 41)

    line.cut()
    assert (await relay.line(head=41)).query == HERE


async def test_it_asks_for_what_comes_after_the_newest_message(
    opening: Opening, relay: StandIn
) -> None:
    room, line = await opening(message(42), message(43), head=41)
    assert await room.seqs(2) == [42, 43]

    for newest in (44, 45):
        line.cut()
        line = await relay.line(message(newest), head=newest)
        assert line.query == {"since": str(newest - 1), "epoch": EPOCH}
        assert await room.seqs(1) == [newest]


@pytest.mark.parametrize("frame", NO_MESSAGES)
async def test_only_messages_and_gaps_move_the_cursor(
    opening: Opening, relay: StandIn, frame: dict[str, Any]
) -> None:
    _, line = await opening(frame, message(42), head=41)
    line.cut()

    assert (await relay.line(head=42)).query == {"since": "42", "epoch": EPOCH}


async def test_no_ack_and_no_history_moves_the_cursor(opening: Opening, relay: StandIn) -> None:
    room, line = await opening(head=41)
    said, asked = room.say("x"), room.start("sendHistory", {"before": 42})
    ids = {frame["type"]: frame["id"] for frame in [await line.hear() for _ in "ab"]}
    await line.ack(42, ids["message"])
    page = [message(seq) for seq in (39, 40, 41)]
    await line.say({"type": "history", "id": ids["history"], "messages": page, "more": True})
    assert ((await said)["seq"], (await asked)["messages"]) == (42, page)
    line.cut()

    assert (await relay.line(message(42), head=42)).query == HERE
    assert await room.seqs(1) == [42]


async def test_a_given_cursor_is_asked_for_at_the_first_connect(opening: Opening) -> None:
    room, line = await opening(message(42), head=99, options={"since": 41, "epoch": EPOCH})

    assert line.query == HERE
    assert await room.seqs(1) == [42]
    assert await room.get("cursor") == place(EPOCH, 42)


async def test_from_the_beginning_needs_no_epoch_and_has_one_when_it_comes_back(
    opening: Opening, relay: StandIn
) -> None:
    room, line = await opening(head=3, options={"since": 0})
    assert line.query == {"since": "0"}
    assert await room.get("cursor") == place(EPOCH, 0)

    line.cut()
    assert (await relay.line(head=3)).query == {"since": "0", "epoch": EPOCH}


@pytest.mark.parametrize(
    ("given", "at"),
    [*BAD_CURSORS, pytest.param({"since": None, "epoch": EPOCH}, "since", id="null")],
)
async def test_a_cursor_against_the_contract_is_refused(
    wire: Wire, given: dict[str, Any], at: str
) -> None:
    error = await failure_of(wire.room("ws://127.0.0.1:1", token="t", **given))

    assert (error.name, error.members["place"]) == ("InvalidFrame", at)


async def test_the_shown_cursor_is_of_what_was_taken_and_the_asked_one_of_what_came(
    opening: Opening, relay: StandIn
) -> None:
    room, line = await opening(*map(message, (42, 43, 44)), head=41)
    assert await room.seqs(1) == [42]
    assert await room.get("cursor") == place(EPOCH, 42)

    line.cut()
    assert (await relay.line(head=44)).query == {"since": "44", "epoch": EPOCH}
    assert await room.get("cursor") == place(EPOCH, 42)
    assert await room.seqs(2) == [43, 44]
    assert await room.get("cursor") == place(EPOCH, 44)


async def test_who_keeps_the_shown_cursor_loses_nothing_in_a_crash(wire: Wire) -> None:
    async with room_keeper() as keeper:
        room = await wire.room_at(keeper, token="t", since=0)
        await room.open()
        for n in range(5):
            await room.send_message(str(n))
        assert await room.seqs(2) == [1, 2]
        kept = await room.get("cursor")
        await room.close()

        after = {"since": kept["seq"], "epoch": kept["epoch"]}
        room = await wire.room_at(keeper, token="t", **after)
        await room.open()
        assert await room.seqs(3) == [3, 4, 5]


# -- gaps


@pytest.mark.parametrize(
    ("told", "epoch", "at"),
    [
        (gap("retention", 42, 60), EPOCH, place(EPOCH, 60)),
        (gap("ahead", 31, 41), EPOCH, place(EPOCH, 30)),
        (gap("epoch", 7, 12), OTHER_EPOCH, place(OTHER_EPOCH, 6)),
        (gap("epoch", 13, 12), OTHER_EPOCH, place(OTHER_EPOCH, 12)),
    ],
    ids=["retention", "ahead", "epoch", "epoch of which nothing is kept"],
)
async def test_a_gap_is_told_and_moves_the_cursor(
    opening: Opening, relay: StandIn, told: dict[str, Any], epoch: str, at: dict[str, Any]
) -> None:
    options = {"since": 41, "epoch": EPOCH}
    room, line = await opening(told, options=options, epoch=epoch, head=60)
    assert await room.next() == told
    assert await room.get("cursor") == at

    await line.say(message(at["seq"] + 1))
    assert await room.seqs(1) == [at["seq"] + 1]
    line.cut()
    again = (await relay.line(epoch=epoch, head=60)).query
    assert again == {"since": str(at["seq"] + 1), "epoch": epoch}


async def test_until_the_gap_of_an_epoch_is_told_the_old_cursor_is_asked_for(
    opening: Opening, relay: StandIn
) -> None:
    options = {"since": 41, "epoch": EPOCH}
    room, line = await opening(options=options, epoch=OTHER_EPOCH, head=3)
    assert await room.get("cursor") == place(EPOCH, 41)
    line.cut()

    assert (await relay.line(epoch=OTHER_EPOCH, head=3)).query == HERE


async def test_in_a_new_epoch_what_was_shown_before_does_not_come_again(
    opening: Opening, relay: StandIn
) -> None:
    room, line = await opening(message(1), message(2), message(3))
    assert await room.seqs(3) == [1, 2, 3]
    line.cut()

    old = [message(5, id=id_of(1)), message(6, id=id_of(2), sender="cat")]
    new = [*old, message(7, id=id_of(3)), message(8), message(9, id=id_of(2))]
    line = await relay.line(gap("epoch", 5, 9), *new, epoch=OTHER_EPOCH, head=9)
    # The same id of another sender is another message.
    assert [(await room.next())["type"] for _ in range(2)] == ["welcome", "gap"]
    assert await room.seqs(2) == [6, 8]
    await line.say({"type": "head", "seq": 9})
    assert (await room.next())["type"] == "head"
    assert await room.get("cursor") == place(OTHER_EPOCH, 9)
    line.cut()
    again = (await relay.line(epoch=OTHER_EPOCH)).query
    assert again == {"since": "9", "epoch": OTHER_EPOCH}


async def test_a_repeat_behind_what_nobody_took_does_not_move_the_shown_cursor(
    opening: Opening,
) -> None:
    frames = [message(1), message(2), message(3, id=id_of(1)), {"type": "head", "seq": 3}]
    room, line = await opening(*frames)
    # An answer is behind all of it.
    said = room.say("x", id=ID)
    await line.ack(4, (await line.hear())["id"])
    await said
    assert await room.get("cursor") == place(EPOCH, 0)

    assert await room.seqs(1) == [1]
    assert await room.get("cursor") == place(EPOCH, 1)
    assert await room.seqs(1) == [2]
    assert await room.get("cursor") == place(EPOCH, 3)
    assert (await room.next())["type"] == "head"


async def test_ten_thousand_shown_messages_are_known_again(opening: Opening) -> None:
    room, line = await opening(options={"queueFrames": 20_000})
    await line.say(*map(message, range(1, 10_002)))
    again = [message(10_002, id=id_of(2)), message(10_003, id=id_of(1)), message(10_004)]
    await line.say(*again)
    seqs = await room.seqs(10_003)

    # The first was forgotten when the last but three came.
    assert seqs == [*range(1, 10_002), 10_003, 10_004]


async def test_what_was_acked_and_is_not_in_the_new_epoch_is_told_as_missing(
    opening: Opening, relay: StandIn
) -> None:
    room, line = await opening(head=10)
    for seq in range(11, 16):
        said = room.say(str(seq), id=id_of(seq))
        await line.ack(seq, (await line.hear())["id"])
        await said
    assert await room.get("missing") == []
    line.cut()

    # The backup had 11 and 12; 11 is not kept any more, and somebody said 14 again.
    kept = [message(12, id=id_of(12), sender="ann"), message(13, id=id_of(99))]
    kept += [message(14, id=id_of(14), sender="ann"), message(15, id=id_of(15))]
    await relay.line(gap("epoch", 12, 15), *kept, epoch=OTHER_EPOCH, head=15)
    assert [(await room.next())["type"] for _ in range(2)] == ["welcome", "gap"]
    assert await room.seqs(4) == [12, 13, 14, 15]
    assert await room.get("missing") == [id_of(13), id_of(15)]


async def test_what_is_acked_in_the_new_epoch_is_not_missing(
    opening: Opening, relay: StandIn
) -> None:
    room, line = await opening()
    first = room.say("a", id=id_of(1))
    await line.ack(1, (await line.hear())["id"])
    await first
    line.cut()

    line = await relay.line(epoch=OTHER_EPOCH)
    second = room.say("b", id=id_of(2))
    await line.ack(1, (await line.hear())["id"])
    await second
    await line.say(gap("epoch", 1, 0))
    assert [(await room.next())["type"] for _ in range(2)] == ["welcome", "gap"]
    assert await room.get("missing") == [id_of(1)]
    first = room.say("a", id=id_of(1))
    await line.ack(2, (await line.hear())["id"])
    await first
    assert await room.get("missing") == []


# -- what has no answer


async def test_what_has_no_ack_is_sent_again_as_it_was_though_more_was_seen(
    opening: Opening, relay: StandIn
) -> None:
    room, line = await opening(head=41)
    acks = [room.say(str(n)) for n in range(3)]
    said = [await line.hear() for _ in range(3)]
    await line.say(message(42), message(43))
    assert await room.seqs(2) == [42, 43]
    line.cut()
    line = await relay.line(head=50)
    again = [await line.hear() for _ in range(3)]
    for number, frame in enumerate(again):
        await line.ack(60 + number, frame["id"])

    assert [(await ack)["seq"] for ack in acks] == [60, 61, 62]
    assert [frame["after"] for frame in said] == [41, 41, 41]
    assert again == said


async def test_in_another_epoch_it_is_sent_again_in_order_after_nothing(
    opening: Opening, relay: StandIn
) -> None:
    room, line = await opening(head=41)
    acks = [room.say(str(n)) for n in range(3)]
    said = [await line.hear() for _ in range(3)]
    for _ in range(2):
        line.cut()
        line = await relay.line(epoch=OTHER_EPOCH, head=50)
        again = [await line.hear() for _ in range(3)]
        assert again == [frame | {"after": 0} for frame in said]
    for number, frame in enumerate(again):
        await line.ack(60 + number, frame["id"])
    assert [(await ack)["seq"] for ack in acks] == [60, 61, 62]


async def test_a_message_of_an_id_made_now_comes_after_the_head(opening: Opening) -> None:
    room, line = await opening(head=41, options={"since": 10, "epoch": EPOCH})
    made = room.say("new")
    new = await line.hear()
    await line.ack(42, new["id"])
    await made
    # It may have been said before a crash: it is looked for behind the cursor.
    given = room.say("old", id=id_of(7))
    old = await line.hear()
    await line.ack(20, old["id"])
    await given

    assert (new["after"], old["after"]) == (41, 10)


async def test_what_is_unknown_to_be_stored_keeps_its_place(
    opening: Opening, relay: StandIn
) -> None:
    room, line = await opening()
    acks = [room.say(str(n)) for n in range(3)]
    said = [await line.hear() for _ in range(3)]
    failure = {"type": "error", "code": "unavailable", "detail": "late", "id": said[1]["id"]}
    await line.ack(1, said[0]["id"])
    await line.say(failure)
    line.cut()
    line = await relay.line()
    assert [await line.hear() for _ in range(2)] == said[1:]
    for number, frame in enumerate(said[1:], start=2):
        await line.ack(number, frame["id"])

    assert [(await ack)["seq"] for ack in acks] == [1, 2, 3]


async def test_of_an_unknown_error_code_nothing_is_promised(opening: Opening) -> None:
    room, line = await opening()
    said = room.say("x", id=ID)
    await line.hear()
    await line.say({"type": "error", "code": "of another day", "detail": "sorry", "id": ID})
    error = await failure_of(said)

    told = [error.members[name] for name in ("code", "stored", "again")]
    assert (error.name, told) == ("RelayError", ["of another day", "unknown", False])


# -- a relay that is wrong


@pytest.mark.parametrize("seq", [41, 40, 1])
async def test_what_is_at_or_before_the_cursor_is_not_shown(opening: Opening, seq: int) -> None:
    # With an id that was never shown: the seq alone tells.
    room, _ = await opening(message(seq, id=id_of(99)), message(42), head=41)

    assert await room.seqs(1) == [42]


async def test_before_a_hole_it_comes_back_and_never_shows_what_is_behind(
    opening: Opening, relay: StandIn
) -> None:
    room, _ = await opening(message(42), message(44), head=41)
    for _ in range(3):
        line = await relay.line(message(44), head=44)
        assert line.query == {"since": "42", "epoch": EPOCH}
    await relay.line(message(43), message(44), head=44)
    assert await room.seqs(3) == [42, 43, 44]

    # Each time more patiently.
    assert await room.pauses() == [500, 1000, 2000, 4000]


@pytest.mark.parametrize(
    "frame",
    [message(42), gap("retention", 42, 50), gap("ahead", 31, 41)],
    ids=["message", "retention", "ahead"],
)
async def test_in_another_epoch_without_a_gap_it_comes_back(
    opening: Opening, relay: StandIn, frame: dict[str, Any]
) -> None:
    options = {"since": 41, "epoch": EPOCH}
    room, _ = await opening(frame, options=options, epoch=OTHER_EPOCH, head=50)
    line = await relay.line(gap("epoch", 1, 1), message(1), epoch=OTHER_EPOCH, head=1)

    assert line.query == HERE
    kinds = [(await room.next())["type"] for _ in range(3)]
    assert kinds == ["welcome", "gap", "message"]


async def test_the_first_frame_has_to_be_a_welcome(wire: Wire, relay: StandIn) -> None:
    room = await wire.room_at(relay, token="t")
    opened = room.start("open")
    line = await relay._lines.get()
    await line.say({"type": "head", "seq": 1})

    assert (await failure_of(opened)).text.endswith("the first frame has to be a welcome")
    await line.until_over()


async def test_who_says_nothing_at_first_is_left(wire: Wire, relay: StandIn) -> None:
    room = await wire.room_at(relay, token="t", openTimeoutMs=50, backoff={"attempts": 2})
    error = await failure_of(room.open())

    assert (error.name, error.text) == ("RelayUnreachable", "the relay does not answer in time")
    assert len(await room.pauses()) == 1


# -- a lost tail


async def test_a_tail_that_does_not_come_is_asked_for(opening: Opening, relay: StandIn) -> None:
    room, line = await opening(head=41, options={"silenceMs": 200})
    telling = asyncio.create_task(line.say_on({"type": "head", "seq": 43}))
    came = await relay.line(message(42), message(43), head=43)
    telling.cancel()

    assert came.query == HERE
    assert (await room.next_message())["seq"] == 42


async def test_a_head_that_is_reached_is_no_lost_tail(opening: Opening) -> None:
    room, line = await opening(head=41, options={"silenceMs": 2000})
    telling = asyncio.create_task(line.say_on({"type": "head", "seq": 41}))
    await asyncio.sleep(3)
    telling.cancel()

    assert await room.pauses() == []


# -- the members


async def test_the_newest_version_of_the_members_is_known(opening: Opening, relay: StandIn) -> None:
    room, line = await opening(members_version=3)
    assert await room.get("membersVersion") == 3
    for version in (5, 4):
        await line.say({"type": "member", "members_version": version})
        await room.next()
        assert await room.get("membersVersion") == 5

    line.cut()
    line = await relay.line(members_version=4)
    assert (await room.next())["type"] == "welcome"
    assert await room.get("membersVersion") == 5
    line.cut()
    await relay.line(epoch=OTHER_EPOCH, members_version=2)
    assert (await room.next())["type"] == "welcome"
    assert await room.get("membersVersion") == 2


async def test_what_is_said_for_other_members_is_refused(opening: Opening) -> None:
    room, line = await opening(members_version=3)
    said = room.say("x", id=ID, ifMembers=await room.get("membersVersion"))
    heard = await line.hear()
    failure = {"type": "error", "code": "members-changed", "detail": "others", "id": ID}
    await line.say({"type": "member", "members_version": 4}, failure)
    error = await failure_of(said)

    assert heard["if_members"] == 3
    told = [error.members[name] for name in ("code", "stored", "again")]
    assert told == ["members-changed", "no", False]
    assert await room.get("membersVersion") == 4


# -- looking back


def page(id: str, *seqs: int, more: bool) -> dict[str, Any]:
    return {"type": "history", "id": id, "messages": [*map(message, seqs)], "more": more}


async def test_history_is_the_answer_and_not_among_the_frames(opening: Opening) -> None:
    room, line = await opening(head=41)
    asking = room.start("sendHistory", {"before": 10, "limit": 3})
    asked = await line.hear()
    await line.say(message(42), page(asked["id"], 7, 8, 9, more=True))
    answer = await asking

    assert asked == {"type": "history", "id": asked["id"], "before": 10, "limit": 3}
    assert ([one["seq"] for one in answer["messages"]], answer["more"]) == ([7, 8, 9], True)
    await line.say(message(43))
    assert await room.seqs(2) == [42, 43]


async def test_without_options_the_relay_decides_what_the_newest_are(opening: Opening) -> None:
    room, line = await opening()
    asking = room.start("sendHistory")
    asked = await line.hear()
    await line.say(page(asked["id"], more=False))

    assert asked == {"type": "history", "id": asked["id"]}
    assert (await asking)["messages"] == []


async def test_a_question_without_an_answer_is_asked_again_when_it_comes_back(
    opening: Opening, relay: StandIn
) -> None:
    room, line = await opening(head=41)
    asking = room.start("sendHistory", {"before": 2})
    asked = await line.hear()
    line.cut()
    line = await relay.line(head=41)
    assert await line.hear() == asked
    await line.say(page(asked["id"], 1, more=False))
    assert [one["seq"] for one in (await asking)["messages"]] == [1]

    # Nobody awaits it a second time, and nobody is told.
    await line.say(page(asked["id"], 1, more=False), message(42))
    assert (await room.next())["type"] == "welcome"
    assert (await room.next())["seq"] == 42


@pytest.mark.parametrize(
    ("given", "at"),
    [
        ({"before": 0}, "/before"),
        ({"limit": 0}, "/limit"),
        ({"limit": 201}, "/limit"),
        ({"limit": "3"}, "/limit"),
        ({"id": ID.upper() + "X"}, "/id"),
    ],
)
async def test_a_question_against_the_contract_is_not_sent(
    opening: Opening, given: dict[str, Any], at: str
) -> None:
    room, _ = await opening()
    error = await failure_of(room.do("sendHistory", given))

    assert (error.name, error.members["place"]) == ("InvalidFrame", at)


# -- signals


async def test_a_signal_is_sent_as_it_is_and_nobody_answers(opening: Opening) -> None:
    said = {"typing": True, "to": ["Ωρίων", None, {"deep": 1.5}], "__proto__": {"x": 1}}
    room, line = await opening()
    assert await room.do("sendSignal", said) is None

    assert await line.hear() == {"type": "signal", "data": said}


async def test_signals_of_others_are_heard_and_show_no_secret(opening: Opening) -> None:
    signal = {"type": "signal", "sender": "bob", "data": {"key": SECRET}}
    room, _ = await opening(signal)

    assert await room.next() == signal
    assert SECRET not in await room.do("shown")


@pytest.mark.parametrize("over", [0, 1])
async def test_a_signal_over_the_limit_is_not_sent(opening: Opening, over: int) -> None:
    limits = welcome()["limits"] | {"signal_bytes": 20}
    # Without white space, and in UTF-8: {"a":"éééééé"} are 20 bytes.
    data = {"a": "é" * 6 + "!" * over}
    room, line = await opening(limits=limits)
    if not over:
        await room.do("sendSignal", data)
        assert (await line.hear())["data"] == data
        return
    error = await failure_of(room.do("sendSignal", data))

    assert (error.name, error.members["place"], error.members["size"]) == ("TooLarge", "/data", 21)


@pytest.mark.parametrize(
    "data",
    [
        *({"special": name} for name in ("set", "date", "function", "hole", "self", "bigint")),
        {"special": "NaN"},
        {"special": "undefined"},
        {"a": "\0" + SECRET},
        {"\0" + SECRET: 1},
        [SECRET],
        SECRET,
        None,
    ],
    ids=str,
)
async def test_what_is_no_json_object_is_no_signal(opening: Opening, data: Any) -> None:
    room, line = await opening()
    error = await failure_of(room.do("sendSignal", data))
    await room.do("sendSignal", {})
    assert (await line.hear())["data"] == {}

    assert (error.name, error.members["place"].startswith("/data")) == ("InvalidFrame", True)
    assert SECRET not in error.members["shown"]
    assert not error.members["hasCause"]


# -- everything at once


@pytest.mark.parametrize("seed", range(12))
async def test_cut_at_any_byte_everything_is_said_and_heard_once_and_in_order(
    driver: Driver, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311  # it makes no secret
    texts = [str(n) * dice.choice((1, 40, 400)) for n in range(60)]
    async with room_keeper() as keeper, proxy_to(keeper.port) as proxy, driver.wire() as wire:
        proxy.next_cut = lambda: cut_anywhere(keeper, proxy, dice)
        queue = dice.choice((1, 8, 256))
        room = await wire.room_at(proxy, token="t", queueFrames=queue, silenceMs=2000, since=0)
        opened = room.start("open")
        acks = []
        for text in texts:
            acks.append(room.say(text))
            await asyncio.sleep(dice.choice((0, 0, 0.002)))
        heard = await room.texts(len(texts))
        assert [(await ack)["seq"] for ack in acks] == list(range(1, len(texts) + 1))
        await opened

        assert heard == texts
        assert proxy.cuts > 3
        # Nothing came twice: what comes next is new.
        await room.send_message("the end")
        assert (await room.next_message())["data"]["message"] == "the end"


def cut_anywhere(keeper: RoomKeeper, proxy: TcpProxy, dice: random.Random) -> Cut | None:
    """Let some bytes through, of any frame, and cut; eight times."""
    if proxy.cuts >= 8:
        return None
    # A handshake takes some 200 bytes of each side, a welcome 800.
    from_server = len(keeper.messages) >= 60 or dice.random() < 0.5
    return Cut(from_server, dice.randrange(1, 2500 if from_server else 1500), reset=False)


async def test_with_the_last_client_the_sockets_are_gone(driver: Driver) -> None:
    async with room_keeper() as keeper, proxy_to(keeper.port) as proxy:
        async with driver.wire() as wire:
            room = await wire.room_at(proxy, token="t")
            await room.open()
            assert proxy._open
        await until(lambda: not proxy._open)
