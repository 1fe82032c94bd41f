"""What the REST contract says once for all operations."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from handlers.contract import Operation
from handlers.problems import SLUGS
from services.errors import IloError
from tests.contract.asker import CONTRACT, Asker, open_asker
from tests.support.memory_store import MemoryStore

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPERATIONS = list(CONTRACT.operations.values())
CLOSED = [
    operation
    for item in CONTRACT.document["paths"].values()
    for said in item.values()
    # An empty requirement lets everybody in.
    if isinstance(said, dict) and said["security"] and {} not in said["security"]
    for operation in [CONTRACT.operations[said["operationId"]]]
]
WITHOUT_BODY = [operation for operation in OPERATIONS if operation.body is None]
GETS = [operation for operation in OPERATIONS if operation.method == "GET"]
WITH_STORE = [
    operation
    for operation in OPERATIONS
    if "store-unavailable" in operation.replies.get(503, operation.success).problems
    or (operation.method == "HEAD" and 503 in operation.replies)
]
FAILURES = {
    slug: error
    for error, slug in SLUGS.items()
    if slug in CONTRACT.operations["create_user"].replies[503].problems
}
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "TRACE")


def name_of(operation: Operation) -> str:
    return operation.operation_id


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asker() -> AsyncIterator[Asker]:
    async with open_asker() as opened:
        yield opened


@pytest.mark.parametrize("operation", OPERATIONS, ids=name_of)
async def test_a_right_request_succeeds(asker: Asker, operation: Operation) -> None:
    assert (await asker.ask(operation)).status == operation.success.status


@pytest.mark.parametrize("operation", OPERATIONS, ids=name_of)
async def test_a_query_that_is_not_declared_is_refused(asker: Asker, operation: Operation) -> None:
    question = await asker.prepare(operation)

    answer = await asker.send(replace(question, path=f"{question.path}?more=x"))

    assert answer.status == 400
    if operation.method != "HEAD":
        [error] = answer.json()["errors"]
        assert (error["in"], error["pointer"]) == ("query", "/more")


@pytest.mark.parametrize("operation", WITHOUT_BODY, ids=name_of)
async def test_a_body_that_is_not_declared_is_ignored(asker: Asker, operation: Operation) -> None:
    question = await asker.prepare(operation)

    answer = await asker.send(replace(question, raw=b"{not json", content_type="text/plain"))

    assert answer.status == operation.success.status


@pytest.mark.parametrize("token", [None, "", "x", "ilo_s_" + "A" * 43])
@pytest.mark.parametrize("operation", CLOSED, ids=name_of)
async def test_nobody_does_what_needs_a_credential(
    asker: Asker, operation: Operation, token: str | None
) -> None:
    question = await asker.prepare(operation)

    answer = await asker.send(replace(question, token=token))

    assert answer.status == 401
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("operation", GETS, ids=name_of)
async def test_head_answers_as_get_without_the_body(asker: Asker, operation: Operation) -> None:
    question = await asker.prepare(operation)

    get = await asker.send(question)
    head = await asker.send(replace(question, method="HEAD"))

    assert (head.status, head.body) == (get.status, b"")
    names = {"content-type", "content-length"}
    assert {name: head.headers[name] for name in names} == {
        name: get.headers[name] for name in names
    }


@pytest.mark.parametrize("path", CONTRACT.document["paths"])
async def test_a_path_names_its_methods(asker: Asker, path: str) -> None:
    declared = {operation.method for operation in OPERATIONS if operation.path == path}
    at = path.replace("{username}", "ann").replace("{room}", "chat")

    asked = await asker.door.request("OPTIONS", at)

    allowed = set(asked.headers["allow"].split(", "))
    assert asked.status == 204
    assert declared <= allowed <= declared | {"HEAD", "OPTIONS"}
    for method in METHODS:
        if method not in declared:
            refused = await asker.door.request(method, at)
            assert (refused.status, refused.problem) == (405, "method-not-allowed")
            assert refused.headers["allow"] == asked.headers["allow"]


@pytest.mark.parametrize("slug", FAILURES)
@pytest.mark.parametrize("operation", WITH_STORE, ids=name_of)
async def test_a_store_that_fails_gives_503_with_the_time_to_come_back(
    asker: Asker, operation: Operation, slug: str
) -> None:
    store = asker.door.store
    assert isinstance(store, MemoryStore)
    question = await asker.prepare(operation)
    asker.door.clock.advance(3)  # what is remembered of the session is forgotten
    error: type[IloError] = FAILURES[slug]

    store.failure = error()
    answer = await asker.send(question)
    store.failure = None

    assert answer.status == 503
    assert 1 <= int(answer.headers["retry-after"]) <= 3600
    if operation.method != "HEAD":
        assert answer.problem == slug


async def test_a_fault_is_500_and_says_nothing_of_itself() -> None:
    store = MemoryStore()
    async with open_asker(store=store, expect_violations=True) as asker:
        question = await asker.prepare(CONTRACT.operations["create_user"])
        store.failure = RuntimeError("a secret of the store")  # type: ignore[assignment]

        answer = await asker.send(question)

    assert (answer.status, answer.problem) == (500, "internal")
    assert b"secret" not in answer.body
