"""Several who want the same thing at once, of whom one may have it; and what is wrong if not so.

What each was told is kept while there is trouble, and held against the tables after it. Who was
told ``StoreUnavailable`` may have it or not.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from services.errors import KeyVersionConflict, LimitReached, NameTaken, StoreUnavailable
from services.model import Departure, Entry, Invited, PublicKey, Room, RoomName, User
from store.cassandra.cql import Cql, Row
from tests.support.store_samples import (
    LIMITS,
    NOON,
    add_private_room,
    add_user,
    at,
    some_hash,
    some_user,
)
from tests.support.two_stores import TwoStores

RIVALS = 4
PLACES = 3
"""Of a private room, its owner's among them."""

Charges = Callable[[], Awaitable[list[str]]]
"""Looks at the tables, without trouble, and returns what is wrong."""
Contest = Callable[[], Awaitable[Charges]]
"""Lets the rivals begin at once, in whatever trouble, and returns when all were told."""


@dataclass
class Told:
    """What the rivals were told, in their order."""

    what: str
    outcomes: Sequence[object]

    def who(self, kind: type) -> list[int]:
        return [rival for rival, one in enumerate(self.outcomes) if isinstance(one, kind)]

    @property
    def unknown(self) -> list[int]:
        return self.who(StoreUnavailable)

    def charges(self, winners: list[int], losers: type, holder: int | None) -> list[str]:
        """``winners`` were told so, who lost was told ``losers``; ``holder`` has it by what the
        tables say."""
        lost = self.who(losers)
        wrong: list[str] = []
        if len(winners) > 1:
            wrong.append("a second winner")
        if len({*winners, *lost, *self.unknown}) < len(self.outcomes):
            wrong.append("an outcome that there is not")
        if holder is None and (winners or lost):
            wrong.append("nobody has it")
        if holder is not None and holder not in (winners or self.unknown):
            wrong.append(f"{holder} has it")
        return [f"{self.what}: {one}: {self.outcomes}" for one in wrong]


class Contests:
    """Makes contests, without trouble. ``cql`` is a connection that meets none."""

    def __init__(self, place: TwoStores, cql: Cql) -> None:
        self._place = place
        self._cql = cql

    async def for_name(self, name: str) -> Contest:
        users = [some_user(name) for _ in range(RIVALS)]

        async def begin() -> Charges:
            claims = [
                self._place.of(rival).add_user(user, PublicKey(1, "key", NOON))
                for rival, user in enumerate(users)
            ]
            told = Told(name, await self._place.all_told(claims))

            async def charges() -> list[str]:
                store = self._place.stores[0]
                found = await store.user_named(name)
                ids = [user.user_id for user in users]
                holder = None if found is None else ids.index(found.user_id)
                wrong = told.charges(told.who(type(None)), NameTaken, holder)
                # It does not hang in between: who comes now gets it, or hears that it is taken.
                [late] = await self._place.all_told(
                    [store.add_user(some_user(name), PublicKey(1, "key", NOON))]
                )
                if (late is None) != (holder is None):
                    wrong.append(f"{name}: {late!r} for who comes late")
                return wrong

            return charges

        return begin

    async def for_key(self, name: str) -> Contest:
        user = await add_user(self._place.stores[0], name)
        texts = [f"key {rival} of {name}" for rival in range(RIVALS)]

        async def begin() -> Charges:
            changes = [
                self._place.of(rival).add_public_key(user.user_id, text, 1, NOON)
                for rival, text in enumerate(texts)
            ]
            told = Told(name, await self._place.all_told(changes))

            async def charges() -> list[str]:
                served = await self._place.stores[0].public_key(user.user_id)
                assert served is not None
                holder = None if served.version == 1 else texts.index(served.text)
                return told.charges(told.who(int), KeyVersionConflict, holder)

            return charges

        return begin

    async def for_ticket(self, what: str) -> Contest:
        ticket, token = some_hash(), some_hash()
        await self._place.stores[0].add_ticket(ticket, token, at(60_000))

        async def begin() -> Charges:
            uses = [self._place.of(rival).use_ticket(ticket, NOON) for rival in range(RIVALS)]
            told = Told(what, await self._place.all_told(uses))

            async def charges() -> list[str]:
                left = await self._place.stores[0].use_ticket(ticket, NOON)
                winners = told.who(bytes)
                # The tables name the attempt, not who made it.
                used = (winners or told.unknown or [-1])[0]
                return told.charges(winners, type(None), used if left is None else None)

            return charges

        return begin

    async def for_places(self, name: str) -> Contest:
        """In a private room, fewer than there are rivals; then all are removed, by two at once."""
        store = self._place.stores[0]
        room = await add_private_room(store, await add_user(store, f"{name} owner"))
        users = [await add_user(store, f"{name} {rival}") for rival in range(RIVALS)]
        limits = replace(LIMITS, members_per_private_room=PLACES)

        async def begin() -> Charges:
            invitations = [
                self._place.of(rival).invite(room.room_id, user.user_id, NOON, limits)
                for rival, user in enumerate(users)
            ]
            invited = Told(name, await self._place.all_told(invitations))
            removed = [
                Told(
                    f"{name}, {user.name} goes",
                    await self._place.all_told(
                        [
                            one.remove_member(room.room_id, user.user_id)
                            for one in self._place.stores
                        ]
                    ),
                )
                for user in users
            ]

            async def charges() -> list[str]:
                return await self._of_places(room, users, invited, removed)

            return charges

        return begin

    async def _of_places(
        self, room: Room, users: list[User], invited: Told, removed: list[Told]
    ) -> list[str]:
        wrong = await self._of_room(room, invited.what)
        came = invited.who(Invited)
        if len(came) > PLACES - 1:
            wrong.append(f"{invited.what}: {len(came)} more than {PLACES} in the room")
        if len({*came, *invited.unknown, *invited.who(LimitReached)}) < RIVALS:
            wrong.append(f"{invited.what}: {invited.outcomes}")
        wrong += [
            f"{invited.what}: {rival} was invited, and told it is nothing new"
            for rival in came
            if not _is_new(invited.outcomes[rival])
        ]
        went = 0
        for rival, (user, goes) in enumerate(zip(users, removed, strict=True)):
            place = await self._place.stores[0].membership(room.room_id, user.user_id)
            left = goes.who(Departure)
            went += len(left)
            if rival in came:
                holder = None if place is not None else (left or goes.unknown or [-1])[0]
                wrong += goes.charges(left, type(None), holder)
            elif left and rival not in invited.unknown:
                wrong.append(f"{goes.what} without having come: {goes.outcomes}")
        unknown = len(invited.unknown) + sum(len(goes.unknown) for goes in removed)
        # The owner's coming is the first change.
        changes = await self._version(room) - 1 - len(came) - went
        if not 0 <= changes <= unknown:
            wrong.append(f"{invited.what}: {changes} changes that nobody made, {unknown} unknown")
        return wrong

    async def for_open_room(self, name: str) -> Contest:
        """Who makes it; all come in."""
        users = [await add_user(self._place.stores[0], f"{name} {n}") for n in range(RIVALS)]

        async def begin() -> Charges:
            entries = [
                self._place.of(rival).enter_room(RoomName(name), user.user_id, NOON, LIMITS)
                for rival, user in enumerate(users)
            ]
            told = Told(name, await self._place.all_told(entries))

            async def charges() -> list[str]:
                return await self._of_open_room(users, told)

            return charges

        return begin

    async def _of_open_room(self, users: list[User], told: Told) -> list[str]:
        room = await self._place.stores[0].room_named(RoomName(told.what))
        came = told.who(Entry)
        if len(came) + len(told.unknown) < len(users) or (came and room is None):
            return [f"{told.what}: {room}, {told.outcomes}"]
        if room is None:
            return []
        wrong = await self._of_room(room, told.what)
        for rival in came:
            entry = told.outcomes[rival]
            assert isinstance(entry, Entry)
            if entry.room.room_id != room.room_id or not entry.joined:
                wrong.append(f"{told.what}: {rival} came into another room, or a second time")
            if await self._place.stores[0].membership(room.room_id, users[rival].user_id) is None:
                wrong.append(f"{told.what}: {rival} was let in and is no member")
        if not len(came) <= await self._version(room) <= len(users):
            wrong.append(f"{told.what}: changes that nobody made")
        return wrong

    async def _of_room(self, room: Room, what: str) -> list[str]:
        """Hold the counts of a room against its rows."""
        rows = await self._read(room, "members, places, username, joined")
        named = [row for row in rows if row[2] is not None]
        counted = (sum(1 for row in named if row[3]), len(named))
        told: tuple[int, int] = rows[0][:2]
        return [] if told == counted else [f"{what}: counts {told}, has {counted}"]

    async def _version(self, room: Room) -> int:
        version: int = (await self._read(room, "members_version"))[0][0]
        return version

    async def _read(self, room: Room, columns: str) -> list[Row]:
        text = f"SELECT {columns} FROM rooms WHERE room_id = ?"
        return await self._cql.read_serial(text, UUID(bytes=room.room_id))


def _is_new(outcome: object) -> bool:
    return isinstance(outcome, Invited) and outcome.is_new
