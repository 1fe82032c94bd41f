"""A conversation shows each message once, in its order, and never too many."""

from datetime import UTC, date

from ilo_client import Back, Change, Gap, Message, NotShown, Sent
from ilo_window import asks, news
from ilo_window.conversation import MOST_LINES, Conversation, Note
from ilo_window.rows import MOST_LETTERS, Row, rows_of
from ilo_window.state import State
from ilo_window.words import Problem


def said(seq: int, text: str = "", *, sender: str = "bob", **more: object) -> Message:
    at = f"2026-01-02T12:{seq // 60 % 60:02}:{seq % 60:02}.000Z"
    return Message(f"id{seq}", seq, sender, at, text or f"text {seq}", **more)  # type: ignore[arg-type]


def seqs(talk: Conversation) -> list[int]:
    return [line.seq for _, line in talk.lines if not isinstance(line, Note)]


def loaded(first: int, last: int) -> Conversation:
    talk = Conversation()
    talk.page(None, [said(seq) for seq in range(first, last + 1)])
    return talk


def test_what_comes_twice_is_shown_once_and_in_order() -> None:
    talk = loaded(10, 20)
    come = sorted(range(10, 31), key=lambda seq: seq * 7 % 11)
    assert come != sorted(come)

    fresh = [seq for seq in come if talk.heard(said(seq))]

    assert seqs(talk) == list(range(10, 31))
    assert sorted(fresh) == list(range(21, 31))


def test_a_warning_that_comes_later_is_shown() -> None:
    talk = loaded(1, 3)

    talk.heard(said(2, warnings=("gap",)))

    [row] = [row for row in rows_of(talk, "me", date.max) if row.place == (2, 0)]
    assert "missing" in row.foot
    assert row.is_alarm


def test_a_warning_of_a_message_that_is_not_shown_is_there_when_it_is() -> None:
    talk = loaded(50, 60)
    talk.heard(said(49, warnings=("gap",)))
    assert 49 not in seqs(talk)

    talk.page(50, [said(49)])

    assert dict(talk.lines)[(49, 0)] == said(49, warnings=("gap",))


def test_a_thousand_that_come_leave_the_newest() -> None:
    talk = loaded(1, 50)

    for seq in range(51, 1051):
        talk.heard(said(seq))

    assert seqs(talk) == list(range(1051 - MOST_LINES, 1051))
    assert talk.has_older


def test_who_reads_back_keeps_what_is_read_and_finds_the_end_again() -> None:
    talk = loaded(1001, 1050)
    while talk.oldest is not None and talk.oldest > 501:
        talk.page(talk.oldest, [said(seq) for seq in range(talk.oldest - 50, talk.oldest)])
    assert seqs(talk) == list(range(501, 501 + MOST_LINES))
    assert talk.has_newer

    assert talk.heard(said(1051))
    assert seqs(talk)[-1] == 500 + MOST_LINES
    talk.clear()
    talk.page(None, [said(seq) for seq in range(1002, 1052)])

    assert seqs(talk)[-1] == 1051
    assert not talk.has_newer


def test_the_beginning_is_known_when_it_is_reached() -> None:
    assert not loaded(1, 3).has_older
    talk = loaded(5, 9)
    assert talk.has_older
    talk.page(5, [])
    assert not talk.has_older


def test_what_is_said_is_shown_at_once_and_only_once_when_it_is_back() -> None:
    for is_heard_first in (True, False):
        talk = loaded(1, 1)
        key = talk.say("hello").key
        assert [row.text for row in rows_of(talk, "me", date.max)][-1] == "hello"
        mine = said(2, "hello", sender="me", is_own=True)
        if is_heard_first:
            talk.heard(mine)
        talk.delivered(key, "sent", "", Sent("id2", 2, mine.sent_at))
        if not is_heard_first:
            talk.heard(mine)

        assert seqs(talk) == [1, 2]
        assert talk.outgoing == []


def test_only_what_was_not_sent_can_be_tried_again() -> None:
    talk = loaded(1, 1)
    failed, kept = talk.say("one").key, talk.say("two").key
    talk.delivered(failed, "failed", "Not sent: a key changed.", None)
    talk.delivered(kept, "kept", "Not confirmed.", None)

    rows = rows_of(talk, "me", date.max)[-2:]
    assert [(row.can_retry, row.is_alarm) for row in rows] == [(True, True), (False, True)]
    assert talk.take_back(kept) is None
    assert talk.take_back(failed) == "one"


def test_rows_say_who_and_when_and_where_a_day_begins() -> None:
    talk = Conversation()
    one = Message("a", 1, "bob", "2026-01-01T23:59:00.000Z", "old")
    two = Message("b", 2, "bob", "2026-01-02T00:01:00.000Z", "new")
    three = Message("c", 3, "bob", "2026-01-02T00:02:00.000Z", "more")
    talk.page(None, [one, two, three, NotShown(4, "eve", "signature", "its signature is wrong")])

    rows = rows_of(talk, "me", date(2026, 1, 2), zone=UTC)

    assert [(row.side, row.head, row.text, row.foot) for row in rows] == [
        ("middle", "", "Yesterday", ""),
        ("left", "bob", "old", "23:59"),
        ("middle", "", "Today", ""),
        ("left", "bob", "new", "00:01"),
        ("left", "", "more", "00:02"),
        ("left", "eve", "Not shown: its signature is wrong", ""),
    ]
    assert rows[-1].is_alarm


def test_a_long_message_is_cut_and_its_text_in_no_repr() -> None:
    talk = Conversation()
    talk.page(None, [said(1, "secret " * 10_000)])

    row = rows_of(talk, "me", date.max)[-1]

    assert row.is_cut
    assert len(row.text) < MOST_LETTERS + 10
    assert "secret" not in repr(row)


# -- the whole window's state


def entry(name: str, head: int = 0, read: int | None = 0, **more: object) -> news.RoomEntry:
    is_private = name.startswith("~")
    return news.RoomEntry(name, None, is_private, False, "ann", head, read, **more)  # type: ignore[arg-type]


def state_with(*entries: news.RoomEntry) -> State:
    state = State("me", "http://x")
    state.take(news.Rooms(entries))
    return state


def test_unread_is_what_came_since_one_looked() -> None:
    state = state_with(entry("tea", 7, 3), entry("new", 5, None))
    assert (state.unread("tea"), state.unread("new")) == (4, 0)
    state.take(news.Opening("tea", False))
    state.take(news.Page("tea", None, (said(7),)))
    assert state.unread("tea") == 0

    for seq in (7, 8, 9):
        state.take(news.Happened("tea", said(seq)))
    state.take(news.Happened("tea", said(10, sender="me", is_own=True)))

    assert state.unread("tea") == 2
    state.look_at("tea")
    assert state.unread("tea") == 0


def test_a_changed_key_is_a_room_s_until_it_is_accepted() -> None:
    state = state_with(entry("tea"))
    state.take(news.Opening("tea", False))

    state.take(news.Happened("tea", Change("key-changed", "bob")))
    assert state.changed["tea"] == {"bob"}
    [(_, note)] = state.talk("tea").lines
    assert isinstance(note, Note)
    assert note.is_alarm
    assert "bob" in note.words


def test_a_gap_is_said_and_another_epoch_begins_anew() -> None:
    state = state_with(entry("tea"))
    state.take(news.Opening("tea", False))
    state.take(news.Page("tea", None, (said(7),)))

    state.take(news.Happened("tea", Gap(8, 9, "ahead")))
    assert seqs(state.talk("tea")) == [7]
    state.take(news.Happened("tea", Gap(0, 7, "epoch")))
    assert seqs(state.talk("tea")) == []
    assert not state.talk("tea").is_loaded
    assert state.take(news.Happened("tea", Back())) == {"connection"}


def test_a_page_that_does_not_come_can_be_asked_for_again() -> None:
    state = state_with(entry("tea"))
    state.talk("tea").is_asking = True

    state.take(news.Failed(asks.Older("tea", 7), Problem("no")))

    assert not state.talk("tea").is_asking


def test_what_is_secret_is_in_no_repr() -> None:
    register = asks.Register("http://x", "ann", "s3cret", "s3cret")
    everything = [
        register,
        asks.LogIn("http://x", "ann", "s3cret", "s3cret"),
        asks.Restore("http://x", "file", "s3cret", "s3cret", "s3cret"),
        asks.Unlock("s3cret"),
        asks.Send("tea", 1, "s3cret"),
        asks.BackUp("file", "s3cret"),
        asks.Rotate("s3cret"),
        news.Page("tea", None, (said(1, "s3cret"),)),
        news.Happened("tea", said(1, "s3cret")),
    ]
    assert "s3cret" not in repr(everything)
    assert register.password == "s3cret"


def test_a_row_is_equal_to_one_that_says_the_same() -> None:
    assert Row((1, 0), "left", "a") == Row((1, 0), "left", "a") != Row((1, 0), "left", "b")
