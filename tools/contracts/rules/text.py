"""Rules for the text of a contract: what YAML reads in silence, and nobody meant."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

import yaml

from tools.contracts.documents import Document, join
from tools.contracts.findings import Complaint, Rule

# What a plain scalar has to look like to be no string, in YAML 1.1, YAML 1.2 and JSON alike.
_PLAIN: Final = {
    "tag:yaml.org,2002:bool": re.compile(r"true|false"),
    "tag:yaml.org,2002:int": re.compile(r"-?(0|[1-9][0-9]*)"),
    "tag:yaml.org,2002:float": re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+"),
}
_NULL: Final = "tag:yaml.org,2002:null"
_STRING: Final = "tag:yaml.org,2002:str"
# Strings to YAML 1.1 that YAML 1.2 takes for numbers.
_NUMBER_ELSEWHERE: Final = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+|0o[0-7]+")


def _entries(node: Any, pointer: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield place, key node (None in a list) and value node of everything below ``node``."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            place = join(pointer, key.value if isinstance(key, yaml.ScalarNode) else "?")
            yield place, key, value
            yield from _entries(value, place)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            place = join(pointer, index)
            yield place, None, value
            yield from _entries(value, place)


# Three rules ask for the same text.
@lru_cache(maxsize=4)
def _tree(text: str) -> Any:
    return yaml.compose(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def duplicate_key(document: Document) -> Iterator[Complaint]:
    """A key stands twice in one mapping: the last one wins, in silence."""
    seen: set[tuple[int, str]] = set()
    stack: list[tuple[str, Any]] = [("", _tree(document.text))]
    while stack:
        pointer, node = stack.pop()
        if isinstance(node, yaml.SequenceNode):
            stack += [(join(pointer, index), value) for index, value in enumerate(node.value)]
        if not isinstance(node, yaml.MappingNode):
            continue
        for key, value in node.value:
            place = join(pointer, key.value)
            if (id(node), key.value) in seen:
                yield Complaint(place, "stands twice")
            seen.add((id(node), key.value))
            stack.append((place, value))


def null_value(document: Document) -> Iterator[Complaint]:
    """A key has no value: an empty line, or a text in braces that a comma cut in two."""
    for pointer, _, value in _entries(_tree(document.text), ""):
        if value.tag == _NULL:
            yield Complaint(
                pointer, "has no value; a comma in a text between braces needs quotes around it"
            )


def odd_scalar(document: Document) -> Iterator[Complaint]:
    """A plain text that some readers of YAML take for a date, a boolean or a number."""
    for pointer, key, value in _entries(_tree(document.text), ""):
        for node in (key, value):
            if isinstance(node, yaml.ScalarNode) and not node.style and _is_odd(node):
                yield Complaint(pointer, "is not read alike by every YAML reader: quote it")


def _is_odd(node: yaml.ScalarNode) -> bool:
    if node.tag == _STRING:
        return _NUMBER_ELSEWHERE.fullmatch(node.value) is not None
    pattern = _PLAIN.get(node.tag)
    return node.tag != _NULL and (pattern is None or pattern.fullmatch(node.value) is None)


TEXT_RULES: Final[tuple[Rule, ...]] = (duplicate_key, null_value, odd_scalar)
