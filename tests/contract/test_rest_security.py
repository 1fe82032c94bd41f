"""The contract alone decides who may call what: another contract, another decision."""

import copy
from typing import Any

import pytest

from spec import load_openapi
from tests.support.rest import SETTINGS, open_rest


@pytest.fixture
def document() -> dict[str, Any]:
    return load_openapi()


async def test_an_operation_that_the_contract_closes_is_closed(document: dict[str, Any]) -> None:
    operation = document["paths"]["/health"]["get"]
    operation["security"] = [{"session": []}]
    operation["responses"]["401"] = {"$ref": "#/components/responses/NotLoggedIn"}

    async with open_rest(document=document) as door:
        refused = await door.request("GET", "/health")
        token = await door.join("ann")
        admitted = await door.request("GET", "/health", token=token)

    assert (refused.status, admitted.status) == (401, 200)


async def test_an_operation_that_the_contract_opens_is_open(document: dict[str, Any]) -> None:
    document["paths"]["/user/{username}"]["get"]["security"] = []

    async with open_rest(document=document) as door:
        await door.join("ann")
        answer = await door.request("GET", "/user/ann")

    assert (answer.status, answer.json()["username"]) == (200, "ann")


async def test_two_schemes_in_one_requirement_are_both_needed(document: dict[str, Any]) -> None:
    operation = document["paths"]["/user/{username}"]["get"]
    operation["security"] = [{"session": [], "node": []}]
    operation["responses"]["401"] = copy.deepcopy(
        document["components"]["responses"]["NotLoggedIn"]
    )
    operation["responses"]["401"]["x-problems"].append("not-a-relay")

    async with open_rest(document=document) as door:
        token = await door.join("ann")
        with_session = await door.request("GET", "/user/ann", token=token)
        with_node = await door.request("GET", "/user/ann", token=SETTINGS.node_secrets[0])

    assert (with_session.status, with_node.status) == (401, 401)
