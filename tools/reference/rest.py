"""The REST contract as a Markdown reference."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from tools.reference.document import Document, NotRendered, Part
from tools.reference.front import credential, credential_sections, front_sections
from tools.reference.markup import code, heading, json_block, link, listed, table, text_block
from tools.reference.schemas import (
    bounds_in_words,
    has_members,
    member_table,
    schema_sections,
    type_in_words,
)

METHODS: Final = ("get", "head", "post", "put", "delete", "patch", "options", "trace")
FORM: Final = "application/x-www-form-urlencoded"
RESPONSES: Final = "components/responses"

Section = Callable[[Document], Iterator[str]]


def rest_reference(contract: Mapping[str, Any]) -> str:
    """Return the reference of an OpenAPI 3.0 ``contract``, references unresolved.

    Raises:
        NotRendered: it holds what no section shows.
    """
    document = Document(contract)
    document.root.only(
        *("openapi", "info", "servers", "tags", "x-problems", "paths", "components", "security")
    )
    document.child(document.root, "components").only(
        *("securitySchemes", "parameters", "headers", "responses", "schemas")
    )
    blocks = [block for section in SECTIONS for block in section(document)]
    return "\n\n".join(filter(None, blocks)) + "\n"


def operations(document: Document) -> Iterator[tuple[str, str, Part, Part]]:
    """Yield method, path, path item and operation, in the contract's order."""
    for path, item in document.children(document.root, "paths"):
        item.only("parameters", *METHODS)
        for method in item.node:
            if method in METHODS:
                yield method.upper(), path, item, document.child(item, method)


def problems_named(document: Document, response: Part) -> list[str]:
    """Return the slugs of the problems that a response may be, in its own order."""
    slugs = list(response.node.get("x-problems", ()))
    if unknown := set(slugs) - document.root.node["x-problems"].keys():
        raise NotRendered(response.place, unknown)
    return slugs


def examples_of(media: Part) -> Iterator[tuple[str, Any]]:
    """Yield summary (empty for a lone example) and value of a media type's examples."""
    if "example" in media.node:
        yield "", media.node["example"]
    for example in media.node.get("examples", {}).values():
        yield example.get("summary", ""), example["value"]


def _front(document: Document) -> Iterator[str]:
    yield from front_sections(document, "REST reference")
    yield heading(2, "Servers", "servers")
    servers = document.root.node["servers"]
    for at, server in enumerate(servers):
        Part(f"#/servers/{at}", server).only("url", "description")
    yield listed(f"{code(server['url'])}: {server['description']}" for server in servers)
    yield heading(2, "All operations", "operations")
    rows = [
        [
            link(operation.text("summary"), f"operation-{operation.text('operationId')}"),
            code(f"{method} {path}"),
            _callers(document, operation),
        ]
        for method, path, _, operation in operations(document)
    ]
    yield table(("Operation", "Request", "Who may call"), rows)


def _tagged_operations(document: Document) -> Iterator[str]:
    shown: set[str] = set()
    tags = [tag["name"] for tag in document.root.node["tags"]]
    for at, said in enumerate(document.root.node["tags"]):
        tag = Part(f"#/tags/{at}", said)
        tag.only("name", "description")
        yield heading(2, tag.text("name").capitalize(), f"tag-{tag.text('name')}")
        yield tag.text("description")
        for method, path, item, operation in operations(document):
            if operation.node["tags"][0] == said["name"]:
                shown.add(operation.place)
                yield from _operation(document, method, path, item, operation)
    for _, _, _, operation in operations(document):
        if operation.place not in shown or not {*operation.node["tags"]} <= {*tags}:
            raise NotRendered(operation.place, ["an operation under no known tag"])


def _operation(
    document: Document, method: str, path: str, item: Part, operation: Part
) -> Iterator[str]:
    operation.only(
        *("tags", "operationId", "summary", "description", "security"),
        *("parameters", "requestBody", "responses"),
    )
    anchor = f"operation-{operation.text('operationId')}"
    yield heading(3, operation.text("summary"), anchor)
    yield text_block(f"{method} {path}")
    yield operation.text("description")
    facts = [
        f"Operation: {code(operation.text('operationId'))}",
        f"Who may call: {_callers(document, operation)}",
    ]
    if others := operation.node["tags"][1:]:
        facts.append(f"Also under: {', '.join(link(tag, f'tag-{tag}') for tag in others)}")
    yield listed(facts)
    yield from _parameters(document, item, operation, anchor)
    yield from _request_body(document, operation, anchor)
    yield from _answers(document, operation, anchor)


def _callers(document: Document, operation: Part) -> str:
    ways = operation.node.get("security", document.root.node.get("security", []))
    words = [
        "with " + " and ".join(credential(name) for name in way) if way else "without a credential"
        for way in ways or [{}]
    ]
    everybody = "anyone, " if {} in ways or not ways else "whoever comes "
    return everybody + ", or ".join(words)


def _parameters(document: Document, item: Part, operation: Part, anchor: str) -> Iterator[str]:
    rows: list[list[str]] = []
    for owner in (item, operation):
        for at, said in enumerate(owner.node.get("parameters", ())):
            parameter = document.follow(Part(f"{owner.place}/parameters/{at}", said))
            parameter.only("name", "in", "required", "description", "schema", "example")
            schema = document.unfollowed(parameter, "schema")
            meaning = parameter.text("description")
            if "example" in parameter.node:
                meaning += f" Example: {code(parameter.node['example'])}"
            rows.append(
                [
                    code(parameter.text("name")),
                    parameter.text("in"),
                    type_in_words(document, schema),
                    "yes" if parameter.node.get("required") else "no",
                    bounds_in_words(document, schema),
                    f"{meaning} {document.follow(schema).text('description')}",
                ]
            )
    if rows:
        yield heading(4, "Parameters", f"{anchor}-parameters")
        yield table(("Parameter", "In", "Type", "Required", "Bounds", "Meaning"), rows)


def _request_body(document: Document, operation: Part, anchor: str) -> Iterator[str]:
    if "requestBody" not in operation.node:
        return
    body = document.child(operation, "requestBody")
    body.only("required", "description", "content")
    yield heading(4, "Request body", f"{anchor}-body")
    need = "Required." if body.node.get("required") else "May be left out."
    yield f"{body.text('description')} {need}"
    yield from _content(document, body)


def _answers(document: Document, operation: Part, anchor: str) -> Iterator[str]:
    yield heading(4, "Answers", f"{anchor}-answers")
    answers = list(document.children(operation, "responses"))
    rows: list[list[str]] = []
    for status, answer in answers:
        answer.only("description", "headers", "content", "links", "x-problems")
        named = [link(code(slug), f"problem-{slug}") for slug in problems_named(document, answer)]
        body = ", ".join(_schema_of(document, media) for media in _media(document, answer))
        if answer.kind == RESPONSES:
            body = link(answer.name, f"answer-{answer.name}")
        rows.append(
            [
                code(status),
                answer.text("description"),
                ": ".join(filter(None, [body or "none", ", ".join(named)])),
                _header_names(document, answer),
            ]
        )
    yield table(("Status", "When", "Body", "Headers"), rows)
    for status, answer in answers:
        if answer.kind != RESPONSES and ("content" in answer.node or "links" in answer.node):
            yield f"**{status}.** {answer.text('description')}"
            yield from _content(document, answer)
            yield from _links(document, answer)


def _header_names(document: Document, answer: Part) -> str:
    names: list[str] = []
    for name, header in document.children(answer, "headers"):
        if header.kind != "components/headers":
            raise NotRendered(answer.place, [f"the header {name} without a name"])
        names.append(link(code(name), f"header-{header.name}"))
    return ", ".join(names)


def _links(document: Document, answer: Part) -> Iterator[str]:
    if "links" not in answer.node:
        return
    yield "What can follow:"
    rows: list[list[str]] = []
    for name, following in document.children(answer, "links"):
        following.only("operationId", "description", "parameters", "requestBody")
        target = following.text("operationId")
        taken = dict(following.node.get("parameters", {}))
        taken.update(following.node.get("requestBody", {}))
        rows.append(
            [
                name,
                link(code(target), f"operation-{target}"),
                ", ".join(f"{code(key)} from {code(value)}" for key, value in taken.items()),
                following.text("description"),
            ]
        )
    yield table(("Link", "Operation", "Takes", "Meaning"), rows)


def _media(document: Document, part: Part) -> Iterator[Part]:
    for _, media in document.children(part, "content"):
        media.only("schema", "example", "examples")
        yield media


def _schema_of(document: Document, media: Part) -> str:
    return type_in_words(document, document.unfollowed(media, "schema"))


def _content(document: Document, part: Part) -> Iterator[str]:
    for media in _media(document, part):
        schema = document.unfollowed(media, "schema")
        yield f"{code(media.name)}: {_schema_of(document, media)}"
        if description := document.follow(schema).text("description"):
            yield description
        if has_members(document, schema):
            yield member_table(document, schema)
        for summary, value in examples_of(media):
            yield f"Example: {summary}".removesuffix(": ") + ":"
            yield text_block(urlencode(value)) if media.name == FORM else json_block(value)


def _shared_answers(document: Document) -> Iterator[str]:
    yield heading(2, "Shared answers", "answers")
    for answer in document.components("responses"):
        answer.only("description", "headers", "content", "x-problems")
        yield heading(3, answer.name, f"answer-{answer.name}")
        yield answer.text("description")
        named = [link(code(slug), f"problem-{slug}") for slug in problems_named(document, answer)]
        facts = [
            f"Body: {code(media.name)}, {_schema_of(document, media)}"
            for media in _media(document, answer)
        ]
        if named:
            facts.append(f"Problems: {', '.join(named)}")
        facts.append(f"Headers: {_header_names(document, answer)}")
        yield listed(facts)
        for media in _media(document, answer):
            for summary, value in examples_of(media):
                yield f"Example: {summary}".removesuffix(": ") + ":"
                yield json_block(value)


def _headers(document: Document) -> Iterator[str]:
    yield heading(2, "Headers of answers", "headers")
    written: dict[str, str] = {}
    for _, _, _, operation in operations(document):
        for _, answer in document.children(operation, "responses"):
            for name, header in document.children(answer, "headers"):
                written[header.name] = name
    rows: list[list[str]] = []
    for header in document.components("headers"):
        header.only("description", "schema")
        if header.name not in written:
            raise NotRendered(header.place, ["a header of no answer"])
        schema = document.unfollowed(header, "schema")
        example = document.follow(schema).node.get("example")
        said = header.text("description")
        rows.append(
            [
                f"{code(written[header.name])}{{#header-{header.name}}}",
                type_in_words(document, schema),
                bounds_in_words(document, schema),
                said if example is None else f"{said} Example: {code(example)}",
            ]
        )
    yield table(("Header", "Type", "Bounds", "Meaning"), rows)


def _problems(document: Document) -> Iterator[str]:
    yield heading(2, "Problems", "problems")
    rows: list[list[str]] = []
    for slug, problem in document.children(document.root, "x-problems"):
        problem.only("status", "title", "meaning", "members")
        rows.append(
            [
                f"{code(slug)}{{#problem-{slug}}}",
                code(problem.node["status"]),
                problem.text("title"),
                problem.text("meaning"),
                ", ".join(code(name) for name in problem.node.get("members", ())) or "none",
            ]
        )
    yield table(("Problem", "Status", "Title", "Meaning", "Members of its own"), rows)


SECTIONS: tuple[Section, ...] = (
    _front,
    credential_sections,
    _tagged_operations,
    _shared_answers,
    _headers,
    schema_sections,
    _problems,
)
