"""From what is said to the store and back, without sockets and without a loop."""

from collections.abc import Callable, Sequence
from typing import Any, cast

import orjson

from relay.connection import Connection
from relay.delivery import Delivery
from relay.frames import Say
from relay.hangups import TRY_AGAIN_LATER, Hangup
from relay.rooms import LiveRoom, Rooms
from relay.tasks import Tasks
from services.errors import StoreUnavailable
from services.model import Draft, Epoch, Instant, Room, RoomId, RoomName, UserId
from services.ports import Appended
from tests.support.memory_store import MemoryStore

ROOM = Room(RoomId(b"r" * 16), RoomName("chat"), Epoch(b"e" * 16), 0)


class Shelf(MemoryStore):
    """Keeps what it is given until the test tells its outcome."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[tuple[Sequence[Draft], Callable[[Sequence[Appended]], None]]] = []

    def append(self, drafts: Sequence[Draft], done: Callable[[Sequence[Appended]], None]) -> None:
        self.given.append((drafts, done))


class Client:
    """What delivery needs of a connection."""

    def __init__(self) -> None:
        self.user_id = UserId(b"a" * 16)
        self.sender_json = b'"ann"'
        self.unacked = 0
        self.closing = False
        self.told: list[dict[str, Any]] = []
        self.hangup: Hangup | None = None

    def tell(self, payload: bytes) -> None:
        self.told.append(orjson.loads(payload))

    def tell_raw(self, frames: bytes, now_s: float) -> None:
        raise AssertionError("nothing was stored")

    def may_go_on(self) -> None:
        """Nothing waits here."""

    def hang_up(self, hangup: Hangup) -> None:
        self.hangup, self.closing = hangup, True


def test_after_an_unknown_outcome_nothing_more_of_that_connection_is_stored() -> None:
    shelf, turns = Shelf(), list[Callable[[], None]]()
    delivery = Delivery(shelf, Rooms(), Tasks(), lambda: Instant(17), turns.append, lambda: 0.0)
    room, ann, bob = LiveRoom(ROOM, "epoch"), Client(), Client()

    def say(client: Client, text: str) -> None:
        delivery.say(cast("Connection", client), room, Say(None, None, text))

    say(ann, "first")
    turns.pop()()
    say(ann, "second")
    say(bob, "hello")
    (first,), done = shelf.given.pop()
    done([(first, StoreUnavailable())])
    turns.pop()()

    assert [frame["code"] for frame in ann.told] == ["unavailable"]
    assert (ann.hangup, bob.hangup) == (TRY_AGAIN_LATER, None)
    assert [[draft.text for draft in drafts] for drafts, _ in shelf.given] == [["hello"]]
