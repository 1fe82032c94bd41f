"""Client frames for hypothesis, made from the schemas of spec/asyncapi.yaml alone.

A frame is a tree of :class:`Members`, lists and plain values, so that it can hold what no
dict can: a name twice, or a number that is none. ``write`` makes its text.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, cast

from hypothesis import strategies as st

from tests.support.frame_contract import (
    FrameContract,
    Members,
    Schema,
    frame_contract,
    pointer,
)

CONTRACT: Final = frame_contract()
Path = tuple[str, ...]

# Each as likely as the others: texts of one to four bytes a character, and what is escaped.
_CHARACTERS: Final = st.one_of(
    st.sampled_from('aZ09 /"\\\n\t\x1f\x7f\u2028'),
    st.characters(min_codepoint=1, max_codepoint=0x7F),
    st.characters(min_codepoint=0x80, max_codepoint=0x7FF),
    st.characters(min_codepoint=0x800, max_codepoint=0xFFFF, exclude_categories=["Cs"]),
    st.characters(min_codepoint=0x10000),
)


@dataclass(frozen=True, slots=True)
class Raw:
    """Stands where the text has ``text``, be it JSON or not."""

    text: str


@dataclass(frozen=True, slots=True)
class Fault:
    """A frame with one fault: its text, and the place of the fault as a JSON pointer."""

    raw: bytes
    path: str
    rules: tuple[str, ...]
    """The keywords that it breaks, or ``x-strict-json``; an error names one."""

    def __repr__(self) -> str:
        return f"Fault({self.raw[:100]!r}, path={self.path!r}, rules={self.rules})"


def write(node: Any, *, escaped: bool = False, space: str = "") -> bytes:
    """Return the JSON of a tree; ``escaped`` leaves nothing but ASCII."""
    return _written(node, escaped, space).encode()


def _written(node: Any, escaped: bool, space: str) -> str:
    if isinstance(node, Raw):
        return node.text
    if isinstance(node, Members):
        pairs = (
            f"{space}{_written(name, escaped, space)}{space}:{space}"
            f"{_written(value, escaped, space)}{space}"
            for name, value in node
        )
        return "{" + ",".join(pairs) + "}"
    if isinstance(node, list):
        return "[" + ",".join(_written(one, escaped, space) for one in node) + "]"
    return json.dumps(node, ensure_ascii=escaped)


# -- what the contract takes


def values(schema: Schema, contract: FrameContract = CONTRACT) -> st.SearchStrategy[Any]:
    """Return values of a schema, as trees.

    Raises:
        NotImplementedError: the schema says more than client frames have said so far.
    """
    schema = contract.schema_of(schema)
    if "const" in schema:
        return st.just(schema["const"])
    match schema.get("type"):
        case "object" if "properties" not in schema:
            return _opaque()
        case "object":
            return _objects(schema, contract)
        case "integer":
            return st.integers(schema["minimum"], schema["maximum"])
        case "string" if "pattern" in schema:
            return st.from_regex(
                schema["pattern"].replace("$", r"\Z"), alphabet=st.characters(codec="ascii")
            )
        case "string":
            return st.text(_CHARACTERS, min_size=schema.get("minLength", 0), max_size=40)
        case _:
            raise NotImplementedError(schema)


def _objects(schema: Schema, contract: FrameContract) -> st.SearchStrategy[Members]:
    parts = {name: values(part, contract) for name, part in schema["properties"].items()}
    return _members(parts, frozenset(schema["required"]))


def _opaque() -> st.SearchStrategy[Members]:
    """Return objects that the contract says nothing of; numbers that every library reads alike."""
    texts = st.text(_CHARACTERS, max_size=5)
    leaves = st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), texts)
    inner = st.recursive(
        leaves, lambda parts: st.lists(parts, max_size=3) | _any_members(texts, parts), max_leaves=5
    )
    return _any_members(texts, inner)


def _any_members(
    names: st.SearchStrategy[str], parts: st.SearchStrategy[Any]
) -> st.SearchStrategy[Members]:
    return st.dictionaries(names, parts, max_size=3).map(lambda found: Members(found.items()))


@st.composite
def _members(
    draw: st.DrawFn, parts: dict[str, st.SearchStrategy[Any]], required: frozenset[str]
) -> Members:
    names = [name for name in parts if name in required or draw(st.booleans())]
    return Members((name, draw(parts[name])) for name in draw(st.permutations(names)))


def frames(key: str) -> st.SearchStrategy[Members]:
    """Return frames of the client's message ``key``."""
    return values(CONTRACT.payload_ref(key))


def texts(key: str) -> st.SearchStrategy[bytes]:
    """Return frames of ``key`` as texts, written in different ways."""
    return st.builds(
        lambda frame, escaped, space: write(frame, escaped=escaped, space=space),
        frames(key),
        st.booleans(),
        st.sampled_from(["", " ", "\r\n\t"]),
    )


def fullest(key: str) -> Members:
    """Return a frame with every member that ``key`` has, each a first example of its schema."""
    return cast("Members", _example(CONTRACT.payload_ref(key)))


def _example(schema: Schema) -> Any:
    schema = CONTRACT.schema_of(schema)
    if schema.get("type") == "object" and "properties" not in schema:
        return Members(schema["examples"][0].items())
    if schema.get("type") == "object":
        return Members((name, _example(part)) for name, part in schema["properties"].items())
    if "const" in schema:
        return schema["const"]
    return schema["examples"][0] if "examples" in schema else schema["default"]


# -- places in a frame


def places(node: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield every place of a tree and what is there, the whole first."""
    yield path, node
    if isinstance(node, Members):
        for name, value in node:
            yield from places(value, (*path, name))


def described(key: str) -> Iterator[tuple[Path, Any]]:
    """Yield the places of the fullest frame of ``key`` that the contract says something of."""
    for path, node in places(fullest(key)):
        if all("properties" in schema_at(key, path[:size]) for size in range(len(path))):
            yield path, node


def replaced(node: Any, path: Path, new: Any) -> Any:
    """Return a copy of the tree with ``new`` at ``path``."""
    if not path:
        return new
    return Members(
        (name, replaced(value, path[1:], new) if name == path[0] else value)
        for name, value in cast("Members", node)
    )


def schema_at(key: str, path: Path) -> Schema:
    schema = CONTRACT.schema_of(CONTRACT.payload_ref(key))
    for name in path:
        schema = CONTRACT.schema_of(schema["properties"][name])
    return schema


# -- what the contract refuses

_OTHER_TYPES: Final[dict[str, list[Any]]] = {
    "object": [[], "x", 1, True, None, [Members()]],
    "integer": ["1", 0.5, True, None, [], Members(), [1]],
    "string": [1, 0, True, None, [], Members(), ["x"]],
}
_NO_NUMBERS: Final = ["NaN", "Infinity", "-Infinity", "1e400", "-1e999", "9" * 5000, str(2**64)]
_NO_TEXTS: Final = [r'"\ud800"', r'"\udc00x"', r'"x\udfff\ud800"', r'"\u0000"', r'"a\u0000b"']
_NO_JSON: Final = [
    "", " ", "{", "}", "{]", "nul", "'x'", "{}{}", "{},", '{"data":}', '{"data" {}}', "\x00",
    '{"data":{"message":"\n"}}', '{"data":{"message":"\x00"}}', '{"data":{"message":"x"}',
    '{"data":{"message":"\\x"}}', '{"after":01,"data":{"message":""}}', "// x\n{}",
]  # fmt: skip
_ROOTS: Final = ["[]", "5", '"x"', "null", "true", "[{}]", "-0.0", '[{"data":{"message":""}}]']


def faults(key: str) -> Iterator[Fault]:
    """Yield frames that break one rule each: every rule of the schema, at every place."""
    whole = fullest(key)
    for path, node in described(key):
        schema = schema_at(key, path)
        kind = schema["type"]
        for other in _OTHER_TYPES[kind]:
            if path or isinstance(other, Members | list):
                yield _at(whole, path, other, "type")
        if isinstance(node, Members):
            yield from _faults_of_object(whole, path, node, schema)
        else:
            yield from _faults_of_value(whole, path, schema)
    for text in _NO_JSON:
        yield Fault(text.encode(), "", ("x-strict-json",))
    for text in _ROOTS:
        yield Fault(text.encode(), "", ("type",))
    yield Fault(b"\xef\xbb\xbf" + write(whole), "", ("x-strict-json",))


def _at(whole: Members, path: Path, new: Any, *rules: str) -> Fault:
    return Fault(write(replaced(whole, path, new)), pointer(path), rules)


def _faults_of_object(whole: Members, path: Path, node: Members, schema: Schema) -> Iterator[Fault]:
    for name in schema.get("required", ()):
        if name == "type":
            # Without it this is another message.
            continue
        # The place of a missing member is its parent's.
        yield _at(whole, path, Members(pair for pair in node if pair[0] != name), "required")
    names = ("x", "", "Data", "a/b", "~", "γ", "👋", "constructor")
    for name in names if "properties" in schema else ():
        fault = _at(whole, path, Members([*node, (name, 1)]), "additionalProperties")
        yield Fault(fault.raw, pointer((*path, name)), fault.rules)
    for name, value in node:
        fault = _at(whole, path, Members([*node, (name, value)]), "x-strict-json")
        yield Fault(fault.raw, pointer((*path, name)), fault.rules)
    for text in _NO_TEXTS:
        yield Fault(
            write(replaced(whole, path, Members([*node, (_MARK, 1)]))).replace(
                json.dumps(_MARK).encode(), text.encode()
            ),
            pointer(path),
            ("x-strict-json",),
        )


_MARK: Final = "the name that is replaced"


def _faults_of_value(whole: Members, path: Path, schema: Schema) -> Iterator[Fault]:
    for text in (*_NO_NUMBERS, *_NO_TEXTS):
        yield _at(whole, path, Raw(text), "x-strict-json")
    if "const" in schema:
        for text in ("", schema["const"].upper(), schema["const"] + " "):
            yield _at(whole, path, text, "const")
    if "minimum" in schema:
        yield _at(whole, path, schema["minimum"] - 1, "minimum")
        yield _at(whole, path, schema["maximum"] + 1, "maximum")
    if "pattern" in schema:
        good = schema["examples"][0]
        for text in (good.upper(), good[:-1], good + "0", good + "\n", " " + good[1:], ""):
            rules = ["pattern"]
            if len(text) != len(good):
                rules.append("minLength" if len(text) < schema["minLength"] else "maxLength")
            yield _at(whole, path, text, *rules)


def nested(depth: int, *, objects: bool) -> bytes:
    """Return a frame of this depth, itself the first, in which one member is against the schema."""
    start, end = ('{"x":', "}") if objects else ("[", "]")
    inner = start * (depth - 2) + ("{}" if objects else "[]") + end * (depth - 2)
    return b'{"data":{"message":""},"x":%s}' % inner.encode()
