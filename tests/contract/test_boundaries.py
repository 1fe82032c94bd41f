"""Every limit of the REST contract, at its edge and one beyond: taken, and refused by name.

The cases are read from the contract: each bound of each member of each body, and of each
parameter. Only what its words say beyond the schemas is filled in here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest
import pytest_asyncio

from handlers.contract import Operation
from handlers.validation import FORM
from spec import load_config_schema
from tests.contract.asker import CONTRACT, Asker, open_asker, schema_of
from tests.support.rest import Answer

pytestmark = pytest.mark.asyncio(loop_scope="module")

WITH_BODY: Final = [operation for operation in CONTRACT.operations.values() if operation.body]
WITH_JSON: Final = [
    operation for operation in WITH_BODY if operation.body and operation.body.media_type != FORM
]
LIMITS: Final = load_config_schema()["properties"]["limits"]["properties"]
BODY_BYTES: Final = int(LIMITS["body_bytes"]["default"])
JSON_DEPTH: Final = int(LIMITS["json_depth"]["default"])

# What `POST /user` says in words of a new password: its least length, and one of each kind.
MIN_PASSWORD: Final = 8
EACH_KIND: Final = "aA1!"
NEW_PASSWORDS: Final = {("create_user", "password"), ("update_password", "new_password")}


@dataclass(frozen=True, slots=True)
class Edge:
    """One value at a bound. ``rule`` is the keyword that refuses it, None when it fits."""

    operation_id: str
    location: str
    name: str
    value: Any
    rule: str | None
    item: str = ""
    """Which item of the member breaks it, as the end of a JSON pointer."""

    def __str__(self) -> str:
        value = self.value
        size = f"{len(value)}c-{len(value.encode())}b" if isinstance(value, str) else value
        if isinstance(value, list):
            size = f"{len(value)}-items{self.item}"
        said = "fits" if self.rule is None else f"breaks {self.rule}"
        return f"{self.operation_id}-{self.name}-{size}-{said}"


def edges_of(schema: Mapping[str, Any]) -> Iterator[tuple[Any, str | None]]:
    """Yield values at the bounds of a member, and the keyword that each breaks."""
    if schema["type"] == "array":
        for bound, step in (("minItems", -1), ("maxItems", 1)):
            yield _items(schema, schema[bound]), None
            yield _items(schema, schema[bound] + step), bound
        return
    if schema["type"] == "integer":
        yield schema["minimum"], None
        yield schema["minimum"] - 1, "minimum"
        yield schema["maximum"], None
        yield schema["maximum"] + 1, "maximum"
        return
    if "enum" in schema:
        for word in schema["enum"]:
            yield word, None
            yield f"{word}x", "enum"
        return
    if "pattern" in schema:
        yield f"{schema['example'][:-1]}!", "pattern"
    filling = (schema["example"] * schema["maxLength"])[: schema["maxLength"] + 1]
    if schema["minLength"] == schema["maxLength"]:
        yield schema["example"], None
        yield schema["example"][:-1], "minLength"
    else:
        yield filling[: schema["minLength"]], None
        yield filling[: schema["minLength"] - 1], "minLength"
        yield filling[:-1], None
    yield filling, "maxLength"
    if (most := schema.get("x-max-bytes")) is not None:
        widest = min(4, -(-most // schema["maxLength"]) + 1)
        wide = {2: "é", 4: "🦊"}[widest]
        exactly = wide * (most // widest)
        yield exactly, None
        if len(exactly) < schema["maxLength"]:
            yield f"{exactly}a", "x-max-bytes"


def _items(schema: Mapping[str, Any], count: int) -> list[Any]:
    return [schema_of(schema["items"])["example"]] * count


def edges() -> Iterator[Edge]:
    for operation in CONTRACT.operations.values():
        name_of = operation.operation_id
        for parameter in operation.parameters:
            for value, rule in edges_of(schema_of(parameter.schema)):
                yield Edge(name_of, parameter.location, parameter.name, value, rule)
        if operation.body is None:
            continue
        for name, said in schema_of(operation.body.schema)["properties"].items():
            schema = schema_of(said)
            if operation.body.media_type != FORM:
                yield Edge(name_of, "body", name, 1 if schema["type"] == "string" else "1", "type")
            for value, rule in edges_of(schema):
                yield Edge(name_of, "body", name, value, rule)
            if schema["type"] == "array":
                for value, rule in edges_of(schema_of(schema["items"])):
                    yield Edge(name_of, "body", name, [value], rule, "/0")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asker() -> AsyncIterator[Asker]:
    async with open_asker() as opened:
        yield opened


def place(pointer: str) -> Any:
    """Return what the contract has at ``pointer``, a JSON pointer fragment."""
    node: Any = CONTRACT.document
    for token in pointer.removeprefix("#/").split("/"):
        node = node[token.replace("~1", "/").replace("~0", "~")]
    return node


def assert_named(answer: Answer, location: str, pointer: str, rule: str) -> None:
    """The refusal names the place and the rule, and where the contract has it."""
    assert (answer.status, answer.problem) == (400, "invalid-input")
    errors = answer.json()["errors"]
    [error] = [error for error in errors if error["rule"] == rule]
    assert {(error["in"], error["pointer"]) for error in errors} == {(location, pointer)}
    assert error["schema"].endswith(f"/{rule}")
    place(error["schema"])


def as_in_words(edge: Edge) -> Any:
    """Return the value as the contract's words want it, of as many bytes if they can."""
    if (edge.operation_id, edge.name) not in NEW_PASSWORDS or edge.rule is not None:
        return edge.value
    rest = edge.value.encode()[len(EACH_KIND) :].decode()
    return (EACH_KIND + rest).ljust(MIN_PASSWORD, "x")


@pytest.mark.parametrize("edge", list(edges()), ids=str)
async def test_a_bound_holds(asker: Asker, edge: Edge) -> None:
    operation = CONTRACT.operations[edge.operation_id]

    answer = await asker.ask(operation, {(edge.location, edge.name): as_in_words(edge)})

    if edge.rule is None:
        assert answer.status not in (400, 413), answer.body
    elif operation.method == "HEAD":
        assert answer.status == 400
    else:
        assert_named(answer, edge.location, f"/{edge.name}{edge.item}", edge.rule)


INTEGERS: Final = [
    (operation, parameter.name)
    for operation in CONTRACT.operations.values()
    for parameter in operation.parameters
    if parameter.location == "query" and schema_of(parameter.schema)["type"] == "integer"
]


@pytest.mark.parametrize(
    ("operation", "name"), INTEGERS, ids=lambda said: getattr(said, "operation_id", said)
)
async def test_an_integer_of_a_query_has_one_spelling(
    asker: Asker, operation: Operation, name: str
) -> None:
    said = next(parameter for parameter in operation.parameters if parameter.name == name)
    fits = schema_of(said.schema)["maximum"]
    spellings = (
        "",
        "x",
        "01",
        "007",
        "-0",
        "+1",
        " 1",
        "1 ",
        "1.0",
        "1e2",
        "0x1",
        "1_0",
        "\u0661",
        "1\n",
    )
    for text in (*spellings, f"0{fits}", "9" * 30):
        answer = await asker.ask(operation, {("query", name): text})

        assert_named_without_schema(answer, name)
    twice = await asker.prepare(operation, {("query", name): fits})
    answer = await asker.send(replace(twice, path=f"{twice.path}&{name}={fits}"))
    assert (answer.status, answer.problem) == (400, "bad-request")
    assert (await asker.send(twice)).status == operation.success.status


def assert_named_without_schema(answer: Answer, name: str) -> None:
    assert (answer.status, answer.problem) == (400, "invalid-input")
    [error] = answer.json()["errors"]
    assert (error["in"], error["pointer"], error["rule"]) == ("query", f"/{name}", "type")


@pytest.mark.parametrize("operation", WITH_BODY, ids=lambda operation: operation.operation_id)
async def test_members_are_all_needed_and_no_others(asker: Asker, operation: Operation) -> None:
    assert operation.body is not None
    for member in schema_of(operation.body.schema).get("required", ()):
        assert_named(await asker.ask(operation, {("body", member): None}), "body", "", "required")

    extra = await asker.ask(operation, {("body", "more"): "x"})
    assert_named(extra, "body", "/more", "additionalProperties")
    assert (await asker.ask(operation)).status == operation.success.status


async def send_raw(asker: Asker, operation: Operation, raw: bytes) -> Answer:
    return await asker.send(replace(await asker.prepare(operation), raw=raw))


@pytest.mark.parametrize("operation", WITH_BODY, ids=lambda operation: operation.operation_id)
async def test_a_body_has_at_most_its_bytes(asker: Asker, operation: Operation) -> None:
    longest = await send_raw(asker, operation, b"[]".ljust(BODY_BYTES))
    longer = await send_raw(asker, operation, b"[]".ljust(BODY_BYTES + 1))

    assert (longest.status, longer.status, longer.problem) == (400, 413, "too-large")


@pytest.mark.parametrize("operation", WITH_BODY, ids=lambda operation: operation.operation_id)
async def test_a_body_has_the_media_type_of_the_contract(
    asker: Asker, operation: Operation
) -> None:
    question = await asker.prepare(operation)

    answer = await asker.send(replace(question, content_type="text/plain"))

    assert (answer.status, answer.problem) == (415, "unsupported-media-type")


@pytest.mark.parametrize("operation", WITH_JSON, ids=lambda operation: operation.operation_id)
async def test_a_body_nests_at_most_so_deep(asker: Asker, operation: Operation) -> None:
    deepest = b'{"a":' * JSON_DEPTH + b"1" + b"}" * JSON_DEPTH
    deeper = b'{"a":' * (JSON_DEPTH + 1) + b"1" + b"}" * (JSON_DEPTH + 1)

    assert (await send_raw(asker, operation, deepest)).problem == "invalid-input"
    assert (await send_raw(asker, operation, deeper)).problem == "bad-request"
