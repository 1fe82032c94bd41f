"""What the relay says, frame by frame: it fits the contract with every schema shut."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.outgoing import (
    LIMITS_TOLD,
    ack_frame,
    gap_frame,
    head_frame,
    history_frame,
    json_text,
    member_frame,
    message_frame,
    presence_frame,
    signal_frame,
    welcome_frame,
)
from relay.resume import Gap, Reason
from services.limits import Limits
from services.model import Instant, Username
from services.strict_json import parse_strict
from tests.support.frame_contract import closed_schema, frame_contract

LIMITS = Limits()
ID = "0b8f1c9e-6f0e-4a55-9d6b-2f0c7f5f1a11"
MAX_SEQ = 2**53 - 1

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
names = texts.filter(bool).map(lambda name: name[:64])
timestamps = st.just("2026-01-02T12:00:00.000Z")
seqs = st.integers(1, MAX_SEQ)


@given(st.uuids(), seqs, names, timestamps, texts)
def test_a_message_frame_fits_the_contract(
    uuid: Any, seq: int, sender: str, sent_at: str, text: str
) -> None:
    id_ascii, sender_json = str(uuid).encode(), orjson.dumps(sender)
    raw = message_frame(id_ascii, seq, b'"chat"', sender_json, sent_at.encode(), text)

    frame = parse_strict(raw, max_depth=2)
    closed_schema("MessageOut").validate(frame)
    assert frame == {
        "type": "message",
        "id": str(uuid),
        "seq": seq,
        "room": "chat",
        "sender": sender,
        "sent_at": sent_at,
        "data": {"message": text},
    }


@given(st.uuids(), seqs, timestamps)
def test_an_ack_frame_fits_the_contract(uuid: Any, seq: int, sent_at: str) -> None:
    frame = orjson.loads(ack_frame(str(uuid).encode(), seq, sent_at.encode()))

    closed_schema("Ack").validate(frame)
    assert frame == {"type": "ack", "id": str(uuid), "seq": seq, "sent_at": sent_at}


@given(st.integers(0, MAX_SEQ))
def test_a_head_frame_fits_the_contract(seq: int) -> None:
    frame = orjson.loads(head_frame(seq))

    closed_schema("Head").validate(frame)
    assert frame == {"type": "head", "seq": seq}


def read(raw: bytes, schema: str) -> Any:
    frame = parse_strict(raw, max_depth=32)
    closed_schema(schema).validate(frame)
    return frame


def test_a_welcome_frame_fits_the_contract_and_tells_all_its_limits() -> None:
    frame = read(
        welcome_frame(
            room="chat",
            username="γάτα👋",
            epoch=ID,
            head=41,
            floor=12,
            recovered=True,
            members_version=3,
            online=2,
            expires_at=Instant(1_767_355_200_000),
            limits=LIMITS,
        ),
        "Welcome",
    )

    told = frame_contract().at("#/components/schemas/Limits/required")
    assert frame.pop("limits") == {name: getattr(LIMITS, name) for name in told}
    assert set(LIMITS_TOLD) == set(told)
    assert frame == {
        "type": "welcome",
        "room": "chat",
        "username": "γάτα👋",
        "epoch": ID,
        "head": 41,
        "floor": 12,
        "recovered": True,
        "members_version": 3,
        "online": 2,
        "expires_at": "2026-01-02T12:00:00.000Z",
    }


@given(st.lists(texts, max_size=4), st.booleans())
def test_a_history_frame_fits_the_contract(said: list[str], more: bool) -> None:
    messages = [
        message_frame(ID.encode(), seq, b'"chat"', b'"ann"', b"2026-01-02T12:00:00.000Z", text)
        for seq, text in enumerate(said, 1)
    ]

    frame = read(history_frame(ID, messages, more=more), "HistoryOut")

    assert (frame["id"], frame["more"]) == (ID, more)
    assert [one["data"]["message"] for one in frame["messages"]] == said
    assert frame["messages"] == [orjson.loads(message) for message in messages]


@given(names, st.dictionaries(texts, texts | st.integers(-5, 5) | st.none(), max_size=3))
def test_a_signal_frame_fits_the_contract(sender: str, data: dict[str, Any]) -> None:
    frame = read(signal_frame(json_text(sender), orjson.dumps(data)), "SignalOut")

    assert frame == {"type": "signal", "sender": sender, "data": data}


@pytest.mark.parametrize("event", ["joined", "left", "removed", "key_changed"])
def test_a_member_frame_fits_the_contract(event: str) -> None:
    frame = read(member_frame(4, event, Username("γάτα"), 2), "Member")

    assert frame == {
        "type": "member",
        "event": event,
        "username": "γάτα",
        "key_version": 2,
        "members_version": 4,
    }
    assert read(member_frame(4), "Member") == {"type": "member", "members_version": 4}


@pytest.mark.parametrize("event", ["online", "offline"])
def test_a_presence_frame_fits_the_contract(event: str) -> None:
    frame = read(presence_frame(2, event, Username("γάτα")), "Presence")

    assert frame == {"type": "presence", "event": event, "username": "γάτα", "online": 2}
    assert read(presence_frame(312), "Presence") == {"type": "presence", "online": 312}


@pytest.mark.parametrize("reason", ["retention", "epoch", "ahead"])
@pytest.mark.parametrize(("first", "last"), [(1, 0), (1, 1), (42, 41), (11, MAX_SEQ)])
def test_a_gap_frame_fits_the_contract(reason: Reason, first: int, last: int) -> None:
    frame = read(gap_frame(Gap(first, last, reason)), "Gap")

    assert frame == {"type": "gap", "from_seq": first, "to_seq": last, "reason": reason}
