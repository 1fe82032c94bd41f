"""A contract as data: its text, its tree, and the places in it, as JSON pointers (RFC 6901)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal

import yaml

from spec import parse

Kind = Literal["openapi", "asyncapi"]


class NoContract(Exception):
    """The file is no contract: no YAML, or neither OpenAPI nor AsyncAPI."""


@dataclass(frozen=True, eq=False)
class Document:
    """One contract. ``root`` is its tree, references unresolved; nobody changes it."""

    file: str
    kind: Kind
    root: dict[str, Any]
    text: str

    @cached_property
    def places(self) -> tuple[tuple[str, Any], ...]:
        """Every place and what stands there, parents before children."""
        return tuple(nodes(self.root))


def read_document(file: Path) -> Document:
    """Return the contract in ``file``.

    Raises:
        NoContract: the file is no YAML, or says neither ``openapi`` nor ``asyncapi``.
        OSError: the file cannot be read.
    """
    return document_of(str(file), file.read_text(encoding="utf-8"))


def document_of(file: str, text: str) -> Document:
    """Return the contract that ``text`` is; ``file`` is what findings call it.

    Raises:
        NoContract: the text is no YAML, or says neither ``openapi`` nor ``asyncapi``.
    """
    try:
        root = parse(text)
    except yaml.YAMLError as broken:
        raise NoContract(f"{file}: is no YAML: {broken}") from broken
    if isinstance(root, dict) and "openapi" in root:
        return Document(file, "openapi", root, text)
    if isinstance(root, dict) and "asyncapi" in root:
        return Document(file, "asyncapi", root, text)
    raise NoContract(f"{file}: is neither OpenAPI nor AsyncAPI")


def join(pointer: str, *steps: str | int) -> str:
    """Return ``pointer`` and ``steps`` below it, each escaped."""
    escaped = (str(step).replace("~", "~0").replace("/", "~1") for step in steps)
    return "/".join((pointer, *escaped))


def steps_of(pointer: str) -> list[str]:
    """Return the steps of a pointer or of a pointer fragment (``#/a/b``), unescaped."""
    return [
        step.replace("~1", "/").replace("~0", "~") for step in pointer.lstrip("#").split("/")[1:]
    ]


def at(root: Any, pointer: str) -> Any:
    """Return what stands at ``pointer``, references not followed.

    Raises:
        LookupError: nothing stands there.
    """
    node = root
    for step in steps_of(pointer):
        if isinstance(node, list):
            if not step.isdigit():
                raise LookupError(pointer)
            node = node[int(step)]
        elif isinstance(node, dict):
            node = node[step]
        else:
            raise LookupError(pointer)
    return node


def follow(root: Any, node: Any, pointer: str) -> tuple[Any, str]:
    """Return what ``node`` at ``pointer`` stands for, and where that is.

    Raises:
        LookupError: a reference leads nowhere, out of the document, or in a circle.
    """
    seen: set[str] = set()
    while isinstance(node, dict) and isinstance(node.get("$ref"), str):
        reference: str = node["$ref"]
        if not reference.startswith("#/") or reference in seen:
            raise LookupError(reference)
        seen.add(reference)
        pointer = reference.removeprefix("#")
        node = at(root, pointer)
    return node, pointer


def nodes(node: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each place and what stands there, ``node`` first, parents before children."""
    yield pointer, node
    if isinstance(node, dict):
        for name, child in node.items():
            yield from nodes(child, join(pointer, name))
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from nodes(child, join(pointer, index))


def operations(root: Mapping[str, Any]) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Yield pointer, method in upper case, path and operation of an OpenAPI tree."""
    for path, item in root["paths"].items():
        for method, operation in item.items():
            if method in _METHODS:
                yield join("/paths", path, method), method.upper(), path, operation


_METHODS: Final = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
