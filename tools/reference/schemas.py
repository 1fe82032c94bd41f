"""JSON Schemas in words and tables, in the dialects of both contracts."""

from collections.abc import Iterator
from typing import Any, Final

from tools.reference.document import Document, NotRendered, Part
from tools.reference.markup import code, heading, link, table

SCHEMAS: Final = "components/schemas"

# A title repeats the name, for tools that make classes of schemas.
_KNOWN: Final = (
    *("title", "description", "type", "format", "pattern", "enum", "const", "default"),
    *("minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems", "items"),
    *("properties", "required", "additionalProperties", "oneOf", "nullable"),
    *("example", "examples", "x-max-bytes", "x-sensitive", "x-open", "x-members"),
)
_MEMBERS: Final = ("Member", "Type", "Required", "Bounds", "Meaning")


def schema_sections(document: Document) -> Iterator[str]:
    """Yield a section for each schema, with the heading of all."""
    yield heading(2, "Schemas", "schemas")
    for schema in document.components("schemas"):
        yield from _section(document, schema)


def type_in_words(document: Document, part: Part) -> str:
    """Return the type, with a link to the schema where it has a name."""
    schema = document.follow(part)
    schema.only(*_KNOWN)
    if schema.kind == SCHEMAS:
        named = link(schema.name, f"schema-{schema.name}")
        return f"{schema.node['type']}, {named}" if "type" in schema.node else named
    return _plain_type(document, schema)


def bounds_in_words(document: Document, part: Part) -> str:
    """Return every bound; of a named schema without its pattern, which its section has."""
    schema = document.follow(part)
    is_named = schema.kind == SCHEMAS and "$ref" in part.node
    return "; ".join(_bounds(schema, with_pattern=not is_named))


def member_table(document: Document, part: Part) -> str:
    """Return the table of an object's members; those of objects without a name with dots."""
    return table(_MEMBERS, _members(document, document.follow(part), ""))


def has_members(document: Document, part: Part) -> bool:
    return bool(document.follow(part).node.get("properties"))


def _section(document: Document, schema: Part) -> Iterator[str]:
    schema.only(*_KNOWN)
    yield heading(3, schema.name, f"schema-{schema.name}")
    yield schema.text("description")
    facts = [_plain_type(document, schema), *_bounds(schema, with_pattern=True)]
    yield f"Type: {'; '.join(facts)}."
    if has_members(document, schema):
        yield member_table(document, schema)
    if examples := _examples(schema):
        yield f"Example: {', '.join(code(value) for value in examples)}"


def _members(document: Document, schema: Part, prefix: str) -> Iterator[list[str]]:
    members = schema.node.get("properties", {})
    required = schema.node.get("required", [])
    said = schema.node.get("x-members", {})
    if unknown := {*required, *said} - members.keys():
        raise NotRendered(schema.place, unknown)
    place = Part(f"{schema.place}/properties", members)
    for name in members:
        member = document.unfollowed(place, name)
        followed = document.follow(member)
        description = followed.text("description")
        meaning = [str(said.get(name, "")).strip()]
        if not description.startswith(meaning[0]) or not meaning[0]:
            meaning.append(description)
        else:
            meaning = [description]
        if followed.kind != SCHEMAS and (examples := _examples(followed)):
            meaning.append(f"Example: {', '.join(code(value) for value in examples)}")
        yield [
            code(f"{prefix}{name}"),
            type_in_words(document, member),
            "yes" if name in required else "no",
            bounds_in_words(document, member),
            " ".join(filter(None, meaning)),
        ]
        if followed.kind != SCHEMAS:
            yield from _members(document, followed, f"{prefix}{name}.")


def _plain_type(document: Document, schema: Part) -> str:
    match schema.node:
        case {"oneOf": list(ways)}:
            parts = (Part(f"{schema.place}/oneOf/{at}", way) for at, way in enumerate(ways))
            return "one of " + " and ".join(type_in_words(document, part) for part in parts)
        case {"type": "array", "items": _}:
            return f"list of {type_in_words(document, document.unfollowed(schema, 'items'))}"
        case {"type": str(name)}:
            return f"{name} or null" if schema.node.get("nullable") else name
        case _:
            raise NotRendered(schema.place, ["a schema without a type"])


def _bounds(schema: Part, *, with_pattern: bool) -> Iterator[str]:
    node = schema.node
    yield from _range(node.get("minLength"), node.get("maxLength"), "character")
    if "x-max-bytes" in node:
        yield f"at most {node['x-max-bytes']:,} bytes of UTF-8"
    yield from _range(node.get("minimum"), node.get("maximum"), "")
    yield from _range(node.get("minItems"), node.get("maxItems"), "item")
    if "const" in node:
        yield f"always {code(node['const'])}"
    match node.get("enum"):
        case [value]:
            yield f"always {code(value)}"
        case [*values] if values:
            yield f"one of {', '.join(code(value) for value in values)}"
    if "default" in node:
        yield f"{code(node['default'])} when left out"
    if "format" in node:
        yield f"format {code(node['format'])}"
    if with_pattern and "pattern" in node:
        yield f"pattern {code(node['pattern'])}"
    if node.get("additionalProperties", True) is not True:
        if node["additionalProperties"] is not False:
            raise NotRendered(schema.place, ["additionalProperties with a schema"])
        yield "no other members"
    if node.get("x-open"):
        yield "may grow"
    if node.get("x-sensitive"):
        yield "sensitive"


def _range(low: float | None, high: float | None, unit: str) -> Iterator[str]:
    # "1 to 64 characters", "exactly 36 characters", "at most 1 item"
    if low is None and high is None:
        return
    last = low if high is None else high
    ends = "" if not unit else f" {unit}" if last == 1 else f" {unit}s"
    if low is None:
        yield f"at most {high:,}{ends}"
    elif high is None:
        yield f"at least {low:,}{ends}"
    elif low == high:
        yield f"exactly {low:,}{ends}"
    else:
        yield f"{low:,} to {high:,}{ends}"


def _examples(schema: Part) -> list[Any]:
    if "example" in schema.node:
        return [schema.node["example"]]
    return list(schema.node.get("examples", ()))
