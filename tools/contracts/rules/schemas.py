"""Rules for every schema, of both contracts."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import jsonschema_rs

from tools.contracts.dialects import ALIKE, KNOWN, ONE_SIDED
from tools.contracts.documents import Document, join
from tools.contracts.findings import Complaint, Rule
from tools.contracts.patterns import NotPortable, check_pattern
from tools.contracts.schemas import MAX_BYTES, all_schemas, meaning, sent_by, validator

# The formats that both contracts use; what else a validator may or may not know.
_FORMATS: Final = frozenset({"date-time", "password"})
_BOUNDS: Final = (
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minimum", "maximum"),
    ("minProperties", "maxProperties"),
)
_METASCHEMA: Final = "https://json-schema.org/draft/2020-12/schema"


def misfits(document: Document, schema: Any, value: Any) -> Iterator[str]:
    """Yield what is wrong with ``value`` under ``schema``, without the value.

    Nothing when the schema itself is broken: other rules say so.
    """
    try:
        judge = validator(document.root, schema)
    except (ValueError, jsonschema_rs.ReferencingError):
        return
    for error in judge.iter_errors(value):
        place = "".join(join("", step) for step in error.instance_path)
        yield f"breaks {error.kind.name!r} at {place or 'its root'}"


def unknown_keyword(document: Document) -> Iterator[Complaint]:
    """No dialect of JSON Schema knows the keyword: a slip of the pen."""
    for pointer, schema in all_schemas(document):
        for keyword in schema:
            if keyword not in KNOWN and not keyword.startswith("x-"):
                yield Complaint(join(pointer, keyword), "is no keyword of a schema")


def one_sided_keyword(document: Document) -> Iterator[Complaint]:
    """OpenAPI 3.0 and JSON Schema 2020-12 do not read the keyword alike."""
    allowed = ALIKE | ONE_SIDED[document.kind]
    for pointer, schema in all_schemas(document):
        for keyword, value in schema.items():
            place = join(pointer, keyword)
            if keyword in KNOWN and keyword not in allowed:
                yield Complaint(place, "is not read alike by both dialects")
            elif keyword == "type" and not isinstance(value, str):
                yield Complaint(place, "is a list of types, which OpenAPI 3.0 does not know")
            elif keyword == "items" and not isinstance(value, dict):
                yield Complaint(place, "is no single schema")


def ignored_sibling(document: Document) -> Iterator[Complaint]:
    """Beside ``$ref`` OpenAPI 3.0 and draft 7 read nothing, and 2020-12 reads everything."""
    for pointer, schema in all_schemas(document):
        if "$ref" in schema:
            for keyword in schema:
                if keyword != "$ref":
                    yield Complaint(
                        join(pointer, keyword), "stands beside a $ref, so it is ignored"
                    )


def bad_schema(document: Document) -> Iterator[Complaint]:
    """A keyword has a value that it cannot have."""
    for pointer, schema in all_schemas(document):
        own = {
            keyword: value
            for keyword, value in schema.items()
            # What is inside of it is looked at by itself; references lead out of it.
            if keyword not in {"$ref", "properties", "items", "additionalProperties", "not"}
            and keyword not in {"oneOf", "anyOf", "allOf", "example", "deprecated"}
        }
        try:
            jsonschema_rs.meta.validate({"$schema": _METASCHEMA, **own})
        except jsonschema_rs.ValidationError as error:
            yield Complaint(
                "".join((pointer, *(join("", step) for step in error.instance_path))),
                "has a value that it cannot have",
            )


def ghost_required(document: Document) -> Iterator[Complaint]:
    """``required`` names a member that the schema does not describe."""
    for pointer, schema in all_schemas(document):
        for index, name in enumerate(schema.get("required", [])):
            if name not in schema.get("properties", {}):
                yield Complaint(join(pointer, "required", index), f"there is no property {name!r}")


def ghost_member(document: Document) -> Iterator[Complaint]:
    """``x-members`` explains a member that the schema does not have."""
    for pointer, schema in all_schemas(document):
        for name in schema.get("x-members", {}):
            if name not in schema.get("properties", {}):
                yield Complaint(join(pointer, "x-members", name), "there is no such property")


def bad_default(document: Document) -> Iterator[Complaint]:
    """A default does not fit its schema."""
    for pointer, schema in all_schemas(document):
        if "default" in schema:
            for misfit in misfits(document, schema, schema["default"]):
                yield Complaint(join(pointer, "default"), misfit)


def bad_schema_example(document: Document) -> Iterator[Complaint]:
    """An example in a schema does not fit it."""
    for pointer, schema in all_schemas(document):
        if "example" in schema:
            for misfit in misfits(document, schema, schema["example"]):
                yield Complaint(join(pointer, "example"), misfit)
        for index, example in enumerate(schema.get("examples", [])):
            for misfit in misfits(document, schema, example):
                yield Complaint(join(pointer, "examples", index), misfit)


def bad_pattern(document: Document) -> Iterator[Complaint]:
    """ECMA-262, Python and Rust would not read the pattern alike, or it is not anchored."""
    for pointer, schema in all_schemas(document):
        if isinstance(schema.get("pattern"), str):
            try:
                check_pattern(schema["pattern"])
            except NotPortable as why:
                yield Complaint(join(pointer, "pattern"), str(why))


def unknown_format(document: Document) -> Iterator[Complaint]:
    """A format that no check here knows bounds nothing."""
    for pointer, schema in all_schemas(document):
        if "format" in schema and schema["format"] not in _FORMATS:
            yield Complaint(join(pointer, "format"), "is a format that nothing checks")


def crossed_bounds(document: Document) -> Iterator[Complaint]:
    """The lower bound is above the upper one: nothing fits."""
    for pointer, schema in all_schemas(document):
        for lower, upper in _BOUNDS:
            if lower in schema and upper in schema and schema[lower] > schema[upper]:
                yield Complaint(join(pointer, lower), f"is above {upper}")


def bad_max_bytes(document: Document) -> Iterator[Complaint]:
    """``x-max-bytes`` bounds nothing, or stands where it cannot mean anything."""
    for pointer, schema in all_schemas(document):
        if MAX_BYTES not in schema:
            continue
        place, bound = join(pointer, MAX_BYTES), schema[MAX_BYTES]
        if not isinstance(bound, int) or isinstance(bound, bool):
            yield Complaint(place, "is no whole number")
        elif schema.get("type") != "string" or "maxLength" not in schema:
            yield Complaint(place, "stands beside no maxLength of a string")
        elif bound < schema.get("minLength", 0):
            yield Complaint(place, "is below minLength: nothing fits")
        elif not schema["maxLength"] <= bound <= 4 * schema["maxLength"]:
            yield Complaint(place, "is out of maxLength to four times maxLength")


def bad_sensitive(document: Document) -> Iterator[Complaint]:
    """``x-sensitive`` is there to be true."""
    for pointer, schema in all_schemas(document):
        if "x-sensitive" in schema and schema["x-sensitive"] is not True:
            yield Complaint(join(pointer, "x-sensitive"), "is not true: leave it out")


def _is_listed(schema: Mapping[str, Any]) -> bool:
    return "enum" in schema or "const" in schema


def unbounded_string(document: Document) -> Iterator[Complaint]:
    """A client may send a string of any length."""
    for pointer, schema in sent_by(document, "client").items():
        if schema.get("type") == "string" and "maxLength" not in schema and not _is_listed(schema):
            yield Complaint(pointer, "has no maxLength")


def unbounded_integer(document: Document) -> Iterator[Complaint]:
    """An integer without both bounds fits into no type of some language."""
    for pointer, schema in all_schemas(document):
        if schema.get("type") == "integer" and not _is_listed(schema):
            for bound in ("minimum", "maximum"):
                if bound not in schema:
                    yield Complaint(pointer, f"has no {bound}")


def unbounded_array(document: Document) -> Iterator[Complaint]:
    """An array of any length."""
    for pointer, schema in all_schemas(document):
        if schema.get("type") == "array":
            for keyword in ("items", "maxItems"):
                if keyword not in schema:
                    yield Complaint(pointer, f"has no {keyword}")


def open_object(document: Document) -> Iterator[Complaint]:
    """A client may send members that nothing describes, where that is not meant.

    What is opaque says `additionalProperties: true`, and describes no member at all.
    """
    for pointer, schema in sent_by(document, "client").items():
        is_object = schema.get("type") == "object" or "properties" in schema
        is_opaque = schema.get("additionalProperties") is True and "properties" not in schema
        if is_object and not is_opaque and schema.get("additionalProperties") is not False:
            yield Complaint(pointer, "lacks additionalProperties: false")


def closed_answer(document: Document) -> Iterator[Complaint]:
    """What only the server sends has to stay open: clients ignore what they do not know."""
    from_client = sent_by(document, "client")
    for pointer, schema in sent_by(document, "server").items():
        if pointer not in from_client and schema.get("additionalProperties") is False:
            yield Complaint(pointer, "is closed, so that no member can ever be added")


def untyped_schema(document: Document) -> Iterator[Complaint]:
    """A schema without a type admits anything at all."""
    for pointer, schema in all_schemas(document):
        if not {"type", "$ref", "oneOf", "anyOf", "allOf", "not"} & schema.keys():
            yield Complaint(pointer, "has no type")


def same_name(document: Document, other: Document) -> Iterator[Complaint]:
    """A schema that both contracts name means something else in each."""
    theirs = other.root["components"]["schemas"]
    for name, schema in document.root["components"]["schemas"].items():
        if name in theirs:
            try:
                same = meaning(document.root, schema) == meaning(other.root, theirs[name])
            except LookupError:
                continue
            if not same:
                yield Complaint(
                    join("/components/schemas", name), f"means something else in {other.file}"
                )


SCHEMA_RULES: Final[tuple[Rule, ...]] = (
    unknown_keyword,
    one_sided_keyword,
    ignored_sibling,
    bad_schema,
    ghost_required,
    ghost_member,
    bad_default,
    bad_schema_example,
    bad_pattern,
    unknown_format,
    crossed_bounds,
    bad_max_bytes,
    bad_sensitive,
    unbounded_string,
    unbounded_integer,
    unbounded_array,
    open_object,
    closed_answer,
    untyped_schema,
)
