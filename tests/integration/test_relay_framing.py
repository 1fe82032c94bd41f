"""Frames as bytes on a real socket: in pieces, in heaps, broken; and how the relay hangs up."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from websockets.exceptions import ConnectionClosedOK

from services.limits import Limits
from services.model import Draft, Instant
from services.ports import Appended
from tests.support.memory_store import MemoryStore
from tests.support.relay import House, heard, open_house, until
from tests.support.websocket import (
    BINARY,
    CLOSE,
    CONT,
    PING,
    PONG,
    RawSocket,
    client_frame,
    message,
)

FRAME_BYTES = Limits().frame_bytes


@asynccontextmanager
async def undisturbed(house: House) -> AsyncIterator[RawSocket]:
    """Yield somebody who may misbehave; two others hear each other all the while."""
    ann, bob = await house.join("ann"), await house.join("bob")
    mallory = await house.join("mallory")
    await ann.say("before")
    assert (await mallory.json())["data"] == {"message": "before"}

    yield mallory

    await ann.say("after")
    for client in (ann, bob):
        assert await client.messages(2) == ["before", "after"]
    await bob.nothing_more()


# -- pieces and heaps


@pytest.mark.parametrize("size", [3, 150])
async def test_a_frame_may_arrive_in_two_pieces_wherever_it_is_cut(house: House, size: int) -> None:
    ann, bob = await house.join("ann"), await house.join("bob")
    raw = client_frame(message("x" * size))

    for cut in range(1, len(raw)):
        await ann.send(raw[:cut])
        # What bob is answered comes after the relay has read the first piece.
        await bob.nothing_more()
        await ann.send(raw[cut:])
        assert await bob.messages(1) == ["x" * size]


async def test_a_frame_may_arrive_byte_by_byte(house: House) -> None:
    ann, bob = await house.join("ann"), await house.join("bob")

    for byte in client_frame(message("slow")) + client_frame(b"hello", PING):
        await ann.send(bytes((byte,)))
        # What bob is answered comes after the relay has read the byte.
        await bob.send(client_frame(b"", PING))
        await bob.frame()

    assert (await ann.json_of("ack"))["seq"] == 1


async def test_a_large_frame_may_arrive_in_pieces(house: House) -> None:
    ann, bob = await house.join("ann"), await house.join("bob")
    text = "x" * 200_000
    raw = client_frame(message(text), mask=bytes(4))

    for at in range(0, len(raw), 7001):
        await ann.send(raw[at : at + 7001])
        await bob.send(client_frame(b"", PONG))

    assert await bob.messages(1) == [text]


async def test_many_frames_may_arrive_at_once_and_the_last_in_part(house: House) -> None:
    ann, bob = await house.join("ann"), await house.join("bob")
    sent = [f"{number}" * (number % 200) for number in range(300)]
    raw = b"".join(client_frame(message(text)) for text in sent)

    await ann.send(raw[:-5])
    assert await bob.messages(299) == sent[:-1]
    await bob.nothing_more()
    await ann.send(raw[-5:])

    assert await bob.messages(1) == sent[-1:]


async def test_fragments_make_one_message_with_pings_between_them(house: House) -> None:
    ann, bob = await house.join("ann"), await house.join("bob")
    raw = message("γειά 👋")
    # Cut within letters, too: a fragment need not be UTF-8.
    parts = [raw[at : at + 1] for at in range(len(raw))]
    await ann.nothing_more()

    await ann.send(client_frame(parts[0], fin=False))
    for part in parts[1:-1]:
        await ann.send(client_frame(part, CONT, fin=False) + client_frame(part, PING))
        assert await ann.frame() == (PONG, part)
    await ann.send(client_frame(b"", CONT, fin=False))
    await ann.send(client_frame(parts[-1], CONT) + client_frame(message("next")))

    assert await bob.messages(2) == ["γειά 👋", "next"]


async def test_a_frame_may_be_as_long_as_the_bound(house: House) -> None:
    ann = await house.join("ann")
    rest = b'"}}'
    start = b'{"data":{"message":"'
    frame = start + b"\\u0061" * ((FRAME_BYTES - 23) // 6)
    frame = frame.ljust(FRAME_BYTES - len(rest), b"a") + rest
    assert len(frame) == FRAME_BYTES

    await ann.send(client_frame(frame, mask=bytes(4)))
    await ann.send(client_frame(frame[:1000], fin=False, mask=bytes(4)))
    await ann.send(client_frame(frame[1000:], CONT, mask=bytes(4)))

    assert [(await ann.json_of("ack"))["seq"] for _ in "12"] == [1, 2]


async def test_a_ping_is_answered_with_what_it_held(house: House) -> None:
    ann = await house.join("ann")

    for payload in (b"", b"x" * 125):
        await ann.send(client_frame(payload, PING))
        assert await ann.frame() == (PONG, payload)


async def test_an_unasked_pong_is_ignored(house: House) -> None:
    ann = await house.join("ann")

    await ann.send(client_frame(b"x" * 125, PONG) + client_frame(b"", PONG))

    await ann.nothing_more()


# -- hanging up


async def test_a_goodbye_is_answered(house: House) -> None:
    async with undisturbed(house) as mallory:
        await mallory.send(client_frame((1000).to_bytes(2, "big") + b"bye", CLOSE))

        assert (await mallory.closed())[0] == 1000
        assert await mallory.ended() is False


async def test_what_was_said_before_a_goodbye_is_kept(house: House) -> None:
    ann, bob = await house.join("ann"), await house.join("bob")

    await ann.send(client_frame(message("last words")) + client_frame(b"\x03\xe8", CLOSE))

    assert await bob.messages(1) == ["last words"]


async def test_nothing_after_a_goodbye_is_heard(house: House) -> None:
    async with undisturbed(house) as mallory:
        await mallory.send(client_frame(b"\x03\xe8", CLOSE) + client_frame(message("hello?")))

        assert (await mallory.closed())[0] == 1000


BROKEN = {
    "unmasked": client_frame(message("hi"), mask=None),
    "unmasked and empty": client_frame(b"", mask=None),
    "unmasked ping": client_frame(b"", PING, mask=None),
    "unmasked and long": client_frame(b"x" * 70_000, mask=None),
    "RSV1": client_frame(message("hi"), rsv=4),
    "RSV2": client_frame(message("hi"), rsv=2),
    "RSV3": client_frame(message("hi"), rsv=1),
    "RSV1 on a ping": client_frame(b"", PING, rsv=4),
    "opcode 3": client_frame(b"hi", 3),
    "opcode 7": client_frame(b"hi", 7),
    "opcode 11": client_frame(b"hi", 11),
    "opcode 15": client_frame(b"", 15),
    "a fragmented ping": client_frame(b"", PING, fin=False),
    "a ping of 126 bytes": client_frame(b"x" * 126, PING),
    "a ping of 70,000 bytes": client_frame(b"x" * 70_000, PING),
    # Its length, read as the header of a frame, would be an empty text.
    "a ping of 33,152 bytes": client_frame(b"", PING, claimed=0x8180),
    "a close of 126 bytes": client_frame(b"\x03\xe8" + b"x" * 124, CLOSE),
    "a continuation of nothing": client_frame(b"hi", CONT),
    "a new message within another": client_frame(b"{", fin=False) + client_frame(b"{}"),
    "a close of one byte": client_frame(b"\x03", CLOSE),
    "a close with 1005": client_frame((1005).to_bytes(2, "big"), CLOSE),
    "a close with 999": client_frame((999).to_bytes(2, "big"), CLOSE),
}


@pytest.mark.parametrize("raw", BROKEN.values(), ids=BROKEN.keys())
@pytest.mark.parametrize("in_one_piece", [True, False])
async def test_who_breaks_the_protocol_is_told_1002(
    house: House, raw: bytes, in_one_piece: bool
) -> None:
    async with undisturbed(house) as mallory:
        if in_one_piece:
            await mallory.send(raw)
        else:
            await mallory.dribble(raw[:40])

        assert await mallory.closed() == (1002, "protocol-error")
        await mallory.send(client_frame(b"\x03\xea", CLOSE) + client_frame(message("hello?")))


@pytest.mark.parametrize(
    "raw",
    [client_frame(b"hi", BINARY), client_frame(b"", BINARY), client_frame(b"h", BINARY, fin=False)],
    ids=["whole", "empty", "fragment"],
)
async def test_a_binary_frame_is_told_1003(house: House, raw: bytes) -> None:
    async with undisturbed(house) as mallory:
        await mallory.send(raw)

        assert await mallory.closed() == (1003, "binary")


NOT_UTF_8 = b'{"data":{"message":"\xff"}}'


@pytest.mark.parametrize(
    "raw",
    [
        client_frame(NOT_UTF_8),
        client_frame(NOT_UTF_8 * 10),
        client_frame(NOT_UTF_8[:9], fin=False) + client_frame(NOT_UTF_8[9:], CONT),
        client_frame(b"\xed\xa0\x80"),
    ],
    ids=["short", "longer", "fragments", "surrogate"],
)
async def test_text_that_is_not_utf_8_is_told_1007(house: House, raw: bytes) -> None:
    async with undisturbed(house) as mallory:
        await mallory.send(raw)

        assert await mallory.closed() == (1007, "not-utf-8")


HALF = b"x" * (FRAME_BYTES // 2 + 1)
TOO_BIG = {
    "one more": client_frame(b"", claimed=FRAME_BYTES + 1),
    "much": client_frame(b"", claimed=2**40),
    "the most a header can say": client_frame(b"", claimed=2**63 - 1),
    "a fragment": client_frame(b"", claimed=FRAME_BYTES + 1, fin=False),
    "fragments in all": client_frame(HALF, fin=False, mask=bytes(4))
    + client_frame(HALF, CONT, mask=bytes(4)),
    "many fragments": client_frame(b"{", fin=False) + client_frame(b"", CONT, fin=False) * 64,
}


@pytest.mark.parametrize("raw", TOO_BIG.values(), ids=TOO_BIG.keys())
async def test_what_is_too_big_is_told_1009_by_its_header_alone(house: House, raw: bytes) -> None:
    async with undisturbed(house) as mallory:
        await mallory.send(raw)

        assert await mallory.closed() == (1009, "too-big")


async def test_the_close_frame_arrives_though_much_is_still_on_its_way(house: House) -> None:
    async with undisturbed(house) as mallory:
        await mallory.send(client_frame(b"", claimed=2**24) + b"x" * 2**18)

        assert (await mallory.closed())[0] == 1009
        await mallory.send(b"x" * 2**20)


async def test_twenty_bad_frames_in_a_row_are_told_4400(house: House) -> None:
    async with undisturbed(house) as mallory:
        await mallory.send(client_frame(b"{}") * 25)

        errors = [await mallory.json() for _ in range(20)]
        assert {error["code"] for error in errors} == {"bad-frame"}
        assert await mallory.frame() == (CLOSE, (4400).to_bytes(2, "big") + b"bad-frames")


async def test_a_good_frame_begins_the_count_of_bad_ones_anew(house: House) -> None:
    ann = await house.join("ann")

    for _ in range(3):
        await ann.send(client_frame(b"{}") * 19 + client_frame(message("hi")))

    for _ in range(57):
        await ann.json_of("error")
    assert await ann.messages(3) == ["hi"] * 3


async def test_a_session_that_expires_is_told_4401(house: House) -> None:
    await house.know("mallory", for_ms=5000)
    async with undisturbed(house) as mallory:
        house.wall = Instant(house.wall + 4999)
        await mallory.nothing_more()

        house.wall = Instant(house.wall + 1)

        assert await mallory.closed() == (4401, "session-ended")


async def test_a_drain_stores_what_was_said_and_tells_everybody_1001(
    any_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.server.DRAIN_S", 3600)
    house = any_house
    ann, bob = await house.join("ann"), await house.library("bob")
    await heard(bob)
    waiting = await house.raw()
    await ann.say("last")
    await ann.json_of("ack")

    async with asyncio.TaskGroup() as tasks:
        draining = tasks.create_task(house.relay.drain())
        assert await ann.closed() == (1001, "going-away")
        await ann.send(client_frame(b"\x03\xe9", CLOSE))
        assert (await heard(bob))["data"] == {"message": "last"}
        with pytest.raises(ConnectionClosedOK) as caught:
            await bob.recv()
        assert caught.value.rcvd is not None
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1001, "going-away")
        await waiting.ended()
        async with asyncio.timeout(30):
            await draining

    with pytest.raises(OSError, match="refused"):
        await house.raw()


class SlowStore(MemoryStore):
    """Stores nothing before it is told to go."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[tuple[Sequence[Draft], Callable[[Sequence[Appended]], None]]] = []

    def append(self, drafts: Sequence[Draft], done: Callable[[Sequence[Appended]], None]) -> None:
        self.waiting.append((drafts, done))

    def go(self) -> None:
        for drafts, done in self.waiting:
            super().append(drafts, done)


async def test_what_is_said_during_a_drain_is_not_taken_any_more(often: None) -> None:
    store = SlowStore()
    async with open_house(store) as house:
        ann = await house.join("ann")
        await ann.say("before")
        await until(lambda: len(store.waiting) == 1)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(house.relay.drain())
            await asyncio.sleep(0)
            await ann.say("after")
            # Read, it would be in a second group within a turn or two of the loop.
            for _ in range(50):
                await asyncio.sleep(0.001)
            store.go()
            await ann.json_of("ack")
            assert await ann.closed() == (1001, "going-away")

    assert [draft.text for drafts, _ in store.waiting for draft in drafts] == ["before"]


async def test_a_drain_does_not_wait_long_for_who_does_not_answer(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.server.DRAIN_S", 0.2)
    ann = await house.join("ann")

    async with asyncio.timeout(30):
        await house.relay.drain()

    assert await ann.closed() == (1001, "going-away")
    await ann.ended()


RATE = Limits(frames_per_s=10, frames_burst=30)


@pytest.mark.parametrize(
    "flood",
    [
        client_frame(b"x", PING) * 40,
        client_frame(b"x", PONG) * 40,
        client_frame(b"", fin=False) + client_frame(b"", CONT, fin=False) * 40,
        client_frame(message("x")) * 100,
        client_frame(b"{") * 15 + client_frame(b"x", PING) * 40,
    ],
    ids=["pings", "pongs", "fragments", "messages", "mixed"],
)
async def test_a_flood_is_told_4429(often: None, flood: bytes) -> None:
    async with open_house(MemoryStore(), limits=RATE) as house:
        mallory = await house.join("mallory")
        bob = await house.join("bob")

        await mallory.send(flood)

        assert await mallory.closed() == (4429, "rate")
        await bob.say("still here")
        while (await bob.json_of("message"))["sender"] != "bob":
            pass


async def test_a_goodbye_never_comes_too_fast(often: None) -> None:
    async with open_house(MemoryStore(), limits=RATE) as house:
        ann = await house.join("ann")

        await ann.send(client_frame(b"x", PONG) * 30 + client_frame((1000).to_bytes(2), CLOSE))

        assert await ann.closed() == (1000, "")


async def test_frames_too_many_are_refused_and_heard_when_sent_again_in_time(often: None) -> None:
    async with open_house(MemoryStore(), limits=RATE) as house:
        ann, bob = await house.join("ann"), await house.join("bob")

        await ann.send(b"".join(client_frame(message(str(number))) for number in range(40)))

        errors = [await ann.json_of("error") for _ in range(10)]
        assert {(error["code"], error["retry_after"]) for error in errors} == {("rate", 0.1)}
        house.now_s += 1.0
        await ann.send(b"".join(client_frame(message(str(number))) for number in range(30, 40)))
        assert await bob.messages(40) == [str(number) for number in range(40)]
        await bob.nothing_more()


async def test_a_client_that_never_answers_a_close_is_cut(house: House) -> None:
    async with undisturbed(house) as mallory:
        await mallory.send(client_frame(b"", BINARY))
        await mallory.closed()
        house.now_s += 5.1

        await mallory.ended()
