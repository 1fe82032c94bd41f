"""Whether all that one schema admits another admits too; if not, an instance that shows it.

The question of both gates, in either direction: what clients send by the old contract, does the
new one still admit it; what the server sends by the new contract, do clients of the old one
still understand it.

Objects, arrays, numbers, lists of values and strings (length, pattern, bytes) are decided;
the rest is asked of jsonschema-rs' canonical schemas. What cannot be shown to be admitted
counts as refused.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import jsonschema_rs

from tools.contracts.documents import follow, join
from tools.contracts.instances import Unmakeable, fitting, probes, strings_of
from tools.contracts.patterns import NotPortable, Strings, TooLarge, only_in, widest
from tools.contracts.schemas import MAX_BYTES, meaning, validator

# A string beyond this is shown by its beginning and its length.
_SHOWN: Final = 80

Root = Mapping[str, Any]


class _None:
    """There is no witness: what differs could not be shown by an instance."""


NO_WITNESS: Final = _None()


@dataclass(frozen=True, slots=True)
class Gap:
    """Where something is admitted on one side and refused on the other.

    ``pointer`` is the place in the instance, ``definition`` that of the schema in the contract
    that admits, ``witness`` a whole instance, checked against both schemas.
    """

    pointer: str
    definition: str
    rule: str
    text: str
    witness: Any = field(hash=False, compare=False)


def shown(instance: Any) -> str:
    """Return ``instance`` as JSON on one line, long strings by their beginning and length."""
    return json.dumps(_shortened(instance), ensure_ascii=False)


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shortened(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_shortened(inner) for inner in value]
    if isinstance(value, str) and len(value) > _SHOWN:
        return f"{value[:8]}… ({len(value)} characters, {len(value.encode())} bytes)"
    return value


def gaps(admitting: Root, admits: Any, refusing: Root, refuses: Any, definition: str) -> list[Gap]:
    """Return where ``admits`` takes what ``refuses`` does not, a gap for each place and rule.

    ``definition`` is the place of ``admits``. An empty list: ``refuses`` takes all of it.

    Raises:
        LookupError: a reference leads nowhere, or in a circle.
        ValueError: a schema is none.
    """
    if meaning(admitting, admits) == meaning(refusing, refuses):
        return []
    search = _Search(admitting, refusing, admits, refuses)
    found = search.compare(admits, refuses, "", definition, lambda instance: instance)
    return list(dict.fromkeys(found))


class _Search:
    """One comparison. Walks both schemas side by side."""

    def __init__(self, admitting: Root, refusing: Root, admits: Any, refuses: Any) -> None:
        self.admitting, self.refusing = admitting, refusing
        self.taken_by_one = validator(admitting, admits).is_valid
        self.taken_by_other = validator(refusing, refuses).is_valid

    def compare(
        self, admits: Any, refuses: Any, pointer: str, definition: str, embed: Callable[[Any], Any]
    ) -> Iterator[Gap]:
        """Yield the gaps at ``pointer`` and below; ``embed`` makes a whole instance of a part."""
        if meaning(self.admitting, admits) == meaning(self.refusing, refuses):
            return
        admits, definition = follow(self.admitting, admits, definition)
        refuses, _ = follow(self.refusing, refuses, "")
        if _is_plain(admits, "object") and _is_plain(refuses, "object"):
            yield from self._members(admits, refuses, pointer, definition, embed)
        elif _is_plain(admits, "array") and _is_plain(refuses, "array"):
            yield from self._items(admits, refuses, pointer, definition, embed)
        elif self._has_same_branches(admits, refuses):
            for index, (ours, theirs) in enumerate(
                zip(admits["oneOf"], refuses["oneOf"], strict=True)
            ):
                below = join(definition, "oneOf", index)
                yield from self.compare(ours, theirs, pointer, below, embed)
        else:
            yield from self._part(admits, refuses, pointer, definition, embed)

    def _has_same_branches(self, admits: Any, refuses: Any) -> bool:
        """Whether both choose among as many objects, which one member tells apart."""
        return all(
            isinstance(side, dict)
            and meaning(root, side).keys() == {"oneOf"}
            and len(side["oneOf"]) == len(admits["oneOf"])
            and _told_apart([meaning(root, branch) for branch in side["oneOf"]])
            for root, side in ((self.admitting, admits), (self.refusing, refuses))
        )

    def _members(
        self,
        admits: dict[str, Any],
        refuses: dict[str, Any],
        pointer: str,
        definition: str,
        embed: Callable[[Any], Any],
    ) -> Iterator[Gap]:
        ours, theirs = admits.get("properties", {}), refuses.get("properties", {})
        needed = admits.get("required", [])
        base = self._fitting(admits)
        for name in refuses.get("required", []):
            if name not in needed:
                without = {key: value for key, value in base.items() if key != name}
                place, below = join(pointer, name), join(definition, "properties", name)
                yield self._gap(place, below, "required", "may be missing", embed(without))
        for name, schema in ours.items():
            place = join(pointer, name)
            below = join(definition, "properties", name)
            within = _within(base, name, embed)
            if name in theirs:
                yield from self.compare(schema, theirs[name], place, below, within)
            elif refuses.get("additionalProperties") is False:
                witness = within(self._fitting(schema))
                yield self._gap(place, below, "unknown", "is no member any more", witness)
        if admits.get("additionalProperties") is not False:
            for name in sorted(theirs.keys() - ours.keys()):
                within = _within(base, name, embed)
                witness = self._first(map(within, probes(self.refusing, theirs[name])))
                place, below = join(pointer, name), join(definition, "properties", name)
                yield Gap(place, below, "undescribed", "is described no more", witness)
            if refuses.get("additionalProperties") is False:
                witness = embed({**base, "a_member_that_nobody_names": 1})
                yield self._gap(
                    pointer, definition, "closed", "may have members that are not named", witness
                )

    def _items(
        self,
        admits: dict[str, Any],
        refuses: dict[str, Any],
        pointer: str,
        definition: str,
        embed: Callable[[Any], Any],
    ) -> Iterator[Gap]:
        least, most = admits.get("minItems", 0), admits.get("maxItems")
        least_there, most_there = refuses.get("minItems", 0), refuses.get("maxItems")
        item = self._fitting(admits.get("items", True))
        if least < least_there:
            yield self._gap(
                pointer, definition, "fewer", f"may have {least} items", embed([item] * least)
            )
        if most_there is not None and (most is None or most > most_there):
            yield self._gap(
                pointer,
                definition,
                "more",
                f"may have {most_there + 1} items",
                embed([item] * (most_there + 1)),
            )
        if refuses.get("uniqueItems", False) and not admits.get("uniqueItems", False):
            yield self._gap(
                pointer, definition, "repeated", "may repeat an item", embed([item] * 2)
            )
        yield from self.compare(
            admits.get("items", True),
            refuses.get("items", True),
            join(pointer, 0),
            join(definition, "items"),
            lambda part: embed([part] * max(1, least)),
        )

    def _part(
        self,
        admits: Any,
        refuses: Any,
        pointer: str,
        definition: str,
        embed: Callable[[Any], Any],
    ) -> Iterator[Gap]:
        """Yield the gap of two schemas that are not compared member by member."""
        one = validator(self.admitting, _as_schema(admits)).is_valid
        other = validator(self.refusing, _as_schema(refuses)).is_valid
        # A number or a string is decided first: its witness is the shortest one.
        candidates = [*_exact(admits, refuses), *probes(self.admitting, admits, refuses)]
        candidates += list(probes(self.refusing, refuses))
        differing = (part for part in candidates if one(part) and not other(part))
        witness = self._first(map(embed, differing))
        if witness is not NO_WITNESS:
            text = "admits what the other contract refuses"
            yield Gap(pointer, definition, "wider", text, witness)
        elif not self._is_covered(admits, refuses):
            text = "cannot be shown to admit no more than the other contract"
            yield Gap(pointer, definition, "unproven", text, NO_WITNESS)

    def _is_covered(self, admits: Any, refuses: Any) -> bool:
        if not isinstance(admits, dict) or not isinstance(refuses, dict):
            return refuses is True or admits is False
        if "enum" in admits or "const" in admits:
            return True  # each value was among the probes
        if admits.get("type") == "string" and _is_plain(refuses, "string"):
            return _strings_covered(admits, refuses)
        own, others = meaning(self.admitting, admits), meaning(self.refusing, refuses)
        if MAX_BYTES in json.dumps(others) and own != others:
            return False
        covered = jsonschema_rs.canonicalize(others, draft=jsonschema_rs.Draft202012).covers(
            jsonschema_rs.canonicalize(own, draft=jsonschema_rs.Draft202012)
        )
        return covered == jsonschema_rs.canonical.Containment.YES

    def _fitting(self, schema: Any) -> Any:
        try:
            return fitting(self.admitting, schema)
        except Unmakeable:
            return None

    def _gap(self, pointer: str, definition: str, rule: str, text: str, witness: Any) -> Gap:
        return Gap(pointer, definition, rule, text, self._first(iter([witness])))

    def _first(self, instances: Iterator[Any]) -> Any:
        """Return the first of ``instances`` that is a witness, as both validators say."""
        for instance in instances:
            if self.taken_by_one(instance) and not self.taken_by_other(instance):
                return instance
        return NO_WITNESS


def _told_apart(branches: list[Any]) -> bool:
    """Whether a member that all ``branches`` require has other values in each."""
    for name in set.intersection(*(set(branch.get("required", ())) for branch in branches)):
        listed = [
            [repr(value) for value in _listed(branch.get("properties", {}).get(name, {}))]
            for branch in branches
        ]
        values = [value for each in listed for value in each]
        if all(listed) and len(set(values)) == len(values):
            return True
    return False


def _listed(schema: Any) -> list[Any]:
    if not isinstance(schema, dict):
        return []
    return [schema["const"]] if "const" in schema else list(schema.get("enum", ()))


def _within(base: Any, name: str, embed: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda part: embed({**base, name: part})


def _as_schema(schema: Any) -> Any:
    return schema if isinstance(schema, dict) else {} if schema else {"not": {}}


_OBJECT: Final = frozenset({"type", "properties", "required", "additionalProperties"})
_ARRAY: Final = frozenset({"type", "items", "minItems", "maxItems", "uniqueItems"})
_STRING: Final = frozenset({"type", "minLength", "maxLength", "pattern", "format", MAX_BYTES})
_PLAIN: Final = {"object": _OBJECT, "array": _ARRAY, "string": _STRING}


def _is_plain(schema: Any, kind: str) -> bool:
    """Whether ``schema`` is of ``kind`` and says no more than is compared keyword by keyword."""
    if not isinstance(schema, dict) or schema.get("type") != kind:
        return False
    if not isinstance(schema.get("additionalProperties", True), bool):
        return False
    return _PLAIN[kind].issuperset(meaning({}, _shallow(schema)))


def _shallow(schema: dict[str, Any]) -> dict[str, Any]:
    """Return ``schema`` without what is inside of it, so that no reference is left."""
    inner: dict[str, Any] = {"properties": {}, "items": {}}
    return {keyword: inner.get(keyword, value) for keyword, value in schema.items()}


def _exact(admits: Any, refuses: Any) -> Iterator[str]:
    """Yield the shortest string that tells two plain strings apart by pattern and length."""
    if _is_plain(admits, "string") and _is_plain(refuses, "string"):
        # The shortest of all, too: what a pattern admits is often against the format.
        for beside in (strings_of(refuses), Strings(None, 0, -1)):
            try:
                told_apart = only_in(strings_of(admits), beside)
            except (NotPortable, TooLarge):
                continue
            if told_apart is not None:
                yield told_apart


def _strings_covered(admits: dict[str, Any], refuses: dict[str, Any]) -> bool:
    try:
        if only_in(strings_of(admits), strings_of(refuses)) is not None:
            return False
    except (NotPortable, TooLarge):
        return False
    if refuses.get("format") not in {None, admits.get("format")}:
        return False
    bound = refuses.get(MAX_BYTES)
    if bound is None:
        return True
    bounds = [admits[MAX_BYTES]] if MAX_BYTES in admits else []
    if "maxLength" in admits:
        bounds.append(widest(admits.get("pattern")) * admits["maxLength"])
    return bool(bounds) and min(bounds) <= bound
