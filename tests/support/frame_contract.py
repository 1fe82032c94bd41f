"""What spec/asyncapi.yaml says of frames and connections, read from the document alone.

Knows nothing of the relay's code: tests hold the relay to this.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from functools import cache
from math import isfinite
from typing import Any, Final, NoReturn, cast

import jsonschema
import jsonschema_rs

from spec import load_asyncapi

Schema = dict[str, Any]

_BOM: Final = b"\xef\xbb\xbf"
_INT64: Final = range(-(2**63), 2**64)


class NotStrict(ValueError):
    """The text is no strict JSON; the message names the rule and never a value."""


class BreaksContract(AssertionError):
    """The relay did what the contract does not say."""


def fail(fault: str) -> NoReturn:
    """Raise a fault: place and rule, never what was said."""
    raise BreaksContract(fault) from None


class Members(list[tuple[str, Any]]):
    """A JSON object as it stands in the text: in order, a name perhaps twice."""


class FrameContract:
    """asyncapi.yaml, made ready to judge frames. Every schema is closed, those of the relay too."""

    def __init__(self, document: Schema) -> None:
        self.document = document
        room = document["channels"]["room"]
        self.closes: dict[int, str] = {row["code"]: row["reason"] for row in room["x-close-codes"]}
        self.refusals: dict[tuple[int, str], bool] = {
            (row["status"], row["reason"]): row["reconnect"] for row in room["x-refusals"]
        }
        self.errors: dict[str, Schema] = {row["code"]: row for row in room["x-error-codes"]}
        self.client_messages = list(_message_keys(document, "receive"))
        self.server_messages = list(_message_keys(document, "send"))
        schemas = deepcopy(document["components"]["schemas"])
        for schema in schemas.values():
            # What is opaque describes no member, and stays open.
            if "properties" in schema:
                schema["additionalProperties"] = False
        self._validators = {
            key: jsonschema_rs.Draft202012Validator(
                {**self.payload_ref(key), "components": {"schemas": schemas}},
                validate_formats=True,
                keywords={"x-max-bytes": _MaxBytes},
            )
            for key in (*self.client_messages, *self.server_messages)
        }
        self._by_type = {self._type_of(key): key for key in self.server_messages}
        self._clients_by_type = {self._type_of(key): key for key in self.client_messages}

    def payload_ref(self, key: str) -> Schema:
        return cast("Schema", self.document["components"]["messages"][key]["payload"])

    def schema_of(self, schema: Mapping[str, Any]) -> Schema:
        """Follow the references of ``schema``."""
        found: Any = schema
        while "$ref" in found:
            found = self.at(found["$ref"])
        return cast("Schema", found)

    def _type_of(self, key: str) -> str:
        return str(self.schema_of(self.payload_ref(key))["properties"]["type"]["const"])

    def server_message(self, frame_type: object) -> str | None:
        """Return the key of the relay's message with this ``type``."""
        return self._by_type.get(frame_type) if isinstance(frame_type, str) else None

    def client_message(self, frame: Mapping[str, Any]) -> str | None:
        """Return the key of the client's message that ``frame`` says it is."""
        frame_type = frame.get("type", "message")
        return self._clients_by_type.get(frame_type) if isinstance(frame_type, str) else None

    def faults(self, key: str, frame: object) -> list[str]:
        """Return what is wrong with a frame of message ``key``: place and rule, no value."""
        return [
            f"{key} at {pointer(error.instance_path) or 'the top'}: breaks #"
            + pointer(error.schema_path)
            for error in self._validators[key].iter_errors(frame)
        ]

    def is_valid(self, key: str, frame: object) -> bool:
        return self._validators[key].is_valid(frame)

    def at(self, place: str) -> Any:
        """Return what stands at ``place``, a URI fragment: ``#/components/schemas/Uuid``.

        Raises:
            KeyError: there is no such place.
        """
        if not place.startswith("#"):
            raise KeyError(place)
        node: Any = self.document
        for token in _tokens(place[1:]):
            if not isinstance(node, dict):
                raise KeyError(place)
            node = cast("Schema", node)[token]
        return node


class _MaxBytes:
    """The contract's own keyword: the most bytes of UTF-8 that a string may take."""

    def __init__(self, _parent: object, value: int, _path: object) -> None:
        self._value = value

    def validate(self, instance: object) -> None:
        if isinstance(instance, str) and len(instance.encode()) > self._value:
            raise ValueError("takes too many bytes")


@cache
def closed_schema(name: str) -> jsonschema.Draft202012Validator:
    """Return a schema of asyncapi.yaml, shut, by another library: an oracle for one frame."""
    schemas = deepcopy(load_asyncapi()["components"]["schemas"])
    for schema in schemas.values():
        if "properties" in schema:
            schema["additionalProperties"] = False
    return jsonschema.Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}},
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    )


@cache
def frame_contract() -> FrameContract:
    """Return the contract; one for all tests, never to be changed."""
    return FrameContract(load_asyncapi())


def _message_keys(document: Schema, action: str) -> Iterator[str]:
    """Yield the keys of what is received or sent; a reply goes the other way."""
    keys: dict[str, None] = {}
    for operation in document["operations"].values():
        told = operation if operation["action"] == action else operation.get("reply", {})
        for message in told.get("messages", []):
            keys[message["$ref"].rpartition("/")[2]] = None
    yield from keys


def read_strict(raw: bytes, max_depth: int) -> Any:
    """Return what the text says, by the section *Strict JSON* of the contract.

    Raises:
        NotStrict: it is no strict JSON. Not looked at: whether ``raw`` is UTF-8.
    """
    value = read_loosely(raw)
    return _strict(value, max_depth)


def read_loosely(raw: bytes) -> Any:
    """Return what the text says, objects as :class:`Members`; ``NaN`` and the like are taken.

    Raises:
        NotStrict: it does not follow the grammar of JSON, or begins with a byte order mark.
    """
    if raw.startswith(_BOM):
        raise NotStrict("byte order mark")
    try:
        return json.loads(raw.decode(), object_pairs_hook=Members, parse_int=_read_int)
    except json.JSONDecodeError:
        fault = "grammar"
    except RecursionError:
        fault = "depth"
    # Outside of the handler: the parser's error holds the whole text, and would be chained.
    raise NotStrict(fault)


def _read_int(digits: str) -> int | float:
    # Python itself refuses to read thousands of digits.
    return int(digits) if len(digits) <= 20 else float("inf")


def _strict(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return _strict_text(value)
    if isinstance(value, float):
        if not isfinite(value):
            raise NotStrict("number")
        return value
    if isinstance(value, int) and value not in _INT64:
        raise NotStrict("number")
    if not isinstance(value, list):
        return value
    if depth == 0:
        raise NotStrict("depth")
    if not isinstance(value, Members):
        return [_strict(one, depth - 1) for one in value]
    members = {_strict_text(name): _strict(one, depth - 1) for name, one in value}
    if len(members) < len(value):
        raise NotStrict("a name twice")
    return members


def _strict_text(text: str) -> str:
    if "\0" in text:
        raise NotStrict("U+0000")
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        raise NotStrict("surrogate")
    return text


def has_place(value: Any, pointer: str) -> bool:
    """Tell whether ``pointer`` (RFC 6901) names a place in what ``read_loosely`` returned."""
    if pointer and not pointer.startswith("/"):
        return False
    nodes = [value]
    for token in _tokens(pointer):
        # Several, where a name stands twice.
        nodes = [child for node in nodes for child in _children(node, token)]
    return bool(nodes)


def _children(node: Any, token: str) -> Iterator[Any]:
    if isinstance(node, Members):
        yield from (value for name, value in node if name == token)
    elif isinstance(node, list) and token.isascii() and token.isdigit():
        yield from node[int(token) : int(token) + 1]


def _tokens(place: str) -> list[str]:
    tokens = place.split("/")[1:]
    return [token.replace("~1", "/").replace("~0", "~") for token in tokens]


def pointer(path: Sequence[str | int]) -> str:
    """Return the JSON pointer (RFC 6901) of ``path``."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
