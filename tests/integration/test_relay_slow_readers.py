"""Readers that take less than is said: bounded memory, nobody else waits, nothing is lost."""

import asyncio

from relay.connection import HIGH_WATER_BYTES, STALL_TIMEOUT_S
from relay.delivery import CATCH_UP_BYTES
from relay.rooms import MAX_WRITE_BYTES
from services.errors import StoreUnavailable
from services.limits import Limits
from services.model import LoggedMessage, RoomId
from tests.support.memory_store import MemoryStore
from tests.support.relay import House, open_house, until
from tests.support.stalled_reader import StalledReader, say_much, server_side, unsent
from tests.support.websocket import PING, client_frame

MIB = 1024 * 1024


def test_the_bounds_are_those_of_the_contract() -> None:
    frame = Limits().frame_bytes
    assert STALL_TIMEOUT_S == 15.0
    assert HIGH_WATER_BYTES + max(MAX_WRITE_BYTES, CATCH_UP_BYTES) + frame <= 1.1 * MIB


async def test_a_stalled_reader_costs_bounded_memory_and_nobody_waits(any_house: House) -> None:
    house = any_house
    ann, bob = await house.join("ann"), await house.join("bob")
    stalled = await StalledReader.join(house, "eve")

    most = 0
    for seq in range(1, 41):
        await say_much(ann, 1)
        assert (await bob.json_of("message"))["seq"] == seq
        most = max(most, unsent(house, "eve"))

    assert HIGH_WATER_BYTES < most <= MIB
    stalled.close()


async def test_who_reads_again_gets_everything_once_and_in_order(any_house: House) -> None:
    house = any_house
    ann = await house.join("ann")
    stalled = await StalledReader.join(house, "eve")
    await say_much(ann, 30)

    async with asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(stalled.read(until_seq=40))
        # More is said while it catches up.
        await say_much(ann, 10)
        await reading

    assert stalled.seqs == list(range(1, 41))
    await ann.say("live")
    await stalled.read(until_seq=41)
    assert stalled.seqs[-1] == 41
    stalled.close()


async def test_a_reader_that_stalls_again_and_again_misses_nothing(any_house: House) -> None:
    house = any_house
    ann = await house.join("ann")
    slow = await StalledReader.join(house, "eve")

    said = 0
    for number in range(8):
        await say_much(ann, 7)
        for _ in range(20):
            await ann.say("small")
        for _ in range(20):
            await ann.json_of("ack")
            await ann.json_of("message")
        said += 27
        await slow.read(until_seq=said if number % 3 == 2 else said - 20)

    await slow.read(until_seq=said)
    assert slow.seqs == list(range(1, said + 1))
    slow.close()


async def test_who_never_reads_is_cut_after_15_s_with_4408(house: House) -> None:
    ann = await house.join("ann")
    stalled = await StalledReader.join(house, "eve")
    await say_much(ann, 30)
    await until(lambda: unsent(house, "eve") > HIGH_WATER_BYTES)
    connection = server_side(house, "eve")
    await ann.nothing_more()
    house.now_s += 14.9
    await ann.nothing_more()
    assert connection in house.relay._connections
    assert not connection.closing

    house.now_s += 0.2

    await until(lambda: connection.closing)
    await stalled.read(until_seq=1000)
    assert stalled.close_code == 4408
    assert stalled.seqs == list(range(1, len(stalled.seqs) + 1))
    stalled.close()


async def test_who_is_cut_and_reads_nothing_is_gone_in_30_s(house: House) -> None:
    ann = await house.join("ann")
    stalled = await StalledReader.join(house, "eve")
    await say_much(ann, 30)
    await until(lambda: unsent(house, "eve") > HIGH_WATER_BYTES)
    connection = server_side(house, "eve")
    house.now_s += 15.1
    await until(lambda: connection.closing)

    house.now_s += 5.1

    await until(lambda: connection not in house.relay._connections)
    stalled.close()


async def test_a_reader_that_is_only_slow_is_not_cut(house: House) -> None:
    ann = await house.join("ann")
    slow = await StalledReader.join(house, "eve")
    await say_much(ann, 40)
    connection = server_side(house, "eve")

    for seq in range(1, 41):
        house.now_s += 14.0
        await slow.read(until_seq=seq)
        await ann.say("tick")
        await ann.json_of("ack")
        # It is not stalled any more, or the relay has seen its progress.
        await until(lambda: connection._stalled is None or connection._stalled[0] == house.now_s)

    await slow.read(until_seq=80)

    assert not connection.closing
    assert slow.seqs == list(range(1, 81))
    slow.close()


async def test_a_stalled_reader_is_not_listened_to(house: House) -> None:
    """Who makes the relay answer and does not read cannot make it keep the answers."""
    await house.join("ann")
    stalled = await StalledReader.join(house, "eve")
    loop = asyncio.get_running_loop()

    async def ping_on() -> None:
        while True:
            await loop.sock_sendall(stalled.sock, client_frame(b"x" * 100, PING) * 1000)

    pinging = loop.create_task(ping_on())
    await until(lambda: unsent(house, "eve") > HIGH_WATER_BYTES)
    _, pending = await asyncio.wait([pinging], timeout=0.3)
    assert pending
    pinging.cancel()
    assert unsent(house, "eve") <= MIB
    stalled.close()


async def test_many_stalled_readers_cost_little_and_all_others_hear_all(often: None) -> None:
    limits = Limits(frames_burst=100_000, connections_per_user_and_room=100)
    async with open_house(MemoryStore(), limits=limits) as house:
        ann = await house.join("ann")
        others = [await house.join("bob") for _ in range(10)]
        stalled = [await StalledReader.join(house, "eve") for _ in range(20)]

        for seq in range(1, 26):
            await say_much(ann, 1)
            for other in others:
                assert (await other.json_of("message"))["seq"] == seq

        waiting = [c.transport.get_write_buffer_size() for c in house.relay._connections]
        assert sum(waiting) <= 20 * MIB
        for reader in stalled[:3]:
            await reader.read(until_seq=25)
            assert reader.seqs == list(range(1, 26))
        for reader in stalled:
            reader.close()


class CountingStore(MemoryStore):
    def __init__(self) -> None:
        super().__init__()
        self.pages = 0

    async def messages_after(
        self, room_id: RoomId, after: int, limit: int, max_bytes: int
    ) -> list[LoggedMessage]:
        self.pages += 1
        return await super().messages_after(room_id, after, limit, max_bytes)


async def test_who_keeps_up_never_reads_the_store_and_who_is_full_does_not_either(
    often: None,
) -> None:
    store = CountingStore()
    async with open_house(store) as house:
        ann = await house.join("ann")
        stalled = await StalledReader.join(house, "eve")
        await say_much(ann, 40)
        assert store.pages == 0

        await stalled.read(until_seq=40)

        assert stalled.seqs == list(range(1, 41))
        assert 0 < store.pages <= 40
        stalled.close()


async def test_a_store_that_fails_while_somebody_catches_up_ends_only_that_connection(
    house: House,
) -> None:
    store = house.store
    assert isinstance(store, MemoryStore)
    ann = await house.join("ann")
    stalled = await StalledReader.join(house, "eve")
    await say_much(ann, 40)
    store.failure = StoreUnavailable()
    await stalled.read(until_seq=40)

    assert stalled.close_code == 1013
    assert stalled.seqs == list(range(1, len(stalled.seqs) + 1))
    store.failure = None
    await say_much(ann, 1)
    stalled.close()
