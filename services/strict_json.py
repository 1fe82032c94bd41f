"""The one JSON parser of both doors: what it takes means the same to every reader.

RFC 8259 leaves doubtful texts to each reader's taste, and taste differs between the server
and its clients. Here they are refused: see :data:`Rule`. Work and memory are linear in the
text's length, whatever it holds.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final, Literal, NoReturn, cast, get_args

import orjson

Rule = Literal[
    "utf-8",  # the text is not UTF-8
    "byte-order-mark",  # it begins with one
    "syntax",  # it is not JSON
    "depth",  # objects and arrays nest too deep; the outermost is 1
    "duplicate-name",  # a member name stands twice in one object
    "not-a-number",  # NaN or an infinity
    "number-range",  # no 64-bit integer, or beyond a double
    "surrogate",  # half of a surrogate pair, in a string or a name
    "null-character",  # U+0000, in a string or a name
]
RULES: Final[frozenset[str]] = frozenset(get_args(Rule))

# Both parsers below recurse: the depth they may meet stays far from their own limits.
MAX_MAX_DEPTH: Final = 256

INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**64 - 1
_INT_CHARACTERS: Final = 20
# orjson reads an integer beyond 64 bits as a double; no such double is nearer to zero.
_DOUBTFUL: Final = float(2**63)

_ALWAYS_FINE: Final = frozenset((int, float, bool, type(None)))
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class NotStrictJson(ValueError):
    """The text is refused. ``pointer`` (RFC 6901) is the place, "" where none can be told;
    it may hold names from the text. ``detail`` names the rule and never a value."""

    def __init__(self, pointer: str, rule: Rule, detail: str) -> None:
        super().__init__(detail)
        self.pointer = pointer
        self.rule: Rule = rule
        self.detail = detail


def parse_strict(raw: bytes, *, max_depth: int) -> Any:
    """Return what ``raw`` says: dicts, lists, strings, ints, floats, booleans and None.

    ``max_depth`` is at most 256.

    Raises:
        NotStrictJson: a rule is broken.
    """
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        # Not looked at here: the error holds the whole text, and would be chained.
        value = _Unread
    if value is not _Unread and _is_plainly_strict(raw, value, max_depth):
        return value
    return _parse_slowly(raw, max_depth)


class _Unread:
    """Stands for what could not be read."""


class _TooDeep:
    """Stands for what nests too deep for the parser: many times deeper than MAX_MAX_DEPTH."""


def _is_plainly_strict(raw: bytes, value: object, max_depth: int) -> bool:
    """Tell whether ``value``, read from valid JSON, breaks no rule; False is also "unsure"."""
    quotes = raw.count(b'"')
    if b"\\" in raw:
        if b"\\u0000" in raw:
            return False
        # In valid JSON a backslash begins an escape. Without the escaped backslashes, the
        # ones before a quote are those of escaped quotes.
        quotes = raw.replace(b"\\\\", b"").replace(b'\\"', b"").count(b'"')

    # A repeated name leaves fewer strings in the value than stand in the text.
    strings = 0
    depth = 0
    # One round for each level: an array of one stands in for the text itself.
    level: list[Any] = [[value]]
    while level:
        if depth > max_depth:
            return False
        depth += 1
        deeper: list[Any] = []
        for node in level:
            children: Any = node
            kind: object = type(node)  # pyright: ignore[reportUnknownVariableType]
            if kind is dict:
                strings += len(node)
                children = node.values()
            for child in children:
                kind = type(child)  # pyright: ignore[reportUnknownVariableType]
                if kind is str:
                    strings += 1
                elif kind is dict or kind is list:
                    deeper.append(child)
                elif kind is float and not -_DOUBTFUL < child < _DOUBTFUL:
                    return False
        level = deeper
    return strings * 2 == quotes


class _BadNumber:
    """Stands where the text has a number that is refused."""

    def __init__(self, rule: Rule, detail: str) -> None:
        self.rule: Rule = rule
        self.detail = detail


_TOO_LARGE: Final = _BadNumber("number-range", "a number fits neither 64 bits nor a double")
_NOT_A_NUMBER: Final = _BadNumber("not-a-number", "NaN and infinities are no JSON")


class _Twice(dict[str, Any]):
    """An object in which ``name`` stands twice."""

    def __init__(self, pairs: list[tuple[str, Any]], name: str) -> None:
        super().__init__(pairs)
        self.name = name


def _parse_slowly(raw: bytes, max_depth: int) -> Any:
    """Parse again with a parser that shows everything; find the first broken rule."""
    if not 0 < max_depth <= MAX_MAX_DEPTH:
        raise ValueError(f"max_depth has to be between 1 and {MAX_MAX_DEPTH}")
    if raw.startswith(b"\xef\xbb\xbf"):
        _refuse("", "byte-order-mark", "the text begins with a byte order mark")
    text = _decoded(raw)
    if text is None:
        _refuse("", "utf-8", "the text is not UTF-8")
    value = _decode_marked(text)
    if value is _TooDeep:
        _refuse("", "depth", f"it nests deeper than {max_depth}")
    if value is _Unread:
        _refuse("", "syntax", "the text does not follow the grammar of JSON")
    _find_broken_rule(value, max_depth)
    return value


def _decoded(raw: bytes) -> str | None:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _decode_marked(text: str) -> Any:
    try:
        return _MARKING.decode(text)
    except json.JSONDecodeError:
        return _Unread
    except RecursionError:
        return _TooDeep


def _read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            return _Twice(pairs, name)
        seen.add(name)
    raise AssertionError("fewer members than pairs, and no name twice")


def _read_int(digits: str) -> int | _BadNumber:
    # First the length: reading thousands of digits takes time, or fails in Python itself.
    if len(digits) > _INT_CHARACTERS:
        return _TOO_LARGE
    number = int(digits)
    return number if INT_MIN <= number <= INT_MAX else _TOO_LARGE


def _read_float(text: str) -> float | _BadNumber:
    number = float(text)
    return number if abs(number) != float("inf") else _TOO_LARGE


def _read_constant(_name: str) -> _BadNumber:
    return _NOT_A_NUMBER


_MARKING: Final = json.JSONDecoder(
    object_pairs_hook=_read_object,
    parse_int=_read_int,
    parse_float=_read_float,
    parse_constant=_read_constant,
)


def _find_broken_rule(value: object, max_depth: int) -> None:
    """Refuse the first broken rule in the order of the text, an object's names first."""
    path: list[str | int] = []
    _check_node(path, value, max_depth)
    open_nodes = [_children(value)]
    while open_nodes:
        for name, node in open_nodes[-1]:
            if type(node) in _ALWAYS_FINE:
                continue
            path.append(name)
            _check_node(path, node, max_depth)
            if isinstance(node, dict | list):
                open_nodes.append(_children(cast("object", node)))
                break
            path.pop()
        else:
            open_nodes.pop()
            if path:
                path.pop()


def _children(node: object) -> Iterator[tuple[str | int, object]]:
    if isinstance(node, dict):
        return iter(cast("dict[str, object]", node).items())
    return iter(enumerate(cast("list[object]", node))) if isinstance(node, list) else iter(())


def _check_node(path: list[str | int], node: object, max_depth: int) -> None:
    if isinstance(node, str):
        _check_string(path, node, "the string")
    elif isinstance(node, _BadNumber):
        _refuse(_pointer(path), node.rule, node.detail)
    elif isinstance(node, dict | list):
        if len(path) >= max_depth:
            _refuse(_pointer(path), "depth", f"it nests deeper than {max_depth}")
        if isinstance(node, dict):
            for name in cast("dict[str, object]", node):
                _check_string(path, name, "a member name of the object")
        if isinstance(node, _Twice):
            place = _pointer([*path, node.name])
            _refuse(place, "duplicate-name", f"the member name at {place} stands twice")


def _check_string(path: list[str | int], text: str, what: str) -> None:
    if "\0" in text:
        place = _pointer(path)
        _refuse(place, "null-character", f"{what} at {place or 'the top'} holds U+0000")
    if not text.isascii() and _SURROGATE.search(text):
        place = _pointer(path)
        detail = f"{what} at {place or 'the top'} holds half a surrogate pair"
        _refuse(place, "surrogate", detail)


def _pointer(path: list[str | int]) -> str:
    # Each name on the path was checked before it was entered: the pointer can be sent.
    return "".join(f"/{str(name).replace('~', '~0').replace('/', '~1')}" for name in path)


def _refuse(pointer: str, rule: Rule, detail: str) -> NoReturn:
    raise NotStrictJson(pointer, rule, detail)
