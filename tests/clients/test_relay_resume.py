"""The generated client of the relay comes back: where to, what it repeats, what it never does."""

import asyncio
import random
from typing import Any

import pytest
from ilo_relay import Gap, Head, InvalidFrame, MessageOut, Position, RoomClient, Welcome
from ilo_relay.line import LineLost
from ilo_relay.memory import Newest
from ilo_relay.resume import Resume

from tests.support.cursor_cases import BAD_CURSORS, HERE, NO_MESSAGES
from tests.support.relay import until
from tests.support.relay_stand_in import (
    EPOCH,
    OTHER_EPOCH,
    RoomKeeper,
    StandIn,
    gap,
    id_of,
    message,
    room_keeper,
    stand_in,
    welcome,
)
from tests.support.room_clients import Pauses, client_of, next_of
from tests.support.tcp_proxy import Cut, proxy_to
from tests.support.websocket import WAIT_S


async def seqs(room: RoomClient, amount: int) -> list[int]:
    """Return the seqs of the next messages; welcomes between them are passed over."""
    found: list[int] = []
    while len(found) < amount:
        frame = await next_of(room)
        if not isinstance(frame, Welcome):
            assert isinstance(frame, MessageOut), frame
            found.append(frame.seq)
    return found


class Opened:
    """A client in the room of a stand-in, and the relay's side of its first line."""

    def __init__(self, relay: StandIn, pauses: Pauses | None = None, **more: Any) -> None:
        self.relay = relay
        self.room = client_of(relay, pauses, **more)

    async def with_line(self, *frames: dict[str, Any], **members: Any) -> Any:
        """Open the client, until the relay is gone; return its first line."""
        self.relay.guests.push_async_callback(self.room.close)
        async with asyncio.timeout(WAIT_S), asyncio.TaskGroup() as tasks:
            tasks.create_task(self.room.__aenter__())
            coming = tasks.create_task(self.relay.line(**members))
        line = coming.result()
        await line.say(*frames)
        return line


# -- the cursor


async def test_without_a_cursor_it_asks_for_nothing_and_then_goes_on_from_the_head() -> None:
    async with stand_in() as relay:
        opened = Opened(relay)
        first = await opened.with_line(head=41)
        assert first.query == {}
        assert opened.room.cursor == Position(EPOCH, 41)

        first.cut()
        assert (await relay.line(head=41)).query == HERE


async def test_it_asks_for_what_comes_after_the_newest_message() -> None:
    async with stand_in() as relay:
        opened = Opened(relay)
        line = await opened.with_line(message(42), message(43), head=41)
        assert await seqs(opened.room, 2) == [42, 43]

        for newest in (44, 45):
            line.cut()
            line = await relay.line(message(newest), head=newest)
            assert line.query == {"since": str(newest - 1), "epoch": EPOCH}
            assert await seqs(opened.room, 1) == [newest]


@pytest.mark.parametrize("frame", NO_MESSAGES)
async def test_only_messages_and_gaps_move_the_cursor(frame: dict[str, Any]) -> None:
    async with stand_in() as relay:
        opened = Opened(relay)
        line = await opened.with_line(frame, message(42), head=41)
        line.cut()

        assert (await relay.line(head=42)).query == {"since": "42", "epoch": EPOCH}


async def test_no_ack_and_no_history_moves_the_cursor() -> None:
    async with stand_in() as relay:
        opened = Opened(relay)
        line = await opened.with_line(head=41)
        async with asyncio.TaskGroup() as tasks:
            said = tasks.create_task(opened.room.send_message("x"))
            asked = tasks.create_task(opened.room.send_history(before=42))
            ids = {frame["type"]: frame["id"] for frame in [await line.hear() for _ in "ab"]}
            await line.ack(42, ids["message"])
            page = [message(seq) for seq in (39, 40, 41)]
            await line.say(
                {"type": "history", "id": ids["history"], "messages": page, "more": True}
            )
        assert (said.result().seq, len(asked.result().messages)) == (42, 3)
        line.cut()

        assert (await relay.line(message(42), head=42)).query == HERE
        assert await seqs(opened.room, 1) == [42]


async def test_a_given_cursor_is_asked_for_at_the_first_connect() -> None:
    async with stand_in() as relay:
        opened = Opened(relay, since=41, epoch=EPOCH)
        line = await opened.with_line(message(42), head=99)

        assert line.query == HERE
        assert opened.room.cursor == Position(EPOCH, 41)
        assert await seqs(opened.room, 1) == [42]
        assert opened.room.cursor == Position(EPOCH, 42)


async def test_from_the_beginning_needs_no_epoch_and_has_one_when_it_comes_back() -> None:
    async with stand_in() as relay:
        opened = Opened(relay, since=0)
        line = await opened.with_line(head=3)
        assert line.query == {"since": "0"}
        assert opened.room.cursor == Position(EPOCH, 0)

        line.cut()
        assert (await relay.line(head=3)).query == {"since": "0", "epoch": EPOCH}


@pytest.mark.parametrize(
    ("given", "place"),
    BAD_CURSORS,
)
def test_a_cursor_against_the_contract_is_refused(given: dict[str, Any], place: str) -> None:
    with pytest.raises(InvalidFrame) as raised:
        RoomClient("ws://127.0.0.1:1", room="chat", token="t", **given)

    assert raised.value.place == place


async def test_the_shown_cursor_is_of_what_was_taken_and_the_asked_one_of_what_came() -> None:
    async with stand_in() as relay:
        opened = Opened(relay)
        room = opened.room
        line = await opened.with_line(*map(message, (42, 43, 44)), head=41)
        await until(lambda: len(room._inbox) == 3)
        assert room.cursor == Position(EPOCH, 41)
        assert await seqs(room, 1) == [42]
        assert room.cursor == Position(EPOCH, 42)

        line.cut()
        assert (await relay.line(head=44)).query == {"since": "44", "epoch": EPOCH}
        assert room.cursor == Position(EPOCH, 42)
        assert await seqs(room, 2) == [43, 44]
        assert room.cursor == Position(EPOCH, 44)


async def test_who_keeps_the_shown_cursor_loses_nothing_in_a_crash() -> None:
    async with room_keeper() as relay:
        async with client_of(relay, since=0) as room:
            for n in range(5):
                await room.send_message(str(n))
            assert await seqs(room, 2) == [1, 2]
            await until(lambda: len(room._inbox) == 3)
            kept = room.cursor

        async with client_of(relay, since=kept.seq, epoch=kept.epoch) as room:
            assert await seqs(room, 3) == [3, 4, 5]


# -- gaps


@pytest.mark.parametrize(
    ("told", "epoch", "place"),
    [
        (gap("retention", 42, 60), EPOCH, Position(EPOCH, 60)),
        (gap("ahead", 31, 41), EPOCH, Position(EPOCH, 30)),
        (gap("epoch", 7, 12), OTHER_EPOCH, Position(OTHER_EPOCH, 6)),
        (gap("epoch", 13, 12), OTHER_EPOCH, Position(OTHER_EPOCH, 12)),
    ],
    ids=["retention", "ahead", "epoch", "epoch of which nothing is kept"],
)
async def test_a_gap_is_told_and_moves_the_cursor(
    told: dict[str, Any], epoch: str, place: Position
) -> None:
    async with stand_in() as relay:
        opened = Opened(relay, since=41, epoch=EPOCH)
        line = await opened.with_line(told, epoch=epoch, head=60)
        heard = await next_of(opened.room)
        assert isinstance(heard, Gap)
        assert heard.model_dump() == told
        assert opened.room.cursor == place

        await line.say(message(place.seq + 1))
        assert await seqs(opened.room, 1) == [place.seq + 1]
        line.cut()
        again = (await relay.line(epoch=epoch, head=60)).query
        assert again == {"since": str(place.seq + 1), "epoch": epoch}


async def test_until_the_gap_of_an_epoch_is_told_the_old_cursor_is_asked_for() -> None:
    async with stand_in() as relay:
        opened = Opened(relay, since=41, epoch=EPOCH)
        line = await opened.with_line(epoch=OTHER_EPOCH, head=3)
        assert opened.room.cursor == Position(EPOCH, 41)
        line.cut()

        assert (await relay.line(epoch=OTHER_EPOCH, head=3)).query == HERE


async def test_in_a_new_epoch_what_was_shown_before_does_not_come_again() -> None:
    async with stand_in() as relay:
        opened = Opened(relay)
        room = opened.room
        line = await opened.with_line(message(1), message(2), message(3))
        assert await seqs(room, 3) == [1, 2, 3]
        line.cut()

        old = [message(5, id=id_of(1)), message(6, id=id_of(2), sender="cat")]
        new = [*old, message(7, id=id_of(3)), message(8), message(9, id=id_of(2))]
        line = await relay.line(gap("epoch", 5, 9), *new, epoch=OTHER_EPOCH, head=9)
        # The same id of another sender is another message.
        assert [type(await next_of(room)) for _ in range(2)] == [Welcome, Gap]
        assert await seqs(room, 2) == [6, 8]
        await until(lambda: room.cursor == Position(OTHER_EPOCH, 9))
        line.cut()
        assert (await relay.line(epoch=OTHER_EPOCH)).query == {"since": "9", "epoch": OTHER_EPOCH}


async def test_a_repeat_behind_what_nobody_took_does_not_move_the_shown_cursor() -> None:
    async with stand_in() as relay:
        opened = Opened(relay)
        room = opened.room
        frames = [message(1), message(2), message(3, id=id_of(1)), {"type": "head", "seq": 3}]
        await opened.with_line(*frames)
        await until(lambda: len(room._inbox) == 3)
        assert room.cursor == Position(EPOCH, 0)

        assert await seqs(room, 1) == [1]
        assert room.cursor == Position(EPOCH, 1)
        assert await seqs(room, 1) == [2]
        assert room.cursor == Position(EPOCH, 3)
        assert isinstance(await next_of(room), Head)


async def test_so_many_shown_messages_are_known_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ilo_relay.resume.REMEMBERED", 2)
    async with stand_in() as relay:
        opened = Opened(relay)
        line = await opened.with_line(message(1), message(2), message(3))
        assert await seqs(opened.room, 3) == [1, 2, 3]

        await line.say(message(4, id=id_of(2)), message(5, id=id_of(1)), message(6))
        assert await seqs(opened.room, 2) == [5, 6]


def test_a_memory_has_an_end_and_forgets_the_oldest() -> None:
    memory: Newest[int, str] = Newest(3)
    for n in (1, 2, 3, 1, 4):
        memory.add(n, str(n))

    assert memory.items() == [(3, "3"), (1, "1"), (4, "4")]
    assert (1 in memory, 2 in memory) == (True, False)


async def test_what_was_acked_and_is_not_in_the_new_epoch_is_told_as_missing() -> None:
    async with stand_in() as relay:
        opened = Opened(relay)
        room = opened.room
        line = await opened.with_line(head=10)
        for seq in range(11, 16):
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(room.send_message(str(seq), id=id_of(seq)))
                await line.ack(seq, (await line.hear())["id"])
        assert not room.missing
        line.cut()

        # The backup had 11 and 12; 11 is not kept any more, and somebody said 14 again.
        kept = [message(12, id=id_of(12), sender="ann"), message(13, id=id_of(99))]
        kept += [message(14, id=id_of(14), sender="ann"), message(15, id=id_of(15))]
        await relay.line(gap("epoch", 12, 15), *kept, epoch=OTHER_EPOCH, head=15)
        assert [type(await next_of(room)) for _ in range(2)] == [Welcome, Gap]
        assert await seqs(room, 4) == [12, 13, 14, 15]
        assert list(room.missing) == [id_of(13), id_of(15)]


async def test_what_is_acked_in_the_new_epoch_is_not_missing() -> None:
    async with stand_in() as relay:
        opened = Opened(relay)
        room = opened.room
        line = await opened.with_line()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(room.send_message("a", id=id_of(1)))
            await line.ack(1, (await line.hear())["id"])
        line.cut()

        line = await relay.line(epoch=OTHER_EPOCH)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(room.send_message("b", id=id_of(2)))
            await line.ack(1, (await line.hear())["id"])
        await line.say(gap("epoch", 1, 0))
        assert [type(await next_of(room)) for _ in range(2)] == [Welcome, Gap]
        assert list(room.missing) == [id_of(1)]
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(room.send_message("a", id=id_of(1)))
            await line.ack(2, (await line.hear())["id"])
        assert not room.missing


# -- what has no answer


async def test_what_has_no_ack_is_sent_again_as_it_was_though_more_was_seen() -> None:
    async with stand_in() as relay:
        opened = Opened(relay)
        line = await opened.with_line(head=41)
        async with asyncio.TaskGroup() as tasks:
            for n in range(3):
                tasks.create_task(opened.room.send_message(str(n)))
            said = [await line.hear() for _ in range(3)]
            await line.say(message(42), message(43))
            assert await seqs(opened.room, 2) == [42, 43]
            line.cut()
            line = await relay.line(head=50)
            again = [await line.hear() for _ in range(3)]
            for place, frame in enumerate(again):
                await line.ack(60 + place, frame["id"])

        assert [frame["after"] for frame in said] == [41, 41, 41]
        assert again == said


async def test_in_another_epoch_it_is_sent_again_in_order_after_nothing() -> None:
    async with stand_in() as relay:
        opened = Opened(relay)
        line = await opened.with_line(head=41)
        async with asyncio.TaskGroup() as tasks:
            for n in range(3):
                tasks.create_task(opened.room.send_message(str(n)))
            said = [await line.hear() for _ in range(3)]
            for _ in range(2):
                line.cut()
                line = await relay.line(epoch=OTHER_EPOCH, head=50)
                again = [await line.hear() for _ in range(3)]
                assert again == [frame | {"after": 0} for frame in said]
            for place, frame in enumerate(again):
                await line.ack(60 + place, frame["id"])


async def test_a_message_of_an_id_made_now_comes_after_the_head() -> None:
    async with stand_in() as relay:
        opened = Opened(relay, since=10, epoch=EPOCH)
        line = await opened.with_line(head=41)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(opened.room.send_message("new"))
            new = await line.hear()
            await line.ack(42, new["id"])
            # It may have been said before a crash: it is looked for behind the cursor.
            tasks.create_task(opened.room.send_message("old", id=id_of(7)))
            old = await line.hear()
            await line.ack(20, old["id"])

        assert (new["after"], old["after"]) == (41, 10)


# -- a relay that is wrong


@pytest.mark.parametrize("seq", [41, 40, 1])
async def test_what_is_at_or_before_the_cursor_is_not_shown(seq: int) -> None:
    async with stand_in() as relay:
        opened = Opened(relay)
        # With an id that was never shown: the seq alone tells.
        await opened.with_line(message(seq, id=id_of(99)), message(42), head=41)

        assert await seqs(opened.room, 1) == [42]


async def test_before_a_hole_it_comes_back_and_never_shows_what_is_behind() -> None:
    pauses = Pauses()
    async with stand_in() as relay:
        opened = Opened(relay, pauses)
        await opened.with_line(message(42), message(44), head=41)
        for _ in range(3):
            line = await relay.line(message(44), head=44)
            assert line.query == {"since": "42", "epoch": EPOCH}
        line = await relay.line(message(43), message(44), head=44)
        assert await seqs(opened.room, 3) == [42, 43, 44]

    # Each time more patiently.
    assert pauses.asked == [0.5, 1.0, 2.0, 4.0]


@pytest.mark.parametrize(
    "frame",
    [message(42), gap("retention", 42, 50), gap("ahead", 31, 41)],
    ids=["message", "retention", "ahead"],
)
async def test_in_another_epoch_without_a_gap_it_comes_back(frame: dict[str, Any]) -> None:
    async with stand_in() as relay:
        opened = Opened(relay, since=41, epoch=EPOCH)
        await opened.with_line(frame, epoch=OTHER_EPOCH, head=50)
        line = await relay.line(gap("epoch", 1, 1), message(1), epoch=OTHER_EPOCH, head=1)

        assert line.query == HERE
        assert [type(await next_of(opened.room)) for _ in range(3)] == [Welcome, Gap, MessageOut]


# -- a lost tail


async def test_a_tail_that_does_not_come_is_asked_for() -> None:
    async with stand_in() as relay:
        opened = Opened(relay, silence_s=0.2)
        line = await opened.with_line(head=41)
        async with asyncio.TaskGroup() as tasks:
            telling = tasks.create_task(line.say_on({"type": "head", "seq": 43}))
            came = await relay.line(message(42), message(43), head=43)
            telling.cancel()

        assert came.query == HERE
        while not isinstance(frame := await next_of(opened.room), MessageOut):
            assert isinstance(frame, Head | Welcome)
        assert frame.seq == 42


def test_only_a_tail_of_which_nothing_came_for_so_long_is_a_lost_one() -> None:
    place = Resume(41, EPOCH)
    place.came_in(read_welcome(head=41))

    def head(seq: int, now_s: float) -> None:
        place.told_of(Head(type="head", seq=seq), now_s, patience_s=50)

    # Nothing is new.
    head(41, 0)
    head(41, 1000)
    # It comes late, or some of it.
    head(42, 2000)
    head(42, 2050)
    come = MessageOut.model_validate(message(42))
    place.handed_on(come, place.place_after(come))
    head(43, 2051)
    head(43, 2101)
    with pytest.raises(LineLost, match="nothing came after 42, and the head is 43"):
        head(43, 2102)
    # On another line it is another tail.
    place.came_in(read_welcome(head=43))
    head(43, 3000)


def read_welcome(**members: Any) -> Welcome:
    return Welcome.model_validate(welcome(**members))


# -- the members


async def test_the_newest_version_of_the_members_is_known() -> None:
    async with stand_in() as relay:
        opened = Opened(relay)
        room = opened.room
        line = await opened.with_line(members_version=3)
        assert room.members_version == 3
        for version in (5, 4):
            await line.say({"type": "member", "members_version": version})
            await next_of(room)
            assert room.members_version == 5

        line.cut()
        line = await relay.line(members_version=4)
        assert isinstance(await next_of(room), Welcome)
        assert room.members_version == 5
        line.cut()
        await relay.line(epoch=OTHER_EPOCH, members_version=2)
        assert isinstance(await next_of(room), Welcome)
        assert room.members_version == 2


# -- everything at once


@pytest.mark.parametrize("seed", range(12))
async def test_cut_at_any_byte_everything_is_said_and_heard_once_and_in_order(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311  # it makes no secret
    texts = [str(n) * dice.choice((1, 40, 400)) for n in range(60)]
    async with room_keeper() as relay, proxy_to(relay.port) as proxy:
        room = client_of(proxy, queue_frames=dice.choice((1, 8, 256)))
        proxy.next_cut = lambda: cut_anywhere(relay, dice)
        async with room, asyncio.timeout(WAIT_S), asyncio.TaskGroup() as tasks:
            heard = tasks.create_task(seqs_and_texts(room, len(texts)))
            acks = []
            for text in texts:
                acks.append(tasks.create_task(room.send_message(text)))
                await asyncio.sleep(dice.choice((0, 0, 0.002)))

    assert [ack.result().seq for ack in acks] == list(range(1, len(texts) + 1))
    assert heard.result() == list(enumerate(texts, start=1))
    assert proxy.accepted > 5


def cut_anywhere(relay: RoomKeeper, dice: random.Random) -> Cut | None:
    """Let some bytes through, of any frame, and cut; again and again, until all is said."""
    if len(relay.messages) >= 60:
        return None
    # A handshake takes some 200 bytes of each side, a welcome 500.
    from_server = dice.random() < 0.5
    return Cut(from_server, dice.randrange(1, 4000 if from_server else 2000), reset=False)


async def seqs_and_texts(room: RoomClient, amount: int) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    while len(found) < amount:
        frame = await next_of(room)
        if isinstance(frame, MessageOut):
            found.append((frame.seq, frame.data.message))
    return found
