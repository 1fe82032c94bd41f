"""Reads the contract's schemas. What it does not know it refuses: a client must not be laxer
than the contract because a keyword was overlooked."""

import re
from collections.abc import Mapping
from typing import Any, Final

from tools.clients.relay.model import Kind, Member, Schema

KINDS: Final[Mapping[str, Kind]] = {
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "object": "object",
    "array": "list",
}
KNOWN: Final = frozenset(
    (
        "title",
        "description",
        "type",
        "const",
        "default",
        "enum",
        "pattern",
        "minLength",
        "maxLength",
        "minimum",
        "maximum",
        "format",
        "examples",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "minItems",
        "maxItems",
    )
)


class UnknownToTheGenerator(Exception):
    """The contract says something that the generator has no translation for; the text says
    where, and what."""


class Schemas:
    """Every schema of one contract, read when it is asked for, and each named one once."""

    def __init__(self, contract: Mapping[str, Any]) -> None:
        self._contract = contract
        self._read: dict[str, Schema] = {}
        self._under_way: set[str] = set()

    @property
    def named(self) -> tuple[Schema, ...]:
        """All that were read, each after those that it is made of."""
        return tuple(self._read.values())

    def at(self, node: Mapping[str, Any], place: str) -> Schema:
        """Return the schema ``node``, which stands at ``place`` or refers to another place."""
        if "$ref" not in node:
            return self._schema(node, place, None)
        name = str(node["$ref"]).removeprefix("#/components/schemas/")
        return self.of_component(name)

    def of_component(self, name: str) -> Schema:
        """Return ``#/components/schemas/<name>``."""
        known = self._read.get(name)
        if known is not None:
            return known
        place = f"#/components/schemas/{name}"
        if name in self._under_way:
            raise UnknownToTheGenerator(f"{place}: it is made of itself")
        self._under_way.add(name)
        node = self._contract["components"]["schemas"][name]
        self._read[name] = self._schema(node, place, name)
        return self._read[name]

    def _schema(self, node: Mapping[str, Any], place: str, name: str | None) -> Schema:
        for keyword in node:
            if keyword not in KNOWN and not keyword.startswith("x-"):
                raise UnknownToTheGenerator(f"{place}: the keyword {keyword}")
        kind = KINDS.get(node.get("type", ""))
        if kind is None:
            raise UnknownToTheGenerator(f"{place}: the type {node.get('type')!r}")
        for keyword in ("const", "enum"):
            if keyword in node and kind != "text":
                raise UnknownToTheGenerator(f"{place}: {keyword} of what is no string")
        members: tuple[Member, ...] = ()
        if kind == "object":
            if "properties" in node:
                members = self.members(node, place)
                # What an object is made of has to have a name to be a type.
                name = name or self._name_for(node, place)
            else:
                kind = "map"
        items = node.get("items")
        if kind == "list" and items is None:
            raise UnknownToTheGenerator(f"{place}: an array of anything")
        schema = Schema(
            place=place,
            name=name,
            kind=kind,
            title=node.get("title", ""),
            description=one_line(node.get("description", "")),
            const=node.get("const"),
            enum=tuple(node.get("enum", ())),
            may_grow=node.get("x-open", False),
            pattern=node.get("pattern"),
            min_length=node.get("minLength"),
            max_length=node.get("maxLength"),
            max_bytes=node.get("x-max-bytes"),
            minimum=node.get("minimum"),
            maximum=node.get("maximum"),
            min_items=node.get("minItems"),
            max_items=node.get("maxItems"),
            sensitive=node.get("x-sensitive", False),
            closed=node.get("additionalProperties", True) is False,
            members=members,
            items=None if items is None else self.at(items, f"{place}/items"),
        )
        if name is not None and kind == "object":
            self._read.setdefault(name, schema)
        return schema

    def members(self, node: Mapping[str, Any], place: str) -> tuple[Member, ...]:
        """Return the members of the object ``node``, which stands at ``place``."""
        properties: Mapping[str, Any] = node.get("properties", {})
        required = node.get("required", ())
        meanings = node.get("x-members", {})
        for missing in {*required, *meanings} - set(properties):
            raise UnknownToTheGenerator(f"{place}: {missing} is not among its properties")
        members = []
        for member, inner in properties.items():
            schema = self.at(inner, f"{place}/properties/{member}")
            meaning = meanings.get(member) or inner.get("description") or schema.description
            members.append(Member(member, schema, member in required, one_line(meaning)))
        return tuple(members)

    def _name_for(self, node: Mapping[str, Any], place: str) -> str:
        """Return a name for an object that has none: its place, in one word."""
        parts = place.removeprefix("#/components/schemas/").split("/")
        parts = [part for part in parts if part not in ("properties", "items")]
        name = "".join(pascal(part) for part in parts)
        if name in self._contract["components"]["schemas"] or name in self._read:
            raise UnknownToTheGenerator(f"{place}: {name} is the name of another schema")
        return name


def one_line(text: str) -> str:
    return " ".join(text.split())


def pascal(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[\W_]+", name))
