"""Holds every frame that a test's client reads to the contract, and counts what was seen.

A guard watches one connection from the client's side: what the client sent, and what it was
answered. The first thing that spec/asyncapi.yaml does not say fails the test that saw it, with
the place and the rule, never what was said. Clients take frames with members that they do not
know; the guard does not: the relay itself sends nothing undeclared.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

import orjson
from websockets.speedups import apply_mask

from tests.support.frame_contract import (
    BreaksContract,
    FrameContract,
    NotStrict,
    fail,
    frame_contract,
    has_place,
    read_loosely,
    read_strict,
)
from tests.support.guarded_cursor import GuardedCursor
from tests.support.guarded_history import GuardedHistory
from tests.support.seen import saw, saw_frame

__all__ = ["BreaksContract", "FrameGuard"]

_CONT, _TEXT, _CLOSE, _PING, _PONG = 0x0, 0x1, 0x8, 0x9, 0xA
_STRICT_JSON: Final = "x-strict-json"
_PLACED: Final = frozenset({"bad-frame", "too-big"})
"""The errors that are about what stands in the frame, so that they name its place."""
_MAX_KEPT: Final = 1000
_HEAD_END: Final = b"\r\n\r\n"


class FrameGuard:
    """Watches one connection to a relay. A client tells it what it sends, then what it hears."""

    def __init__(self, contract: FrameContract | None = None) -> None:
        self._contract = contract or frame_contract()
        self._welcome: Mapping[str, Any] | None = None
        self._cursor: GuardedCursor | None = None
        self._history = GuardedHistory()
        self._members_version = 0
        self._path: str | None = None
        self._unread = bytearray()
        self._fragments: list[bytes] | None = None
        self._understands = True
        """False once the client sent what is no WebSocket: then it is not known what was heard."""
        self._refusable: deque[bytes] = deque(maxlen=_MAX_KEPT)
        self._goodbyes: set[bytes] = set()

    @property
    def _limits(self) -> Mapping[str, int] | None:
        return None if self._welcome is None else self._welcome["limits"]

    # -- what the client sends

    def asked(self, target: str) -> None:
        """Take what the handshake asks for, where its bytes are not seen."""
        self._path = target

    def sent(self, data: bytes) -> None:
        """Take bytes of the socket: the head of a handshake, then frames, in any pieces."""
        if not self._understands:
            return
        self._unread += data
        if self._path is None:
            head, end, rest = self._unread.partition(_HEAD_END)
            if not end:
                return
            self._path = _path_of(bytes(head))
            self._unread = rest
        while self._understands and (frame := self._next_frame()) is not None:
            self._sent_frame(*frame)

    def _next_frame(self) -> tuple[int, bool, bytes] | None:
        """Take one masked frame off what is unread; None while it is not all there."""
        data = self._unread
        if len(data) < 2:
            return None
        first, size = data[0], data[1] & 0x7F
        if not data[1] & 0x80 or first & 0x70:
            self._understands = False
            return None
        head = {126: 4, 127: 10}.get(size, 2)
        if len(data) < head + 4:
            return None
        if head > 2:
            size = int.from_bytes(data[2:head], "big")
        end = head + 4 + size
        if len(data) < end:
            return None
        payload = apply_mask(bytes(data[head + 4 : end]), bytes(data[head : head + 4]))
        del data[:end]
        return first & 0x0F, bool(first & 0x80), payload

    def _sent_frame(self, opcode: int, fin: bool, payload: bytes) -> None:
        if opcode == _CLOSE:
            self._goodbyes.add(payload)
        elif opcode == _TEXT and fin:
            self.sent_text(payload)
        elif opcode in (_TEXT, _CONT):
            self._fragments = [] if opcode == _TEXT else self._fragments
            if self._fragments is None:
                self._understands = False
                return
            self._fragments.append(payload)
            if fin:
                self.sent_text(b"".join(self._fragments))
                self._fragments = None

    def sent_text(self, payload: bytes) -> None:
        """Take one whole text frame, without its framing."""
        key, frame = self._valid(payload)
        if frame is None or self._limits is None:
            # Before the welcome the limits are not known: whatever is said may be refused.
            self._refusable.append(payload)
        if frame is not None:
            if key == "HistoryIn":
                self._history.ask(frame)
            _count(key, frame)

    def _valid(self, payload: bytes) -> tuple[str, dict[str, Any] | None]:
        """Return a frame that the relay has to take, with its message's key; None for any other."""
        limits = self._limits
        try:
            frame = read_strict(payload, 32 if limits is None else limits["json_depth"])
        except (NotStrict, UnicodeDecodeError):
            return "", None
        key = self._contract.client_message(frame) if isinstance(frame, dict) else None
        if key is None or not self._contract.is_valid(key, frame):
            return "", None
        if limits is not None and (bound := _BOUNDS.get(key)) is not None:
            limit, size = bound
            if size(frame["data"]) > limits[limit]:
                return "", None
        return key, frame

    # -- what the client hears

    def heard(self, opcode: int, payload: bytes) -> None:
        """Take one whole frame of the relay.

        Raises:
            BreaksContract: the contract does not have it.
        """
        if opcode == _TEXT:
            self._heard_text(payload)
        elif opcode == _CLOSE:
            self._heard_close(payload)
        elif opcode not in (_PING, _PONG):
            fail(f"the relay sends no frame of opcode {opcode}")

    def _heard_text(self, payload: bytes) -> None:
        fault: str | None = None
        frame: Any = None
        try:
            frame = read_strict(payload, 32)
        except NotStrict as error:
            fault = str(error)
        except UnicodeDecodeError:
            fault = "UTF-8"
        if fault is not None:
            fail(f"a frame of the relay is no strict JSON: {fault}")
        key = self._contract.server_message(frame.get("type") if isinstance(frame, dict) else None)
        if key is None:
            fail("the contract has no frame of this type from the relay")
        faults = self._contract.faults(key, frame)
        if faults:
            fail("; ".join(faults))
        if (key == "Welcome") != (self._welcome is None):
            fail(f"{key}: the welcome is the first frame of a connection, and the only one")
        self._heard_frame(key, frame, len(payload))
        _count(key, frame)

    def _heard_frame(self, key: str, frame: Mapping[str, Any], size: int) -> None:
        if key == "Welcome":
            self._welcome = frame
            self._cursor = GuardedCursor(self._path, frame)
            self._members_version = frame["members_version"]
            return
        welcome, cursor = self._welcome, self._cursor
        assert welcome is not None
        assert cursor is not None
        match key:
            case "MessageOut":
                if frame["room"] != welcome["room"]:
                    fail("MessageOut at /room: it is not the room of this connection")
                cursor.message(frame["seq"])
            case "Head":
                cursor.head(frame["seq"])
            case "Gap":
                cursor.gap(frame)
            case "HistoryOut":
                self._history.answer(frame, size, room=welcome["room"], floor=cursor.floor)
            case "Failure":
                self._heard_failure(frame)
            case "SignalOut" if frame["sender"] == welcome["username"]:
                fail("SignalOut at /sender: a signal goes to the other users")
            case "Member":
                self._heard_member(frame)
            case "Presence":
                _is_about_another(key, frame, ("username",), welcome["username"])
                if frame["online"] == 0:
                    fail("Presence at /online: who is told is online")
            case _:
                pass

    def _heard_member(self, frame: Mapping[str, Any]) -> None:
        assert self._welcome is not None
        about = ("username", "key_version")
        _is_about_another("Member", frame, about, self._welcome["username"])
        if frame["members_version"] < self._members_version:
            fail("Member at /members_version: it goes back")
        self._members_version = frame["members_version"]

    def _heard_failure(self, frame: Mapping[str, Any]) -> None:
        code = frame["code"]
        if code not in self._contract.errors:
            fail("Failure at /code: x-error-codes does not have it")
        if code == "rate" and "retry_after" not in frame:
            fail("Failure: the error rate says when to send it again, in retry_after")
        if code in _PLACED:
            self._check_rule(frame)
            self._check_place(frame["path"])
        self._history.refused(frame)
        saw("error", code)

    def _check_rule(self, frame: Mapping[str, Any]) -> None:
        """See that the error's rule is the one that stands in the contract."""
        missing = {"path", "expected"} - set(frame)
        if missing:
            fail(f"Failure: the error {frame['code']} lacks {', '.join(sorted(missing))}")
        expected: Mapping[str, Any] = frame["expected"]
        if len(expected) != 1:
            fail("Failure at /expected: it is one keyword")
        ((keyword, value),) = expected.items()
        if keyword == _STRICT_JSON:
            return
        if "schema" not in frame:
            fail("Failure: it lacks schema, though the rule stands in the contract")
        try:
            place = self._contract.at(frame["schema"])
        except KeyError:
            place = None
        if not isinstance(place, dict) or keyword not in place:
            fail("Failure at /schema: there is no such rule in the contract")
        # A limit may be set lower than the contract has it; no other rule may be another.
        is_limit = keyword == "x-max-bytes" or frame["schema"].startswith(_LIMITS)
        if place[keyword] != value and (not is_limit or value > place[keyword]):
            fail(f"Failure at /expected: {keyword} is another one in the contract")

    def _check_place(self, path: str) -> None:
        """See that ``path`` names a place in a frame that this client sent, the oldest first."""
        if not self._understands or len(self._refusable) == _MAX_KEPT:
            return
        while self._refusable:
            # One that was refused for its rate has no place; the error is about a later one.
            if _names_place(self._refusable.popleft(), path):
                return
        fail("Failure at /path: it is no place in a frame that may be refused")

    def _heard_close(self, payload: bytes) -> None:
        if payload in self._goodbyes:
            # The client's own close frame, answered: its code need not be one of the relay's.
            code = int.from_bytes(payload[:2], "big")
            if self._contract.closes.get(code) == "normal":
                saw("close", str(code))
            return
        if len(payload) < 2:
            fail("a close frame of the relay says why")
        code = int.from_bytes(payload[:2], "big")
        if code not in self._contract.closes:
            fail(f"x-close-codes does not have {code}")
        if payload[2:] != self._contract.closes[code].encode():
            fail(f"the reason of a close with {code} is not the one of x-close-codes")
        saw("close", str(code))

    # -- handshakes

    def refused(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Take a plain HTTP answer; what was no handshake of a room is not looked at.

        ``headers`` have names in lower case.

        Raises:
            BreaksContract: the contract does not refuse like that.
        """
        if self._path is None or not self._path.startswith("/ws/"):
            return
        if headers.get("content-type") != "application/problem+json":
            fail(f"a refusal with {status} is a problem (RFC 9457)")
        problem = orjson.loads(body)
        reason = str(problem.get("type")).removeprefix("/problems/")
        if problem.get("status") != status or (status, reason) not in self._contract.refusals:
            fail(f"x-refusals does not have {status} with this reason")
        if ("retry-after" in headers) != self._contract.refusals[status, reason]:
            fail(f"Retry-After of a refusal with {status} is not as x-refusals has it")
        saw("refusal", f"{status} {reason}")


def _is_about_another(
    key: str, frame: Mapping[str, Any], members: tuple[str, ...], name: str
) -> None:
    """See that a frame that tells of somebody says who it is, and that it is not this user."""
    for member in members:
        if (member in frame) != ("event" in frame):
            fail(f"{key}: with event it has {member}, and without it has not")
    if frame.get("username") == name:
        fail(f"{key} at /username: it is not told to the user that it is about")


def _text_bytes(data: Mapping[str, Any]) -> int:
    return len(data["message"].encode())


def _json_bytes(data: Mapping[str, Any]) -> int:
    return len(json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode())


_BOUNDS: Final = {
    "MessageIn": ("message_bytes", _text_bytes),
    "SignalIn": ("signal_bytes", _json_bytes),
}
"""Which limit bounds the data of a client's message, and what it counts."""

_counted: set[tuple[str, ...]] = set()
_CHOICES: Final = ("event", "reason")
_LIMITS: Final = "#/components/schemas/Limits/"


def _count(key: str, frame: Mapping[str, Any]) -> None:
    """Count a frame, once for each set of members: tests under load read many that are alike."""
    shape = (key, *frame, *(str(frame.get(name)) for name in _CHOICES))
    if shape not in _counted:
        _counted.add(shape)
        saw_frame(key, frame)


def _path_of(head: bytes) -> str:
    """Return the path of a request that is answered with a body, "" of all else."""
    words = head.partition(b"\r\n")[0].split(b" ")
    return words[1].decode("latin-1") if len(words) == 3 and words[0] != b"HEAD" else ""


def _names_place(raw: bytes, path: str) -> bool:
    try:
        frame = read_loosely(raw)
    except (NotStrict, UnicodeDecodeError):
        # What cannot be read has no places but the whole.
        return path == ""
    if len(path) == frame_contract().at("#/components/schemas/Failure/properties/path/maxLength"):
        path = path.rpartition("/")[0]
    return has_place(frame, path)
