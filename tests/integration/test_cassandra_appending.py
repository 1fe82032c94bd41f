"""Several appenders on one Cassandra: what they tell, held against what is stored."""

import asyncio
import os

import pytest

from services.errors import IdReused, StoreUnavailable
from services.model import Draft, Receipt, RoomId, UserId, Username
from store.cassandra import appender
from store.cassandra.cql import Cql
from store.cassandra.log import Group, NewMessage, Written
from tests.support.cassandra_faults import Fault, FaultyCql
from tests.support.cassandra_log import LogParts, some_draft, some_room

ANN = UserId(b"a" * 16)
FAULTS = [Fault.ANSWER_LOST, Fault.LOST, Fault.LATE]


async def say(parts: LogParts, room_id: RoomId, sender: UserId, count: int) -> list[Receipt]:
    """Say so many things, each sent until it is stored; return their receipts."""
    receipts: list[Receipt] = []
    while len(receipts) < count:
        draft = some_draft(room_id, sender, f"{sender[0]} {len(receipts)}")
        draft = draft._replace(after=receipts[-1].seq if receipts else 0)
        while True:
            [outcome] = await parts.append(draft)
            if isinstance(outcome, Receipt):
                receipts.append(outcome)
                break
            assert isinstance(outcome, StoreUnavailable)
    return receipts


async def check(parts: LogParts, room_id: RoomId, told: dict[UserId, list[Receipt]]) -> None:
    """Everything told is there as it was told, once, in order, and nothing else."""
    log = await parts.all_messages(room_id)
    assert [one.seq for one in log] == list(range(1, len(log) + 1))
    assert len(log) == sum(len(receipts) for receipts in told.values())
    assert len({one.message_id for one in log}) == len(log)
    for sender, receipts in told.items():
        mine = [one for one in log if one.sender == str(sender[0])]
        assert [one.seq for one in mine] == [receipt.seq for receipt in receipts]
        assert [one.text for one in mine] == [f"{sender[0]} {n}" for n in range(len(mine))]


async def test_two_appenders_of_the_same_rooms_lose_nothing_and_double_nothing(real: Cql) -> None:
    nodes = [LogParts(real), LogParts(real)]
    rooms = [some_room(), some_room()]
    told: dict[RoomId, dict[UserId, list[Receipt]]] = {room_id: {} for room_id in rooms}

    async def write(number: int, room_id: RoomId) -> None:
        sender = UserId(bytes([number]) * 16)
        told[room_id][sender] = await say(nodes[number % 2], room_id, sender, 50)

    async with asyncio.TaskGroup() as writers:
        for number in range(8):
            writers.create_task(write(number, rooms[number // 2 % 2]))

    for room_id in rooms:
        await check(nodes[0], room_id, told[room_id])
    for node in nodes:
        await node.appender.close()


@pytest.mark.parametrize("seed", range(3))
async def test_nothing_is_lost_or_doubled_where_half_of_the_answers_are(
    real: Cql, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(appender, "FIRST_PAUSE_S", 0.001)
    wires = [FaultyCql(real, seed=2 * seed + n) for n in range(2)]
    nodes, room_id = [LogParts(wire) for wire in wires], some_room()
    senders = [UserId(bytes([n + 1]) * 16) for n in range(4)]

    async with asyncio.TaskGroup() as writers:
        says = [
            writers.create_task(say(nodes[n % 2], room_id, sender, 30))
            for n, sender in enumerate(senders)
        ]
    for wire in wires:
        await wire.deliver()

    told = {sender: one.result() for sender, one in zip(senders, says, strict=True)}
    await check(LogParts(real), room_id, told)
    assert all(receipt.new for receipts in told.values() for receipt in receipts)


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_group_without_an_answer_is_new_however_it_is_found(
    real: Cql, fault: Fault
) -> None:
    wire = FaultyCql(real)
    node, other, room_id = LogParts(wire), LogParts(real), some_room()
    drafts = [some_draft(room_id, ANN, f"{n}") for n in range(3)]

    async def others_go_on() -> None:
        await wire.deliver()
        await other.append(some_draft(room_id, ANN, "between"))

    wire.meet(fault, fault, meanwhile=others_go_on)
    outcomes = await node.append(*drafts)

    receipts = [one for one in outcomes if isinstance(one, Receipt)]
    assert [receipt.new for receipt in receipts] == [True] * 3
    log = await other.all_messages(room_id)
    assert len(log) == 4
    assert [log[receipt.seq - 1].text for receipt in receipts] == ["0", "1", "2"]


async def test_a_late_write_of_a_refused_group_changes_nothing_but_may_be_it(
    real: Cql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appender, "LONGEST_S", 0.05)
    wire = FaultyCql(real)
    node, other, room_id = LogParts(wire), LogParts(real), some_room()
    drafts = [some_draft(room_id, ANN, f"{n}")._replace(after=0) for n in range(2)]
    wire.meet(*[Fault.LATE] * 200)

    refused = await node.append(*drafts)
    wire.heal()
    await other.append(some_draft(room_id, ANN, "between"))
    await wire.deliver()
    again = await other.append(*drafts)

    assert all(isinstance(one, StoreUnavailable) for one in refused)
    assert [(one.seq, one.new) for one in again if isinstance(one, Receipt)] == [
        (2, True),
        (3, True),
    ]
    assert [one.text for one in await node.all_messages(room_id)] == ["between", "0", "1"]


async def test_who_uses_an_id_again_on_another_node_is_refused_for_another_text(
    real: Cql,
) -> None:
    one, other, room_id = LogParts(real), LogParts(real), some_room()
    draft = some_draft(room_id, ANN)
    await one.append(draft)

    outcomes = await other.append(draft._replace(text="another"), draft)

    assert isinstance(outcomes[0], IdReused)
    assert outcomes[1] == Receipt(1, draft.sent_at, new=False)


async def test_a_room_whose_messages_have_all_expired_goes_on_at_head_and_one(real: Cql) -> None:
    node, room_id = LogParts(real), some_room()
    messages = [_new_message(some_draft(room_id, ANN)) for _ in range(3)]
    assert await node.table.write(Group(room_id, 0, messages, 1)) == Written()
    for _ in range(100):
        await asyncio.sleep(0.1)
        if not await node.all_messages(room_id):
            break

    assert await node.heads.of(room_id) == (3, 4)
    [outcome] = await node.append(some_draft(room_id, ANN, "next"))
    assert isinstance(outcome, Receipt)
    assert outcome.seq == 4
    assert [one.text for one in await node.all_messages(room_id)] == ["next"]
    assert await node.pages.messages_before(room_id, None, 1, 10, 1000) == (
        await node.all_messages(room_id)
    )


def _new_message(draft: Draft) -> NewMessage:
    mark = (draft.sender, draft.message_id)
    return NewMessage(mark, Username("97"), draft.sent_at, draft.text, os.urandom(32))
