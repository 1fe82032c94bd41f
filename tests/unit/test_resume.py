"""Where a connection begins to read: every case of the contract, and any cursor at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.resume import Cursor, Gap, Start, forgotten, start_of

EPOCH, OTHER = "the epoch", "another epoch"
FLOOR, HEAD = 11, 40


def start(seq: int, epoch: str | None = EPOCH, *, floor: int = FLOOR, head: int = HEAD) -> Start:
    return start_of(Cursor(seq, epoch), epoch=EPOCH, floor=floor, head=head)


def test_without_a_cursor_nothing_is_replayed_and_nothing_missing() -> None:
    assert start_of(None, epoch=EPOCH, floor=FLOOR, head=HEAD) == Start(HEAD)
    assert start_of(None, epoch=EPOCH, floor=1, head=0) == Start(0)


@pytest.mark.parametrize(
    ("seq", "expected"),
    [
        (0, Start(10, gap=Gap(1, 10, "retention"))),
        (1, Start(10, gap=Gap(2, 10, "retention"))),
        (FLOOR - 2, Start(10, gap=Gap(10, 10, "retention"))),
        (FLOOR - 1, Start(10, recovered=True)),
        (FLOOR, Start(11, recovered=True)),
        (HEAD - 1, Start(39, recovered=True)),
        (HEAD, Start(40, recovered=True)),
        (HEAD + 1, Start(40, gap=Gap(41, 41, "ahead"))),
        (HEAD + 60, Start(40, gap=Gap(41, 100, "ahead"))),
    ],
)
def test_a_cursor_of_this_epoch(seq: int, expected: Start) -> None:
    assert start(seq) == expected


@pytest.mark.parametrize("seq", [0, 1, FLOOR - 1, FLOOR, HEAD, HEAD + 1])
def test_a_cursor_of_another_epoch_says_nothing_about_this_one(seq: int) -> None:
    assert start(seq, OTHER) == Start(10, gap=Gap(11, 40, "epoch"))


@pytest.mark.parametrize("epoch", [None, EPOCH])
def test_zero_is_before_the_first_message_with_an_epoch_or_without(epoch: str | None) -> None:
    assert start(0, epoch, floor=1) == Start(0, recovered=True)
    assert start(0, epoch) == Start(10, gap=Gap(1, 10, "retention"))


def test_a_room_without_a_message() -> None:
    assert start(0, floor=1, head=0) == Start(0, recovered=True)
    assert start(0, None, floor=1, head=0) == Start(0, recovered=True)
    assert start(1, floor=1, head=0) == Start(0, gap=Gap(1, 1, "ahead"))
    assert start(7, OTHER, floor=1, head=0) == Start(0, gap=Gap(1, 0, "epoch"))


def test_a_room_that_has_forgotten_everything() -> None:
    assert start(HEAD, floor=HEAD + 1) == Start(HEAD, recovered=True)
    assert start(HEAD - 1, floor=HEAD + 1) == Start(HEAD, gap=Gap(40, 40, "retention"))
    assert start(3, OTHER, floor=HEAD + 1) == Start(HEAD, gap=Gap(41, 40, "epoch"))
    assert start(HEAD + 1, floor=HEAD + 1) == Start(HEAD, gap=Gap(41, 41, "ahead"))


seqs = st.integers(0, 60)


@given(st.none() | seqs, st.sampled_from([EPOCH, OTHER]), seqs, seqs)
def test_what_may_be_read_after_a_cursor_follows_and_all_else_is_named_by_a_gap(
    seq: int | None, epoch: str, head: int, below_head: int
) -> None:
    floor = max(1, head + 1 - below_head)
    cursor = None if seq is None else Cursor(seq, epoch)

    begun = start_of(cursor, epoch=EPOCH, floor=floor, head=head)

    replayed = set(range(begun.last_seq + 1, head + 1))
    readable = set(range(floor, head + 1))
    if cursor is None:
        assert (replayed, begun.gap, begun.recovered) == (set(), None, False)
        return
    assert replayed <= readable
    assert begun.recovered == (begun.gap is None)
    named = set() if begun.gap is None else set(range(begun.gap.from_seq, begun.gap.to_seq + 1))
    if epoch == OTHER:
        assert replayed == named == readable
        return
    assert replayed == {one for one in readable if one > cursor.seq}
    # Of this sequence: what is after the cursor and not replayed is named, and nothing else.
    assert named == set(range(cursor.seq + 1, floor)) | set(range(head + 1, cursor.seq + 1))


@pytest.mark.parametrize(
    ("last_seq", "floor", "gap"),
    [
        (0, 1, None),
        (10, 1, None),
        (10, 10, None),
        (10, 11, None),
        (10, 12, Gap(11, 11, "retention")),
        (0, 12, Gap(1, 11, "retention")),
    ],
)
def test_what_a_slow_reader_cannot_have_any_more(
    last_seq: int, floor: int, gap: Gap | None
) -> None:
    assert forgotten(last_seq, floor) == gap


@given(seqs, st.integers(1, 60))
def test_after_the_gap_a_slow_reader_goes_on_at_the_floor(last_seq: int, floor: int) -> None:
    gap = forgotten(last_seq, floor)

    goes_on_at = last_seq + 1 if gap is None else gap.to_seq + 1
    assert goes_on_at == max(last_seq + 1, floor)
    assert gap is None or gap.from_seq == last_seq + 1
