"""Compiled JSON Schemas of the contract, and what is told about a value that breaks one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from jsonschema_rs import Draft202012Validator, ValidationError, ValidationErrorKind

from handlers.contract import Contract

MAX_FAULTS: Final = 8
MAX_POINTER_CHARACTERS: Final = 512

_MAX_BYTES: Final = "x-max-bytes"


@dataclass(frozen=True, slots=True)
class Fault:
    """One broken rule: its place in the request, its name, and where the contract says it.

    Never holds the value. ``location`` is body, path, query or header.
    """

    location: str
    pointer: str
    rule: str
    detail: str | None = None
    schema: str | None = None

    def as_value(self) -> dict[str, str]:
        """Return the fault as the contract's ``InputError``."""
        value = {"in": self.location, "pointer": self.pointer, "rule": self.rule}
        if self.detail is not None:
            value["detail"] = self.detail
        if self.schema is not None:
            value["schema"] = self.schema
        return value


class _MaxBytes:
    """The keyword ``x-max-bytes``: a string's length in bytes of UTF-8, inclusive."""

    def __init__(self, _parent: dict[str, Any], value: Any, _path: list[str | int]) -> None:
        self._max_bytes = int(value)

    def validate(self, instance: Any) -> None:
        if isinstance(instance, str) and len(instance.encode()) > self._max_bytes:
            raise ValueError("too many bytes")


class Schema:
    """One schema, compiled once.

    ``said`` is a schema object, or a reference, of ``contract``. ``closed``: no object may
    have a member that its schema does not name, whatever the contract leaves open.
    """

    def __init__(
        self, contract: Contract, said: Mapping[str, Any], *, closed: bool = False
    ) -> None:
        document: dict[str, Any] = {**said, **contract.schemas}
        if closed:
            document = _closed(document)
        self._exact = Draft202012Validator(
            document, validate_formats=True, keywords={_MAX_BYTES: _MaxBytes}
        )
        # A keyword of ours costs more than all the others together. It says no more than
        # maxLength where each character is one byte.
        self._of_ascii = Draft202012Validator(document, validate_formats=True)

    def fits(self, value: object, *, is_ascii: bool) -> bool:
        """Tell whether ``value`` fits; ``is_ascii``: all of its strings are known to be."""
        return (self._of_ascii if is_ascii else self._exact).is_valid(value)

    def faults(self, value: object, location: str, prefix: str = "") -> tuple[Fault, ...]:
        """Return the first broken rules, ``prefix`` before each pointer; none if it fits."""
        errors = islice(self._exact.iter_errors(value), MAX_FAULTS)
        return tuple(_fault(error, location, prefix) for error in errors)


def _closed(node: Any) -> Any:
    """Return a copy in which every schema that names members allows no others."""
    if isinstance(node, list):
        return [_closed(child) for child in node]
    if not isinstance(node, dict):
        return node
    copy = {name: _closed(child) for name, child in node.items()}
    # Also the word of a member, as in {"properties": {"properties": ...}}: a schema is an object.
    if isinstance(node.get("properties"), dict) and node.get("type") == "object":
        copy.setdefault("additionalProperties", False)
    return copy


def _fault(error: ValidationError, location: str, prefix: str) -> Fault:
    path: list[str | int] = list(error.instance_path)
    detail = None
    match error.kind:
        case ValidationErrorKind.AdditionalProperties(unexpected=names):
            path.append(names[0])
            detail = "the contract has no such member"
        case ValidationErrorKind.Required(property=name):
            detail = f"{name} is missing"
        case _:
            pass
    return Fault(
        location,
        pointer_to(path, prefix),
        error.kind.name,
        detail,
        "#" + pointer_to(error.schema_path),
    )


def pointer_to(path: Iterable[str | int], prefix: str = "") -> str:
    """Return the JSON pointer, cut to the innermost parent whose pointer is short enough."""
    pointer = prefix
    for token in path:
        longer = f"{pointer}/{str(token).replace('~', '~0').replace('/', '~1')}"
        if len(longer) > MAX_POINTER_CHARACTERS:
            break
        pointer = longer
    return pointer
