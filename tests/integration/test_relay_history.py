"""Older messages on question: pages, bounds, and that a cursor never moves by them."""

import asyncio
from typing import Any
from uuid import uuid4

import orjson
import pytest

from relay.connection import HIGH_WATER_BYTES
from services.errors import StoreUnavailable
from services.limits import Limits
from tests.support.memory_store import MemoryStore
from tests.support.relay import House, open_house, until
from tests.support.stalled_reader import StalledReader, say_much, server_side, unsent
from tests.support.websocket import RawSocket, client_frame, message

MAX_BYTES = 512 * 1024


def question(**members: Any) -> bytes:
    """Return a question as a frame; ``id`` is a new one when it is not given."""
    return client_frame(orjson.dumps({"type": "history", "id": str(uuid4()), **members}))


async def page(client: RawSocket, **members: Any) -> tuple[list[int], bool]:
    """Ask; return the seqs of the answer, and whether there are older ones."""
    await client.send(question(**members))
    answer = await client.json_of("history")
    return [one["seq"] for one in answer["messages"]], answer["more"]


def seqs(first: int, last: int) -> list[int]:
    return list(range(first, last + 1))


async def test_the_newest_50_come_when_nothing_else_is_said(any_house: House) -> None:
    ann = await any_house.fill(60)

    assert await page(ann) == (seqs(11, 60), True)


@pytest.mark.parametrize(
    ("asked", "first", "last", "more"),
    [
        ({"limit": 1}, 60, 60, True),
        ({"limit": 59}, 2, 60, True),
        ({"limit": 60}, 1, 60, False),
        ({"limit": 200}, 1, 60, False),
        ({"before": 61, "limit": 2}, 59, 60, True),
        ({"before": 60, "limit": 2}, 58, 59, True),
        ({"before": 2**53 - 1, "limit": 2}, 59, 60, True),
        ({"before": 2}, 1, 1, False),
        ({"before": 1}, 1, 0, False),
        ({"before": 12, "limit": 10}, 2, 11, True),
        ({"before": 11, "limit": 10}, 1, 10, False),
    ],
)
async def test_a_page_is_the_newest_before_a_place(
    any_house: House, asked: dict[str, int], first: int, last: int, more: bool
) -> None:
    ann = await any_house.fill(60)

    assert await page(ann, **asked) == (seqs(first, last), more)


async def test_an_answer_has_the_messages_as_they_were_delivered(any_house: House) -> None:
    ann, bob = await any_house.join("ann"), await any_house.join("γάτα👋")
    await ann.say('é"\\\n')
    await bob.say("")
    delivered = [await ann.json_of("message") for _ in range(2)]
    eve = await any_house.join("eve")
    asked = str(uuid4())

    await eve.send(question(id=asked))

    assert await eve.json() == {
        "type": "history",
        "id": asked,
        "messages": delivered,
        "more": False,
    }
    await eve.nothing_more()


async def test_page_by_page_everything_is_there_once(any_house: House) -> None:
    ann = await any_house.fill(95)
    found: list[int] = []
    before: dict[str, int] = {}
    more = True
    while more:
        some, more = await page(ann, limit=10, **before)
        found = some + found
        before = {"before": some[0]}

    assert found == seqs(1, 95)


async def test_what_is_forgotten_is_not_there_any_more(any_house: House) -> None:
    ann = await any_house.fill(30)
    await any_house.forget("chat", keep=10)

    assert await page(ann) == (seqs(21, 30), False)
    assert await page(ann, before=22) == (seqs(21, 21), False)
    assert await page(ann, before=21) == ([], False)
    assert await page(ann, limit=9) == (seqs(22, 30), True)
    await any_house.forget("chat", keep=0)
    assert await page(ann) == ([], False)


async def test_an_empty_room_has_no_history(any_house: House) -> None:
    assert await page(await any_house.join("ann")) == ([], False)


@pytest.mark.parametrize(("history", "first"), [("joined", 11), ("all", 1)])
async def test_in_a_private_room_history_begins_where_the_member_joined_or_at_the_beginning(
    any_house: House, history: Any, first: int
) -> None:
    room = await any_house.private_room("ann", "bob", history=history)
    ann = await any_house.fill(10, room=room)
    bob = await any_house.join("bob", room)
    await ann.say("11")
    await bob.messages(1)

    assert await page(bob) == (seqs(first, 11), False)
    assert await page(bob, before=11) == (seqs(first, 10), False)
    assert await page(bob, limit=1) == ([11], first < 11)
    assert await page(ann) == (seqs(1, 11), False)


# -- bytes


@pytest.mark.parametrize(
    ("text", "head", "fit"),
    [
        ("a" * 100_000, 8, 5),
        ("é" * 50_000, 8, 5),
        # The store's page holds all four of them.
        ('"' * 100_000, 4, 2),
        ("a" * 262_144, 3, 1),
        ("👋", 40, 40),
    ],
    ids=["ascii", "two bytes", "escapes", "the largest", "small"],
)
async def test_an_answer_has_at_most_512_kib(
    any_house: House, text: str, head: int, fit: int
) -> None:
    ann = await any_house.join("ann")
    for _ in range(head):
        await ann.send(client_frame(message(text), mask=bytes(4)))
        await ann.json_of("ack")
        await ann.json_of("message")
    asked = str(uuid4())

    await ann.send(question(id=asked, limit=200))
    answer = await ann.json_of("history")

    assert [one["seq"] for one in answer["messages"]] == seqs(head - fit + 1, head)
    assert answer["more"] == (fit < head)
    size = len(orjson.dumps(answer))
    one = len(orjson.dumps(answer["messages"][0]))
    assert size <= MAX_BYTES
    # Not one that would have fitted is left out.
    assert fit == head or size + one + 1 > MAX_BYTES - 300


# -- order, and what does not move


async def test_questions_in_one_breath_are_answered_in_order(any_house: House) -> None:
    ann = await any_house.fill(20)
    ids = [str(uuid4()) for _ in range(5)]

    await ann.send(
        b"".join(question(id=one, before=place + 2, limit=1) for place, one in enumerate(ids))
        + client_frame(message("then"))
    )

    answers = [await ann.json_of("history") for _ in ids]
    assert [one["id"] for one in answers] == ids
    assert [one["messages"][0]["seq"] for one in answers] == seqs(1, 5)
    assert await ann.messages(1) == ["then"]


async def test_what_is_behind_a_question_is_heard_after_its_answer(any_house: House) -> None:
    ann = await any_house.fill(3)

    await ann.send(question() + client_frame(message("4")) + question())

    first, second = await ann.json_of("history"), await ann.json_of("history")
    assert [one["seq"] for one in first["messages"]] == seqs(1, 3)
    # Said before the second question, but perhaps not stored before its answer.
    assert [one["seq"] for one in second["messages"]] in (seqs(1, 3), seqs(1, 4))
    assert await ann.messages(1) == ["4"]


async def test_an_answer_moves_no_cursor(any_house: House) -> None:
    ann = await any_house.fill(30)
    _, first = await any_house.welcome("bob")
    bob = await any_house.join("bob", since=10, epoch=first["epoch"])
    await bob.send(question(before=5))
    await bob.send(question())

    assert await bob.messages(20) == [str(number) for number in range(11, 31)]
    await ann.say("live")
    assert await bob.messages(1) == ["live"]
    assert len((await bob.json_of("history"))["messages"]) == 4
    await bob.json_of("history")
    await bob.nothing_more()


async def test_who_takes_nothing_is_answered_when_it_reads_again(any_house: House) -> None:
    house = any_house
    ann = await house.join("ann")
    slow = await StalledReader.join(house, "eve")
    connection = server_side(house, "eve")
    await say_much(ann, 12)
    # Asked in time, or not heard before it reads again: in both cases there is one answer.
    await slow.send(question(limit=2))
    await until(lambda: unsent(house, "eve") > HIGH_WATER_BYTES)
    assert slow.of("history") == []

    await slow.read(until_seq=12)
    while not slow.of("history"):
        await ann.say("tick")
        await ann.json_of("ack")
        await slow.read(until_seq=slow.seqs[-1] + 1)

    (answer,) = slow.of("history")
    assert len(answer["messages"]) == 2
    assert slow.seqs == seqs(1, slow.seqs[-1])
    assert connection.asked is None
    slow.close()


class SlowStore(MemoryStore):
    """Counts how often it is asked for older messages, and answers when ``answers`` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.answers = asyncio.Event()

    async def messages_before(self, *place: Any) -> Any:
        self.asked += 1
        await self.answers.wait()
        return await super().messages_before(*place)


@pytest.mark.parametrize("reads", ["after the answer", "before the answer"])
async def test_a_question_of_who_is_full_meanwhile_is_answered_once(
    often: None, reads: str
) -> None:
    store = SlowStore()
    async with open_house(store) as house:
        ann = await house.join("ann")
        slow = await StalledReader.join(house, "eve")
        connection = server_side(house, "eve")
        await slow.send(question(limit=2))
        await until(lambda: store.asked == 1)
        await say_much(ann, 12)
        assert unsent(house, "eve") > HIGH_WATER_BYTES
        if reads == "before the answer":
            await slow.read(until_seq=12)
            # It is asked for again, as the first answer could have come when there was no room.
            await until(lambda: store.asked > 1)
        store.answers.set()
        await ann.nothing_more()
        await slow.read(until_seq=12)

        for seq in (13, 14):
            await ann.say("tick")
            await slow.read(until_seq=seq)
            await until(lambda: connection.asked is None)
        assert len(slow.of("history")) == 1
        assert slow.seqs == seqs(1, 14)
        slow.close()


async def test_a_store_that_does_not_answer_ends_the_connection_with_1013(house: House) -> None:
    ann, bob = await house.fill(3), await house.join("bob")
    assert isinstance(house.store, MemoryStore)
    house.store.failure = StoreUnavailable()
    asked = str(uuid4())
    await ann.send(question(id=asked))

    refused = await ann.json_of("error")

    assert (refused["code"], refused["id"]) == ("unavailable", asked)
    assert await ann.closed() == (1013, "try-again-later")
    house.store.failure = None
    await bob.say("still here")
    assert await bob.messages(1) == ["still here"]


async def test_questions_share_the_pace_of_all_frames(often: None) -> None:
    async with open_house(MemoryStore(), limits=Limits(frames_burst=5)) as house:
        ann = await house.join("ann")
        await ann.send(b"".join(question() for _ in range(6)))

        for _ in range(5):
            await ann.json_of("history")
        assert (await ann.json_of("error"))["code"] == "rate"
