"""The contract, its handlers and its error table agree; a disagreement names the operation."""

from __future__ import annotations

import copy
import inspect
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV30SpecValidator

from handlers import users
from handlers.app import create_api
from handlers.contract import BadContract, Contract
from handlers.problems import NOT_OVER_REST, SLUGS, Problems, refusal_of
from handlers.request_ids import new_request_id
from handlers.resolver import HandlersDisagree, find_handlers
from handlers.schemas import Schema
from ilo.work_pool import ThreadWorkPool
from services import errors
from spec import load_asyncapi, load_config_schema, load_openapi
from tests.support.memory_store import MemoryStore
from tests.support.rest import SETTINGS, Clock, make_services

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def document() -> dict[str, Any]:
    return load_openapi()


def nodes(node: Any, path: str = "#") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every object of a document with its place."""
    if isinstance(node, dict):
        yield path, node
        for name, child in node.items():
            yield from nodes(child, f"{path}/{name}")
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from nodes(child, f"{path}/{index}")


def make_api(document: dict[str, Any], **more: Any) -> Any:
    pool = ThreadWorkPool(1)
    try:
        services = make_services(MemoryStore(), Clock(), pool, [])
        return create_api(services, SETTINGS, document=document, **more)
    finally:
        pool.close()


def test_the_contracts_load_as_json_would_mean_them() -> None:
    for load in (load_openapi, load_asyncapi, load_config_schema):
        kinds = {type(value) for _, node in nodes(load()) for value in node.values()}
        assert kinds <= {dict, list, str, int, float, bool, type(None)}
    assert load_openapi() is not load_openapi()


def test_the_contract_is_openapi_3_0(document: dict[str, Any]) -> None:
    OpenAPIV30SpecValidator(document).validate()


def test_every_operation_has_its_handler_and_no_handler_is_without(
    document: dict[str, Any],
) -> None:
    assert set(find_handlers(Contract(document))) == set(Contract(document).operations)


def test_an_operation_without_handler_stops_the_start(document: dict[str, Any]) -> None:
    document["paths"]["/key"]["post"]["operationId"] = "make_a_key"

    with pytest.raises(HandlersDisagree) as disagreement:
        make_api(document)

    assert "make_a_key" in str(disagreement.value)
    assert "create_key" in str(disagreement.value)


def test_a_handler_without_operation_stops_the_start(document: dict[str, Any]) -> None:
    del document["paths"]["/user/{username}"]["head"]

    with pytest.raises(HandlersDisagree, match="head_user"):
        make_api(document)


def test_a_handler_in_the_wrong_module_stops_the_start(document: dict[str, Any]) -> None:
    document["paths"]["/ticket"]["post"]["tags"] = ["users"]

    with pytest.raises(HandlersDisagree, match="create_ticket"):
        make_api(document)


def test_a_tag_without_module_stops_the_start(document: dict[str, Any]) -> None:
    for item in document["paths"].values():
        for said in item.values():
            if isinstance(said, dict) and said.get("tags") == ["health"]:
                said["tags"] = ["nowhere"]

    with pytest.raises(HandlersDisagree, match="get_health"):
        make_api(document)


def test_a_repeated_operation_id_stops_the_start(document: dict[str, Any]) -> None:
    document["paths"]["/ready"]["get"]["operationId"] = "get_health"

    with pytest.raises(BadContract, match="get_health"):
        make_api(document)


def test_a_parameter_whose_schema_has_no_name_stops_the_start(document: dict[str, Any]) -> None:
    document["components"]["parameters"]["AfterSeq"]["schema"] = {"type": "integer"}

    with pytest.raises(BadContract, match="after"):
        make_api(document)


def test_a_helper_of_another_module_is_no_handler(document: dict[str, Any]) -> None:
    def find_module(tag: str) -> ModuleType:
        module = ModuleType(f"handlers.{tag}")
        for name, function in inspect.getmembers(
            import_module(f"handlers.{tag}"), inspect.iscoroutinefunction
        ):
            setattr(module, name, function)
        if tag == "health":
            module.get_user = users.get_user  # type: ignore[attr-defined]
        return module

    assert find_handlers(Contract(document), find_module)


def test_the_error_table_misses_no_error() -> None:
    known = {
        error
        for error in vars(errors).values()
        if inspect.isclass(error)
        and issubclass(error, errors.IloError)
        and error is not errors.IloError
    }

    assert set(SLUGS) | NOT_OVER_REST == known
    assert not set(SLUGS) & NOT_OVER_REST


def test_every_slug_of_the_table_is_a_problem_of_the_contract(document: dict[str, Any]) -> None:
    assert set(SLUGS.values()) <= set(document["x-problems"])


def test_every_problem_answer_fits_the_contract(document: dict[str, Any]) -> None:
    contract = Contract(document)
    problem = Schema(contract, {"$ref": "#/components/schemas/Problem"})
    problems = Problems(contract)
    made = {
        errors.InvalidInput: errors.InvalidInput("/password", "password-rules", "too short"),
        errors.LogInAgain: errors.LogInAgain(300),
        errors.TooManyTries: errors.TooManyTries(100_000),
        errors.LimitReached: errors.LimitReached("rooms_per_user"),
    }
    for kind, slug in SLUGS.items():
        error = made.get(kind) or kind()
        operation = contract.operations["create_user"]
        response = problems.response(refusal_of(error, operation), new_request_id())

        assert problem.faults(response.value, "body") == ()
        assert response.status == document["x-problems"][slug]["status"]
        assert (b"www-authenticate" in dict(response.headers)) == (response.status == 401)
        if response.status in (429, 503):
            assert 1 <= int(dict(response.headers)[b"retry-after"]) <= 3600


def test_declared_refusals_have_their_examples_status(document: dict[str, Any]) -> None:
    for path, node in nodes(document["components"]["responses"]):
        if "type" in node and str(node.get("type")).startswith("/problems/"):
            slug = node["type"].removeprefix("/problems/")
            known = document["x-problems"][slug]
            assert (node["status"], node["title"]) == (known["status"], known["title"]), path


def test_every_example_fits_its_schema(document: dict[str, Any]) -> None:
    # An oracle of its own: jsonschema, not the compiled validators of the door.
    compared = 0
    for path, node in nodes(document):
        schema = node.get("schema", node)
        values = [node["example"]] if "example" in node else []
        if isinstance(node.get("examples"), dict):
            values += [example["value"] for example in node["examples"].values()]
        if not isinstance(schema, dict) or not ({"$ref", "type", "oneOf"} & set(schema)):
            continue
        checker = Draft202012Validator({**schema, "components": document["components"]})
        for value in values:
            assert checker.is_valid(value), path
            compared += 1
    assert compared > 60


def test_byte_limits_go_with_character_limits(document: dict[str, Any]) -> None:
    # The validation leaves the bytes out where each character has one.
    found = 0
    for path, node in nodes(document):
        if "x-max-bytes" in node:
            assert node["maxLength"] <= node["x-max-bytes"], path
            found += 1
    assert found >= 4


def test_schemas_of_requests_are_closed(document: dict[str, Any]) -> None:
    for operation in Contract(document).operations.values():
        if operation.body is not None:
            name = operation.body.schema["$ref"].rpartition("/")[2]
            assert document["components"]["schemas"][name]["additionalProperties"] is False


@pytest.mark.parametrize("name", ["ApiKey", "Timestamp", "RelayUrl", "RoomName", "Sid"])
def test_patterns_refuse_a_newline_at_the_end(document: dict[str, Any], name: str) -> None:
    said = {**document["components"]["schemas"][name], "maxLength": 9999}
    schema = Schema(Contract(document), said)

    assert schema.fits(said["example"], is_ascii=False)
    assert not schema.fits(said["example"] + "\n", is_ascii=False)


@pytest.mark.parametrize("url", ["ws://[::1]:4000", "wss://chat.example", "ws://a-b_c:1"])
def test_a_relay_url_is_scheme_host_and_port(document: dict[str, Any], url: str) -> None:
    schema = Schema(Contract(document), {"$ref": "#/components/schemas/RelayUrl"})

    assert schema.fits(url, is_ascii=False)
    for bad in (f"{url}/", f"{url}?x", f" {url}", url.replace("ws", "http", 1)):
        assert not schema.fits(bad, is_ascii=False)


def test_patterns_know_no_digits_but_those_of_ascii(document: dict[str, Any]) -> None:
    key = document["components"]["schemas"]["ApiKey"]["example"]
    schema = Schema(Contract(document), {"$ref": "#/components/schemas/ApiKey"})

    assert not schema.fits(key.replace("8", "٨"), is_ascii=False)


def test_the_contract_is_left_as_it_was(document: dict[str, Any]) -> None:
    before = copy.deepcopy(document)

    make_api(document)

    assert document == before


def test_a_request_id_is_a_uuid_of_version_4() -> None:
    ids = {new_request_id() for _ in range(1000)}

    assert len(ids) == 1000
    assert all(str(UUID(request_id)) == request_id for request_id in ids)
    assert {UUID(request_id).version for request_id in ids} == {4}


def test_the_door_is_imported_without_warnings() -> None:
    # In a process of its own: here it is imported already.
    code = "import handlers.app"
    ignored = [
        "-Wignore:Using `httpx` with `starlette.testclient` is deprecated",
        "-Wignore:jsonschema.RefResolver is deprecated:DeprecationWarning",
        "-Wignore:jsonschema.exceptions.RefResolutionError is deprecated:DeprecationWarning",
    ]
    done = subprocess.run(
        [sys.executable, "-Werror", *ignored, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
