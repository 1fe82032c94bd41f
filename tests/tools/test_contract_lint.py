"""Each rule of our lint finds the mistake it is there for, names it and its place, and no other."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tools.contracts.documents import Document, Kind, NoContract, at, document_of, read_document
from tools.contracts.findings import name_of
from tools.contracts.lint import lint, main, rules_for
from tools.contracts.rules.schemas import same_name

SPEC = Path(__file__).resolve().parents[2] / "spec"
CONTRACTS: dict[Kind, Document] = {
    "openapi": read_document(SPEC / "openapi.yaml"),
    "asyncapi": read_document(SPEC / "asyncapi.yaml"),
}
SCHEMAS = "/components/schemas"
MESSAGES = "/components/messages"
ROOM = "/channels/room"

Change = Callable[[dict[str, Any]], object]


def put(place: str, value: Any) -> Change:
    """Make ``value`` stand at ``place``, whether something stands there or not."""
    parent, _, name = place.rpartition("/")
    name = name.replace("~1", "/")

    def change(root: dict[str, Any]) -> None:
        node = at(root, parent)
        node[int(name) if isinstance(node, list) else name] = value

    return change


def drop(place: str) -> Change:
    parent, _, name = place.rpartition("/")

    def change(root: dict[str, Any]) -> None:
        node = at(root, parent)
        del node[int(name) if isinstance(node, list) else name]

    return change


def add(place: str, value: Any) -> Change:
    """Add ``value`` to the list at ``place``."""
    return lambda root: at(root, place).append(value)


def again(place: str, **changes: Any) -> Change:
    """Add the first row of the table at ``place`` again, changed."""

    def change(root: dict[str, Any]) -> None:
        table = at(root, place)
        table.append({**table[0], **changes})

    return change


def all_of(*changes: Change) -> Change:
    return lambda root: [change(root) for change in changes]


@dataclass(frozen=True, slots=True)
class Plant:
    """A mistake, and what has to be said of it."""

    rule: str
    kind: Kind
    pointer: str
    change: Change


def rest(rule: str, pointer: str, change: Change) -> Plant:
    return Plant(rule, "openapi", pointer, change)


def relay(rule: str, pointer: str, change: Change) -> Plant:
    return Plant(rule, "asyncapi", pointer, change)


ACK = f"{SCHEMAS}/Ack"
# A member that nothing shows an example of.
MORE = f"{ACK}/properties/more"
IN = f"{SCHEMAS}/MessageIn"
LOGIN = "/paths/~1user/put"
TOO_MANY = "/components/responses/TooManyTries"
PROBLEM_JSON = "content/application~1problem+json"
STRING = {"type": "string", "maxLength": 8}

PLANTS = [
    # References.
    relay(
        "broken-reference",
        f"{MESSAGES}/Head/correlationId/$ref",
        put(f"{MESSAGES}/Head/correlationId", {"$ref": "#/components/correlationIds/no"}),
    ),
    relay(
        "ghost-pointer",
        f"{MESSAGES}/Failure/examples/0/payload/schema",
        put(f"{MESSAGES}/Failure/examples/0/payload/schema", "#/components/schemas/No"),
    ),
    rest(
        "ignored-beside-reference",
        "/paths/~1key/post/responses/429",
        put("/paths/~1key/post/responses/429/description", "Slowly."),
    ),
    rest("unreached-component", f"{SCHEMAS}/Ghost", put(f"{SCHEMAS}/Ghost", STRING)),
    rest(
        "unreached-component",
        "/components/headers/Ghost",
        put("/components/headers/Ghost", {"description": "No.", "schema": STRING}),
    ),
    rest(
        "unreached-component",
        "/components/securitySchemes/ghost",
        put("/components/securitySchemes/ghost", {"type": "http", "scheme": "bearer"}),
    ),
    relay(
        "unreached-component",
        "/components/correlationIds/ghost",
        put("/components/correlationIds/ghost", {"location": "$message.payload#/id"}),
    ),
    relay(
        "unreached-component",
        f"{SCHEMAS}/Ghost",
        put(
            f"{SCHEMAS}/Ghost",
            {"type": "object", "properties": {"me": {"$ref": "#/components/schemas/Ghost"}}},
        ),
    ),
    # Every schema.
    relay("unknown-keyword", f"{ACK}/requierd", put(f"{ACK}/requierd", ["id"])),
    rest(
        "one-sided-keyword", f"{SCHEMAS}/Detail/nullable", put(f"{SCHEMAS}/Detail/nullable", True)
    ),
    rest(
        "one-sided-keyword", f"{SCHEMAS}/Detail/examples", put(f"{SCHEMAS}/Detail/examples", ["x"])
    ),
    rest(
        "one-sided-keyword",
        f"{SCHEMAS}/InactiveToken/properties/active/const",
        put(f"{SCHEMAS}/InactiveToken/properties/active/const", False),
    ),
    relay(
        "one-sided-keyword",
        f"{SCHEMAS}/Seq/exclusiveMinimum",
        put(f"{SCHEMAS}/Seq/exclusiveMinimum", 0),
    ),
    relay("one-sided-keyword", f"{ACK}/type", put(f"{ACK}/type", ["object"])),
    relay(
        "ignored-sibling",
        f"{ACK}/properties/seq/maximum",
        put(f"{ACK}/properties/seq/maximum", 100),
    ),
    relay(
        "bad-schema",
        f"{SCHEMAS}/Failure/properties/expected/type",
        put(f"{SCHEMAS}/Failure/properties/expected/type", "obejct"),
    ),
    relay(
        "ghost-required", f"{MORE}/required/0", put(MORE, {"type": "object", "required": ["no"]})
    ),
    relay("ghost-member", f"{IN}/x-members/ghost", put(f"{IN}/x-members/ghost", "Who?")),
    relay(
        "bad-default", f"{IN}/properties/type/default", put(f"{IN}/properties/type/default", "x")
    ),
    relay("bad-schema-example", f"{SCHEMAS}/Seq/examples/0", put(f"{SCHEMAS}/Seq/examples", [0])),
    rest(
        "bad-schema-example",
        f"{SCHEMAS}/RelayUrl/example",
        put(f"{SCHEMAS}/RelayUrl/example", "http://127.0.0.1:4000"),
    ),
    rest(
        "bad-pattern",
        f"{SCHEMAS}/Problem/properties/type/pattern",
        put(f"{SCHEMAS}/Problem/properties/type/pattern", "^/problems/[a-z-+$"),
    ),
    rest(
        "bad-pattern",
        f"{SCHEMAS}/Problem/properties/type/pattern",
        put(f"{SCHEMAS}/Problem/properties/type/pattern", "/problems/[a-z-]+"),
    ),
    rest(
        "bad-pattern",
        f"{SCHEMAS}/Problem/properties/type/pattern",
        put(f"{SCHEMAS}/Problem/properties/type/pattern", "^/problems/[\\w-]+$"),
    ),
    rest("unknown-format", f"{SCHEMAS}/RelayUrl/format", put(f"{SCHEMAS}/RelayUrl/format", "uri")),
    relay(
        "crossed-bounds",
        f"{MORE}/minimum",
        put(MORE, {"type": "integer", "minimum": 3, "maximum": 2}),
    ),
    relay("bad-max-bytes", f"{MORE}/x-max-bytes", put(MORE, {**STRING, "x-max-bytes": 7})),
    relay("bad-max-bytes", f"{MORE}/x-max-bytes", put(MORE, {**STRING, "x-max-bytes": 33})),
    relay(
        "bad-max-bytes",
        f"{MORE}/x-max-bytes",
        put(MORE, {**STRING, "minLength": 5, "x-max-bytes": 4}),
    ),
    relay("bad-max-bytes", f"{MORE}/x-max-bytes", put(MORE, {**STRING, "x-max-bytes": "8"})),
    rest(
        "bad-max-bytes",
        f"{SCHEMAS}/KeyVersionNumber/x-max-bytes",
        put(f"{SCHEMAS}/KeyVersionNumber/x-max-bytes", 10),
    ),
    relay("bad-max-bytes", f"{MORE}/x-max-bytes", put(MORE, {"type": "string", "x-max-bytes": 8})),
    rest(
        "bad-sensitive",
        f"{SCHEMAS}/ApiKey/x-sensitive",
        put(f"{SCHEMAS}/ApiKey/x-sensitive", "yes"),
    ),
    relay(
        "unbounded-string",
        f"{SCHEMAS}/MessageData/properties/message",
        all_of(
            drop(f"{SCHEMAS}/MessageData/properties/message/maxLength"),
            drop(f"{SCHEMAS}/MessageData/properties/message/x-max-bytes"),
        ),
    ),
    relay(
        "unbounded-integer",
        f"{SCHEMAS}/Limits/properties/frames_per_s",
        drop(f"{SCHEMAS}/Limits/properties/frames_per_s/maximum"),
    ),
    rest(
        "unbounded-array",
        f"{SCHEMAS}/NotReady/properties/reasons",
        drop(f"{SCHEMAS}/NotReady/properties/reasons/maxItems"),
    ),
    rest(
        "open-object", f"{SCHEMAS}/Credentials", drop(f"{SCHEMAS}/Credentials/additionalProperties")
    ),
    relay("open-object", IN, put(f"{IN}/additionalProperties", True)),
    relay("closed-answer", ACK, put(f"{ACK}/additionalProperties", False)),
    relay(
        "untyped-schema",
        f"{SCHEMAS}/Failure/properties/expected",
        drop(f"{SCHEMAS}/Failure/properties/expected/type"),
    ),
    rest("same-name", f"{SCHEMAS}/Username", put(f"{SCHEMAS}/Username/maxLength", 65)),
    # asyncapi.yaml
    relay(
        "bad-example",
        f"{MESSAGES}/Ack/examples/0/payload",
        put(f"{MESSAGES}/Ack/examples/0/payload/seq", "42"),
    ),
    relay(
        "bad-example",
        f"{MESSAGES}/MessageIn/examples/1/payload",
        put(f"{MESSAGES}/MessageIn/examples/1/payload/extra", 1),
    ),
    relay("missing-example", f"{MESSAGES}/Head", drop(f"{MESSAGES}/Head/examples")),
    relay(
        "unknown-schema-format",
        f"{MESSAGES}/Ack/payload/schemaFormat",
        put(
            f"{MESSAGES}/Ack/payload",
            {
                "schemaFormat": "application/schema+json;version=draft-2020-12",
                "schema": {"$ref": "#/components/schemas/Ack"},
            },
        ),
    ),
    relay(
        "correlation-nowhere",
        f"{MESSAGES}/Head/correlationId",
        put(f"{MESSAGES}/Head/correlationId", {"$ref": "#/components/correlationIds/message_id"}),
    ),
    relay(
        "untyped-frame",
        f"{MESSAGES}/Head",
        put(f"{SCHEMAS}/Head/properties/type", {"type": "string"}),
    ),
    relay("wrong-name", f"{MESSAGES}/Ack/name", put(f"{MESSAGES}/Ack/name", "acknowledgement")),
    relay(
        "shared-type",
        f"{MESSAGES}/Head",
        all_of(
            put(f"{SCHEMAS}/Head/properties/type/const", "ack"),
            put(f"{MESSAGES}/Head/name", "ack"),
            put(f"{MESSAGES}/Head/examples/0/payload/type", "ack"),
        ),
    ),
    relay(
        "message-outside-channel",
        "/operations/send_head/messages/1",
        add("/operations/send_head/messages", {"$ref": "#/components/messages/Head"}),
    ),
    relay(
        "reply-outside-channel",
        "/operations/receive_message/reply/messages/2",
        add("/operations/receive_message/reply/messages", {"$ref": "#/components/messages/Ack"}),
    ),
    relay("silent-message", f"{ROOM}/messages/Head", drop("/operations/send_head")),
    relay("bad-parameter", f"{ROOM}/parameters/room", drop(f"{ROOM}/parameters/room/x-schema")),
    relay(
        "bad-parameter",
        f"{ROOM}/parameters/room/x-schema",
        put(f"{ROOM}/parameters/room/description", "The room's name, `^[a-z]{1,8}$`."),
    ),
    relay(
        "bad-parameter",
        f"{ROOM}/parameters/room/examples/0",
        put(f"{ROOM}/parameters/room/examples", ["~chat"]),
    ),
    relay(
        "ghost-parameter", f"{ROOM}/parameters/name", put(f"{ROOM}/address", "/ws/{room}/{name}")
    ),
    relay(
        "bad-subprotocols", f"{ROOM}/x-subprotocols/0", put(f"{ROOM}/x-subprotocols", ["ilo v1"])
    ),
    relay(
        "bad-close-code", f"{ROOM}/x-close-codes/0/code", put(f"{ROOM}/x-close-codes/0/code", 1006)
    ),
    relay(
        "bad-close-code", f"{ROOM}/x-close-codes/0/code", put(f"{ROOM}/x-close-codes/0/code", 3000)
    ),
    relay(
        "bad-close-code", f"{ROOM}/x-close-codes/1/code", put(f"{ROOM}/x-close-codes/1/code", 1000)
    ),
    relay(
        "bad-close-code",
        f"{ROOM}/x-close-codes/3/reconnect",
        put(f"{ROOM}/x-close-codes/3/reconnect", "no"),
    ),
    relay("bad-refusal", f"{ROOM}/x-refusals/1/status", put(f"{ROOM}/x-refusals/1/status", 200)),
    relay(
        "bad-refusal", f"{ROOM}/x-refusals/0/reconnect", put(f"{ROOM}/x-refusals/0/reconnect", True)
    ),
    relay(
        "bad-error-code",
        f"{SCHEMAS}/Failure/properties/code/enum",
        add(f"{SCHEMAS}/Failure/properties/code/enum", "teapot"),
    ),
    relay(
        "bad-error-code",
        f"{ROOM}/x-error-codes/0/stored",
        put(f"{ROOM}/x-error-codes/0/stored", False),
    ),
    # openapi.yaml
    rest(
        "bad-example",
        f"{LOGIN}/responses/200/content/application~1json/example",
        put(f"{LOGIN}/responses/200/content/application~1json/example/token", "secret"),
    ),
    rest(
        "bad-example",
        "/components/parameters/Username/example",
        put("/components/parameters/Username/example", ""),
    ),
    rest(
        "bad-schema-example",
        "/components/headers/RetryAfter/schema/example",
        put("/components/headers/RetryAfter/schema/example", 0),
    ),
    rest(
        "bad-example",
        "/components/headers/RetryAfter/example",
        put("/components/headers/RetryAfter/example", "30"),
    ),
    rest(
        "missing-example",
        f"{LOGIN}/requestBody/content/application~1json",
        drop(f"{LOGIN}/requestBody/content/application~1json/example"),
    ),
    rest(
        "shared-operation-id",
        "/paths/~1ready/get/operationId",
        put("/paths/~1ready/get/operationId", "get_health"),
    ),
    rest(
        "incomplete-operation", "/paths/~1ready/get/security", drop("/paths/~1ready/get/security")
    ),
    rest("incomplete-operation", "/paths/~1ready/get/tags", add("/paths/~1ready/get/tags", "keys")),
    rest("incomplete-operation", "/paths/~1ready/get/summary", drop("/paths/~1ready/get/summary")),
    rest("missing-retry-after", f"{TOO_MANY}/headers", drop(f"{TOO_MANY}/headers/Retry-After")),
    rest(
        "missing-challenge",
        "/components/responses/NotLoggedIn/headers",
        drop("/components/responses/NotLoggedIn/headers/WWW-Authenticate"),
    ),
    rest("missing-request-id", f"{TOO_MANY}/headers", drop(f"{TOO_MANY}/headers/X-Request-Id")),
    rest(
        "missing-no-store",
        f"{LOGIN}/responses/200/headers",
        drop(f"{LOGIN}/responses/200/headers/Cache-Control"),
    ),
    rest("bad-problem", "/x-problems/not-found/status", put("/x-problems/not-found/status", 200)),
    rest(
        "wrong-problem",
        f"{TOO_MANY}/{PROBLEM_JSON}/example/type",
        all_of(
            put(f"{TOO_MANY}/{PROBLEM_JSON}/example/type", "/problems/ghost"),
            put(f"{TOO_MANY}/description", "See `too-many-tries`."),
        ),
    ),
    rest(
        "wrong-problem",
        f"{TOO_MANY}/{PROBLEM_JSON}/example/status",
        put(f"{TOO_MANY}/{PROBLEM_JSON}/example/status", 503),
    ),
    rest(
        "wrong-problem",
        f"{TOO_MANY}/{PROBLEM_JSON}/example/title",
        put(f"{TOO_MANY}/{PROBLEM_JSON}/example/title", "Slowly"),
    ),
    rest(
        "unused-problem",
        "/x-problems/ghost",
        put("/x-problems/ghost", {"status": 400, "title": "Ghost", "meaning": "Boo."}),
    ),
    rest(
        "ghost-link",
        f"{LOGIN}/responses/200/links/WhoAmI/operationId",
        put(f"{LOGIN}/responses/200/links/WhoAmI/operationId", "who_am_i"),
    ),
    rest(
        "ghost-link",
        f"{LOGIN}/responses/200/links/GetUser/parameters/name",
        put(f"{LOGIN}/responses/200/links/GetUser/parameters", {"name": "$request.body#/username"}),
    ),
    rest(
        "ghost-link",
        f"{LOGIN}/responses/200/links/GetUser/parameters/username",
        put(f"{LOGIN}/responses/200/links/GetUser/parameters/username", "$response.body#/name"),
    ),
]

# The text, which a tree no longer shows: what stands there, and what is put in its place.
TEXTS = [
    Plant("duplicate-key", "asyncapi", f"{SCHEMAS}/Head/title", lambda _: None),
    Plant("null-value", "asyncapi", "/info/tags/1/is told about itself.", lambda _: None),
    Plant("odd-scalar", "asyncapi", f"{SCHEMAS}/Head/x-a", lambda _: None),
]
HEAD = "      title: Head\n      description: The line lives.\n"
TEXT_CHANGES = {
    "duplicate-key": (HEAD, f"{HEAD}      title: Head\n"),
    "null-value": (
        "What a connection is told about itself.}",
        "What a connection, is told about itself.}",
    ),
}
ODD = ["2026-01-02", "yes", "0o14", "1e3", "012", "12:30", "1_000"]


def planted(plant: Plant) -> list[Document]:
    """Return the contract of ``plant``, changed; the other one behind it where both are needed."""
    document = CONTRACTS[plant.kind]
    root = copy.deepcopy(document.root)
    plant.change(root)
    assert root != document.root
    beside = [CONTRACTS["asyncapi"]] if plant.rule == name_of(same_name) else []
    return [Document(document.file, plant.kind, root, document.text), *beside]


def test_the_contracts_are_clean() -> None:
    assert lint(CONTRACTS.values()) == []


@pytest.mark.parametrize(
    "plant", PLANTS, ids=[f"{index}-{plant.rule}" for index, plant in enumerate(PLANTS)]
)
def test_a_rule_finds_its_mistake_and_only_that(plant: Plant) -> None:
    found = lint(planted(plant))

    file = CONTRACTS[plant.kind].file
    assert {(finding.file, finding.rule, finding.pointer) for finding in found} == {
        (file, plant.rule, plant.pointer)
    }


@pytest.mark.parametrize("plant", TEXTS, ids=[plant.rule for plant in TEXTS])
def test_a_rule_for_the_text_finds_its_mistake(plant: Plant) -> None:
    document = CONTRACTS["asyncapi"]
    texts = TEXT_CHANGES.get(plant.rule)
    changes = [texts] if texts else [(HEAD, f"{HEAD}      x-a: {odd}\n") for odd in ODD]
    for there, instead in changes:
        assert document.text.count(there) == 1

        found = lint([document_of(document.file, document.text.replace(there, instead))])

        assert [(finding.rule, finding.pointer) for finding in found] == [
            (plant.rule, plant.pointer)
        ]


def test_every_rule_has_a_mistake_planted() -> None:
    have = {(plant.kind, plant.rule) for plant in PLANTS} | {
        (kind, plant.rule) for plant in TEXTS for kind in CONTRACTS
    }
    shared = set.intersection(*(set(rules_for(document)) for document in CONTRACTS.values()))

    for kind, document in CONTRACTS.items():
        for rule in rules_for(document):
            kinds = CONTRACTS if rule in shared else (kind,)
            assert any((each, name_of(rule)) in have for each in kinds), name_of(rule)
    assert ("openapi", name_of(same_name)) in have


def test_the_program_prints_a_line_for_each_finding_and_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "asyncapi.yaml"
    file.write_text(CONTRACTS["asyncapi"].text.replace("seq: 42,", "seq: 0,"), encoding="utf-8")

    code = main([str(file)])

    pointer = "/components/messages/Ack/examples/0/payload"
    assert capsys.readouterr().out == f"{file}: bad-example: {pointer}: breaks 'minimum' at /seq\n"
    assert code == 1


def test_the_program_is_silent_about_the_contracts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(SPEC / "openapi.yaml"), str(SPEC / "asyncapi.yaml")]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("text", ["a: [", "- a\n", "swagger: '2.0'\n"])
def test_what_is_no_contract_is_said_so(text: str) -> None:
    with pytest.raises(NoContract):
        document_of("x.yaml", text)
