"""The relay's few plain HTTP answers."""

from uuid import UUID

import orjson
import pytest

from relay.answers import http_answer, problem_answer
from relay.hangups import NO_UPGRADE, NOT_LOGGED_IN, REFUSALS, TOO_MANY_CONNECTIONS, Refusal
from tests.support.websocket import Answer

REQUEST = UUID("0b8f1c9e-6f0e-4a55-9d6b-2f0c7f5f1a11")


def read(raw: bytes) -> Answer:
    head, _, body = raw.partition(b"\r\n\r\n")
    status, *lines = head.decode("ascii").split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    assert len(headers) == len(lines), "a header stands twice"
    version, code, _ = status.split(" ", 2)
    assert version == "HTTP/1.1"
    return Answer(int(code), headers, body)


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.detail)
def test_a_refusal_is_a_problem_with_the_requests_id(refusal: Refusal) -> None:
    answer = read(problem_answer(refusal, REQUEST))

    assert answer.status == refusal.status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["content-length"] == str(len(answer.body))
    assert answer.headers["x-request-id"] == str(REQUEST)
    assert answer.headers["cache-control"] == "no-store"
    assert "close" in answer.headers["connection"]
    assert answer.headers.get("retry-after") == (
        None if refusal.retry_after_s is None else str(refusal.retry_after_s)
    )
    assert answer.json == {
        "type": f"/problems/{refusal.reason}",
        "title": refusal.reason.replace("-", " ").capitalize(),
        "status": refusal.status,
        "detail": refusal.detail,
        "instance": REQUEST.urn,
    }


def test_refusals_that_http_wants_more_of_have_it() -> None:
    assert read(problem_answer(NOT_LOGGED_IN, REQUEST)).headers["www-authenticate"] == "Bearer"
    assert read(problem_answer(NO_UPGRADE, REQUEST)).headers["upgrade"] == "websocket"
    assert read(problem_answer(NO_UPGRADE, REQUEST)).headers["connection"] == "Upgrade, close"
    assert "retry-after" in read(problem_answer(TOO_MANY_CONNECTIONS, REQUEST)).headers


@pytest.mark.parametrize(
    ("method", "path", "not_ready", "status"),
    [
        ("GET", "/health", [], 200),
        ("GET", "/health", ["the store"], 200),
        ("HEAD", "/health", [], 200),
        ("POST", "/health", [], 405),
        ("GET", "/ready", [], 200),
        ("GET", "/ready", ["the store"], 503),
        ("HEAD", "/ready", ["the store"], 503),
        ("GET", "/", [], 404),
        ("GET", "/healthy", [], 404),
        ("GET", "/potion", [], 404),
        ("POST", "/potion", [], 404),
    ],
)
def test_a_plain_request_has_a_plain_answer(
    method: str, path: str, not_ready: list[str], status: int
) -> None:
    answer = read(http_answer(method, path, not_ready, REQUEST))
    length = int(answer.headers["content-length"])

    assert answer.status == status
    assert length > 0
    assert len(answer.body) == (0 if method == "HEAD" else length)
    assert answer.headers["connection"] == "close"
    if status == 405:
        assert answer.headers["allow"] == "GET, HEAD"


def test_what_is_not_ready_is_named() -> None:
    answer = read(http_answer("GET", "/ready", ["the store"], REQUEST))

    assert orjson.loads(answer.body)["reasons"] == ["the store"]
    assert answer.headers["retry-after"] == "1"
