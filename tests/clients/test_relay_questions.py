"""The generated client of the relay looks back, signals, and says things for known members."""

import asyncio
from typing import Any

import pytest
from ilo_relay import InvalidFrame, MessageOut, RelayError, RoomClient, SignalOut, TooLarge, Welcome
from pydantic import JsonValue

from tests.support.relay_stand_in import EPOCH, StandIn, id_of, message, stand_in, welcome
from tests.support.room_clients import client_of, next_of
from tests.support.websocket import WAIT_S

ID = id_of(1)
SECRET = "what-nobody-else-may-read"


async def opened(relay: StandIn, **members: Any) -> tuple[RoomClient, Any]:
    """Return a client in the room, until the relay is gone, and the relay's side of its line."""
    room = client_of(relay)
    relay.guests.push_async_callback(room.close)
    async with asyncio.timeout(WAIT_S), asyncio.TaskGroup() as tasks:
        tasks.create_task(room.__aenter__())
        line = tasks.create_task(relay.line(**members))
    return room, line.result()


def page(id: str, *seqs: int, more: bool) -> dict[str, Any]:
    return {"type": "history", "id": id, "messages": [*map(message, seqs)], "more": more}


# -- looking back


async def test_history_is_the_answer_and_not_among_the_frames() -> None:
    async with stand_in() as relay:
        room, line = await opened(relay, head=41)
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(room.send_history(before=10, limit=3))
            asked = await line.hear()
            await line.say(message(42), page(asked["id"], 7, 8, 9, more=True))
        answer = asking.result()

        assert asked == {"type": "history", "id": asked["id"], "before": 10, "limit": 3}
        assert ([one.seq for one in answer.messages], answer.more) == ([7, 8, 9], True)
        await line.say(message(43))
        assert [(await next_of(room)).seq for _ in range(2)] == [42, 43]


async def test_without_arguments_the_relay_decides_what_the_newest_are() -> None:
    async with stand_in() as relay:
        room, line = await opened(relay)
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(room.send_history(id=ID))
            assert await line.hear() == {"type": "history", "id": ID}
            await line.say(page(ID, more=False))

        assert asking.result().messages == []


async def test_a_question_without_an_answer_is_asked_again_when_it_comes_back() -> None:
    async with stand_in() as relay:
        room, line = await opened(relay, head=41)
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(room.send_history(before=2))
            asked = await line.hear()
            line.cut()
            line = await relay.line(head=41)
            assert await line.hear() == asked
            await line.say(page(asked["id"], 1, more=False))

        assert [one.seq for one in asking.result().messages] == [1]
        # Nobody awaits it a second time, and nobody is told.
        await line.say(page(asked["id"], 1, more=False), message(42))
        assert isinstance(await next_of(room), Welcome)
        assert (await next_of(room)).seq == 42


async def test_looking_back_may_be_refused() -> None:
    async with stand_in() as relay:
        room, line = await opened(relay)
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(refusal_of(room.send_history(id=ID)))
            await line.hear()
            await line.say({"type": "error", "code": "rate", "detail": "slower", "id": ID})

        assert (asking.result().code, asking.result().again) == ("rate", True)


async def refusal_of(sending: Any) -> RelayError:
    with pytest.raises(RelayError) as raised:
        await sending
    return raised.value


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"before": 0}, "/before"),
        ({"limit": 0}, "/limit"),
        ({"limit": 201}, "/limit"),
        ({"limit": "3"}, "/limit"),
        ({"id": ID.upper() + "X"}, "/id"),
    ],
)
async def test_a_question_against_the_contract_is_not_sent(
    given: dict[str, Any], place: str
) -> None:
    async with stand_in() as relay:
        room, _ = await opened(relay)
        with pytest.raises(InvalidFrame) as raised:
            await room.send_history(**given)

    assert raised.value.place == place


# -- signals


async def test_a_signal_is_sent_as_it_is_and_nobody_answers() -> None:
    said: dict[str, JsonValue] = {"typing": True, "to": ["Ωρίων", None, {"deep": 1.5}]}
    async with stand_in() as relay:
        room, line = await opened(relay)
        async with asyncio.timeout(WAIT_S):
            await room.send_signal(said)

        assert await line.hear() == {"type": "signal", "data": said}


async def test_signals_of_others_can_be_heard_alone_and_show_no_secret() -> None:
    async with stand_in() as relay:
        room, line = await opened(relay)
        signal = {"type": "signal", "sender": "bob", "data": {"key": SECRET}}
        await line.say(message(1), signal)
        async with asyncio.timeout(WAIT_S):
            heard = await anext(room.signals())

    assert isinstance(heard, SignalOut)
    assert (heard.sender, heard.data) == ("bob", {"key": SECRET})
    assert SECRET not in repr(heard)


@pytest.mark.parametrize("over", [0, 1])
async def test_a_signal_over_the_limit_is_not_sent(over: int) -> None:
    limits = welcome()["limits"] | {"signal_bytes": 20}
    # Without white space, and in UTF-8: {"a":"éééééé"} are 20 bytes.
    data: dict[str, JsonValue] = {"a": "é" * 6 + "!" * over}
    async with stand_in() as relay:
        room, line = await opened(relay, limits=limits)
        if not over:
            await room.send_signal(data)
            assert (await line.hear())["data"] == data
            return
        with pytest.raises(TooLarge, match=r"limits\.signal_bytes is 20") as raised:
            await room.send_signal(data)

    assert (raised.value.place, raised.value.size) == ("/data", 21)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param({"a": {SECRET}}, id="a set"),
        pytest.param({"a": "\ud800" + SECRET}, id="half a pair"),
        pytest.param({"a": "\0" + SECRET}, id="U+0000"),
        pytest.param([SECRET], id="no object"),
        pytest.param({1: SECRET}, id="a number for a name"),
        pytest.param({"a": float("nan")}, id="NaN"),
    ],
)
async def test_what_is_no_json_object_is_no_signal(data: Any) -> None:
    async with stand_in() as relay:
        room, line = await opened(relay)
        with pytest.raises(InvalidFrame) as raised:
            await room.send_signal(data)
        await room.send_signal({})
        assert (await line.hear())["data"] == {}

    assert raised.value.place.startswith("/data")
    assert SECRET not in str(raised.value)
    assert raised.value.__context__ is None


# -- for known members


async def test_what_is_said_for_other_members_is_refused() -> None:
    async with stand_in() as relay:
        room, line = await opened(relay, members_version=3)
        async with asyncio.TaskGroup() as tasks:
            saying = room.send_message("x", id=ID, if_members=room.members_version)
            refused = tasks.create_task(refusal_of(saying))
            said = await line.hear()
            failure = {"type": "error", "code": "members-changed", "detail": "others", "id": ID}
            await line.say({"type": "member", "members_version": 4}, failure)
        error = refused.result()

        assert said["if_members"] == 3
        assert (error.code, error.stored, error.again) == ("members-changed", "no", False)
        assert room.members_version == 4


async def test_a_newer_relay_may_tell_of_events_that_are_not_known_here() -> None:
    async with stand_in() as relay:
        room, line = await opened(relay)
        told = {"type": "member", "event": "promoted", "username": "bob", "members_version": 9}
        await line.say(told, {"type": "presence", "event": "away", "online": 1}, message(1))
        frames = [await next_of(room) for _ in range(3)]

    assert [frames[0].event, frames[1].event] == ["promoted", "away"]
    assert isinstance(frames[2], MessageOut)
    assert room.cursor.epoch == EPOCH
