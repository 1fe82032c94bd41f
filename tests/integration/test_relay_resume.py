"""A client comes back to where it was: everything after its cursor, once and in order, or a gap.

Every frame passes the guard, which knows from the contract what follows which cursor.
"""

import asyncio
from contextlib import suppress
from random import Random
from typing import Any
from uuid import uuid4

import pytest

from services.model import RoomName
from services.ports import Store
from tests.support.memory_store import MemoryStore
from tests.support.relay import House, open_house
from tests.support.stalled_reader import LARGE, StalledReader
from tests.support.websocket import RawSocket, client_frame, message

FLOOR, HEAD = 11, 40


async def filled(house: House) -> str:
    """Fill a room, of which 11 to 40 are kept; return its epoch."""
    ann = await house.fill(HEAD)
    await house.forget("chat", keep=HEAD - FLOOR + 1)
    ann.abort()
    _, welcome = await house.welcome("ann")
    assert (welcome["floor"], welcome["head"]) == (FLOOR, HEAD)
    assert not welcome["recovered"]
    epoch: str = welcome["epoch"]
    return epoch


def gap(from_seq: int, to_seq: int, reason: str) -> dict[str, Any]:
    return {"type": "gap", "from_seq": from_seq, "to_seq": to_seq, "reason": reason}


ANSWERS: dict[str, tuple[int, str, dict[str, Any] | None, int]] = {
    "0": (0, "this", gap(1, 10, "retention"), 11),
    "0 without an epoch": (0, "none", gap(1, 10, "retention"), 11),
    "1": (1, "this", gap(2, 10, "retention"), 11),
    "the floor - 2": (FLOOR - 2, "this", gap(10, 10, "retention"), 11),
    "the floor - 1": (FLOOR - 1, "this", None, 11),
    "the floor": (FLOOR, "this", None, 12),
    "the head - 1": (HEAD - 1, "this", None, 40),
    "the head": (HEAD, "this", None, 41),
    "the head + 1": (HEAD + 1, "this", gap(41, 41, "ahead"), 41),
    "far ahead": (2**53 - 1, "this", gap(41, 2**53 - 1, "ahead"), 41),
    "another epoch": (20, "other", gap(11, 40, "epoch"), 11),
    "0 of another epoch": (0, "other", gap(11, 40, "epoch"), 11),
}


@pytest.mark.parametrize(("since", "of", "named", "first"), ANSWERS.values(), ids=list(ANSWERS))
async def test_a_cursor_has_the_contracts_answer_and_then_what_is_new(
    any_house: House, since: int, of: str, named: dict[str, Any] | None, first: int
) -> None:
    epoch = {"this": await filled(any_house), "none": None, "other": str(uuid4())}[of]

    bob, welcome = await any_house.welcome("bob", since=since, epoch=epoch)

    assert welcome["recovered"] == (named is None)
    assert (welcome["floor"], welcome["head"]) == (FLOOR, HEAD)
    if named is not None:
        assert await bob.json() == named
    await bob.say("new")
    texts = [str(seq) for seq in range(first, HEAD + 1)] + ["new"]
    assert await bob.messages(len(texts)) == texts
    await bob.json_of("ack")
    await bob.nothing_more()


async def test_a_cursor_of_another_room_is_one_of_another_epoch(house: House) -> None:
    await house.fill(5, room="other")
    _, other = await house.welcome("ann", "other")
    await filled(house)

    bob, welcome = await house.welcome("bob", since=5, epoch=other["epoch"])

    assert not welcome["recovered"]
    assert await bob.json() == gap(FLOOR, HEAD, "epoch")
    assert len(await bob.messages(30)) == 30
    await bob.nothing_more()


async def test_an_empty_room_has_nothing_to_recover(any_house: House) -> None:
    _, first = await any_house.welcome("ann")
    assert (first["head"], first["floor"]) == (0, 1)

    bob, welcome = await any_house.welcome("bob", since=0)
    assert welcome["recovered"]
    await bob.nothing_more()

    bob, welcome = await any_house.welcome("bob", since=3, epoch=first["epoch"])
    assert await bob.json() == gap(1, 3, "ahead")
    await bob.nothing_more()

    bob, welcome = await any_house.welcome("bob", since=3, epoch=str(uuid4()))
    assert await bob.json() == gap(1, 0, "epoch")
    await bob.nothing_more()


async def test_a_room_that_has_forgotten_everything_names_all_of_it(any_house: House) -> None:
    await any_house.fill(5)
    await any_house.forget("chat", keep=0)

    bob, welcome = await any_house.welcome("bob", since=0)

    assert (welcome["head"], welcome["floor"]) == (5, 6)
    assert await bob.json() == gap(1, 5, "retention")
    await bob.say("new")
    assert (await bob.json_of("message"))["seq"] == 6


async def test_after_a_backup_a_cursor_is_one_of_another_epoch(any_store: Store) -> None:
    async with open_house(any_store) as house:
        await house.fill(5)
        _, before = await house.welcome("ann")
    await any_store.begin_epochs()
    async with open_house(any_store) as house:
        bob, after = await house.welcome("bob", since=5, epoch=before["epoch"])

        assert after["epoch"] != before["epoch"]
        assert await bob.json() == gap(1, 5, "epoch")
        assert await bob.messages(5) == list("12345")
        await bob.say("on")
        assert (await bob.json_of("ack"))["seq"] == 6


# -- cut anywhere


async def cut_after(client: RawSocket, size: int) -> asyncio.StreamReader:
    """Return the first ``size`` bytes of what the relay sends, or what there is of them."""
    cut = asyncio.StreamReader()
    with suppress(TimeoutError):
        while size > 0:
            async with asyncio.timeout(0.1):
                part = await client.reader.read(min(size, 4096))
            cut.feed_data(part)
            size -= len(part)
    cut.feed_eof()
    return cut


@pytest.mark.parametrize("seed", range(6))
async def test_cut_at_any_byte_a_client_has_everything_exactly_once_in_the_end(
    any_house: House, seed: int
) -> None:
    """The cursor is the newest whole message; what is cut within a frame comes again."""
    random = Random(seed)  # noqa: S311  # a test that repeats
    house = any_house
    talker = await house.fill(30)
    _, welcome = await house.welcome("bob")
    epoch, taken = welcome["epoch"], list[str]()
    total = 60

    async def talk() -> None:
        for number in range(31, total + 1):
            await talker.say(str(number))
            await asyncio.sleep(random.random() / 500)

    talking = asyncio.create_task(talk())
    while len(taken) < total:
        client = await house.join("bob", since=len(taken), epoch=epoch)
        client.reader = await cut_after(client, random.randrange(1, 1500))
        while True:
            try:
                frame = await client.json()
            except asyncio.IncompleteReadError:
                break
            assert frame["type"] == "message"
            assert frame["seq"] == len(taken) + 1
            taken.append(frame["data"]["message"])
        client.abort()
    await talking

    assert taken == [str(number) for number in range(1, total + 1)]


async def test_who_resumes_while_others_speak_misses_nothing_and_hears_nothing_twice(
    any_house: House,
) -> None:
    house = any_house
    talkers = [await house.join(name) for name in ("ann", "eve")]
    _, welcome = await house.welcome("bob")
    each = 100

    async def talk(who: RawSocket) -> None:
        for number in range(each):
            await who.say(str(number))
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        for talker in talkers:
            tasks.create_task(talk(talker))
        readers = []
        for since in (0, 0, 10, 50):
            # Some time passes, so that there is something to resume.
            await talkers[0].messages(1)
            head = (await house.welcome("bob"))[1]["head"]
            at = min(since, head)
            readers.append((at, await house.join("bob", since=at, epoch=welcome["epoch"])))
    for at, reader in readers:
        # The guard sees that each seq follows the one before.
        assert len(await reader.messages(2 * each - at)) == 2 * each - at
        await reader.nothing_more()


async def test_a_long_way_back_is_read_in_pages(any_house: House) -> None:
    await any_house.fill(450)

    bob = await any_house.join("bob", since=0)

    assert await bob.messages(450) == [str(number) for number in range(1, 451)]
    await bob.nothing_more()


# -- slower than the room forgets


async def test_a_slow_reader_is_told_in_between_what_the_room_has_forgotten(
    any_house: House,
) -> None:
    house = any_house
    slow = await StalledReader.join(house, "eve")
    ann = await house.join("ann")
    for _ in range(30):
        await ann.send(client_frame(message(LARGE), mask=bytes(4)))
        await ann.json_of("ack")
        await ann.json_of("message")

    await house.forget("chat", keep=3)
    await slow.read(until_seq=30)

    (told,) = slow.of("gap")
    read = slow.frames.index(told)
    before = [one["seq"] for one in slow.frames[:read] if one["type"] == "message"]
    assert told == gap(len(before) + 1, 27, "retention")
    assert slow.seqs == [*range(1, len(before) + 1), 28, 29, 30]
    await ann.say("live")
    await slow.read(until_seq=31)
    assert len(slow.of("gap")) == 1
    slow.close()


async def test_who_is_in_the_middle_of_a_replay_is_told_what_is_forgotten_meanwhile(
    often: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MemoryStore()
    right = store.messages_after

    async def forgetful(*asked: Any) -> Any:
        page = await right(*asked)
        monkeypatch.setattr(store, "messages_after", right)
        await house.forget("chat", keep=10)
        return page

    async with open_house(store) as house:
        await house.fill(450)
        monkeypatch.setattr(store, "messages_after", forgetful)

        bob = await house.join("bob", since=0)

        assert await bob.messages(200) == [str(number) for number in range(1, 201)]
        assert await bob.json() == gap(201, 440, "retention")
        assert await bob.messages(10) == [str(number) for number in range(441, 451)]
        await bob.nothing_more()


async def test_a_room_is_forgotten_by_nobody_when_its_head_is(any_house: House) -> None:
    """A cursor at the head is whole though nothing at all is kept."""
    await any_house.fill(3)
    await any_house.forget("chat", keep=0)
    room = await any_house.store.room_named(RoomName("chat"))
    assert room is not None
    _, first = await any_house.welcome("bob")

    bob, welcome = await any_house.welcome("bob", since=3, epoch=first["epoch"])

    assert welcome["recovered"]
    await bob.nothing_more()
