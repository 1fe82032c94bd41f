"""What people do over the API: they make rooms, invite, accept, leave, remove, log out."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any
from uuid import UUID

from services.errors import IloError
from services.events import SessionsEnded
from services.rooms import Rooms
from services.timestamps import to_rfc3339
from tests.simulation.loop import MS_A_SECOND
from tests.simulation.people import Person
from tests.support.history import Entry, Log
from tests.support.promises import Page

if TYPE_CHECKING:
    from tests.simulation.world import World

MAX_PRIVATE_ROOMS = 2
RETENTIONS_S = (None, None, 3600, 20)
KEPT_MESSAGES = (None, None, 4, 9)

Deed = Callable[[Rooms], Coroutine[Any, Any, None]]


class Deeds:
    """``made`` counts the private rooms that there ever were."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._made = 0
        self._most = world.chance.between(0, MAX_PRIVATE_ROOMS)

    async def go_on(self, until_s: float) -> None:
        chance = self._world.chance
        while self._world.loop.time() < until_s:
            await asyncio.sleep(chance.lag_ms(900) / MS_A_SECOND)
            self._one()

    def _one(self) -> None:
        world, chance = self._world, self._world.chance
        people = list(world.people.everybody.values())
        person, other = chance.pick(people), chance.pick(people)
        if self._made < self._most and chance.happens(0.5):
            self._made += 1
            world.node.do(lambda rooms: self._create(rooms, person))
            return
        if chance.happens(0.15):
            self._log_out(person)
            return
        rooms = world.book.private_rooms()
        if not rooms or chance.happens(0.15):
            name = chance.pick(world.open_rooms)
            does = chance.pick((self._leave(person, name), self._page(person, name)))
            self._do(person, name, does)
            return
        name = chance.pick(rooms)
        owner = world.people.everybody.get(world.book.owner_of(name) or "", person)
        deed = chance.pick(
            ("invite", "invite", "invite", "accept", "leave", "remove", "delete", "page")
        )
        match deed:
            case "invite":
                self._do(owner, name, self._put(owner, name, other))
            case "accept":
                self._do(person, name, self._put(person, name, person))
            case "leave" if chance.happens(0.5):
                self._do(person, name, self._leave(person, name))
            case "remove":
                self._do(owner, name, self._remove(owner, name, other))
            case "delete" if chance.happens(0.2):
                self._do(owner, name, self._delete(owner, name))
            case _:
                self._do(person, name, self._page(person, name))

    def _do(self, person: Person, name: str, deed: Deed) -> None:
        async def doing(rooms: Rooms) -> None:
            try:
                await deed(rooms)
            except IloError as error:
                self._world.chance.note(person.name, name, type(error).__name__)

        self._world.node.do(doing)

    async def _create(self, rooms: Rooms, person: Person) -> None:
        world, chance = self._world, self._world.chance
        chance.note(person.name, "makes a room")
        try:
            name = await rooms.create(
                person.caller(),
                retention_s=chance.pick(RETENTIONS_S),
                retention_messages=chance.pick(KEPT_MESSAGES),
                history="all" if chance.happens(0.4) else "joined",
            )
        except IloError as error:
            chance.note("no room:", type(error).__name__)
            return
        world.meet_in(name)
        for other in world.people.everybody.values():
            if other is not person and chance.happens(0.8):
                try:
                    await rooms.put_member(person.caller(), name=name, username=other.name)
                except IloError as error:
                    chance.note("no invitation:", type(error).__name__)

    def _put(self, person: Person, name: str, other: Person) -> Deed:
        async def put(rooms: Rooms) -> None:
            self._world.chance.note(person.name, "puts", other.name, "into", name)
            await rooms.put_member(person.caller(), name=name, username=other.name)

        return put

    def _leave(self, person: Person, name: str) -> Deed:
        return self._remove(person, name, person)

    def _remove(self, person: Person, name: str, other: Person) -> Deed:
        async def remove(rooms: Rooms) -> None:
            self._world.chance.note(person.name, "takes", other.name, "out of", name)
            await rooms.remove_member(person.caller(), name=name, username=other.name)

        return remove

    def _delete(self, person: Person, name: str) -> Deed:
        async def delete(rooms: Rooms) -> None:
            self._world.chance.note(person.name, "deletes", name)
            await rooms.delete(person.caller(), name=name)

        return delete

    def _page(self, person: Person, name: str) -> Deed:
        async def page(rooms: Rooms) -> None:
            world, chance = self._world, self._world.chance
            after, limit = chance.between(0, 20), chance.pick((1, 5, 100))
            asked_ms = world.now_ms()
            found = await rooms.messages(person.caller(), name=name, after=after, limit=limit)
            entries = [
                Entry(
                    one.seq,
                    str(UUID(bytes=one.message_id)),
                    one.sender,
                    to_rfc3339(one.sent_at),
                    one.text,
                )
                for one in found.messages
            ]
            chance.note(person.name, "reads", name, [one.seq for one in entries])
            world.promises.read(
                person.name,
                Log(name, str(UUID(bytes=found.room.epoch))),
                Page(after, limit, asked_ms, found.floor, found.room.head, found.more),
                entries,
            )

        return page

    def _log_out(self, person: Person) -> None:
        world, session = self._world, person.session
        world.chance.note(person.name, "logs out")
        world.people.log_out(session, world.now_ms())
        world.people.log_in(person)
        world.auditor.session_ended(session)
        world.node.tell(SessionsEnded(person.user_id))
