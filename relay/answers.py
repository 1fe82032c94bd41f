"""The few plain HTTP answers of the relay's port: refused handshakes, ``/health``, ``/ready``."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from uuid import UUID

import orjson

from relay.hangups import Refusal

PROBLEM = "application/problem+json"
JSON = "application/json"


def _answer(
    status: HTTPStatus,
    body: Mapping[str, Any],
    content_type: str,
    request_id: UUID,
    headers: Mapping[str, str] | None = None,
    *,
    without_body: bool = False,
) -> bytes:
    content = orjson.dumps(body)
    lines = {
        "Content-Type": content_type,
        "Content-Length": str(len(content)),
        "Connection": "close",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Request-Id": str(request_id),
        **(headers or {}),
    }
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return head.encode("ascii") + b"\r\n" + (b"" if without_body else content)


def _problem(
    status: HTTPStatus, slug: str, detail: str, request_id: UUID, **more: Any
) -> dict[str, Any]:
    return {
        "type": f"/problems/{slug}",
        "title": slug.replace("-", " ").capitalize(),
        "status": status.value,
        "detail": detail,
        "instance": request_id.urn,
        **more,
    }


def problem_answer(refusal: Refusal, request_id: UUID, *, without_body: bool = False) -> bytes:
    """Return the answer to a handshake that is refused (RFC 9457)."""
    headers: dict[str, str] = {}
    if refusal.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if refusal.status == HTTPStatus.UPGRADE_REQUIRED:
        # RFC 9110 §15.5.22: such an answer names the protocol.
        headers["Upgrade"] = "websocket"
        headers["Connection"] = "Upgrade, close"
    if refusal.retry_after_s is not None:
        headers["Retry-After"] = str(refusal.retry_after_s)
    body = _problem(refusal.status, refusal.reason, refusal.detail, request_id)
    return _answer(refusal.status, body, PROBLEM, request_id, headers, without_body=without_body)


def http_answer(method: str, path: str, not_ready: Sequence[str], request_id: UUID) -> bytes:
    """Return the answer to a request that is no handshake; ``not_ready`` says what is missing."""
    head = method == "HEAD"
    if path not in ("/health", "/ready"):
        status = HTTPStatus.NOT_FOUND
        body = _problem(status, "not-found", "there is no such path here", request_id)
        return _answer(status, body, PROBLEM, request_id, without_body=head)
    if method not in ("GET", "HEAD"):
        status = HTTPStatus.METHOD_NOT_ALLOWED
        body = _problem(status, "method-not-allowed", "only GET and HEAD", request_id)
        return _answer(status, body, PROBLEM, request_id, {"Allow": "GET, HEAD"})
    if path == "/ready" and not_ready:
        status = HTTPStatus.SERVICE_UNAVAILABLE
        body = _problem(status, "not-ready", "not ready", request_id, reasons=list(not_ready))
        return _answer(status, body, PROBLEM, request_id, {"Retry-After": "1"}, without_body=head)
    body = {"detail": "alive" if path == "/health" else "ready"}
    return _answer(HTTPStatus.OK, body, JSON, request_id, without_body=head)
