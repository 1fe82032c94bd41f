"""The response guard lets nothing pass that the contract does not say."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pytest

from handlers.call import Call
from handlers.contract import Contract
from handlers.problems import Problems, Refusal
from handlers.response_guard import SAMPLE_EVERY, BreaksContract, ResponseGuard
from handlers.responses import NO_STORE, PROBLEM_JSON, Response, empty_response, json_response
from handlers.sources import Sources
from spec import load_openapi
from tests.support.rest import SETTINGS

CONTRACT = Contract(load_openapi())
REQUEST_ID = "2f1a7c1e-51f4-4d6c-8d61-0f7c5a3b8e21"
GOOD_LOGIN = {
    "detail": "Successful Login for ann",
    "token": "ilo_s_" + "A" * 43,
    "expires_at": "2026-02-01T12:00:00.000Z",
    "relay_url": "ws://127.0.0.1:4000",
}


def call_of(operation_id: str | None, method: str = "GET") -> Call:
    scope: dict[str, Any] = {"type": "http", "method": method, "headers": []}
    services: Any = None
    call = Call(scope, REQUEST_ID, services, SETTINGS, Sources(()))
    call.operation = CONTRACT.operations[operation_id] if operation_id else None
    return call


def login(headers: tuple[Any, ...] = (NO_STORE,), **changes: Any) -> Response:
    value = {**GOOD_LOGIN, **changes}
    return json_response(200, {k: v for k, v in value.items() if v is not None}, headers)


def problem(slug: str, headers: tuple[Any, ...] = ()) -> Response:
    return Problems(CONTRACT).response(Refusal(slug, "no", headers=headers), REQUEST_ID)


def bad_problem(value: Mapping[str, Any], media_type: bytes = PROBLEM_JSON) -> Response:
    return json_response(400, value, media_type=media_type)


def invalid_input(error: Mapping[str, str]) -> Response:
    refusal = Refusal("invalid-input", "no", more={"errors": [error]})
    return Problems(CONTRACT).response(refusal, REQUEST_ID)


def changed_problem(slug: str, **changes: Any) -> Response:
    value = {**(problem(slug).value or {}), **changes}
    return json_response(changes.get("status", 400), value, media_type=PROBLEM_JSON)


GOOD = [
    ("login_user", login()),
    ("login_user", problem("bad-credentials")),
    ("login_user", problem("too-many-tries", ((b"retry-after", b"3"),))),
    ("login_user", problem("bad-request")),
    (None, problem("not-found")),
    (None, problem("method-not-allowed", ((b"allow", b"GET, HEAD, OPTIONS"),))),
]
BAD = {
    "undeclared status": ("login_user", json_response(202, GOOD_LOGIN, (NO_STORE,))),
    "undeclared problem": ("login_user", problem("user-not-found")),
    "a fault": ("login_user", problem("internal")),
    "undeclared member": ("login_user", login(more="x")),
    "undeclared member, inside": (
        "login_user",
        invalid_input({"in": "body", "pointer": "/token", "rule": "type", "value": "x"}),
    ),
    "no errors": ("login_user", problem("invalid-input")),
    "error without pointer": ("login_user", invalid_input({"in": "body", "rule": "type"})),
    "other title": ("login_user", changed_problem("bad-request", title="Oh")),
    "other status": ("login_user", changed_problem("bad-request", status=401)),
    "undeclared slug": ("login_user", changed_problem("not-found", status=400)),
    "unknown slug": ("login_user", changed_problem("bad-request", type="/problems/oh-no")),
    "undeclared header": ("login_user", login((NO_STORE, (b"server", b"ilo")))),
    "missing member": ("login_user", login(token=None)),
    "wrong type": ("login_user", login(token=5)),
    "broken pattern": ("login_user", login(expires_at="2026-02-01T12:00:00Z")),
    "time with a newline": ("login_user", login(relay_url="ws://127.0.0.1:4000/x?")),
    "missing header": ("login_user", login(headers=())),
    "wrong header": ("login_user", login(headers=((b"cache-control", b"public"),))),
    "no Retry-After": ("login_user", problem("too-many-tries")),
    "bad Retry-After": ("login_user", problem("too-many-tries", ((b"retry-after", b"soon"),))),
    "long Retry-After": ("login_user", problem("too-many-tries", ((b"retry-after", b"9999"),))),
    "media type": ("login_user", bad_problem({}, b"application/json")),
    "empty problem": ("login_user", bad_problem({})),
    "no body": ("login_user", empty_response(200, (NO_STORE,))),
    "no operation, other problem": (None, changed_problem("bad-request", status=404)),
    "no operation, no Allow": (None, problem("method-not-allowed")),
    "no operation, undeclared header": (None, problem("not-found", ((b"server", b"ilo"),))),
    "no operation, 200": (None, json_response(200, {"detail": "x"})),
    "no operation, no problem": (None, json_response(404, {"detail": "x"})),
    "no operation, empty problem": (None, bad_problem({})),
}


@pytest.mark.parametrize(("operation_id", "response"), GOOD)
def test_what_the_contract_says_passes(operation_id: str | None, response: Response) -> None:
    guard = ResponseGuard(CONTRACT, "strict")

    guard.check(call_of(operation_id), response)

    assert guard.violations == []
    assert guard.seen == {(operation_id, response.status): 1}


@pytest.mark.parametrize("name", BAD)
def test_what_the_contract_does_not_say_is_caught(name: str) -> None:
    operation_id, response = BAD[name]
    guard = ResponseGuard(CONTRACT, "strict")

    with pytest.raises(BreaksContract) as found:
        guard.check(call_of(operation_id), response)

    assert len(guard.violations) == 1
    assert "ilo_s_" not in str(found.value)


def test_head_is_compared_with_what_get_answers() -> None:
    guard = ResponseGuard(CONTRACT, "strict")
    user = {
        "detail": "key",
        "username": "ann",
        "key_version": 1,
        "created_at": "2026-01-02T12:00:00.000Z",
    }

    guard.check(call_of("head_user", "HEAD"), json_response(200, user))
    guard.check(call_of("head_user", "HEAD"), problem("user-not-found"))
    for response in (empty_response(200), json_response(200, {}), problem("name-taken")):
        with pytest.raises(BreaksContract):
            guard.check(call_of("head_user", "HEAD"), response)


def test_options_answers_allow_and_nothing_else() -> None:
    guard = ResponseGuard(CONTRACT, "strict")
    allow = (b"allow", b"GET, OPTIONS")

    guard.check(call_of(None, "OPTIONS"), empty_response(204, (allow,)))
    for headers in ((), (allow, (b"server", b"ilo"))):
        with pytest.raises(BreaksContract):
            guard.check(call_of(None, "OPTIONS"), empty_response(204, headers))


def test_the_first_answer_of_each_kind_leaves_a_line(caplog: pytest.LogCaptureFixture) -> None:
    guard = ResponseGuard(CONTRACT, "strict")

    with caplog.at_level(logging.INFO):
        for slug in ("bad-request", "bad-request", "bad-credentials"):
            guard.check(call_of("login_user"), problem(slug))
        guard.check(call_of("login_user"), login())

    lines = [(r.operation, r.status, r.problem) for r in caplog.records]  # type: ignore[attr-defined]
    assert lines == [
        ("login_user", 400, "bad-request"),
        ("login_user", 401, "bad-credentials"),
        ("login_user", 200, "-"),
    ]
    assert guard.problems == {"bad-request": 2, "bad-credentials": 1}


def test_in_production_one_answer_in_many_is_looked_at_and_none_is_stopped(
    caplog: pytest.LogCaptureFixture,
) -> None:
    guard = ResponseGuard(CONTRACT, "sample")
    operation_id, response = BAD["missing member"]

    for _ in range(SAMPLE_EVERY):
        guard.check(call_of(operation_id), response)

    assert guard.seen == {(operation_id, 200): 1}
    assert guard.violations == ["login_user 200: the body at the top breaks required"]
    assert "an answer breaks the contract" in caplog.text
