"""One client's conversation: pace, bad frames in a row, and what the relay answers."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.frames import FrameReader, Heard, LookBack, Say, Signal
from relay.hangups import BAD_FRAMES, NOT_UTF_8, RATE
from relay.outgoing import error_frame
from relay.session import MAX_BAD_FRAMES_IN_A_ROW, Pace, Reply, Session, members_changed
from services.limits import Limits
from services.model import Instant, UserId, Username
from tests.support.frame_contract import closed_schema
from tests.support.relay import contract
from tests.support.websocket import message

ID = "0b8f1c9e-6f0e-4a55-9d6b-2f0c7f5f1a11"
GOOD = message("hi")
BAD = b"{}"
LIMITS = Limits(frames_per_s=10, frames_burst=30)
READER = FrameReader(contract(), LIMITS)
PACE = Pace(LIMITS)


def new_session() -> Session:
    return Session(UserId(b"a" * 16), Username("ann"), "5" * 32, Instant(0))


def hear(session: Session, raw: bytes, now_s: float = 0.0, pace: Pace = PACE) -> Heard | Reply:
    return session.hear(raw, now_s, READER, pace)


def code_of(reply: Heard | Reply) -> str:
    assert isinstance(reply, Reply)
    assert reply.frame is not None
    code: str = orjson.loads(reply.frame)["code"]
    return code


# -- pace


def taken(pace: Pace, times: list[float]) -> list[bool]:
    used, outcomes = 0.0, []
    for now_s in times:
        used, wait_s = pace.take(used, now_s)
        outcomes.append(wait_s == 0.0)
    return outcomes


def test_a_burst_is_heard_and_not_one_more() -> None:
    assert taken(PACE, [1000.0] * 31) == [True] * 30 + [False]


def test_the_burst_is_back_when_it_was_waited_for() -> None:
    after_s = LIMITS.frames_burst / LIMITS.frames_per_s

    assert taken(PACE, [1000.0] * 30 + [1000.0 + after_s] * 31) == [True] * 60 + [False]


def test_after_a_burst_one_frame_an_interval_is_heard() -> None:
    times = [1000.0] * 30
    for tenth in range(1, 100):
        times += [1000.0 + tenth / 10] * 2

    assert taken(PACE, times) == [True] * 30 + [True, False] * 99


@given(
    st.integers(1, 200),
    st.integers(1, 300),
    st.lists(st.floats(0, 2), min_size=1, max_size=400),
    st.floats(0, 1e7),
)
def test_no_stretch_of_time_holds_more_than_burst_and_rate(
    per_s: int, burst: int, gaps_s: list[float], start_s: float
) -> None:
    pace, used, now_s = Pace(Limits(frames_per_s=per_s, frames_burst=burst)), 0.0, start_s
    heard: list[float] = []
    for gap_s in gaps_s:
        now_s += gap_s / per_s
        used, wait_s = pace.take(used, now_s)
        if wait_s == 0.0:
            heard.append(now_s)
    for first in range(0, len(heard), 7):
        for last in range(first, len(heard), 5):
            allowed = burst + (heard[last] - heard[first]) * per_s
            assert last - first + 1 <= allowed + 1e-4


@given(st.integers(1, 200), st.integers(1, 300), st.floats(0, 1e7))
def test_who_waits_as_told_is_heard(per_s: int, burst: int, start_s: float) -> None:
    pace, used = Pace(Limits(frames_per_s=per_s, frames_burst=burst)), 0.0
    wait_s = 0.0
    while wait_s == 0.0:
        used, wait_s = pace.take(used, start_s)

    assert 0 < wait_s <= 1 / per_s + 1e-6
    # Seconds since long ago have few digits left for the fraction.
    assert pace.take(used, start_s + wait_s + 1e-7)[1] == 0.0


def test_a_large_bad_frame_counts_as_one_more_for_each_4_kib() -> None:
    session = new_session()
    assert code_of(hear(session, b"[" * (20 * 4096))) == "bad-frame"

    heard = [hear(session, GOOD) for _ in range(10)]

    assert all(isinstance(said, Say) for said in heard[:9])
    assert code_of(heard[9]) == "rate"


def test_a_large_good_frame_counts_as_one() -> None:
    session = new_session()
    heard = [hear(session, message("x" * 20 * 4096))] + [hear(session, GOOD) for _ in range(29)]

    assert all(isinstance(said, Say) for said in heard)


def test_a_refused_frame_uses_nothing_up() -> None:
    assert taken(PACE, [1000.0] * 1000 + [1000.1]) == [True] * 30 + [False] * 970 + [True]


# -- bad frames


def test_the_twentieth_bad_frame_in_a_row_gets_its_error_and_then_the_end() -> None:
    session = new_session()

    replies = [hear(session, BAD) for _ in range(MAX_BAD_FRAMES_IN_A_ROW)]

    assert MAX_BAD_FRAMES_IN_A_ROW == 20
    assert [code_of(reply) for reply in replies] == ["bad-frame"] * 20
    hangups = [reply.hangup for reply in replies if isinstance(reply, Reply)]
    assert hangups == [None] * 19 + [BAD_FRAMES]


def test_a_good_frame_begins_the_count_anew() -> None:
    session, pace = new_session(), Pace(Limits())
    for _ in range(19):
        hear(session, BAD, pace=pace)

    assert isinstance(hear(session, GOOD, pace=pace), Say)

    replies = [hear(session, BAD, pace=pace) for _ in range(20)]
    assert [r.hangup for r in replies if isinstance(r, Reply)] == [None] * 19 + [BAD_FRAMES]


@pytest.mark.parametrize(
    ("good", "said"),
    [
        (orjson.dumps({"type": "history", "id": ID}), LookBack(ID, None, 50)),
        (orjson.dumps({"type": "signal", "data": {}}), Signal(b"{}")),
    ],
)
def test_a_question_and_a_signal_are_good_frames_too(good: bytes, said: Heard) -> None:
    session, pace = new_session(), Pace(Limits())
    for _ in range(19):
        hear(session, BAD, pace=pace)

    assert hear(session, good, pace=pace) == said

    replies = [hear(session, BAD, pace=pace) for _ in range(20)]
    assert [r.hangup for r in replies if isinstance(r, Reply)] == [None] * 19 + [BAD_FRAMES]


def test_that_the_members_are_others_is_no_bad_frame() -> None:
    refused = members_changed(ID)

    assert (refused.code, refused.id, refused.path) == ("members-changed", ID, "/if_members")
    closed_schema("Failure").validate(orjson.loads(error_frame(refused)))
    assert b'"id"' not in error_frame(members_changed(None))


def test_too_big_counts_as_a_bad_frame_too() -> None:
    session = new_session()
    big = message("x" * (LIMITS.message_bytes + 1))

    replies = [hear(session, big) for _ in range(20)]

    assert {code_of(reply) for reply in replies} == {"too-big"}
    assert replies[-1] == Reply(replies[-1].frame, BAD_FRAMES)  # type: ignore[union-attr]


def test_what_is_not_utf_8_ends_the_connection() -> None:
    assert hear(new_session(), b'{"data":{"message":"\xff"}}') == Reply(None, NOT_UTF_8)


# -- too fast


def test_a_frame_too_many_is_told_when_to_come_again_and_which_it_was() -> None:
    session = new_session()
    for _ in range(30):
        hear(session, GOOD, 5.0)

    reply = hear(session, message("hi", id=ID), 5.0)

    assert isinstance(reply, Reply)
    assert reply.hangup is None
    assert orjson.loads(reply.frame or b"") == {
        "type": "error",
        "code": "rate",
        "id": ID,
        "detail": "frames come faster than limits.frames_per_s",
        "retry_after": 0.1,
    }


@pytest.mark.parametrize("raw", [BAD, b"[", b"[]", b"\xff", b'{"id":7}', b'{"id":"x"}'])
def test_a_frame_too_many_is_not_read(raw: bytes) -> None:
    session = new_session()
    for _ in range(30):
        hear(session, GOOD)

    reply = hear(session, raw)

    assert code_of(reply) == "rate"
    assert b'"id"' not in (reply.frame or b"")  # type: ignore[union-attr]


def test_frames_too_many_neither_count_as_bad_nor_begin_the_count_anew() -> None:
    session = new_session()
    for _ in range(19):
        hear(session, BAD)
    for _ in range(11):
        session.control(0.0, PACE)

    for _ in range(25):
        assert code_of(hear(session, BAD)) == "rate"

    assert hear(session, BAD, 1.0) == Reply(_error_of(BAD), BAD_FRAMES)


def _error_of(raw: bytes) -> bytes | None:
    reply = hear(new_session(), raw)
    assert isinstance(reply, Reply)
    return reply.frame


def test_who_goes_on_far_above_the_rate_is_cut() -> None:
    session = new_session()
    for _ in range(30):
        hear(session, GOOD)

    replies = [hear(session, GOOD) for _ in range(LIMITS.frames_burst + 1)]

    hangups = [reply.hangup for reply in replies if isinstance(reply, Reply)]
    assert hangups == [None] * LIMITS.frames_burst + [RATE]


def test_who_slows_down_is_not_cut() -> None:
    session = new_session()
    for tenth in range(100):
        for _ in range(20):
            reply = hear(session, GOOD, tenth / 10)
            assert not (isinstance(reply, Reply) and reply.hangup)


def test_control_frames_and_fragments_share_the_pace() -> None:
    session = new_session()

    assert [session.control(0.0, PACE) for _ in range(31)] == [None] * 30 + [RATE]
    assert code_of(hear(session, GOOD)) == "rate"
