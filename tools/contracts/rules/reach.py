"""Rules for references: each leads somewhere, and each component is reached."""

from collections.abc import Iterator
from typing import Any, Final

from tools.contracts.documents import Document, at, join, nodes, steps_of
from tools.contracts.findings import Complaint, Rule


def broken_reference(document: Document) -> Iterator[Complaint]:
    """A ``$ref`` leads nowhere, or out of the contract."""
    for pointer, node in document.places:
        if isinstance(node, dict) and isinstance(node.get("$ref"), str):
            reference = node["$ref"]
            if not reference.startswith("#/") or not _exists(document, reference):
                yield Complaint(join(pointer, "$ref"), f"{reference} leads nowhere")


def _exists(document: Document, reference: str) -> bool:
    try:
        at(document.root, reference)
    except LookupError:
        return False
    return True


def ghost_pointer(document: Document) -> Iterator[Complaint]:
    """An example shows a place of this contract that is not there."""
    for pointer, node in document.places:
        is_place = isinstance(node, str) and node.startswith("#/components/")
        if is_place and not pointer.endswith("/$ref") and not _exists(document, node):
            yield Complaint(pointer, f"{node} leads nowhere")


def ignored_beside_reference(document: Document) -> Iterator[Complaint]:
    """Outside of schemas, too, what stands beside a ``$ref`` is ignored."""
    for pointer, node in document.places:
        if isinstance(node, dict) and isinstance(node.get("$ref"), str) and len(node) > 1:
            inside = pointer.startswith("/components/schemas/") or steps_of(pointer)[-1] in _SCHEMA
            if not inside:
                yield Complaint(pointer, "has members beside a $ref, which are ignored")


_SCHEMA: Final = frozenset({"schema", "payload", "x-schema", "items", "additionalProperties"})


def unreached_component(document: Document) -> Iterator[Complaint]:
    """Nothing that is served leads to the component: a ghost."""
    components: dict[str, dict[str, Any]] = document.root.get("components", {})
    reached = set(_named_security(document))
    queue: list[Any] = [value for key, value in document.root.items() if key != "components"]
    queue += [at(document.root, pointer) for pointer in reached if _exists(document, pointer)]
    while queue:
        for _, node in nodes(queue.pop()):
            if not isinstance(node, dict) or not isinstance(node.get("$ref"), str):
                continue
            place = node["$ref"].removeprefix("#")
            if place not in reached and _exists(document, place):
                reached.add(place)
                queue.append(at(document.root, place))
    for kind, named in components.items():
        for name in named:
            pointer = join("/components", kind, name)
            if not any(place == pointer or place.startswith(f"{pointer}/") for place in reached):
                yield Complaint(pointer, "is never reached")


def _named_security(document: Document) -> Iterator[str]:
    """Yield the schemes that OpenAPI's requirements name; AsyncAPI's are references."""
    if document.kind == "asyncapi":
        return
    for pointer, node in document.places:
        if pointer.endswith("/security") and isinstance(node, list):
            for alternative in node:
                for name in alternative:
                    yield join("/components/securitySchemes", name)


REACH_RULES: Final[tuple[Rule, ...]] = (
    broken_reference,
    ghost_pointer,
    ignored_beside_reference,
    unreached_component,
)
