"""What was received in a room is remembered as long as it matters, and by its place."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from ilo_client.errors import Refused
from ilo_client.inner import Link
from ilo_client.memory import Memory
from ilo_client.opening import Opened
from ilo_client.received import Received, Taken

ROOM, BEFORE, AFTER = "tea", "the epoch before", "the epoch after"
NEW, OLD, LATE = Taken(True, ()), Taken(False, ()), Taken(True, ("gap",))


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    memory = Memory(tmp_path / "memory.sqlite")
    yield memory
    memory.close()


@pytest.fixture
def received(memory: Memory) -> Received:
    return Received(memory, ROOM)


def message(number: int) -> Opened:
    """Return what Bob's device says as its ``number``-th message."""
    link = Link("phone", number, None if number == 1 else f"digest{number - 1}")
    return Opened(
        ROOM, "bob", f"mid{number}", ("kid",), link, number, "text", "?", f"digest{number}"
    )


def test_in_another_epoch_only_what_was_taken_is_not_new(
    memory: Memory, received: Received
) -> None:
    for number in (1, 2, 3):
        assert received.take_in(message(number), (BEFORE, number)) == NEW
    memory.keep_cursor(ROOM, BEFORE, 2)

    again = [received.take_in(message(number), (AFTER, number)) for number in (1, 2, 3)]

    assert again == [OLD, OLD, NEW]


def test_what_comes_again_at_its_place_is_new_to_who_asked_for_it(
    memory: Memory, received: Received
) -> None:
    received.take_in(message(1), (BEFORE, 1))
    memory.keep_cursor(ROOM, BEFORE, 1)

    assert received.take_in(message(1), (BEFORE, 1)) == NEW


def test_of_a_gap_that_was_told_no_message_warns_and_of_the_next_one_it_does(
    received: Received,
) -> None:
    received.take_in(message(1), (BEFORE, 1))
    received.gap_told()

    assert received.take_in(message(3), (BEFORE, 3)) == NEW
    assert received.take_in(message(5), (BEFORE, 5)) == LATE


def test_what_the_relay_has_no_more_is_forgotten_and_what_it_has_is_not(
    memory: Memory, received: Received
) -> None:
    for number in (1, 2, 3):
        received.take_in(message(number), (BEFORE, number))

    received.forget(BEFORE, 2)

    with memory.reading() as db:
        assert db.execute("SELECT seq FROM known ORDER BY seq").fetchall() == [(2,), (3,)]
    # Forgotten, and still not to be had again.
    with pytest.raises(Refused) as refused:
        received.take_in(message(1), (BEFORE, 1))
    assert refused.value.code == "replay"


def test_who_has_left_could_read_up_to_the_place_where_they_left(received: Received) -> None:
    received.members_are({"bob": ["his"], "cleo": ["hers"]}, (BEFORE, 1))
    received.members_are({"bob": ["his"]}, (BEFORE, 5))

    found = [received.strangers(["his", "hers"], (BEFORE, seq)) for seq in (4, 5, 6)]

    assert found == [frozenset(), frozenset(), {"hers"}]
    assert received.strangers(["nobody's"], (BEFORE, 1)) == {"nobody's"}


def test_who_comes_back_can_read_again(received: Received) -> None:
    both = {"bob": ["his"], "cleo": ["hers"]}
    received.members_are(both, (BEFORE, 1))
    received.members_are({"bob": ["his"]}, (BEFORE, 2))
    received.members_are(both, (BEFORE, 3))

    assert received.strangers(["his", "hers"], (BEFORE, 4)) == frozenset()
