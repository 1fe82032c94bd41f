"""Rules for `openapi.yaml`: its operations, answers and problems."""

import re
from collections.abc import Iterator
from typing import Any, Final

from tools.contracts.documents import Document, follow, join, nodes, operations
from tools.contracts.findings import Complaint, Rule
from tools.contracts.rules.schemas import misfits

_SLUG: Final = re.compile(r"[a-z]+(-[a-z]+)*")
_OPERATION_ID: Final = re.compile(r"[a-z]+(_[a-z]+)*")
_PROBLEM_TYPE: Final = "/problems/"
_BODY: Final = re.compile(r"\$(request|response)\.body#(/.*)")


def _followed(document: Document, node: Any, pointer: str) -> tuple[dict[str, Any], str]:
    """Return what ``node`` stands for and where; nothing at all for a broken reference."""
    try:
        found, place = follow(document.root, node, pointer)
    except LookupError:
        return {}, pointer
    return (found, place) if isinstance(found, dict) else ({}, place)


def _examples(holder: dict[str, Any], pointer: str) -> Iterator[tuple[str, Any]]:
    if "example" in holder:
        yield join(pointer, "example"), holder["example"]
    for name, example in holder.get("examples", {}).items():
        yield join(pointer, "examples", name, "value"), example.get("value")


def _holders(document: Document) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each parameter, header and media type, which have a schema and examples of it."""
    for pointer, node in document.places:
        # Inside of a schema or of an example, `schema` is the name of a member.
        if pointer.startswith("/components/schemas/") or "/example" in pointer:
            continue
        if isinstance(node, dict) and isinstance(node.get("schema"), dict):
            yield pointer, node


def bad_example(document: Document) -> Iterator[Complaint]:
    """An example of a body, a parameter or a header does not fit its schema."""
    for pointer, holder in _holders(document):
        for place, example in _examples(holder, pointer):
            for misfit in misfits(document, holder["schema"], example):
                yield Complaint(place, misfit)


def missing_example(document: Document) -> Iterator[Complaint]:
    """A body shows nothing of itself."""
    for pointer, holder in _holders(document):
        if "/content/" in pointer and not list(_examples(holder, pointer)):
            yield Complaint(pointer, "has no example")


def shared_operation_id(document: Document) -> Iterator[Complaint]:
    """Two operations have one ``operationId``."""
    taken: set[str] = set()
    for pointer, _, _, operation in operations(document.root):
        name = operation.get("operationId", "")
        if name in taken:
            yield Complaint(join(pointer, "operationId"), "is taken by another operation")
        taken.add(name)


def incomplete_operation(document: Document) -> Iterator[Complaint]:
    """An operation lacks a name, its one tag, a summary, a description, or who may call it."""
    tags = {tag["name"] for tag in document.root.get("tags", [])}
    for pointer, _, _, operation in operations(document.root):
        if not _OPERATION_ID.fullmatch(operation.get("operationId", "")):
            yield Complaint(join(pointer, "operationId"), "is no name in snake_case")
        if len(operation.get("tags", [])) != 1 or not tags.issuperset(operation["tags"]):
            yield Complaint(join(pointer, "tags"), "is not one tag of this contract")
        for member in ("summary", "description"):
            if not operation.get(member):
                yield Complaint(join(pointer, member), "is missing")
        if "security" not in operation:
            yield Complaint(
                join(pointer, "security"), "is missing: who may call it is said on each operation"
            )


def _responses(document: Document) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield place, status and response of every operation, references followed."""
    seen: set[tuple[str, str]] = set()
    for pointer, _, _, operation in operations(document.root):
        for status, response in operation.get("responses", {}).items():
            found, place = _followed(document, response, join(pointer, "responses", status))
            if (place, status) not in seen:
                seen.add((place, status))
                yield place, status, found


def _without(document: Document, header: str, statuses: frozenset[str]) -> Iterator[Complaint]:
    for pointer, status, response in _responses(document):
        if status in statuses and header not in response.get("headers", {}):
            yield Complaint(join(pointer, "headers"), f"{status} has no {header}")


def missing_retry_after(document: Document) -> Iterator[Complaint]:
    """429 and 503 say when to try again."""
    yield from _without(document, "Retry-After", frozenset({"429", "503"}))


def missing_challenge(document: Document) -> Iterator[Complaint]:
    """401 says which scheme is expected (RFC 9110 §15.5.2)."""
    yield from _without(document, "WWW-Authenticate", frozenset({"401"}))


def missing_request_id(document: Document) -> Iterator[Complaint]:
    """Every answer says which request it answers."""
    yield from _without(document, "X-Request-Id", frozenset(map(str, range(100, 600))))


def missing_no_store(document: Document) -> Iterator[Complaint]:
    """An answer with a secret is kept by no cache."""
    for pointer, status, response in _responses(document):
        for content in response.get("content", {}).values():
            if "Cache-Control" not in response.get("headers", {}) and _has_secret(
                document, content.get("schema"), ()
            ):
                yield Complaint(
                    join(pointer, "headers"), f"{status} has a secret, no Cache-Control"
                )


def _has_secret(document: Document, schema: Any, inside: tuple[str, ...]) -> bool:
    schema, place = _followed(document, schema, "")
    if schema.get("x-sensitive") is True:
        return True
    if place in inside:
        return False
    inside = (*inside, place) if place else inside
    inner = [*schema.get("properties", {}).values(), schema.get("items")]
    inner += [
        branch for keyword in ("oneOf", "anyOf", "allOf") for branch in schema.get(keyword, [])
    ]
    return any(_has_secret(document, each, inside) for each in inner if isinstance(each, dict))


def bad_problem(document: Document) -> Iterator[Complaint]:
    """A row of ``x-problems`` has no usable name, no status of an error, or no words."""
    for slug, row in document.root.get("x-problems", {}).items():
        pointer = join("/x-problems", slug)
        if not _SLUG.fullmatch(slug):
            yield Complaint(pointer, "is no word of lower-case letters and dashes")
        status = row.get("status")
        if not isinstance(status, int) or not 400 <= status <= 599:
            yield Complaint(join(pointer, "status"), "is no status of an error")
        for member in ("title", "meaning"):
            if not row.get(member):
                yield Complaint(join(pointer, member), "is missing")


def _problem_examples(document: Document) -> Iterator[tuple[str, str, Any]]:
    """Yield place, the status it is answered with, and each example of a problem."""
    for pointer, status, response in _responses(document):
        for media_type, content in response.get("content", {}).items():
            if media_type == "application/problem+json":
                place = join(pointer, "content", media_type)
                for where, example in _examples(content, place):
                    if isinstance(example, dict):
                        yield where, status, example


def wrong_problem(document: Document) -> Iterator[Complaint]:
    """An example of a problem is none of ``x-problems``, or has another status or title."""
    problems = document.root.get("x-problems", {})
    for pointer, answered_with, example in _problem_examples(document):
        row = problems.get(str(example.get("type")).removeprefix(_PROBLEM_TYPE))
        if row is None:
            yield Complaint(join(pointer, "type"), "is none of x-problems")
            continue
        if example.get("status") != row.get("status") or answered_with != str(row.get("status")):
            yield Complaint(
                join(pointer, "status"), "is another than in x-problems or in the answer"
            )
        if example.get("title") != row.get("title"):
            yield Complaint(join(pointer, "title"), "is another than in x-problems")


def unused_problem(document: Document) -> Iterator[Complaint]:
    """Nothing says when a problem of ``x-problems`` is answered: no example, no text."""
    shown = {str(example.get("type")) for _, _, example in _problem_examples(document)}
    texts = [
        node
        for pointer, node in document.places
        if pointer.endswith("/description") and isinstance(node, str)
    ]
    for slug in document.root.get("x-problems", {}):
        if f"{_PROBLEM_TYPE}{slug}" not in shown and not any(f"`{slug}`" in text for text in texts):
            yield Complaint(
                join("/x-problems", slug), "is in no example and in no text of an answer"
            )


def ghost_link(document: Document) -> Iterator[Complaint]:
    """A link leads to no operation, or hands over what is not there."""
    by_id = {
        operation.get("operationId"): (path, operation)
        for _, _, path, operation in operations(document.root)
    }
    for pointer, _, _, operation in operations(document.root):
        for status, reference in operation.get("responses", {}).items():
            response, place = _followed(document, reference, join(pointer, "responses", status))
            for name, link in response.get("links", {}).items():
                where = join(place, "links", name)
                if link.get("operationId") not in by_id:
                    yield Complaint(join(where, "operationId"), "is no operation")
                    continue
                path, target = by_id[link["operationId"]]
                yield from _bad_hand_over(document, link, where, path, target)
                yield from _bad_sources(document, link, where, operation, response)


def _bad_hand_over(
    document: Document, link: dict[str, Any], where: str, path: str, target: dict[str, Any]
) -> Iterator[Complaint]:
    listed = [*document.root["paths"][path].get("parameters", []), *target.get("parameters", [])]
    known = {_followed(document, parameter, "")[0].get("name") for parameter in listed}
    for name in link.get("parameters", {}):
        if name not in known:
            yield Complaint(join(where, "parameters", name), "is no parameter of that operation")
    body, _ = _followed(document, target.get("requestBody", {}), "")
    members: set[str] = set()
    for content in body.get("content", {}).values():
        members |= _followed(document, content.get("schema"), "")[0].get("properties", {}).keys()
    given = link.get("requestBody", {})
    for name in given if isinstance(given, dict) else ():
        if name not in members:
            yield Complaint(join(where, "requestBody", name), "is no member of that body")


def _bad_sources(
    document: Document,
    link: dict[str, Any],
    where: str,
    operation: dict[str, Any],
    response: dict[str, Any],
) -> Iterator[Complaint]:
    for below, value in nodes({name: link.get(name, {}) for name in ("parameters", "requestBody")}):
        match = _BODY.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            continue
        body, _ = _followed(document, operation.get("requestBody", {}), "")
        holder = body if match[1] == "request" else response
        schemas = [content.get("schema") for content in holder.get("content", {}).values()]
        for step in match[2].split("/")[1:]:
            schemas = [
                inner
                for schema in schemas
                if (inner := _followed(document, schema, "")[0].get("properties", {}).get(step))
            ]
        if not schemas:
            yield Complaint(where + below, "takes from a member that is not there")


OPERATION_RULES: Final[tuple[Rule, ...]] = (
    bad_example,
    missing_example,
    shared_operation_id,
    incomplete_operation,
    missing_retry_after,
    missing_challenge,
    missing_request_id,
    missing_no_store,
    bad_problem,
    wrong_problem,
    unused_problem,
    ghost_link,
)
