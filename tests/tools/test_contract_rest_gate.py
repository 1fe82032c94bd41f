"""The REST gate sees what breaks callers, also what oasdiff passes over, and lets the rest pass."""

import copy
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spec import load_openapi
from tools.contracts.rest_gate import NoOasdiff, find_oasdiff, rest_breaks
from tools.contracts.witness import NO_WITNESS

OLD = load_openapi()
Tree = dict[str, Any]
Change = Callable[[Tree], object]


def oasdiff() -> Path | None:
    try:
        return find_oasdiff()
    except NoOasdiff:
        return None


OASDIFF = oasdiff()
needs_oasdiff = pytest.mark.skipif(
    OASDIFF is None and os.environ.get("CI") != "true",
    reason="oasdiff is not installed for this machine",
)


def schemas(root: Tree) -> Tree:
    found: Tree = root["components"]["schemas"]
    return found


def members(root: Tree, name: str) -> Tree:
    found: Tree = schemas(root)[name]["properties"]
    return found


def operation(root: Tree, name: str) -> Tree:
    method, path = name.split()
    found: Tree = root["paths"][path][method.lower()]
    return found


def scheme(root: Tree, name: str) -> Tree:
    found: Tree = root["components"]["securitySchemes"][name]
    return found


# The id of the break, whether oasdiff sees it, and the change.
SEEN, PASSED_OVER = True, False
HEADERS = "#/components/headers"
SCHEMAS = "#/components/schemas"
BREAKING: list[tuple[str, bool, Change]] = [
    ("operation DELETE /session removed", SEEN, lambda r: r["paths"]["/session"].pop("delete")),
    ("operation POST /ticket removed", SEEN, lambda r: r["paths"].pop("/ticket")),
    ("operation GET /session renamed", PASSED_OVER,
     lambda r: operation(r, "GET /session").update({"operationId": "whoami"})),
    (f"request {SCHEMAS}/PublicKey wider", SEEN,
     lambda r: schemas(r)["PublicKey"].update({"maxLength": 16383})),
    (f"request {SCHEMAS}/PublicKey wider", PASSED_OVER,
     lambda r: schemas(r)["PublicKey"].update({"x-max-bytes": 16383})),
    (f"request {SCHEMAS}/Password wider", SEEN,
     lambda r: schemas(r)["Password"].update({"minLength": 8})),
    (f"request {SCHEMAS}/ApiKey wider", SEEN, lambda r: schemas(r)["ApiKey"].update(
        {"pattern": schemas(r)["ApiKey"]["pattern"].replace("A-F", "")})),
    (f"request {SCHEMAS}/User/properties/email required", SEEN, lambda r: [
        members(r, "User").update({"email": {"type": "string", "maxLength": 9}}),
        schemas(r)["User"]["required"].append("email")]),
    (f"request {SCHEMAS}/PublicKeyChange/properties/if_version unknown", SEEN, lambda r: [
        members(r, "PublicKeyChange").pop("if_version"),
        schemas(r)["PublicKeyChange"]["required"].remove("if_version")]),
    (f"request {SCHEMAS}/Question/properties/token_type_hint wider", SEEN,
     lambda r: members(r, "Question")["token_type_hint"]["enum"].remove("ticket")),
    (f"request {SCHEMAS}/KeyVersionNumber wider", SEEN,
     lambda r: schemas(r)["KeyVersionNumber"].update({"maximum": 100})),
    ("body POST /potion application/x-www-form-urlencoded removed", SEEN,
     lambda r: operation(r, "POST /potion")["requestBody"].update({"content": {
         "application/json": {"schema": {"$ref": "#/components/schemas/Question"}}}})),
    ("parameter DELETE /key header ilo-api-key required", SEEN,
     lambda r: operation(r, "DELETE /key")["parameters"][0].update({"required": True})),
    ("parameter DELETE /key header ilo-api-key removed", SEEN,
     lambda r: operation(r, "DELETE /key").pop("parameters")),
    ("parameter GET /session query all required", SEEN,
     lambda r: operation(r, "GET /session").update({"parameters": [
         {"name": "all", "in": "query", "required": True, "schema": {"type": "boolean"}}]})),
    (f"request {SCHEMAS}/Username wider", SEEN,
     lambda r: schemas(r)["Username"].update({"maxLength": 63, "x-max-bytes": 252})),
    (f"answer {SCHEMAS}/Login/properties/relay_url required", SEEN,
     lambda r: schemas(r)["Login"]["required"].remove("relay_url")),
    (f"answer {SCHEMAS}/Problem/properties/errors undescribed", SEEN,
     lambda r: members(r, "Problem").pop("errors")),
    (f"answer {SCHEMAS}/ActiveToken/properties/exp wider", SEEN,
     lambda r: members(r, "ActiveToken")["exp"].update({"minimum": -1})),
    (f"answer {SCHEMAS}/InputError/properties/in wider", SEEN,
     lambda r: members(r, "InputError")["in"]["enum"].append("cookie")),
    (f"answer {SCHEMAS}/Detail wider", SEEN, lambda r: schemas(r)["Detail"].pop("maxLength")),
    (f"answer {SCHEMAS}/Login/properties/token wider", PASSED_OVER,
     lambda r: members(r, "Login")["token"].pop("pattern")),
    (f"answer {SCHEMAS}/Login/properties/token wider", PASSED_OVER,
     lambda r: members(r, "Login")["token"].update({"pattern": "^ilo_[st]_[A-Za-z0-9_-]{43}$"})),
    (f"answer {SCHEMAS}/Timestamp wider", SEEN, lambda r: schemas(r)["Timestamp"].pop("format")),
    (f"answer {SCHEMAS}/Problem/properties/errors more", PASSED_OVER,
     lambda r: members(r, "Problem")["errors"].update({"maxItems": 9})),
    (f"answer {SCHEMAS}/Introspection wider", SEEN, lambda r: schemas(r)["Introspection"][
        "oneOf"].append({"type": "object", "required": ["later"]})),
    ("answer POST /key 201 removed", SEEN, lambda r: operation(r, "POST /key")["responses"].update(
        {"200": operation(r, "POST /key")["responses"].pop("201")})),
    ("answer POST /ticket 202 added", PASSED_OVER,
     lambda r: operation(r, "POST /ticket")["responses"].update(
         {"202": operation(r, "POST /ticket")["responses"]["201"]})),
    ("answer GET /session 200 application/json removed", PASSED_OVER,
     lambda r: operation(r, "GET /session")["responses"]["200"].update({"content": {
         "application/hal+json": {"schema": {"$ref": "#/components/schemas/SessionState"}}}})),
    ("answer POST /key 429 header Retry-After removed", SEEN,
     lambda r: r["components"]["responses"]["TooManyTries"]["headers"].pop("Retry-After")),
    (f"answer {HEADERS}/RetryAfter/schema wider", PASSED_OVER,
     lambda r: r["components"]["headers"]["RetryAfter"]["schema"].update({"maximum": 7200})),
    ("operation GET /health security nobody", PASSED_OVER,
     lambda r: operation(r, "GET /health").update({"security": [{"session": []}]})),
    ("operation POST /key security nobody", PASSED_OVER,
     lambda r: operation(r, "POST /key")["security"].pop(0)),
    ("operation DELETE /key security admin", PASSED_OVER,
     lambda r: operation(r, "DELETE /key")["security"].pop()),
    ("operation GET /session security session", PASSED_OVER,
     lambda r: operation(r, "GET /session").update({"security": [{"session": [], "node": []}]})),
    ("operation GET /session security session", PASSED_OVER,
     lambda r: scheme(r, "session").update({"scheme": "basic"})),
    ("problem log-in-again removed", PASSED_OVER, lambda r: r["x-problems"].pop("log-in-again")),
    ("problem name-taken status", PASSED_OVER,
     lambda r: r["x-problems"]["name-taken"].update({"status": 400})),
    ("server / removed", PASSED_OVER, lambda r: r["servers"][0].update({"url": "/v2"})),
]  # fmt: skip

COMPATIBLE: dict[str, Change] = {
    "an operation is new": lambda r: r["paths"].update(
        {"/weather": {"get": {**operation(r, "GET /session"), "operationId": "get_weather"}}}),
    "a request may be longer": lambda r: members(r, "Question")["token"].update(
        {"maxLength": 1024, "x-max-bytes": 1024}),
    "a member of a request is new": lambda r: members(r, "Credentials").update(
        {"device": {"type": "string", "maxLength": 64}}),
    "a member of a request may be left out": lambda r: schemas(r)["PublicKeyChange"][
        "required"].remove("if_version"),
    "a hint has another value": lambda r: members(r, "Question")["token_type_hint"][
        "enum"].append("key"),
    "a parameter is new": lambda r: operation(r, "GET /session").update(
        {"parameters": [{"name": "all", "in": "query", "schema": {"type": "boolean"}}]}),
    "a member of an answer is new": lambda r: members(r, "Login").update(
        {"device": {"type": "string"}}),
    "a member of an answer is always there": lambda r: schemas(r)["InputError"][
        "required"].append("detail"),
    "an answer is shorter": lambda r: schemas(r)["Detail"].update({"maxLength": 512}),
    "an answer has a new header": lambda r: operation(r, "GET /session")["responses"]["200"][
        "headers"].update({"Cache-Control": {"$ref": f"{HEADERS}/NoStore"}}),
    "an error is answered no more": lambda r: operation(r, "PUT /user")["responses"].pop("429"),
    "an error is answered": lambda r: operation(r, "GET /session")["responses"].update(
        {"429": {"$ref": "#/components/responses/TooManyTries"}}),
    "a problem is new": lambda r: r["x-problems"].update(
        {"limit-reached": {"status": 409, "title": "Limit reached", "meaning": "Full."}}),
    "less has to be shown": lambda r: operation(r, "GET /session")["security"].append({}),
    "another credential is enough too": lambda r: operation(r, "POST /ticket")[
        "security"].append({"admin": []}),
    "texts are better": lambda r: [
        operation(r, "GET /session").update({"summary": "Who", "description": "Me"}),
        schemas(r)["Detail"].update({"title": "D", "example": "x"})],
    "a bound in bytes says what length says already": lambda r: schemas(r)["ApiKey"].update(
        {"x-max-bytes": 36}),
    "a schema has another name": lambda r: [
        schemas(r).update({"Session": schemas(r).pop("SessionState")}),
        operation(r, "GET /session")["responses"]["200"]["content"]["application/json"].update(
            {"schema": {"$ref": "#/components/schemas/Session"}})],
}  # fmt: skip


def changed(change: Change) -> Tree:
    new = copy.deepcopy(OLD)
    change(new)
    assert new != OLD
    return new


@pytest.mark.parametrize(
    ("id_", "change"),
    [(id_, change) for id_, _, change in BREAKING],
    ids=[f"{index}-{id_}" for index, (id_, _, _) in enumerate(BREAKING)],
)
def test_a_break_is_found_without_oasdiff(id_: str, change: Change) -> None:
    found = {broken.id: broken for broken in rest_breaks(OLD, changed(change), None)}

    assert id_ in found
    if id_.startswith(("request", "answer #")):
        assert found[id_].witness is not NO_WITNESS


@needs_oasdiff
@pytest.mark.parametrize("first", range(5))
def test_what_oasdiff_sees_is_not_told_twice(first: int) -> None:
    # Several in one run, and none beside its neighbours, which often change the same schema.
    some = [change for _, seen, change in BREAKING if seen][first::5]

    found = rest_breaks(OLD, changed(lambda r: [change(r) for change in some]), OASDIFF)

    assert len(found) >= len(some)
    assert [broken.id for broken in found if broken.id.startswith("oasdiff")] == []


@needs_oasdiff
def test_what_oasdiff_passes_over_is_why_we_look(tmp_path: Path) -> None:
    new = copy.deepcopy(OLD)
    for _, seen, change in BREAKING:
        if not seen:
            change(new)
    files = [tmp_path / "old.json", tmp_path / "new.json"]
    for file, root in zip(files, (OLD, new), strict=True):
        file.write_text(json.dumps(root), encoding="utf-8")

    said = subprocess.run(
        [find_oasdiff(), "breaking", *files, "--format", "json"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert json.loads(said) == []


@needs_oasdiff
def test_what_only_oasdiff_sees_counts() -> None:
    def change(root: Tree) -> None:
        operation(root, "GET /session")["deprecated"] = True
        operation(root, "GET /session")["x-sunset"] = "yesterday"

    found = rest_breaks(OLD, changed(change), OASDIFF)

    assert [broken.id.split()[:4] for broken in found] == [
        ["oasdiff", "api-deprecated-sunset-parse", "GET", "/session"]
    ]


@pytest.mark.parametrize("change", COMPATIBLE.values(), ids=COMPATIBLE.keys())
def test_what_lets_nobody_down_passes(change: Change) -> None:
    assert rest_breaks(OLD, changed(change), None) == []


@needs_oasdiff
def test_what_lets_nobody_down_passes_oasdiff() -> None:
    new = copy.deepcopy(OLD)
    for change in COMPATIBLE.values():
        change(new)

    assert rest_breaks(OLD, new, OASDIFF) == []


def test_what_goes_both_ways_may_not_even_be_widened() -> None:
    longer = {"maxLength": 20000, "x-max-bytes": 20000}

    found = rest_breaks(OLD, changed(lambda r: schemas(r)["PublicKey"].update(longer)), None)

    assert [broken.id for broken in found] == [f"answer {SCHEMAS}/PublicKey wider"]
    assert len(found[0].witness["detail"]) == 16385


def test_a_component_breaks_once_for_all_who_use_it() -> None:
    found = rest_breaks(
        OLD, changed(lambda r: schemas(r)["ApiKey"].update({"maxLength": 35})), None
    )

    assert [broken.id for broken in found] == [f"request {SCHEMAS}/ApiKey wider"]
    assert "DELETE /key, POST /user, PUT /user" in found[0].text
