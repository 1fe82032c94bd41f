"""One HTTP answer, and the one place that turns values into its bytes."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import orjson

from handlers.asgi import Header, Send

JSON: Final = b"application/json"
PROBLEM_JSON: Final = b"application/problem+json"
NO_STORE: Final[Header] = (b"cache-control", b"no-store")
_NO_SNIFF: Final[Header] = (b"x-content-type-options", b"nosniff")
_HSTS: Final[Header] = (b"strict-transport-security", b"max-age=31536000")


class Response(NamedTuple):
    """A whole answer. ``value`` is what ``body`` says; None where there is no body."""

    status: int
    headers: tuple[Header, ...]
    body: bytes
    value: Mapping[str, Any] | None


def json_response(
    status: int,
    value: Mapping[str, Any],
    headers: tuple[Header, ...] = (),
    *,
    media_type: bytes = JSON,
) -> Response:
    """Return the answer that says ``value``."""
    body = orjson.dumps(value)
    content: tuple[Header, ...] = (
        (b"content-type", media_type),
        (b"content-length", b"%d" % len(body)),
    )
    return Response(status, content + headers, body, value)


def empty_response(status: int, headers: tuple[Header, ...] = ()) -> Response:
    """Return an answer without a body; ``status`` is one that has none."""
    return Response(status, headers, b"", None)


class Sender:
    """Sends answers with what every answer of this door carries."""

    def __init__(self, *, hsts: bool) -> None:
        self._always: tuple[Header, ...] = (_NO_SNIFF, _HSTS) if hsts else (_NO_SNIFF,)

    async def send(
        self,
        send: Send,
        response: Response,
        *,
        request_id: str,
        more: tuple[Header, ...],
        without_body: bool,
    ) -> None:
        """Send the answer; ``without_body`` keeps its headers, as HEAD is answered."""
        headers = [
            *response.headers,
            (b"x-request-id", request_id.encode("ascii")),
            *self._always,
            *more,
        ]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        body = b"" if without_body else response.body
        await send({"type": "http.response.body", "body": body})
