"""The frame guard lets nothing pass that asyncapi.yaml does not say."""

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from tests.support.frame_contract import NotStrict, frame_contract, read_strict
from tests.support.frame_guard import BreaksContract, FrameGuard
from tests.support.seen import declared
from tests.support.websocket import BINARY, CLOSE, PING, TEXT, client_frame, message, request_head

CONTRACT = frame_contract()
SECRET = "xQz7secret"
MESSAGES = CONTRACT.document["components"]["messages"]
Frame = dict[str, Any]


def example(key: str, **changes: Any) -> Frame:
    """Return the first example of a message; a member of ``changes`` that is None is left out."""
    members = {**MESSAGES[key]["examples"][0]["payload"], **changes}
    return {name: value for name, value in members.items() if value is not None}


WELCOME = example("Welcome")
BAD = b'{"data":{"message":7}}'


def guarded(
    *, welcomed: bool = True, sent: bytes = BAD, target: str = "/ws/chat", **welcome: Any
) -> FrameGuard:
    """Return the guard of somebody who came into the room and sent one frame."""
    guard = FrameGuard()
    guard.sent(request_head(target))
    if welcomed:
        guard.heard(TEXT, orjson.dumps({**WELCOME, **welcome}))
        guard.sent(client_frame(sent))
    return guard


GOOD = {
    "message": example("MessageOut"),
    "ack": example("Ack"),
    "head": example("Head"),
    "error": example("Failure"),
    "error without a place": {"type": "error", "code": "unavailable", "detail": "no answer"},
    "gap": {"type": "gap", "from_seq": 42, "to_seq": 50, "reason": "retention"},
    "signal": example("SignalOut", sender="bob"),
    "member": example("Member", username="bob"),
    "member without event": {"type": "member", "members_version": 3},
    "presence": example("Presence", username="bob"),
    "presence without event": {"type": "presence", "online": 101},
}


@pytest.mark.parametrize("frame", GOOD.values(), ids=GOOD.keys())
def test_what_the_contract_says_passes(frame: Frame) -> None:
    guarded().heard(TEXT, orjson.dumps(frame))


def gap(from_seq: int, to_seq: int, reason: str) -> Frame:
    return {"type": "gap", "from_seq": from_seq, "to_seq": to_seq, "reason": reason}


def failure(**changes: Any) -> Frame:
    return example("Failure", **changes)


LIMITS = WELCOME["limits"]
RULE = "#/components/schemas/MessageData/properties/message"
PLANTED: dict[str, tuple[Frame, str]] = {
    "wrong type of a member": (example("MessageOut", seq="42"), "MessageOut at /seq"),
    "missing member": (example("Ack", sent_at=None), "Ack at the top: breaks"),
    "extra member": (example("Head", extra=SECRET), "Head at the top: breaks"),
    "extra member inside": (
        example("MessageOut", data={"message": SECRET, "html": SECRET}),
        "MessageOut at /data",
    ),
    "undeclared frame": ({"type": "typing", "data": SECRET}, "no frame of this type"),
    "a client's frame": ({"data": {"message": SECRET}}, "no frame of this type"),
    "pattern": (example("Ack", id=SECRET), "Ack at /id"),
    "name too long in bytes": (example("MessageOut", sender="👋" * 65), "MessageOut at /sender"),
    "undeclared code": (failure(code="teapot"), "Failure at /code"),
    "another room": (example("MessageOut", room="other"), "MessageOut at /room"),
    "a hole": (example("MessageOut", seq=43), "MessageOut at /seq: 43 follows 41"),
    "the same again": (example("MessageOut", seq=41), "MessageOut at /seq: 41 follows 41"),
    "a head that goes back": (example("Head", seq=40), "Head at /seq"),
    "a second welcome": (WELCOME, "the only one"),
    "error without path": (failure(path=None), "lacks path"),
    "error without expected": (failure(expected=None), "lacks expected"),
    "error without schema": (failure(schema=None), "lacks schema"),
    "error with two rules": (failure(expected={"a": 1, "b": 2}), "is one keyword"),
    "path to nowhere": (failure(path="/data/message/x"), "Failure at /path"),
    "path that is none": (failure(path="data"), "Failure at /path"),
    "schema of nowhere": (failure(schema="#/components/schemas/Nothing"), "Failure at /schema"),
    "rule that is not there": (failure(expected={"minLength": 1}), "Failure at /schema"),
    "rule that is another": (failure(expected={"type": "array"}), "Failure at /expected"),
    "a higher limit": (
        failure(code="too-big", expected={"x-max-bytes": 262145}, schema=RULE),
        "Failure at /expected",
    ),
    "a gap of nothing": (
        example("Gap", from_seq=42, to_seq=41),
        "Gap at /to_seq",
    ),
    "a gap that begins elsewhere": (example("Gap", from_seq=43, to_seq=50), "Gap: between"),
    "a gap for another reason": (
        example("Gap", from_seq=42, to_seq=50, reason="ahead"),
        "Gap: between",
    ),
    "a signal to its sender": (example("SignalOut"), "SignalOut at /sender"),
    "a member's own change": (example("Member"), "Member at /username"),
    "a member without a name": (example("Member", username=None), "Member: with event"),
    "a name without an event": (
        example("Member", username="bob", event=None),
        "Member: with event",
    ),
    "a version that goes back": (
        {"type": "member", "members_version": 2},
        "Member at /members_version",
    ),
    "one's own presence": (example("Presence"), "Presence at /username"),
    "nobody online": (example("Presence", username="bob", online=0), "Presence at /online"),
    "an answer to no question": (example("HistoryOut"), "HistoryOut at /id"),
    "rate without a time": (example("Failure", code="rate"), "retry_after"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_what_the_contract_does_not_say_is_caught_without_its_value(name: str) -> None:
    frame, fault = PLANTED[name]

    with pytest.raises(BreaksContract) as caught:
        guarded().heard(TEXT, orjson.dumps(frame))

    assert fault in str(caught.value)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


EPOCH, OTHER = WELCOME["epoch"], "0b8f1c9e-6f0e-4a55-9d6b-2f0c7f5f1a11"
FLOOR = 11
CURSORS: dict[str, tuple[str, Frame | None, int]] = {
    "none": ("", None, 42),
    "before the floor": (f"?since=9&epoch={EPOCH}", gap(10, 10, "retention"), 11),
    "0": ("?since=0", gap(1, 10, "retention"), 11),
    "the floor - 1": (f"?since=10&epoch={EPOCH}", None, 11),
    "the head": (f"?since=41&epoch={EPOCH}", None, 42),
    "ahead": (f"?since=50&epoch={EPOCH}", gap(42, 50, "ahead"), 42),
    "another epoch": (f"?since=20&epoch={OTHER}", gap(11, 41, "epoch"), 11),
}


@pytest.mark.parametrize(("query", "due", "first"), CURSORS.values(), ids=list(CURSORS))
def test_what_follows_a_cursor_is_known_from_the_contract(
    query: str, due: Frame | None, first: int
) -> None:
    def came_in() -> FrameGuard:
        recovered = bool(query) and due is None
        return guarded(target=f"/ws/chat{query}", floor=FLOOR, recovered=recovered)

    message_of = {seq: orjson.dumps(example("MessageOut", seq=seq)) for seq in range(9, 60)}
    right = came_in()
    if due is not None:
        right.heard(TEXT, orjson.dumps(due))
        with pytest.raises(BreaksContract, match="it is missing"):
            came_in().heard(TEXT, message_of[first])
        with pytest.raises(BreaksContract, match="Gap"):
            came_in().heard(TEXT, orjson.dumps({**due, "to_seq": due["to_seq"] + 1}))
    right.heard(TEXT, message_of[first])
    for wrong in (first - 1, first + 1):
        other = came_in()
        if due is not None:
            other.heard(TEXT, orjson.dumps(due))
        with pytest.raises(BreaksContract, match="MessageOut at /seq"):
            other.heard(TEXT, message_of[wrong])
    with pytest.raises(BreaksContract, match="recovered"):
        guarded(target=f"/ws/chat{query}", floor=FLOOR, recovered=not query or due is not None)


ASKED = {"type": "history", "id": OTHER, "before": 20, "limit": 3}


def history(first: int, last: int, *, more: bool = True, **changes: Any) -> Frame:
    messages = [example("MessageOut", seq=seq) for seq in range(first, last + 1)]
    return {"type": "history", "id": OTHER, "messages": messages, "more": more, **changes}


def test_an_answer_of_history_fits_its_question() -> None:
    sent = orjson.dumps(ASKED)
    wrong: dict[str, Frame] = {
        "at /id": history(17, 19, id=EPOCH),
        "more than were asked": history(16, 19),
        "not before": history(18, 20),
        "older than this member": history(10, 12),
        "nothing older": history(11, 13),
        "without a hole": {**history(17, 19), "messages": history(17, 19)["messages"][::2]},
        "oldest first": {**history(17, 19), "messages": history(17, 19)["messages"][::-1]},
        "another room": {
            **history(17, 19),
            "messages": [example("MessageOut", seq=19, room="other")],
        },
        "512 KiB": {
            **history(17, 19),
            "messages": [
                example("MessageOut", seq=seq, data={"message": "x" * 200_000})
                for seq in (17, 18, 19)
            ],
        },
    }
    for fault, answer in wrong.items():
        with pytest.raises(BreaksContract, match=fault):
            guarded(sent=sent, floor=FLOOR).heard(TEXT, orjson.dumps(answer))
    guard = guarded(sent=sent, floor=FLOOR)
    guard.heard(TEXT, orjson.dumps(history(17, 19)))
    with pytest.raises(BreaksContract, match="at /id"):
        guard.heard(TEXT, orjson.dumps(history(17, 19)))


def test_a_welcome_comes_first() -> None:
    with pytest.raises(BreaksContract, match="the first frame"):
        guarded(welcomed=False).heard(TEXT, orjson.dumps(example("Head")))


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"[]", b"{", b'\xef\xbb\xbf{"type":"head","seq":42}', b'{"type":"head","seq":NaN}',
        b'{"type":"head","seq":42,"seq":42}', rb'{"type":"\ud800","seq":42}', b"\xff",
        b'{"type":"head","seq":' + b"9" * 5000 + b"}", b"[" * 50_000,
    ],
)  # fmt: skip
def test_a_frame_that_is_no_strict_json_is_caught(raw: bytes) -> None:
    with pytest.raises(BreaksContract):
        guarded().heard(TEXT, raw)


def test_an_error_about_what_was_not_refusable_is_caught() -> None:
    """The same error a second time, and after nothing but what the contract takes."""
    guard = guarded()
    guard.heard(TEXT, orjson.dumps(failure()))
    for one in (guard, guarded(sent=message("right"))):
        with pytest.raises(BreaksContract, match="Failure at /path"):
            one.heard(TEXT, orjson.dumps(failure()))


@pytest.mark.parametrize("cut", [1, 3, 7, 12])
def test_what_was_sent_is_known_in_whatever_pieces(cut: int) -> None:
    guard = FrameGuard()
    raw = request_head("/ws/chat") + client_frame(BAD[:9], fin=False) + client_frame(BAD[9:], 0)

    for at in range(0, len(raw), cut):
        guard.sent(raw[at : at + cut])
    guard.heard(TEXT, orjson.dumps(WELCOME))

    guard.heard(TEXT, orjson.dumps(failure()))


@pytest.mark.parametrize("row", CONTRACT.closes.items())
def test_a_close_of_the_contract_passes_with_its_reason_alone(row: tuple[int, str]) -> None:
    code, reason = row
    guarded().heard(CLOSE, code.to_bytes(2, "big") + reason.encode())

    for other in (b"", b"sorry", reason.encode() + b"."):
        with pytest.raises(BreaksContract, match="reason"):
            guarded().heard(CLOSE, code.to_bytes(2, "big") + other)


@pytest.mark.parametrize("code", [1005, 1008, 1012, 4000, 4402])
def test_another_close_code_is_caught_unless_it_is_the_clients_own(code: int) -> None:
    payload = code.to_bytes(2, "big")
    answered = guarded()
    answered.sent(client_frame(payload, CLOSE))
    answered.heard(CLOSE, payload)

    for undeclared in (payload, b""):
        with pytest.raises(BreaksContract):
            guarded().heard(CLOSE, undeclared)


def test_a_frame_that_is_no_text_is_caught_unless_it_is_control() -> None:
    guarded().heard(PING, b"")

    with pytest.raises(BreaksContract, match="opcode 2"):
        guarded().heard(BINARY, b"{}")


def refusal(status: int, reason: str, **changes: Any) -> tuple[int, Mapping[str, str], bytes]:
    headers = {"content-type": "application/problem+json", "retry-after": "1", **changes}
    body = orjson.dumps({"type": f"/problems/{reason}", "status": status})
    return status, {name: value for name, value in headers.items() if value}, body


def test_a_refusal_of_the_contract_passes_and_no_other() -> None:
    guard = guarded(welcomed=False)
    guard.refused(*refusal(429, "too-many-connections"))
    no_json = {"content-type": "text/html"}

    for other in (
        refusal(429, "unavailable"),
        refusal(404, "too-many-connections"),
        refusal(418, "teapot"),
        refusal(429, "too-many-connections", **{"retry-after": ""}),
        refusal(403, "not-a-member"),
        refusal(429, "too-many-connections", **no_json),
    ):
        with pytest.raises(BreaksContract):
            guard.refused(*other)


def test_every_error_code_stands_in_the_schema_and_every_message_in_the_count() -> None:
    codes = CONTRACT.at("#/components/schemas/Failure/properties/code/enum")
    keys = {*CONTRACT.client_messages, *CONTRACT.server_messages}

    assert list(CONTRACT.errors) == codes
    assert keys == set(MESSAGES) == declared()["frame"]


@pytest.mark.parametrize("depth", [1, 2, 32])
def test_depth_counts_from_the_frame_itself(depth: int) -> None:
    raw = b'{"x":' * (depth - 1) + b"{}" + b"}" * (depth - 1)

    read_strict(raw, depth)
    with pytest.raises(NotStrict, match="depth"):
        read_strict(raw, depth - 1)
