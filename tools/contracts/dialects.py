"""The two dialects that every schema has to mean the same in: OpenAPI 3.0 and JSON Schema 2020-12.

Connexion reads the schemas as OpenAPI 3.0, the compiled validators, the relay and the generated
clients as JSON Schema. `const` is the one keyword of `asyncapi.yaml` beyond OpenAPI 3.0: a reader
of OpenAPI 3.0 is given it as an `enum` of one value.

One difference no keyword can remove: 1.0 is an integer in 2020-12, and none in OpenAPI 3.0.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from jsonschema import Draft7Validator, Draft202012Validator
from jsonschema.protocols import Validator
from openapi_schema_validator import OAS30Validator

from tools.contracts.documents import Kind, follow
from tools.contracts.instances import probes

# Read alike by both dialects.
ALIKE: Final = frozenset(
    {
        "$ref", "type", "enum", "format", "title", "description", "default",
        "properties", "required", "additionalProperties", "minProperties", "maxProperties",
        "items", "minItems", "maxItems", "uniqueItems",
        "pattern", "minLength", "maxLength", "minimum", "maximum", "multipleOf",
        "oneOf", "anyOf", "allOf", "not",
    }
)  # fmt: skip
# Of one dialect, and without consequence for what the schema admits there; see above for `const`.
ONE_SIDED: Final[Mapping[Kind, frozenset[str]]] = {
    "openapi": frozenset({"example", "deprecated", "externalDocs"}),
    "asyncapi": frozenset({"examples", "const"}),
}
# Keywords that some dialect knows.
KNOWN: Final = (
    ALIKE
    | ONE_SIDED["openapi"]
    | ONE_SIDED["asyncapi"]
    | frozenset(
        {
            "nullable", "discriminator", "readOnly", "writeOnly", "xml",
            "exclusiveMinimum", "exclusiveMaximum", "patternProperties", "propertyNames",
            "contains", "minContains", "maxContains", "additionalItems", "prefixItems",
            "unevaluatedItems", "unevaluatedProperties", "dependencies", "dependentRequired",
            "dependentSchemas", "if", "then", "else", "definitions", "$defs", "$id", "$anchor",
            "$schema", "$comment", "$dynamicRef", "$dynamicAnchor", "$vocabulary",
            "contentEncoding", "contentMediaType", "contentSchema",
        }
    )
)  # fmt: skip


def as_openapi(schema: Any) -> Any:
    """Return ``schema`` with each ``const`` as the ``enum`` that OpenAPI 3.0 has for it."""
    if isinstance(schema, dict):
        return {
            "enum" if keyword == "const" else keyword: (
                [value] if keyword == "const" else as_openapi(value)
            )
            for keyword, value in schema.items()
        }
    if isinstance(schema, list):
        return [as_openapi(value) for value in schema]
    return schema


def readings(schema: Any) -> dict[str, Validator]:
    """Return a validator of ``schema`` for each dialect, by the dialect's name.

    Formats are asserted by none. References have to be resolved before.
    """
    return {
        "OpenAPI 3.0": OAS30Validator(as_openapi(schema)),
        "JSON Schema draft 7": Draft7Validator(schema),
        "JSON Schema 2020-12": Draft202012Validator(schema),
    }


def judgements(root: Mapping[str, Any], name: str) -> Iterator[tuple[Any, dict[str, bool]]]:
    """Yield instances, and which dialect admits them: of the schema that ``root`` calls ``name``.

    The instances stand on both sides of each bound of the schema.
    """
    reference = {"$ref": f"#/components/schemas/{name}"}
    judges = readings(resolved(root, reference))
    for instance in probes(root, reference):
        yield instance, {dialect: judge.is_valid(instance) for dialect, judge in judges.items()}


def resolved(root: Mapping[str, Any], schema: Any) -> Any:
    """Return ``schema`` with every reference replaced by what it leads to, siblings dropped.

    Raises:
        LookupError: a reference leads nowhere.
    """
    if isinstance(schema, dict):
        if "$ref" in schema:
            return resolved(root, follow(root, schema, "")[0])
        return {keyword: resolved(root, value) for keyword, value in schema.items()}
    if isinstance(schema, list):
        return [resolved(root, value) for value in schema]
    return schema
