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


def guarded(*, welcomed: bool = True, sent: bytes = BAD) -> FrameGuard:
    """Return the guard of somebody who came into the room and sent one frame."""
    guard = FrameGuard()
    guard.sent(request_head("/ws/chat"))
    if welcomed:
        guard.heard(TEXT, orjson.dumps(WELCOME))
        guard.sent(client_frame(sent))
    return guard


GOOD = {
    "message": example("MessageOut"),
    "ack": example("Ack"),
    "head": example("Head"),
    "error": example("Failure"),
    "error without a place": {"type": "error", "code": "unavailable", "detail": "no answer"},
}


@pytest.mark.parametrize("frame", GOOD.values(), ids=GOOD.keys())
def test_what_the_contract_says_passes(frame: Frame) -> None:
    guarded().heard(TEXT, orjson.dumps(frame))


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
