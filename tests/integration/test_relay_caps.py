"""How much of the relay one user or room may have: as many as the bound, and not one more."""

from services.limits import Limits
from services.model import RoomName
from tests.support.memory_store import MemoryStore
from tests.support.relay import House, open_house, user_id_of
from tests.support.websocket import Answer

GENEROUS = {"frames_burst": 1000}


def told(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json["type"].removeprefix("/problems/")


async def members_of(house: House, room: str) -> int:
    stored = await house.store.room_named(RoomName(room))
    return 0 if stored is None else stored.members


async def test_rooms_of_a_user(often: None) -> None:
    limits = Limits(rooms_per_user=3, **GENEROUS)
    async with open_house(MemoryStore(), limits=limits) as house:
        for room in ("one", "two"):
            await house.join("ann", room)
        private = await house.private_room("ann")

        refused = await house.knock("ann", "four")

        assert told(refused) == (429, "too-many-rooms")
        assert refused.headers["retry-after"] == "60"
        assert await members_of(house, "four") == 0
        # Rooms that one is in are open as before, and another user has rooms of their own.
        for room in ("one", private):
            await house.join("ann", room)
        await house.join("bob", "four")
        await house.remove("two", "ann")
        await house.join("ann", "four")


async def test_rooms_of_a_user_who_is_invited(often: None) -> None:
    limits = Limits(rooms_per_user=1, **GENEROUS)
    async with open_house(MemoryStore(), limits=limits) as house:
        room = await house.private_room("ann", "bob")
        await house.join("bob", "one")

        assert told(await house.knock("bob", room)) == (429, "too-many-rooms")

        await house.remove("one", "bob")
        await house.join("bob", room)


async def test_members_of_an_open_room(often: None) -> None:
    limits = Limits(members_per_open_room=2, **GENEROUS)
    async with open_house(MemoryStore(), limits=limits) as house:
        await house.join("ann")
        bob = await house.join("bob")
        bob.abort()

        refused = await house.knock("eve")

        assert told(refused) == (429, "room-full")
        assert refused.headers["retry-after"] == "60"
        assert await members_of(house, "chat") == 2
        # Who is a member is not one more.
        await house.join("bob")
        await house.remove("chat", "ann")
        await house.join("eve")


async def test_connections_of_a_user_in_a_room_and_in_all(often: None) -> None:
    limits = Limits(connections_per_user_and_room=2, connections_per_user=3, **GENEROUS)
    async with open_house(MemoryStore(), limits=limits) as house:
        first = await house.join("ann")
        await house.join("ann")
        assert told(await house.knock("ann")) == (429, "too-many-connections")
        await house.join("ann", "other")
        assert told(await house.knock("ann", "other")) == (429, "too-many-connections")
        await house.join("bob")

        await house.remove("chat", "ann")

        assert (await first.closed())[0] == 4403
        for _ in range(2):
            await house.join("ann", "other" if _ else "chat")
        assert user_id_of("ann") in {c.user_id for c in house.relay._connections}
