"""Who is taken for dead, and who is only slow: a connection looked after, on no socket."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from relay.connection import Connection
from relay.rooms import LiveRoom
from relay.session import Session
from relay.wire import PING
from services.model import Epoch, Instant, Room, RoomId, RoomName, UserId, Username

ANN = UserId(b"a" * 16)
ROOM = Room(RoomId(b"r" * 16), RoomName("chat"), Epoch(b"e" * 16), 0)


class Line:
    """A transport with so many bytes that its client has not taken."""

    def __init__(self) -> None:
        self.unsent = 0
        self.written: list[bytes] = []
        self.aborted = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def set_write_buffer_limits(self, high: int, low: int) -> None: ...

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def resume_reading(self) -> None: ...

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def connection(line: Line) -> Connection:
    relay = SimpleNamespace(
        now_s=lambda: 0.0, connected=_nothing, left=_nothing, tell_head=_nothing
    )
    made = Connection(cast("Any", relay))
    made.connection_made(cast("Any", line))
    made.session = Session(ANN, Username("ann"), "ann's", Instant(0))
    made.room = LiveRoom(ROOM, "epoch")
    look(made, 1.0)
    return made


def _nothing(*_: object) -> None: ...


def look(connection: Connection, now_s: float) -> None:
    connection.look_after(now_s, head_after_s=1000.0, ping_after_s=20.0)


def test_who_is_silent_is_pinged_after_20_s_and_cut_after_20_more(
    connection: Connection, line: Line
) -> None:
    look(connection, 21.0)
    assert line.written == []
    look(connection, 21.5)
    assert line.written == [PING]
    look(connection, 41.5)
    assert not line.aborted

    look(connection, 42.0)

    assert line.aborted


def test_who_takes_some_of_what_is_before_the_ping_is_not_cut(
    connection: Connection, line: Line
) -> None:
    line.unsent = 300_000
    for now_s in (22.0, 43.0, 64.0, 85.0):
        look(connection, now_s)
        line.unsent -= 50_000

    assert not line.aborted
    assert line.written == [PING]


def test_who_takes_nothing_of_it_is_cut(connection: Connection, line: Line) -> None:
    line.unsent = 300_000
    for now_s in (22.0, 43.0):
        look(connection, now_s)

    assert line.aborted
