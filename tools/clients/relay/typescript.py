"""How TypeScript says what the contract says, and the sources of ``relay/``, from templates."""

import json
import re
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tools.clients.relay.model import Argument, RelayContract, Request, Schema
from tools.clients.relay.reader import read_contract
from tools.clients.relay.schemas import UnknownToTheGenerator, pascal
from tools.clients.typescript_templates import environment, literal, render_all

TEMPLATES: Final = Path(__file__).resolve().parents[1] / "templates" / "typescript" / "relay"
LINE_LENGTH: Final = 100
PLAIN: Final = {
    "text": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "map": "{ readonly [name: string]: Json }",
}
TAKEN: Final = {"class", "default", "delete", "function", "import", "in", "new", "this", "with"}
"""Words that are no name of a parameter, of those that a contract may have for a member."""


def write_relay_sources(contract: Mapping[str, Any], folder: Path) -> None:
    """Write the client of a room into ``folder``, which is new.

    ``contract`` is asyncapi.yaml as loaded. The same contract gives the same bytes.

    Raises:
        UnknownToTheGenerator: the contract says what no template can say.
    """
    model = read_contract(contract)
    if [parameter.name for parameter in model.parameters] != ["room"]:
        raise UnknownToTheGenerator("the address: a room, and nothing else, is what the API knows")
    templates = environment(TEMPLATES)
    types = _Types(model)
    templates.filters.update(
        doc=doc,
        doc_lines=doc_lines,
        pascal=pascal,
        camel=camel,
        type=types.of,
        definition=types.definition,
        shape=shape,
        shape_of=shape_of,
        required=_required,
        optional=_optional,
        value=_value,
    )
    requests = [request.frame.schema for request in model.requests]
    given = [member.schema for member in (*model.parameters, *model.query)]
    used = _unique([*requests, *(schema for schema in given if schema.name is not None)])
    facts = {
        "contract": model,
        "shown": used,
        "used_shapes": sorted(used, key=lambda schema: str(schema.name)),
        "used_types": _used_types(model, given),
        "names_json": any(
            argument.given.schema.name is None and argument.given.schema.kind == "map"
            for request in model.requests
            for argument in request.arguments
        ),
        "uses_json": any(
            argument.limit is not None and argument.given.schema.kind != "text"
            for request in model.requests
            for argument in request.arguments
        ),
    }
    render_all(templates, TEMPLATES, facts, folder, {"channel.ts": f"{model.channel}.ts"})


def _unique(schemas: list[Schema]) -> list[Schema]:
    return list({schema.name: schema for schema in schemas}.values())


def _used_types(model: RelayContract, given: list[Schema]) -> list[str]:
    """Return the types that the methods of the client name."""
    answers = [reply.schema for request in model.requests for reply in request.replies]
    arguments = [
        argument.given.schema for request in model.requests for argument in request.arguments
    ]
    names = {str(schema.name) for schema in (*answers, *arguments, *given) if schema.name}
    return sorted(names)


def camel(name: str) -> str:
    """Return how a member of the contract is called in the client's own interface."""
    word = pascal(name)
    word = word[:1].lower() + word[1:]
    return f"{word}_" if word in TAKEN else word


def doc(text: str, indent: int = 0) -> str:
    """Return ``text`` as a comment, on one line where it fits."""
    space = " " * indent
    one = f"{space}/** {_safe(text)} */"
    if len(one) <= LINE_LENGTH:
        return one
    return f"{space}/**\n{doc_lines(text, indent)}\n{space} */"


def doc_lines(text: str, indent: int = 0) -> str:
    """Return ``text`` as the inside of a comment of several lines."""
    space = " " * indent
    width = LINE_LENGTH - indent - len(" * ")
    lines = textwrap.wrap(_safe(text), width, break_long_words=False, break_on_hyphens=False)
    return "\n".join(f"{space} * {line}" for line in lines)


def _safe(text: str) -> str:
    return text.replace("*/", "*\u200b/")


class _Types:
    """The types of members. Nobody drops a frame for a value that a later version added."""

    def __init__(self, model: RelayContract) -> None:
        self._codes = {row.code for row in model.error_codes}

    def of(self, schema: Schema) -> str:
        return schema.name if schema.name is not None else self.definition(schema)

    def definition(self, schema: Schema) -> str:
        """Return what ``schema`` allows, whether it has a name or not."""
        if schema.const is not None:
            return literal(schema.const)
        if schema.enum:
            known = "ErrorCode" if set(schema.enum) == self._codes else _choice(schema.enum)
            # Not `string` alone, which would swallow the known ones.
            return f"{known} | (string & {{}})" if schema.may_grow else known
        if schema.items is not None:
            return f"readonly {_in_list(self.of(schema.items))}[]"
        return str(schema.name) if schema.kind == "object" else PLAIN[schema.kind]


def _choice(values: tuple[str, ...]) -> str:
    return " | ".join(map(literal, values))


def _in_list(kind: str) -> str:
    return kind if re.fullmatch(r"\w+", kind) else f"({kind})"


def shape_of(schema: Schema) -> str:
    """Return the shape of ``schema`` where it is used."""
    return f"{schema.name}Shape" if schema.name is not None else shape(schema)


def shape(schema: Schema, indent: int = 0) -> str:
    """Return what ``schema`` allows, as data. Values that may be added later are not told apart."""
    if schema.kind == "object":
        space = " " * indent
        rows = [
            f"{space}    {member.name}: {{ shape: {shape_of(member.schema)}"
            f"{'' if member.required else ', isOptional: true'}"
            f"{', isHidden: true' if member.schema.sensitive else ''} }},"
            for member in schema.members
        ]
        inside = "\n".join(rows)
        return (
            f'{{\n{space}  kind: "object",\n{space}  closed: {literal(schema.closed)},\n'
            f"{space}  members: {{\n{inside}\n{space}  }},\n{space}}}"
        )
    only = (schema.const,) if schema.const is not None else schema.enum
    facts: dict[str, str | None] = {
        "kind": literal(schema.kind),
        "only": literal(list(only)) if only and not schema.may_grow else None,
        # As a string: a pattern may hold what ends a literal.
        "pattern": None
        if schema.pattern is None
        else f'new RegExp({json.dumps(schema.pattern)}, "u")',
        "minLength": _number(schema.min_length),
        "maxLength": _number(schema.max_length),
        "maxBytes": _number(schema.max_bytes),
        "minimum": _number(schema.minimum),
        "maximum": _number(schema.maximum),
        "minItems": _number(schema.min_items),
        "maxItems": _number(schema.max_items),
        "items": None if schema.items is None else shape_of(schema.items),
    }
    return f"{{ {', '.join(f'{name}: {fact}' for name, fact in facts.items() if fact)} }}"


def _number(bound: float | None) -> str | None:
    return None if bound is None else literal(bound)


def _required(request: Request) -> list[Argument]:
    return [argument for argument in request.arguments if argument.required]


def _optional(request: Request) -> list[Argument]:
    return [argument for argument in request.arguments if not argument.required]


def _value(argument: Argument) -> str:
    """Return how a method reads what it was given for ``argument``."""
    name = camel(argument.name)
    return name if argument.required else f"options.{name}"
