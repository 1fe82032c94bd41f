"""The writer's decisions, made without its thread: what a simulation of it would call."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from services.errors import StorageFull, StoreUnavailable
from services.model import (
    Draft,
    Entry,
    Instant,
    MessageId,
    PublicKey,
    Receipt,
    RoomName,
    User,
    UserId,
    Username,
)
from services.ports import Appended
from store.sqlite.committer import Committer
from store.sqlite.database import open_database
from store.sqlite.log import RoomLog
from store.sqlite.members import enter_room
from store.sqlite.requests import MAX_GROUP_CHARACTERS, MAX_GROUP_DRAFTS, Group, Job, Result, Work
from store.sqlite.users import add_user
from tests.support.store_samples import LIMITS, NOON

ANN = User(UserId(b"a" * 16), Username("ann"), "ann", "hash of ann", NOON)
BOB = User(UserId(b"b" * 16), Username("bob"), "bob", "hash of bob", NOON)


class Requests:
    """Asks a committer, and notes what it tells."""

    def __init__(self, data_dir: Path) -> None:
        data_dir.mkdir()
        self.connection = open_database(data_dir / "ilo.db")
        self.committer = Committer(self.connection, RoomLog(self.connection))
        self.told: list[object] = []
        self._numbers = iter(range(1, 1000))

    def random_bytes(self, size: int) -> bytes:
        return next(self._numbers).to_bytes(size, "big")

    def done(self, outcomes: Sequence[Appended]) -> None:
        self.told += [outcome for _, outcome in outcomes]

    def group(self, drafts: Sequence[Draft] = (), jobs: Sequence[Job[object]] = ()) -> Group:
        group = Group()
        if drafts:
            for append in self.committer.requests(drafts, self.done):
                group.add(append)
        for job in jobs:
            group.add(Work(job, self.told.append))
        return group

    def commit(self, group: Group) -> list[object]:
        """Return what was told of the group."""
        self.told.clear()
        for telling in self.committer.commit(group):
            telling()
        return list(self.told)

    def make_user(self, user: User) -> UserId:
        def make(connection: sqlite3.Connection) -> None:
            add_user(connection, user, PublicKey(1, "key", NOON))

        self.commit(self.group(jobs=[make]))
        return user.user_id

    def make_room(self) -> Entry:
        def make(connection: sqlite3.Connection) -> Entry | None:
            add_user(connection, ANN, PublicKey(1, "key", NOON))
            name = RoomName("tea")
            return enter_room(connection, name, ANN.user_id, NOON, LIMITS, self.random_bytes)

        [result] = self.commit(self.group(jobs=[make]))
        assert isinstance(result, Result)
        assert isinstance(result.value, Entry)
        return result.value


def draft(entry: Entry, number: int, text: str = "hello") -> Draft:
    message_id = MessageId(number.to_bytes(16, "big"))
    return Draft(entry.room.room_id, ANN.user_id, message_id, Instant(NOON + number), text)


def test_the_same_requests_leave_the_same_store(tmp_path: Path) -> None:
    dumps = []
    for name in ("one", "two"):
        asked = Requests(tmp_path / name)
        entry = asked.make_room()
        for n in range(10):
            asked.commit(asked.group([draft(entry, n), draft(entry, n // 2)]))
        with closing(asked.connection) as connection:
            dumps.append(list(connection.iterdump()))

    assert dumps[0] == dumps[1]
    assert any("hello" in line for line in dumps[0])


def test_messages_and_jobs_of_a_group_share_a_commit_and_are_told_after_it(tmp_path: Path) -> None:
    asked = Requests(tmp_path / "data")
    entry = asked.make_room()

    def count(connection: sqlite3.Connection) -> object:
        return connection.execute("SELECT count(*) FROM log").fetchone()[0]

    group = asked.group([draft(entry, 1), draft(entry, 2)], [count])
    asked.told.clear()
    tellings = asked.committer.commit(group)
    assert asked.told == []
    assert not asked.connection.in_transaction
    for telling in tellings:
        telling()

    assert [type(one) for one in asked.told] == [Receipt, Receipt, Result]
    assert asked.told[2] == Result(2, None)
    asked.connection.close()


def test_what_was_asked_for_before_a_failure_was_told_is_not_stored(tmp_path: Path) -> None:
    asked = Requests(tmp_path / "data")
    entry = asked.make_room()
    unaware = asked.group([draft(entry, 2)])

    def fails(connection: sqlite3.Connection) -> object:
        raise sqlite3.OperationalError("disk I/O error")

    told = asked.commit(asked.group([draft(entry, 1)], [fails]))
    assert isinstance(told[0], StoreUnavailable)
    assert asked.committer.failures == 1

    assert [type(one) for one in asked.commit(unaware)] == [StoreUnavailable]
    told = asked.commit(asked.group([draft(entry, 1), draft(entry, 2)]))
    assert [one.seq for one in told if isinstance(one, Receipt)] == [1, 2]
    asked.connection.close()


def _fails(connection: sqlite3.Connection) -> object:
    raise sqlite3.OperationalError("disk I/O error")


def _finds_no_space(connection: sqlite3.Connection) -> object:
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    raise error


def test_what_follows_a_refusal_is_not_stored_before_that_is_told(tmp_path: Path) -> None:
    asked = Requests(tmp_path / "data")
    entry = asked.make_room()
    second = asked.group([draft(entry, 2)])
    asked.commit(asked.group([draft(entry, 1)], [_fails]))
    # Asked for when the failure was known, and the refusal of the second was not.
    third = asked.group([draft(entry, 3)])

    tellings = asked.committer.commit(second) + asked.committer.commit(third)
    asked.told.clear()
    for telling in tellings:
        telling()

    assert [type(one) for one in asked.told] == [StoreUnavailable, StoreUnavailable]
    told = asked.commit(asked.group([draft(entry, n) for n in (1, 2, 3)]))
    assert [one.seq for one in told if isinstance(one, Receipt)] == [1, 2, 3]
    asked.connection.close()


def test_a_failure_refuses_what_follows_of_its_senders_and_of_nobody_else(tmp_path: Path) -> None:
    asked = Requests(tmp_path / "data")
    entry = asked.make_room()
    bob = asked.make_user(BOB)
    both = asked.group([draft(entry, 2), draft(entry, 3)._replace(sender=bob)])
    asked.committer.commit(asked.group([draft(entry, 1)], [_fails]))

    told = asked.commit(both)

    assert [type(one) for one in told] == [StoreUnavailable, Receipt]
    asked.connection.close()


def test_without_space_it_is_unknown_what_may_come_back_from_a_failed_commit(
    tmp_path: Path,
) -> None:
    asked = Requests(tmp_path / "data")
    entry = asked.make_room()
    asked.commit(asked.group([draft(entry, 1)], [_fails]))

    told = asked.commit(asked.group([draft(entry, 1)], [_finds_no_space]))
    assert isinstance(told[0], StoreUnavailable)

    asked.commit(asked.group([draft(entry, 2)]))
    told = asked.commit(asked.group([draft(entry, 1)], [_finds_no_space]))
    assert isinstance(told[0], StorageFull)
    asked.connection.close()


def test_a_group_is_full_at_its_bounds_and_one_call_may_make_many(tmp_path: Path) -> None:
    asked = Requests(tmp_path / "data")
    entry = asked.make_room()

    def cut(drafts: Sequence[Draft]) -> list[int]:
        requests = asked.committer.requests(drafts, asked.done)
        for request in requests[:-1]:
            group = Group()
            group.add(request)
            assert group.is_full or request.characters > MAX_GROUP_CHARACTERS // 2
        return [len(request.drafts) for request in requests]

    small = [draft(entry, n) for n in range(MAX_GROUP_DRAFTS)]
    assert cut(small) == [MAX_GROUP_DRAFTS]
    assert cut([*small, draft(entry, 0)]) == [MAX_GROUP_DRAFTS, 1]
    large = [draft(entry, n, "x" * (MAX_GROUP_CHARACTERS // 3)) for n in range(4)]
    assert cut(large) == [3, 1]
    group = Group()
    for n in range(MAX_GROUP_DRAFTS):
        assert not group.is_full
        group.add(asked.committer.requests([draft(entry, n)], asked.done)[0])
    assert group.is_full
    asked.connection.close()
