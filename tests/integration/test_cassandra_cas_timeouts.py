"""A thousand conditional writes on lines that delay and cut: nobody wins twice, nothing that was
acknowledged is lost, no room hangs.

Two stores, as two processes would have them. What a caller is told is written down, and held
against the tables when the lines are healed.
"""

import asyncio
import random
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from services.errors import IloError, StoreUnavailable
from services.model import Draft, Receipt, Room, User
from services.ports import Appended
from store.cassandra.connection import Connection
from store.cassandra.cql import Cql
from store.cassandra.store import CassandraStore
from tests.support.contests import Charges, Contest, Contests
from tests.support.counting_cql import CountingCql, counted
from tests.support.history import Entry, History, Log
from tests.support.store_samples import add_user, draft_for, enter
from tests.support.troubled_line import Trouble
from tests.support.two_stores import TwoStores, two_stores

if TYPE_CHECKING:
    from tests.support.cassandra.keyspaces import Keyspace

WRITES = 1_000
TIME_OUT_S = 0.6
"""Of a request, instead of several seconds."""

ROOMS = 6
SENDERS = 4
"""In each room."""
MESSAGES = 30
"""Of each sender."""
WINDOW = 3
"""Messages of a sender that are on their way at once."""
PAUSE_S = 0.005
"""Between them."""
AT_ONCE = 4
"""Contests."""
NAMES, KEYS, TICKETS, PRIVATE_ROOMS, OPEN_ROOMS = 40, 16, 16, 12, 12


@pytest.fixture
async def place(keyspace: "Keyspace", monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TwoStores]:
    monkeypatch.setattr("store.cassandra.connection.REQUEST_TIMEOUT_S", TIME_OUT_S)
    monkeypatch.setattr("store.cassandra.connection.RECONNECT_S", (0.05, 0.4))
    monkeypatch.setattr("store.cassandra.store.Cql", CountingCql)
    async with two_stores(keyspace, time_out_s=TIME_OUT_S) as made:
        yield made


@pytest.fixture
def contests(place: TwoStores, store_connection: Connection) -> Contests:
    cql = Cql()
    cql.attach(store_connection.session)
    return Contests(place, cql)


class Talk:
    """Senders in rooms, and what they were told of their messages."""

    def __init__(self, place: TwoStores) -> None:
        self._place = place
        self._history = History()
        self._new: Counter[str] = Counter()
        self._unknown: set[str] = set()
        self._wrong: list[str] = []
        self._rooms: list[Room] = []

    async def begin(self) -> list[tuple[Room, User]]:
        """Return each sender, with the room to send in."""
        store, found = self._place.stores[0], list[tuple[Room, User]]()
        for number in range(ROOMS):
            name = f"talk {number}"
            users = [await add_user(store, f"{name} {n}") for n in range(SENDERS)]
            room = (await enter(store, name, users[0])).room
            self._rooms.append(room)
            found += [(room, user) for user in users]
        return found

    async def send(self, room: Room, sender: User, amount: int, seed: int) -> None:
        """Send messages, and again what has no receipt, to either store."""
        chance = random.Random(seed)  # noqa: S311
        waiting = deque(draft_for(room, sender, f"{n} of {sender.name}") for n in range(amount))
        for draft in waiting:
            self._history.sends(room.name, sender.name, draft.message_id.hex(), draft.text)
        while waiting:
            store = chance.choice(self._place.stores)
            told = await self._place.told(appended(store, list(islice(waiting, WINDOW))))
            assert isinstance(told, list)
            for draft, outcome in told:
                self._note(log_of(room), sender, draft, outcome)
                if isinstance(outcome, Receipt):
                    waiting.remove(draft)

    def _note(self, log: Log, sender: User, draft: Draft, outcome: Receipt | IloError) -> None:
        message = draft.message_id.hex()
        if isinstance(outcome, Receipt):
            self._history.acked(log, sender.name, message, outcome.seq, str(outcome.sent_at))
            self._new[message] += outcome.new
            if not outcome.new and message not in self._unknown:
                self._wrong.append(f"{message} was stored, and nobody was told that it is new")
        elif isinstance(outcome, StoreUnavailable):
            self._unknown.add(message)
            self._history.refused(log, sender.name, message, "unknown")
        else:
            self._history.refused(log, sender.name, message, "no")

    async def charges(self) -> list[str]:
        """Return what is wrong by what the logs hold in the end."""
        logs = {log_of(room): await entries(self._place.stores[0], room) for room in self._rooms}
        found = [str(charge) for charge in self._history.charges(logs)] + self._wrong
        found += [f"{message} was new twice" for message, times in self._new.items() if times > 1]
        return found + [f"{message} was never stored" for message in self._history.unanswered()]


def log_of(room: Room) -> Log:
    return Log(room.name, room.epoch.hex())


async def entries(store: CassandraStore, room: Room) -> list[Entry]:
    found: list[Entry] = []
    while page := await store.messages_after(room.room_id, len(found), 100, 1 << 20):
        found += [Entry(m.seq, m.message_id.hex(), m.sender, str(m.sent_at), m.text) for m in page]
    return found


async def appended(store: CassandraStore, drafts: Sequence[Draft]) -> list[Appended]:
    """Hand over one after the other, until one has no receipt; return what became of those."""
    told: list[Appended] = []
    handed_over = 0
    some_told = asyncio.Event()

    def done(outcomes: Sequence[Appended]) -> None:
        told.extend(outcomes)
        some_told.set()

    for draft in drafts:
        store.append([draft], done)
        handed_over += 1
        # So that those behind it may be behind what is being written.
        await asyncio.sleep(PAUSE_S)
        if any(not isinstance(outcome, Receipt) for _, outcome in told):
            break
    while len(told) < handed_over:
        some_told.clear()
        await some_told.wait()
    assert [draft for draft, _ in told] == list(drafts[:handed_over])
    return told


async def all_contests(contests: Contests) -> list[Contest]:
    """Return them in the order in which they are to be."""
    found = [await contests.for_name(f"name {n}") for n in range(NAMES)]
    found += [await contests.for_key(f"owner {n}") for n in range(KEYS)]
    found += [await contests.for_ticket(f"ticket {n}") for n in range(TICKETS)]
    found += [await contests.for_places(f"private {n}") for n in range(PRIVATE_ROOMS)]
    found += [await contests.for_open_room(f"open {n}") for n in range(OPEN_ROOMS)]
    random.Random(3).shuffle(found)  # noqa: S311
    return found


async def test_on_lines_that_delay_and_cut_each_outcome_is_as_it_was_told(
    place: TwoStores,
    contests: Contests,
    record_property: Callable[[str, object], None],
) -> None:
    talk = Talk(place)
    senders = await talk.begin()
    waiting = deque(await all_contests(contests))
    judges: list[Charges] = []

    async def compete() -> None:
        while waiting:
            judges.append(await waiting.popleft()())

    counted.clear()
    place.trouble()
    async with asyncio.TaskGroup() as tasks:
        for seed, (room, sender) in enumerate(senders):
            tasks.create_task(talk.send(room, sender, MESSAGES, seed))
        for _ in range(AT_ONCE):
            tasks.create_task(compete())
    await place.heal()
    met = sum((line.met for line in place.lines), Counter[Trouble]())
    writes = counted.copy()
    longest_s = place.longest_s
    for room, sender in senders:
        await talk.send(room, sender, 1, 0)

    wrong = await talk.charges()
    for charges in judges:
        wrong += await charges()
    record_property("writes", dict(writes))
    record_property("troubles", {one.name: times for one, times in met.items()})
    record_property("longest_s", longest_s)
    assert wrong == []
    assert writes.total() >= WRITES
    # There was something to get wrong.
    assert writes["unknown"] >= WRITES / 20
    assert set(met) == set(Trouble)
