"""The parts of the Cassandra store that rooms are made of, and connections that break off."""

import os
from collections.abc import Awaitable, Callable, Sequence
from itertools import count

from services.model import PublicKey, RoomId, RoomName, User
from store.cassandra.cql import Cas, Cql, Statement
from store.cassandra.heads import Heads
from store.cassandra.member_pages import MemberPages
from store.cassandra.members import Members
from store.cassandra.rooms import Rooms
from store.cassandra.user_rooms import UserRooms
from store.cassandra.users import Users
from tests.support.store_samples import NOON, some_user

_numbers = count()
_run = os.urandom(8).hex()


def new_number() -> str:
    """Return what no other name has in any run: the tests share their tables."""
    return f"{_run}.{next(_numbers)}"


class RoomParts:
    """What one process has. Two of them on one database know nothing of each other."""

    def __init__(self, cql: Cql) -> None:
        self.cql = cql
        self.users = Users(cql)
        self.rooms = Rooms(cql, Heads(cql), os.urandom)
        self.user_rooms = UserRooms(cql, self.rooms)
        self.members = Members(cql, self.rooms, self.users)
        self.pages = MemberPages(cql, self.rooms, self.users)

    async def add_user(self, name: str) -> User:
        user = some_user(name)
        await self.users.add_user(user, PublicKey(1, f"key of {name}", NOON))
        return user

    async def states(self, room_id: RoomId) -> dict[str, str]:
        """Return who is in the room, as the list of members has it."""
        return {m.username: m.state for m in await self.pages.members(room_id, None, 1000)}

    async def rooms_of(self, user: User) -> dict[RoomName, str]:
        """Return which rooms the user is in, as the list of rooms has it."""
        found = await self.pages.rooms_of(user.user_id, None, 1000)
        return {one.room.name: one.membership.state for one in found}


class Stopped(Exception):
    """The process is gone."""


class StoppingCql(Cql):
    """Uses the connection of ``real``, and is gone after so many writes."""

    def __init__(self, real: Cql, writes: int) -> None:
        super().__init__()
        self.attach(real.session)
        self._left = writes

    async def write(self, text: str, *values: object) -> None:
        self._count()
        await super().write(text, *values)

    async def cas(self, text: str, *values: object) -> Cas:
        self._count()
        return await super().cas(text, *values)

    async def cas_batch(self, statements: Sequence[Statement]) -> Cas:
        self._count()
        return await super().cas_batch(statements)

    def _count(self) -> None:
        if self._left == 0:
            raise Stopped
        self._left -= 1


class MeddledCql(Cql):
    """Uses the connection of ``real``; ``before_change`` happens once, just before the next
    change of a room is sent."""

    def __init__(self, real: Cql, before_change: Callable[[], Awaitable[object]]) -> None:
        super().__init__()
        self.attach(real.session)
        self._before_change: Callable[[], Awaitable[object]] | None = before_change

    async def cas_batch(self, statements: Sequence[Statement]) -> Cas:
        happens, self._before_change = self._before_change, None
        if happens is not None:
            await happens()
        return await super().cas_batch(statements)
