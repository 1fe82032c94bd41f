"""Which members of the REST contract's objects must not be shown.

`x-sensitive: true` stands at a schema or at a property. What refers to a sensitive schema is
sensitive as well, also as one of several, or as an item of a list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tools.clients.errors import NotGenerated
from tools.contracts.documents import at, join

_SCHEMAS = "#/components/schemas/"
_CHOICES = ("allOf", "anyOf", "oneOf")


def sensitive_members(contract: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the sensitive members of each schema that has some, sorted: {"User": ["api_key", …]}.

    Only named schemas and their own properties may be marked: a mark somewhere else has no
    model, or none that could be told by name, and would do nothing.

    Raises:
        NotGenerated: a mark stands elsewhere; the message names the place.
    """
    schemas: Mapping[str, Any] = contract["components"]["schemas"]
    _refuse_marks_without_effect(contract)
    members = {name: _members_of(contract, schema) for name, schema in sorted(schemas.items())}
    return {name: hidden for name, hidden in members.items() if hidden}


def _members_of(contract: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    properties: Mapping[str, Any] = schema.get("properties", {})
    return sorted(
        name
        for name, value in properties.items()
        if schema.get("x-sensitive") is True or _is_sensitive(contract, value, ())
    )


def _is_sensitive(contract: Mapping[str, Any], schema: Any, seen: tuple[str, ...]) -> bool:
    """Tell whether a value of ``schema`` must not be shown.

    ``seen`` are the references on the way to it.
    """
    if not isinstance(schema, Mapping):
        return False
    reference = schema.get("$ref")
    if isinstance(reference, str):
        if reference in seen:
            return False
        if not reference.startswith("#/"):
            raise NotGenerated(f"{reference} is not in the contract itself")
        return _is_sensitive(contract, at(contract, reference), (*seen, reference))
    if schema.get("x-sensitive") is True:
        return True
    # The members of an object hide themselves: its model has fields of its own.
    parts = [part for key in _CHOICES for part in schema.get(key, ())]
    parts += [schema.get("items"), schema.get("additionalProperties")]
    return any(_is_sensitive(contract, part, seen) for part in parts)


def _refuse_marks_without_effect(contract: Mapping[str, Any]) -> None:
    for place in _marks(contract, ()):
        match place:
            case ("components", "schemas", _):
                continue
            case ("components", "schemas", _, "properties", _, *rest) if "properties" not in rest:
                continue
            # Parameters become arguments, which nothing shows.
            case _ if "parameters" in place:
                continue
            case _:
                where = join("#", *place)
                raise NotGenerated(
                    f"x-sensitive at {where}: give that schema a name under {_SCHEMAS}"
                )


def _marks(value: Any, place: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the place of each object that is marked."""
    if isinstance(value, Mapping):
        if value.get("x-sensitive") is True:
            yield place
        for key, part in value.items():
            if key not in ("example", "examples"):
                yield from _marks(part, (*place, str(key)))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _marks(part, (*place, str(index)))
