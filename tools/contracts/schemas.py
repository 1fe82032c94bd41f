"""The schemas of a contract: where they stand, who sends what they describe, what they admit."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, Literal

import jsonschema_rs

from tools.contracts.documents import Document, follow, join, nodes, operations

Sender = Literal["client", "server"]

# A keyword that holds one schema, a list of schemas, or schemas by name.
_ONE: Final = ("items", "additionalProperties", "not", "if", "then", "else", "contains")
_ONE_OF_MANY: Final = ("oneOf", "anyOf", "allOf", "prefixItems")
_NAMED: Final = ("properties", "patternProperties", "definitions", "$defs", "dependentSchemas")

# Keywords that say something of a schema, and nothing of what it admits.
ANNOTATIONS: Final = frozenset(
    {"title", "description", "default", "example", "examples", "deprecated", "externalDocs"}
)
MAX_BYTES: Final = "x-max-bytes"


class MaxBytes:
    """The keyword ``x-max-bytes``: a string's length in bytes of UTF-8, inclusive."""

    def __init__(self, _parent: dict[str, Any], bound: Any, _path: list[str | int]) -> None:
        self.bound = bound

    def validate(self, instance: Any) -> None:
        if isinstance(instance, str) and len(instance.encode("utf-8")) > self.bound:
            raise ValueError(f"is longer than {self.bound} bytes")


def validator(root: Mapping[str, Any], schema: Any) -> jsonschema_rs.Validator:
    """Return what judges instances of ``schema``, whose references lead into ``root``.

    JSON Schema 2020-12, formats asserted, and ``x-max-bytes``.

    Raises:
        ValueError: the schema is none.
    """
    # All components cost a millisecond; most schemas that are asked about refer to none.
    refers = any(isinstance(node, dict) and "$ref" in node for _, node in nodes(schema))
    return jsonschema_rs.Draft202012Validator(
        {**schema, "components": root.get("components", {})} if refers else schema,
        validate_formats=True,
        keywords={MAX_BYTES: MaxBytes},
    )


def walk(schema: Any, pointer: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield ``schema`` and every schema written inside of it; references are not followed."""
    if not isinstance(schema, dict):
        return
    yield pointer, schema
    for keyword in _ONE:
        yield from walk(schema.get(keyword), join(pointer, keyword))
    for keyword in _ONE_OF_MANY:
        for index, inner in enumerate(_list(schema.get(keyword))):
            yield from walk(inner, join(pointer, keyword, index))
    for keyword in _NAMED:
        for name, inner in _mapping(schema.get(keyword)).items():
            yield from walk(inner, join(pointer, keyword, name))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def roots(document: Document) -> Iterator[tuple[str, Any]]:
    """Yield each place where a schema begins, named ones first, and what stands there."""
    named = document.root.get("components", {}).get("schemas", {})
    for name, schema in named.items():
        yield join("/components/schemas", name), schema
    keywords = ("schema",) if document.kind == "openapi" else ("payload", "headers", "x-schema")
    for pointer, node in document.places:
        if not isinstance(node, dict) or pointer.startswith("/components/schemas"):
            continue
        for keyword in keywords:
            inner = node.get(keyword)
            # In OpenAPI, `schema` of an example is a value; of headers in AsyncAPI, there are
            # some beside messages, in bindings.
            if isinstance(inner, dict) and "/example" not in pointer:
                # Both at once in AsyncAPI: a schema, and the language that it is written in.
                wrapped = keyword == "payload" and "schemaFormat" in inner
                steps = (keyword, "schema") if wrapped else (keyword,)
                yield join(pointer, *steps), inner["schema"] if wrapped else inner


# Most rules ask for these.
@lru_cache(maxsize=4)
def all_schemas(document: Document) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Return every schema that is written in ``document``, with its place, each once."""
    return tuple(found for pointer, schema in roots(document) for found in walk(schema, pointer))


@lru_cache(maxsize=4)
def sent_by(document: Document, sender: Sender) -> dict[str, dict[str, Any]]:
    """Return every schema, by its place, of what ``sender`` puts into a body, a frame or a path.

    References are followed. Headers of a WebSocket handshake are left out: the limit on a
    request's head bounds them all.
    """
    found: dict[str, dict[str, Any]] = {}
    begin = _rest_bodies if document.kind == "openapi" else _frames
    queue = list(begin(document.root, sender))
    while queue:
        pointer, schema = queue.pop()
        try:
            schema, pointer = follow(document.root, schema, pointer)
        except LookupError:
            continue
        for place, inner in walk(schema, pointer):
            if place not in found:
                found[place] = inner
                if "$ref" in inner:
                    queue.append((place, inner))
    return {place: schema for place, schema in found.items() if "$ref" not in schema}


def _rest_bodies(root: dict[str, Any], sender: Sender) -> Iterator[tuple[str, Any]]:
    for pointer, _, path, operation in operations(root):
        item = root["paths"][path]
        if sender == "client":
            for where, holder in (
                (join("/paths", path), item),
                (pointer, operation),
            ):
                for index, parameter in enumerate(holder.get("parameters", [])):
                    yield from _schema_of(root, parameter, join(where, "parameters", index))
            yield from _contents(root, operation.get("requestBody"), join(pointer, "requestBody"))
        else:
            for status, response in operation.get("responses", {}).items():
                place = join(pointer, "responses", status)
                yield from _contents(root, response, place)
                response, place = follow(root, response, place)
                for name, header in response.get("headers", {}).items():
                    yield from _schema_of(root, header, join(place, "headers", name))


def _schema_of(root: dict[str, Any], holder: Any, pointer: str) -> Iterator[tuple[str, Any]]:
    holder, pointer = follow(root, holder, pointer)
    if "schema" in holder:
        yield join(pointer, "schema"), holder["schema"]


def _contents(root: dict[str, Any], holder: Any, pointer: str) -> Iterator[tuple[str, Any]]:
    if holder is None:
        return
    holder, pointer = follow(root, holder, pointer)
    for media_type, content in holder.get("content", {}).items():
        yield from _schema_of(root, content, join(pointer, "content", media_type))


def _frames(root: dict[str, Any], sender: Sender) -> Iterator[tuple[str, Any]]:
    for pointer, message in messages(root, sender):
        payload = message.get("payload")
        if isinstance(payload, dict):
            inside = "schema" in payload and "schemaFormat" in payload
            steps = ("payload", "schema") if inside else ("payload",)
            yield join(pointer, *steps), payload["schema"] if inside else payload
    if sender == "client":
        for name, channel in root.get("channels", {}).items():
            for parameter, described in channel.get("parameters", {}).items():
                if "x-schema" in described:
                    place = join("/channels", name, "parameters", parameter, "x-schema")
                    yield place, described["x-schema"]


def messages(root: dict[str, Any], sender: Sender) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield place and message of all that ``sender`` sends, each once, references followed.

    AsyncAPI is written from the server's side: a client sends what is received.
    """
    seen: set[str] = set()
    for operation in root.get("operations", {}).values():
        asks, answers = (
            operation.get("messages", []),
            operation.get("reply", {}).get("messages", []),
        )
        ours = operation.get("action") == ("receive" if sender == "client" else "send")
        for reference in asks if ours else answers:
            try:
                message, pointer = follow(root, reference, "")
            except LookupError:
                continue
            if pointer not in seen:
                seen.add(pointer)
                yield pointer, message


def meaning(root: Mapping[str, Any], schema: Any) -> Any:
    """Return ``schema`` with references resolved and without what admits or refuses nothing.

    ``x-max-bytes`` stays. Two schemas with one meaning admit the same.

    Raises:
        LookupError: a reference leads nowhere, or in a circle.
    """
    return _meaning(root, schema, ())


def _meaning(root: Mapping[str, Any], schema: Any, inside: tuple[str, ...]) -> Any:
    if not isinstance(schema, dict):
        return schema
    schema, pointer = follow(root, schema, "")
    if pointer in inside:
        raise LookupError(f"{pointer} is inside of itself")
    inside = (*inside, pointer) if pointer else inside
    meant: dict[str, Any] = {}
    for keyword, value in schema.items():
        if keyword in ANNOTATIONS or (keyword.startswith("x-") and keyword != MAX_BYTES):
            continue
        if keyword in _ONE:
            meant[keyword] = _meaning(root, value, inside)
        elif keyword in _ONE_OF_MANY:
            meant[keyword] = [_meaning(root, inner, inside) for inner in value]
        elif keyword in _NAMED:
            meant[keyword] = {name: _meaning(root, inner, inside) for name, inner in value.items()}
        elif keyword in {"required", "enum"}:
            meant[keyword] = sorted(value, key=repr)
        else:
            meant[keyword] = value
    return meant
