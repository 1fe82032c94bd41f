"""Rules for `asyncapi.yaml`: its channels, messages and tables."""

import re
from collections.abc import Iterator
from typing import Any, Final

from tools.contracts.documents import Document, at, follow, join, steps_of
from tools.contracts.findings import Complaint, Rule
from tools.contracts.rules.schemas import misfits
from tools.contracts.schemas import Sender, messages

_SENDERS: Final[tuple[Sender, ...]] = ("client", "server")
_WORD: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_QUOTED_PATTERN: Final = re.compile(r"`(\^[^`]*)`")
_PAYLOAD: Final = "$message.payload#"
# Never sent: they stand for what happened without a close frame (RFC 6455 §7.4.1).
_NOT_ON_THE_WIRE: Final = frozenset({1004, 1005, 1006, 1015})
# A close frame has 125 bytes, two of them the code (RFC 6455 §5.5).
_MAX_REASON_BYTES: Final = 123
_SCHEMA_FORMATS: Final = frozenset(
    {
        "application/vnd.aai.asyncapi;version=3.1.0",
        "application/vnd.aai.asyncapi+json;version=3.1.0",
        "application/vnd.aai.asyncapi+yaml;version=3.1.0",
    }
)
_TRY_LATER: Final = frozenset({429, 503})


def _all_messages(document: Document) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, message in document.root["components"].get("messages", {}).items():
        yield join("/components/messages", name), message


def _payload(document: Document, message: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of the payload, references resolved; empty when there is none."""
    payload = message.get("payload", {})
    try:
        schema, _ = follow(document.root, payload.get("schema", payload), "")
    except LookupError:
        return {}
    return schema if isinstance(schema, dict) else {}


def _wire_type(document: Document, message: dict[str, Any]) -> Any:
    kind = _payload(document, message).get("properties", {}).get("type", {})
    return kind.get("const") if isinstance(kind, dict) else None


def _channels(document: Document) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, channel in document.root["channels"].items():
        yield join("/channels", name), channel


def bad_example(document: Document) -> Iterator[Complaint]:
    """An example of a message does not fit its payload."""
    for pointer, message in _all_messages(document):
        payload = message.get("payload", {})
        schema = payload.get("schema", payload)
        for index, example in enumerate(message.get("examples", [])):
            if "payload" in example:
                for misfit in misfits(document, schema, example["payload"]):
                    yield Complaint(join(pointer, "examples", index, "payload"), misfit)


def missing_example(document: Document) -> Iterator[Complaint]:
    """A message shows nothing of itself."""
    for pointer, message in _all_messages(document):
        if not any("payload" in example for example in message.get("examples", [])):
            yield Complaint(pointer, "has no example of its payload")


def unknown_schema_format(document: Document) -> Iterator[Complaint]:
    """A payload is written in another schema language than the rest."""
    for pointer, message in _all_messages(document):
        if message.get("payload", {}).get("schemaFormat", None) not in {None, *_SCHEMA_FORMATS}:
            yield Complaint(
                join(pointer, "payload", "schemaFormat"), "is no format that is read here"
            )


def correlation_nowhere(document: Document) -> Iterator[Complaint]:
    """A correlation id points at no member of the payload."""
    for pointer, message in _all_messages(document):
        if "correlationId" not in message:
            continue
        try:
            correlation, _ = follow(document.root, message["correlationId"], "")
        except LookupError:
            continue
        location = correlation.get("location", "")
        node: Any = _payload(document, message)
        for step in steps_of(location.removeprefix(_PAYLOAD)):
            try:
                node, _ = follow(document.root, node.get("properties", {}).get(step), "")
            except LookupError:
                node = None
            if not isinstance(node, dict):
                node = {}
        if not location.startswith(f"{_PAYLOAD}/") or not node:
            yield Complaint(join(pointer, "correlationId"), f"{location} is no member of it")


def untyped_frame(document: Document) -> Iterator[Complaint]:
    """A message cannot be told from the others: its ``type`` is not constant."""
    for sender in _SENDERS:
        for pointer, message in messages(document.root, sender):
            if not isinstance(_wire_type(document, message), str):
                yield Complaint(pointer, "has no constant `type`")


def wrong_name(document: Document) -> Iterator[Complaint]:
    """A message is not named as its frames call themselves."""
    for pointer, message in _all_messages(document):
        kind = _wire_type(document, message)
        if isinstance(kind, str) and message.get("name") != kind:
            yield Complaint(join(pointer, "name"), f"is not its type, {kind!r}")


def shared_type(document: Document) -> Iterator[Complaint]:
    """Two messages of one sender have the same ``type``: nobody can tell them apart."""
    for sender in _SENDERS:
        taken: dict[str, str] = {}
        for pointer, message in messages(document.root, sender):
            kind = _wire_type(document, message)
            if isinstance(kind, str) and taken.setdefault(kind, pointer) != pointer:
                yield Complaint(pointer, f"has the type {kind!r} of {taken[kind]}")


def _outside(channel: Any, listed: list[Any]) -> Iterator[int]:
    """Yield the index of each reference in ``listed`` that is none into ``channel``."""
    inside = f"{channel.get('$ref')}/messages/" if isinstance(channel, dict) else "?"
    for index, reference in enumerate(listed):
        if not reference.get("$ref", "").startswith(inside):
            yield index


def message_outside_channel(document: Document) -> Iterator[Complaint]:
    """An operation has a message that its channel does not have."""
    for name, operation in document.root["operations"].items():
        for index in _outside(operation.get("channel"), operation.get("messages", [])):
            place = join("/operations", name, "messages", index)
            yield Complaint(place, "is no message of the operation's channel")


def reply_outside_channel(document: Document) -> Iterator[Complaint]:
    """A reply has a message that its channel does not have."""
    for name, operation in document.root["operations"].items():
        reply = operation.get("reply", {})
        channel = reply.get("channel", operation.get("channel"))
        for index in _outside(channel, reply.get("messages", [])):
            place = join("/operations", name, "reply", "messages", index)
            yield Complaint(place, "is no message of the reply's channel")


def silent_message(document: Document) -> Iterator[Complaint]:
    """A channel has a message that no operation sends or receives."""
    used = {
        reference.get("$ref")
        for operation in document.root["operations"].values()
        for listed in (
            operation.get("messages", []),
            operation.get("reply", {}).get("messages", []),
        )
        for reference in listed
    }
    for pointer, channel in _channels(document):
        for name in channel.get("messages", {}):
            place = join(pointer, "messages", name)
            if f"#{place}" not in used:
                yield Complaint(place, "is neither sent nor received")


def bad_parameter(document: Document) -> Iterator[Complaint]:
    """A parameter has no ``x-schema``, or one that its text or its examples do not fit."""
    for pointer, channel in _channels(document):
        for name, parameter in channel.get("parameters", {}).items():
            place = join(pointer, "parameters", name)
            if "x-schema" not in parameter:
                yield Complaint(place, "has no x-schema")
                continue
            try:
                schema, _ = follow(document.root, parameter["x-schema"], "")
            except LookupError:
                continue
            said = _QUOTED_PATTERN.findall(parameter.get("description", ""))
            if said and said != [schema.get("pattern")]:
                yield Complaint(join(place, "x-schema"), "has another pattern than the description")
            for index, example in enumerate(parameter.get("examples", [])):
                for misfit in misfits(document, parameter["x-schema"], example):
                    yield Complaint(join(place, "examples", index), misfit)


def ghost_parameter(document: Document) -> Iterator[Complaint]:
    """Address and parameters of a channel name different things."""
    for pointer, channel in _channels(document):
        in_address = set(re.findall(r"\{([^}]*)\}", channel.get("address", "")))
        for name in sorted(in_address ^ set(channel.get("parameters", {}))):
            yield Complaint(
                join(pointer, "parameters", name), "is not both in the address and described"
            )


def bad_subprotocols(document: Document) -> Iterator[Complaint]:
    """``x-subprotocols`` names none, one twice, or what is no token of HTTP."""
    for pointer, channel in _channels(document):
        listed = channel.get("x-subprotocols", [])
        place = join(pointer, "x-subprotocols")
        if not listed or len(set(listed)) != len(listed):
            yield Complaint(place, "names none, or one twice")
        for index, name in enumerate(listed):
            if not isinstance(name, str) or not _TOKEN.fullmatch(name):
                yield Complaint(join(place, index), "is no token of HTTP")


def _rows(document: Document, table: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for pointer, channel in _channels(document):
        for index, row in enumerate(channel.get(table, [])):
            yield join(pointer, table, index), row


def _twice(document: Document, table: str, column: str) -> Iterator[Complaint]:
    seen: set[Any] = set()
    for pointer, row in _rows(document, table):
        if row.get(column) in seen:
            yield Complaint(join(pointer, column), "stands in the table twice")
        seen.add(row.get(column))


def _incomplete(document: Document, table: str, booleans: tuple[str, ...]) -> Iterator[Complaint]:
    for pointer, row in _rows(document, table):
        for column in booleans:
            if not isinstance(row.get(column), bool):
                yield Complaint(join(pointer, column), "is neither true nor false")
        if not isinstance(row.get("meaning"), str) or not row["meaning"].endswith("."):
            yield Complaint(join(pointer, "meaning"), "is no sentence")


def bad_close_code(document: Document) -> Iterator[Complaint]:
    """A row of ``x-close-codes`` cannot be sent, stands twice, or does not say what to do."""
    yield from _twice(document, "x-close-codes", "code")
    yield from _twice(document, "x-close-codes", "reason")
    yield from _incomplete(document, "x-close-codes", ("reconnect",))
    for pointer, row in _rows(document, "x-close-codes"):
        code, reason = row.get("code"), row.get("reason")
        sendable = isinstance(code, int) and (1000 <= code <= 1015 or 4000 <= code <= 4999)
        if not sendable or code in _NOT_ON_THE_WIRE:
            yield Complaint(join(pointer, "code"), "is no code that may be sent")
        if not isinstance(reason, str) or not _WORD.fullmatch(reason):
            yield Complaint(join(pointer, "reason"), "is no word of lower-case letters and dashes")
        elif len(reason) > _MAX_REASON_BYTES:
            yield Complaint(join(pointer, "reason"), "does not fit into a close frame")


def bad_refusal(document: Document) -> Iterator[Complaint]:
    """A row of ``x-refusals`` has no status of an error, stands twice, or contradicts itself."""
    yield from _twice(document, "x-refusals", "reason")
    yield from _incomplete(document, "x-refusals", ("reconnect",))
    for pointer, row in _rows(document, "x-refusals"):
        status = row.get("status")
        if not isinstance(status, int) or not 400 <= status <= 599:
            yield Complaint(join(pointer, "status"), "is no status of a refusal")
        elif (status in _TRY_LATER) is not row.get("reconnect"):
            yield Complaint(join(pointer, "reconnect"), "is true for 429 and 503, and only there")
        elif status in _TRY_LATER and "Retry-After" not in str(row.get("meaning")):
            yield Complaint(join(pointer, "meaning"), "does not name Retry-After")


def bad_error_code(document: Document) -> Iterator[Complaint]:
    """``x-error-codes`` and ``Failure.code`` differ, or a row does not say what to do."""
    yield from _twice(document, "x-error-codes", "code")
    yield from _incomplete(document, "x-error-codes", ("again",))
    rows = dict(_rows(document, "x-error-codes"))
    for pointer, row in rows.items():
        if row.get("stored") not in ("no", "unknown"):
            yield Complaint(join(pointer, "stored"), "is neither no nor unknown")
    place = "/components/schemas/Failure/properties/code/enum"
    try:
        told = set(at(document.root, place))
    except LookupError:
        told = set()
    for code in sorted(told ^ {str(row.get("code")) for row in rows.values()}):
        yield Complaint(place, f"{code!r} is not both here and in x-error-codes")


FRAME_RULES: Final[tuple[Rule, ...]] = (
    bad_example,
    missing_example,
    unknown_schema_format,
    correlation_nowhere,
    untyped_frame,
    wrong_name,
    shared_type,
    message_outside_channel,
    reply_outside_channel,
    silent_message,
    bad_parameter,
    ghost_parameter,
    bad_subprotocols,
    bad_close_code,
    bad_refusal,
    bad_error_code,
)
