"""Instances made from a schema alone: one that fits, and those around each of its bounds.

Nothing is random: what is made depends on the schemas only. References are resolved before
(``tools.contracts.schemas.meaning``), but examples are wanted too, so they are looked up here.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from tools.contracts.documents import follow
from tools.contracts.patterns import NotPortable, Strings, TooLarge, only_in
from tools.contracts.schemas import MAX_BYTES

# Of one, two, three and four bytes in UTF-8.
_WIDTHS: Final = ("a", "é", "€", "👋")
# Filled up to this length; nothing of a contract is longer.
_LONGEST: Final = 1_000_000
_OTHERS: Final[tuple[Any, ...]] = (None, True, False, 0, 1, -1, 1.5, "", "a", [], {}, [None])
_NUMBERS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")


class Unmakeable(Exception):
    """No instance of the schema can be made from what it says."""


def fitting(root: Mapping[str, Any], schema: Any, *, whole: bool = False) -> Any:
    """Return an instance that ``schema`` is meant to admit; with every member when ``whole``.

    It comes from ``example``, ``examples``, ``const`` and ``enum`` before anything is made up.

    Raises:
        Unmakeable: nothing can be made; give the schema an example.
        LookupError: a reference leads nowhere.
    """
    if schema is True:
        return None
    schema, _ = follow(root, schema, "")
    if not isinstance(schema, dict):
        raise Unmakeable("admits nothing")
    if schema.get("type") != "object":
        for given in _given(schema):
            return given
    for keyword in ("oneOf", "anyOf"):
        if keyword in schema:
            return fitting(root, schema[keyword][0], whole=whole)
    match schema.get("type"):
        case "object":
            properties = schema.get("properties", {})
            required = schema.get("required", [])
            names = [name for name in properties if whole or name in required]
            made = {name: fitting(root, properties[name], whole=whole) for name in names}
            return {**made, **{name: None for name in required if name not in made}}
        case "array":
            item = fitting(root, schema.get("items", True), whole=whole)
            return [item] * max(int(whole), schema.get("minItems", 0))
        case "string":
            return _string(schema)
        case "integer" | "number":
            return schema.get("minimum", min(0, schema.get("maximum", 0)))
        case "boolean":
            return True
        case _:
            return None


def _given(schema: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the instances that ``schema`` itself names."""
    if "const" in schema:
        yield schema["const"]
    yield from schema.get("enum", ())
    if "example" in schema:
        yield schema["example"]
    yield from schema.get("examples", ())
    if "default" in schema:
        yield schema["default"]


def strings_of(schema: Mapping[str, Any]) -> Strings:
    """Return what pattern and lengths of ``schema`` admit."""
    return Strings(schema.get("pattern"), schema.get("minLength", 0), schema.get("maxLength"))


def _string(schema: Mapping[str, Any]) -> str:
    try:
        # What no string of a negative length is not.
        made = only_in(strings_of(schema), Strings(None, 0, -1))
    except (NotPortable, TooLarge) as unknown:
        raise Unmakeable(str(unknown)) from unknown
    if made is None:
        raise Unmakeable("admits nothing")
    return made


def probes(root: Mapping[str, Any], schema: Any, beside: Any = True) -> Iterator[Any]:
    """Yield instances on both sides of each bound of ``schema`` and of ``beside``.

    Some are admitted by ``schema``, some are not; whoever asks finds out.
    """
    both = [
        followed
        for followed in (follow(root, side, "")[0] for side in (schema, beside))
        if isinstance(followed, dict)
    ]
    for side in both:
        yield from _given(side)
    yield from _around_numbers(both)
    yield from _around_strings(both)
    for side in both:
        for keyword in ("oneOf", "anyOf", "allOf"):
            for branch in side.get(keyword, ()):
                yield from probes(root, branch)
        if side.get("type") == "object":
            yield from _around_members(root, side)
        if side.get("type") == "array":
            yield from _around_items(root, side)
    yield from _OTHERS


def _around_numbers(schemas: list[dict[str, Any]]) -> Iterator[Any]:
    for schema in schemas:
        for keyword in _NUMBERS:
            bound = schema.get(keyword)
            if isinstance(bound, int | float) and not isinstance(bound, bool):
                yield from (bound, bound - 1, bound + 1, -bound)


def _around_strings(schemas: list[dict[str, Any]]) -> Iterator[str]:
    seeds: list[str] = []
    bounds: set[int] = set()
    bytes_bounds: set[int] = set()
    for schema in schemas:
        bounds |= {schema[keyword] for keyword in ("minLength", "maxLength") if keyword in schema}
        bytes_bounds |= {schema[MAX_BYTES]} if MAX_BYTES in schema else set()
        seeds += [given for given in _given(schema) if isinstance(given, str)]
        if schema.get("type") == "string" and not seeds:
            try:
                seeds.append(_string(schema))
            except Unmakeable:
                continue
    for length in sorted({near for bound in bounds for near in (bound - 1, bound, bound + 1)}):
        if 0 <= length <= _LONGEST:
            yield from (width * length for width in _WIDTHS)
            yield from (_stretched(seed, length) for seed in seeds)
    for size in sorted({near for bound in bytes_bounds for near in (bound, bound + 1)}):
        if 0 <= size <= _LONGEST:
            for width in _WIDTHS:
                wide = len(width.encode())
                yield width * (size // wide) + "a" * (size % wide)
    for seed in seeds:
        if len(seed) <= 256:
            yield from _altered(seed)


def _stretched(seed: str, length: int) -> str:
    """Return ``seed`` cut, or grown at its end by its last character, to ``length``."""
    return (seed + (seed[-1:] or "a") * max(0, length - len(seed)))[:length]


def _altered(seed: str) -> Iterator[str]:
    """Yield ``seed`` with one character, first, middle or last, made another."""
    for place in sorted({0, len(seed) // 2, max(0, len(seed) - 1)}):
        for character in ("a", "G", "0", "-", ".", "_", " ", "~", "/", "\n", "é"):
            yield seed[:place] + character + seed[place + 1 :]
    yield from (seed + "\n", seed + " ", " " + seed)


def _around_members(root: Mapping[str, Any], schema: dict[str, Any]) -> Iterator[Any]:
    for whole in (False, True):
        try:
            base = fitting(root, schema, whole=whole)
        except Unmakeable:
            continue
        yield base
        yield {**base, "a_member_that_nobody_names": 1}
        for name in base:
            yield {other: value for other, value in base.items() if other != name}
        # Nothing that is optional stands in the way of what is looked at.
        for name, inner in () if whole else schema.get("properties", {}).items():
            for value in probes(root, inner):
                yield {**base, name: value}


def _around_items(root: Mapping[str, Any], schema: dict[str, Any]) -> Iterator[Any]:
    try:
        item = fitting(root, schema.get("items", True))
    except Unmakeable:
        return
    for bound in (schema.get("minItems", 0), schema.get("maxItems", 2)):
        yield from ([item] * count for count in (bound - 1, bound, bound + 1) if count >= 0)
    for value in probes(root, schema.get("items", True)):
        yield [value] * max(1, schema.get("minItems", 0))
