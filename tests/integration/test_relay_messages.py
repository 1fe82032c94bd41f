"""Messages through a relay on real sockets: who hears what, in which order, and how often."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

import pytest

from services.errors import IloError, StorageFull, StoreUnavailable
from services.model import Draft, Instant
from services.ports import Appended, Store
from tests.support.memory_store import MemoryStore
from tests.support.relay import House, contract, heard, heard_of, open_house, token_of, until
from tests.support.websocket import PING, PONG, RawSocket, client_frame, message, request_head

ID = "0b8f1c9e-6f0e-4a55-9d6b-2f0c7f5f1a11"
GREEK, EMOJI = "γάτα", "ann👋🏽"


async def test_two_hear_each_other_and_a_third_room_hears_nothing(any_house: House) -> None:
    greek = await any_house.library(GREEK)
    emoji = await any_house.library(EMOJI)
    other = await any_house.library("bob", "other")
    for client, name, room in (
        (greek, GREEK, "chat"),
        (emoji, EMOJI, "chat"),
        (other, "bob", "other"),
    ):
        welcome = await heard(client)
        assert (welcome["type"], welcome["username"], welcome["room"]) == ("welcome", name, room)
        assert welcome["head"] == 0

    await greek.send(message("γειά 👋").decode())
    said = [await heard_of(client, "message") for client in (greek, emoji)]
    await emoji.send(message("hello\n\u2028").decode())
    said += [await heard_of(client, "message") for client in (greek, emoji)]
    await other.send(message("alone").decode())

    assert said[0] == said[1]
    assert said[2] == said[3]
    assert (said[0]["sender"], said[0]["data"]) == (GREEK, {"message": "γειά 👋"})
    assert (said[2]["sender"], said[2]["data"]) == (EMOJI, {"message": "hello\n\u2028"})
    # Whatever else it had heard would have come before its own.
    frames = [await heard(other), await heard(other)]
    assert {frame["type"] for frame in frames} == {"ack", "message"}
    assert all(frame["seq"] == 1 for frame in frames)


async def test_a_message_is_the_same_for_everybody_and_its_ack_fits(any_house: House) -> None:
    ann, emoji = await any_house.join("ann"), await any_house.join(EMOJI)

    await emoji.say("hi", id=ID)

    sent_at = "2026-01-02T12:00:00.000Z"
    expected = {
        "type": "message",
        "id": ID,
        "seq": 1,
        "room": "chat",
        "sender": EMOJI,
        "sent_at": sent_at,
        "data": {"message": "hi"},
    }
    frames = [await emoji.json(), await emoji.json()]
    assert {"type": "ack", "id": ID, "seq": 1, "sent_at": sent_at} in frames
    assert expected in frames
    assert await ann.json() == expected


async def test_a_room_is_isolated_and_case_sensitive(any_house: House) -> None:
    ann = await any_house.join("ann", "chat")
    others = [await any_house.join("bob", room) for room in ("Chat", "chat.", "chat2")]

    await ann.say("hi")
    await ann.json_of("ack")

    for other in others:
        await other.nothing_more()


async def test_a_welcome_says_where_the_client_is(any_house: House) -> None:
    ann, first = await any_house.welcome("ann")
    for text in "abc":
        await ann.say(text)
        await ann.json_of("ack")

    _, second = await any_house.welcome("bob")

    assert (first["head"], second["head"]) == (0, 3)
    assert first["epoch"] == second["epoch"]
    assert first["limits"]["frames_burst"] == 100_000
    assert first["expires_at"] == "2026-01-03T12:00:00.000Z"


async def test_who_comes_in_hears_only_what_is_said_from_then_on(any_house: House) -> None:
    ann = await any_house.join("ann")
    await ann.say("before")
    await ann.json_of("ack")

    bob = await any_house.join("bob")
    await ann.say("after")

    assert await bob.messages(1) == ["after"]


async def test_a_user_may_be_there_twice_and_hears_herself_everywhere(any_house: House) -> None:
    here, there = await any_house.join("ann"), await any_house.join("ann")

    await here.say("hi")

    assert await here.messages(1) == await there.messages(1) == ["hi"]


async def test_a_message_sent_again_gets_its_ack_again_and_is_heard_once(any_house: House) -> None:
    ann, bob = await any_house.join("ann"), await any_house.join("bob")
    await ann.say("hi", id=ID)
    first = await ann.json_of("ack")
    any_house.wall = Instant(any_house.wall + 5000)

    for more in ({}, {"after": 0}, {"after": 41}):
        await ann.say("hi", id=ID, **more)
        assert await ann.json_of("ack") == first
    again = await any_house.join("ann")
    await again.say("hi", id=ID)
    assert await again.json_of("ack") == first

    await ann.say("next")
    assert await bob.messages(2) == ["hi", "next"]


async def test_a_message_sent_twice_in_one_breath_is_heard_once(any_house: House) -> None:
    ann, bob = await any_house.join("ann"), await any_house.join("bob")

    await ann.send(client_frame(message("hi", id=ID)) * 3 + client_frame(message("next")))

    acks = [await ann.json_of("ack") for _ in range(4)]
    assert [ack["seq"] for ack in acks] == [1, 1, 1, 2]
    assert await bob.messages(2) == ["hi", "next"]


async def test_an_id_used_for_another_message_is_refused_and_changes_nothing(
    any_house: House,
) -> None:
    ann, bob = await any_house.join("ann"), await any_house.join("bob")
    await ann.say("hi", id=ID)
    await ann.json_of("ack")

    await ann.say("other", id=ID)

    refused = await ann.json_of("error")
    assert (refused["code"], refused["id"]) == ("id-reused", ID)
    await ann.say("next")
    assert (await ann.json_of("ack"))["seq"] == 2
    assert await bob.messages(2) == ["hi", "next"]


async def test_an_id_belongs_to_its_sender_and_room(any_house: House) -> None:
    ann, bob = await any_house.join("ann"), await any_house.join("bob")
    elsewhere = await any_house.join("ann", "other")

    await ann.say("ann's", id=ID)
    await ann.json_of("ack")
    await bob.say("bob's", id=ID)
    assert (await bob.json_of("ack"))["seq"] == 2
    await elsewhere.say("elsewhere", id=ID)
    assert (await elsewhere.json_of("ack"))["seq"] == 1

    assert await elsewhere.messages(1) == ["elsewhere"]
    await elsewhere.nothing_more()
    assert await ann.messages(2) == ["ann's", "bob's"]
    await ann.nothing_more()


async def test_messages_of_one_connection_keep_their_order(any_house: House) -> None:
    ann, bob = await any_house.join("ann"), await any_house.join("bob")
    sent = [str(number) for number in range(500)]

    await ann.send(b"".join(client_frame(message(text)) for text in sent))

    assert await bob.messages(500) == sent


async def test_everybody_hears_many_senders_in_one_order_without_a_hole(any_house: House) -> None:
    clients = [await any_house.join(name) for name in ("ann", "bob", GREEK, EMOJI)]
    each = 50

    async def talk(who: int, client: RawSocket) -> None:
        for number in range(each):
            await client.say(f"{who} {number}")

    async with asyncio.TaskGroup() as talking:
        for who, client in enumerate(clients):
            talking.create_task(talk(who, client))
    heard_by = [await client.messages(each * len(clients)) for client in clients]

    assert all(what == heard_by[0] for what in heard_by)
    for who in range(len(clients)):
        mine = [text for text in heard_by[0] if text.startswith(f"{who} ")]
        assert mine == [f"{who} {number}" for number in range(each)]


async def test_a_room_goes_on_where_it_was_after_a_restart(any_store: Store) -> None:
    async with open_house(any_store) as house:
        ann, first = await house.welcome("ann")
        await ann.say("hi", id=ID)
        await ann.json_of("ack")
    async with open_house(any_store) as house:
        ann, second = await house.welcome("ann")
        await ann.say("hi", id=ID)
        again = await ann.json_of("ack")
        await ann.say("next")
        after = await ann.json_of("ack")

    assert (again["seq"], after["seq"]) == (1, 2)
    assert (second["epoch"], second["head"]) == (first["epoch"], 1)


async def test_the_largest_message_comes_through(any_house: House) -> None:
    ann, bob = await any_house.join("ann"), await any_house.join("bob")
    largest = "a" * 262144

    await ann.send(client_frame(message(largest), mask=bytes(4)))
    await ann.send(client_frame(message(largest + "a"), mask=bytes(4)))

    assert (await ann.json_of("error"))["code"] == "too-big"
    assert await bob.messages(1) == [largest]
    await bob.nothing_more()


# -- the store decides


class SlowStore(MemoryStore):
    """Keeps nothing until it is told to, one group or all."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[tuple[Sequence[Draft], Callable[[Sequence[Appended]], None]]] = []
        self.is_open = False
        self.came = asyncio.Event()

    def append(self, drafts: Sequence[Draft], done: Callable[[Sequence[Appended]], None]) -> None:
        if self.is_open:
            super().append(drafts, done)
            return
        self.waiting.append((drafts, done))
        self.came.set()

    @property
    def count(self) -> int:
        return sum(len(drafts) for drafts, _ in self.waiting)

    async def has(self, count: int) -> None:
        while self.count < count:
            self.came.clear()
            async with asyncio.timeout(10):
                await self.came.wait()

    def open(self) -> None:
        self.is_open = True
        waiting, self.waiting = self.waiting, []
        for drafts, done in waiting:
            super().append(drafts, done)


async def test_nothing_is_acknowledged_or_heard_before_the_store_has_it(often: None) -> None:
    store = SlowStore()
    async with open_house(store) as house:
        ann, bob = await house.join("ann"), await house.join("bob")
        await ann.say("hi")
        await store.has(1)
        await ann.nothing_more()
        await bob.nothing_more()

        store.open()

        assert await bob.messages(1) == ["hi"]
        await ann.json_of("ack")


async def test_what_is_stored_while_somebody_comes_into_an_empty_room_is_heard(
    often: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its author is gone, so that nobody here is told that it is stored."""
    store = SlowStore()
    async with open_house(store) as house:
        ann = await house.join("ann")
        await ann.say("hi")
        await store.has(1)
        ann.abort()
        await until(lambda: not house.relay._connections)
        right, asked, answers = store.enter_room, asyncio.Event(), asyncio.Event()

        async def enter_room(*who: Any) -> Any:
            entry = await right(*who)
            asked.set()
            await answers.wait()
            return entry

        monkeypatch.setattr(store, "enter_room", enter_room)
        await house.know("bob")
        bob = await house.raw()
        await bob.send(request_head("/ws/chat", {"Authorization": f"Bearer {token_of('bob')}"}))
        await asked.wait()
        store.open()
        await until(lambda: house.relay.delivery.is_idle)

        answers.set()

        await bob.read_head()
        assert (await bob.json_of("welcome"))["head"] == 0
        assert await bob.messages(1) == ["hi"]
        await bob.nothing_more()


async def test_at_most_64_messages_wait_for_their_acks(often: None) -> None:
    store = SlowStore()
    async with open_house(store) as house:
        ann, bob = await house.join("ann"), await house.join("bob")
        sent = [str(number) for number in range(200)]
        await ann.send(b"".join(client_frame(message(text)) for text in sent))
        await store.has(64)
        # Were there more to come, they would come before this.
        await bob.nothing_more()
        await bob.nothing_more()
        assert store.count == house.relay.limits.unacked_messages == 64

        store.open()

        assert await bob.messages(200) == sent
        assert [(await ann.json_of("ack"))["seq"] for _ in range(200)] == list(range(1, 201))


async def test_who_waits_for_acks_does_not_keep_others_waiting(often: None) -> None:
    store = SlowStore()
    async with open_house(store) as house:
        ann, bob = await house.join("ann"), await house.join("bob")
        await ann.send(client_frame(message("ann's")) * 100)
        await store.has(64)

        await bob.say("bob's")

        await store.has(65)
        store.open()
        assert "bob's" in await bob.messages(65)


async def test_a_full_store_refuses_and_the_connection_goes_on(house: House) -> None:
    store = house.store
    assert isinstance(store, MemoryStore)
    ann, bob = await house.join("ann"), await house.join("bob")
    store.failure = StorageFull()
    await ann.say("hi", id=ID)

    refused = await ann.json_of("error")

    assert (refused["code"], refused["id"]) == ("storage-full", ID)
    assert refused["retry_after"] > 0
    store.failure = None
    await ann.say("hi", id=ID)
    assert (await ann.json_of("ack"))["seq"] == 1
    assert await bob.messages(1) == ["hi"]


async def test_a_store_that_does_not_answer_ends_the_connection_with_1013(house: House) -> None:
    store = house.store
    assert isinstance(store, MemoryStore)
    ann, bob = await house.join("ann"), await house.join("bob")
    store.failure = StoreUnavailable()
    await ann.send(b"".join(client_frame(message(text, id=str(uuid4()))) for text in "abc"))

    refused = await ann.json()

    assert refused["code"] == "unavailable"
    assert await ann.closed() == (1013, "try-again-later")
    store.failure = None
    await bob.say("still here")
    assert await bob.messages(1) == ["still here"]


@pytest.mark.parametrize(
    "failure", [StoreUnavailable(), StorageFull()], ids=lambda e: type(e).__name__
)
async def test_a_room_that_cannot_be_opened_is_refused_with_503(
    house: House, failure: IloError
) -> None:
    store = house.store
    assert isinstance(store, MemoryStore)
    await house.know("ann")
    store.failure = failure
    ann = await house.raw()
    await ann.send(request_head("/ws/chat", {"Authorization": f"Bearer {token_of('ann')}"}))

    answer = await ann.answer()

    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    store.failure = None
    await house.join("ann")


# -- a line that lives


async def test_after_20_quiet_seconds_the_head_is_told(house: House) -> None:
    ann, bob = await house.join("ann"), await house.join("bob")
    await ann.say("hi")
    await ann.messages(1)
    await bob.messages(1)
    await ann.json_of("ack")

    house.now_s += 20

    assert await bob.json_of("head") == {"type": "head", "seq": 1}
    assert await ann.json_of("head") == {"type": "head", "seq": 1}
    house.now_s += 19.9
    await bob.nothing_more()


async def test_a_peer_that_is_dead_is_pinged_after_20_s_and_gone_after_another_20(
    house: House,
) -> None:
    dead, alive = await house.join("ann"), await house.join("bob")
    # The relay has seen that they were there.
    await until(lambda: not any(one._heard for one in house.relay._connections))
    house.now_s += 20.1
    for client in (dead, alive):
        while (await client.frame())[0] != PING:
            pass
    await alive.send(client_frame(b"", PONG))
    await answers_a_ping(alive)

    house.now_s += 20.1

    await dead.ended()
    await alive.say("still here")
    while (frame := await alive.frame())[0] == PING or b'"still here"' not in frame[1]:
        pass


async def answers_a_ping(client: RawSocket) -> None:
    await client.send(client_frame(b"last", PING))
    while (frame := await client.frame()) != (PONG, b"last"):
        assert b'"head"' in frame[1]


# -- who misbehaves


def bad_frames() -> list[Any]:
    return [
        b"{}",
        b"[]",
        b"5",
        b"",
        b"[" * 60_000,
        b'{"after":' + b"9" * 5000 + b',"data":{"message":""}}',
        b'{"data":{"message":"a"},"data":{"message":"b"}}',
        b'{"after":NaN,"data":{"message":"a"}}',
        rb'{"data":{"message":"\ud800"}}',
        rb'{"data":{"message":"\u0000"}}',
        b'{"type":"zz","data":{"message":"a"}}',
        b'{"data":{"message":"a","sender":"bob"}}',
    ]


async def test_bad_frames_hurt_only_their_sender(any_house: House) -> None:
    ann, bob, mallory = [await any_house.join(name) for name in ("ann", "bob", "mallory")]

    for number, bad in enumerate(bad_frames()):
        await mallory.send(client_frame(bad, mask=bytes(4)))
        assert (await mallory.json_of("error"))["code"] == "bad-frame"
        await ann.say(str(number))

    expected = [str(number) for number in range(len(bad_frames()))]
    assert await bob.messages(len(expected)) == expected
    assert await mallory.messages(len(expected)) == expected
    await bob.nothing_more()


async def test_every_error_names_a_place_in_the_contract(house: House) -> None:
    ann = await house.join("ann")

    await ann.send(client_frame(b'{"data":{"message":3}}'))

    refused = await ann.json()
    assert refused["path"] == "/data/message"
    node: Any = contract()
    for part in refused["schema"].removeprefix("#/").split("/"):
        node = node[part]
    assert refused["expected"] == {"type": node["type"]}
