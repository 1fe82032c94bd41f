"""Turns the bytes of clients' frames into what they say, held to ``spec/asyncapi.yaml``.

Does no I/O and keeps no clock. The contract decides: its schemas are compiled once, and an
error names the place in the frame, what was expected there, and the place in the contract.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias, cast

import jsonschema_rs
import orjson

from services.limits import Limits
from services.strict_json import NotStrictJson, parse_strict

MAX_DETAIL_CHARACTERS = 1024
MAX_PATH_CHARACTERS = 512


class Say(NamedTuple):
    """A client's ``message`` frame. ``id`` is the client's, in lower case, or None."""

    id: str | None
    after: int | None
    text: str
    if_members: int | None = None

    def __repr__(self) -> str:
        return f"Say(id={self.id!r}, after={self.after!r}, if_members={self.if_members!r})"


@dataclass(frozen=True, slots=True)
class LookBack:
    """A client's ``history`` frame; ``before`` is None for the newest."""

    id: str
    before: int | None
    limit: int


@dataclass(frozen=True, slots=True)
class Signal:
    """A client's ``signal`` frame. ``data_json`` is its data as compact JSON."""

    data_json: bytes = field(repr=False)


Heard: TypeAlias = Say | LookBack | Signal
"""What a frame that fits the contract may say."""


@dataclass(frozen=True, slots=True)
class Refused:
    """What is wrong with a frame: the members of an ``error`` frame. The only value is ``id``."""

    code: str
    detail: str
    id: str | None = None
    path: str | None = None
    expected: Mapping[str, Any] | None = None
    schema: str | None = None
    retry_after: float | None = None


class NotUtf8(Exception):
    """The text frame is not UTF-8: RFC 6455 §8.1 ends the connection for that."""


class FrameReader:
    """Reads client frames against the contract.

    ``contract`` is asyncapi.yaml as loaded. One reader serves all connections.
    """

    def __init__(self, contract: Mapping[str, Any], limits: Limits) -> None:
        self._contract = contract
        self.limits = limits
        self._schemas = _client_schemas(contract)
        self._validators = {
            kind: _validator(contract, name) for kind, name in self._schemas.items()
        }
        self._is_message = self._validators["message"].is_valid
        self._is_id = _validator(contract, "Uuid").is_valid
        self._message_bytes = limits.message_bytes
        history = contract["components"]["schemas"]["HistoryIn"]["properties"]
        self._history_limit: int = history["limit"]["default"]

    def read(self, raw: bytes) -> Heard | Refused:
        """Return what the frame says, or why it is refused.

        Raises:
            NotUtf8: the bytes are not UTF-8.
        """
        try:
            frame: Any = orjson.loads(raw)
        except orjson.JSONDecodeError:
            # Explained below: this error holds the whole frame, and would be chained.
            frame = None
        if self._is_message(frame):
            text: str = frame["data"]["message"]
            if len(raw) - len(text) == _least_besides_text(frame) and text.isascii():
                if len(text) > self._message_bytes:
                    return self._message_too_big(self._known_id(frame))
                return _say(frame, text)
        return self._explain(raw)

    def id_of(self, raw: bytes) -> str | None:
        """Return the frame's ``id`` if it has a valid one; looks at nothing else."""
        try:
            frame = orjson.loads(raw)
        except orjson.JSONDecodeError:
            return None
        return self._known_id(cast("dict[str, Any]", frame)) if isinstance(frame, dict) else None

    def _known_id(self, frame: Mapping[str, Any]) -> str | None:
        found = frame.get("id")
        return found if isinstance(found, str) and self._is_id(found) else None

    def _message_too_big(self, known_id: str | None) -> Refused:
        return _too_big(
            "/data/message",
            {"x-max-bytes": self._message_bytes},
            "#/components/schemas/MessageData/properties/message",
            known_id,
        )

    def _explain(self, raw: bytes) -> Heard | Refused:
        """Look again, slowly and strictly, at a frame that the fast way did not take."""
        if not _is_utf8(raw):
            raise NotUtf8
        try:
            frame = parse_strict(raw, max_depth=self.limits.json_depth)
        except NotStrictJson as error:
            return Refused(
                "bad-frame",
                _shortened(f"not strict JSON: {error.detail}"),
                # Of one that stands twice nobody knows which is meant.
                id=None if error.pointer == "/id" else self.id_of(raw),
                path=error.pointer[:MAX_PATH_CHARACTERS],
                expected={"x-strict-json": error.rule},
            )
        if not isinstance(frame, dict):
            return Refused(
                "bad-frame",
                "a frame has to be an object",
                path="",
                expected={"type": "object"},
                schema="#/components/schemas/MessageIn",
            )
        return self._judge(cast("dict[str, Any]", frame))

    def _judge(self, frame: dict[str, Any]) -> Heard | Refused:
        kind = frame.get("type", "message")
        known_id = self._known_id(frame)
        # What is of no type that the contract has is judged as a message: its type is the fault.
        known = kind if isinstance(kind, str) and kind in self._validators else "message"
        validator = self._validators[known]
        errors = sorted(validator.iter_errors(frame), key=_helpfulness)
        if errors:
            first = errors[0]
            if first.instance_path == ["data", "message"] and first.schema_path[-1] == "maxLength":
                return self._message_too_big(known_id)
            return self._refused(first, known_id)
        match known:
            case "history":
                return self._look_back(frame)
            case "signal":
                data_json = orjson.dumps(frame["data"])
                bound = self.limits.signal_bytes
                if len(data_json) > bound:
                    return _too_big("/data", {"maximum": bound}, _SIGNAL_BYTES, None)
                return Signal(data_json)
            case _:
                text: str = frame["data"]["message"]
                if len(text.encode()) > self._message_bytes:
                    return self._message_too_big(known_id)
                return _say(frame, text)

    def _look_back(self, frame: dict[str, Any]) -> LookBack:
        limit = _whole(frame.get("limit"))
        return LookBack(
            frame["id"],
            _whole(frame.get("before")),
            self._history_limit if limit is None else limit,
        )

    def _refused(self, error: jsonschema_rs.ValidationError, known_id: str | None) -> Refused:
        """Describe one broken rule by what the contract says at its place."""
        *place, keyword = (str(part) for part in error.schema_path)
        rule: Any = self._contract
        for part in (*place, keyword):
            rule = rule[part]
        path = list(error.instance_path)
        if keyword == "additionalProperties":
            path.append(cast("Any", error.kind).unexpected[0])
        where = pointer(path)
        detail = f"{where or 'the frame'}: {_RULES.get(keyword, 'does not fit the contract')}"
        if keyword in _RULES and keyword != "additionalProperties":
            detail += f" {', '.join(cast('list[str]', rule)) if isinstance(rule, list) else rule}"
        return Refused(
            "bad-frame",
            _shortened(detail),
            id=known_id,
            path=where[:MAX_PATH_CHARACTERS],
            expected={keyword: rule},
            schema=f"#{pointer(place)}",
        )


def _say(frame: dict[str, Any], text: str) -> Say:
    if len(frame) == 1:
        return _new(Say, (None, None, text, None))
    return Say(frame.get("id"), _whole(frame.get("after")), text, _whole(frame.get("if_members")))


def _whole(number: float | None) -> int | None:
    # The contract's integers may be written 41.0 (JSON Schema 2020-12 §6.1.1).
    return None if number is None else int(number)


def _too_big(path: str, expected: Mapping[str, int], schema: str, known_id: str | None) -> Refused:
    (bound,) = expected.values()
    return Refused(
        "too-big",
        f"{path}: at most {bound} bytes of UTF-8",
        id=known_id,
        path=path,
        expected=expected,
        schema=schema,
    )


# No schema says how long an object's JSON may be: the limit itself does.
_SIGNAL_BYTES: Final = "#/components/schemas/Limits/properties/signal_bytes"

# Half the price of calling the class; once for every frame.
_new = tuple[Any, ...].__new__


def _least_besides_text(frame: dict[str, Any]) -> int:
    """Return in how few bytes a frame that fits MessageIn can be written, without its text.

    -1 where that cannot be told fast.

    White space, an escape, and a name that stands twice all take more. So a frame of this size
    whose text is ASCII holds none of them: it is strict JSON, known without a second parse.
    """
    size = len('{"data":{"message":""}}')
    if len(frame) > 1:
        if "type" in frame:
            size += len('"type":"message",')
        if "id" in frame:
            size += len('"id":"",') + 36
        for name, written in _NUMBERS:
            if name in frame:
                number = frame[name]
                if type(number) is not int:
                    # 4e15 is shorter than what Python writes for it.
                    return -1
                size += written + len(str(number))
    return size


# The numbers of MessageIn, with what is written besides their digits.
_NUMBERS: Final = (("after", len('"after":,')), ("if_members", len('"if_members":,')))


def _is_utf8(raw: bytes) -> bool:
    # The error holds the bytes: it must not outlive this function.
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _client_schemas(contract: Mapping[str, Any]) -> dict[str, str]:
    """Return the schema's name of each client frame by its ``type``."""
    found: dict[str, str] = {}
    for operation in contract["operations"].values():
        if operation["action"] != "receive":
            continue
        for message in operation["messages"]:
            name = message["$ref"].rpartition("/")[2]
            payload = contract["components"]["messages"][name]["payload"]["$ref"]
            schema = payload.rpartition("/")[2]
            kind = contract["components"]["schemas"][schema]["properties"]["type"]["const"]
            found[kind] = schema
    return found


def _validator(contract: Mapping[str, Any], name: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(
        {
            "$ref": f"#/components/schemas/{name}",
            "components": {"schemas": contract["components"]["schemas"]},
        }
    )


# The first of these that a frame breaks helps its author most.
_ORDER = ("type", "const", "enum", "required", "additionalProperties")

_RULES = {
    "type": "has to be of type",
    "const": "has to be",
    "enum": "has to be one of",
    "required": "needs the members",
    "additionalProperties": "is no member that the contract names",
    "minimum": "has to be at least",
    "maximum": "has to be at most",
    "minLength": "its characters have to be at least",
    "maxLength": "its characters have to be at most",
    "pattern": "has to match",
}


def _helpfulness(error: jsonschema_rs.ValidationError) -> tuple[bool, int, int]:
    keyword = str(error.schema_path[-1])
    rank = _ORDER.index(keyword) if keyword in _ORDER else len(_ORDER)
    # Of another type than meant, everything else in the frame is wrong too.
    return error.instance_path != ["type"], rank, len(error.instance_path)


def pointer(path: Sequence[str | int]) -> str:
    """Return the JSON pointer (RFC 6901) of ``path``; the whole document is the empty string."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _shortened(detail: str) -> str:
    return detail[:MAX_DETAIL_CHARACTERS]
