"""The server side of HTTP/1.1, with the time and size limits that uvicorn's has not."""

import asyncio
from http import HTTPStatus
from typing import Any, Final, Literal, assert_never

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from handlers.request_ids import new_request_id

HEAD_TIMEOUT_S: Final = 10.0
BODY_TIMEOUT_S: Final = 30.0
KEEP_ALIVE_S: Final = 75.0
"""Longer than the pools of clients (httpx: 5 s, as uvicorn's own time) and of proxies (nginx: 60 s)
keep a connection: who ends it first must not be the server, or a request may be on its way."""
MAX_HEAD_BYTES: Final = 64 * 1024

_Stage = Literal["head", "body", "answer"]


class TimedHttpProtocol(HttpToolsProtocol):
    """Cuts connections whose request does not arrive: 408, or nothing to who sent nothing.

    A head has ``head_timeout_s`` from the connection's start, or from its first byte on a
    connection in use, and ``MAX_HEAD_BYTES`` (then 431); its body has ``body_timeout_s``.
    Between requests it may be silent for ``keep_alive_s``.
    """

    head_timeout_s = HEAD_TIMEOUT_S
    body_timeout_s = BODY_TIMEOUT_S
    keep_alive_s = KEEP_ALIVE_S

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Its lines hold query strings, where careless clients put secrets.
        self.access_log = False
        self.timeout_keep_alive = self.keep_alive_s  # type: ignore[assignment]  # for call_later
        self._stage: _Stage = "head"
        self._timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0

    def connection_made(  # type: ignore[override]  # uvicorn narrows it as well
        self, transport: asyncio.Transport
    ) -> None:
        super().connection_made(transport)
        self._set_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._stage == "answer":
            # Empty lines before a request are no beginning for the parser, but for us.
            self._stage = "head"
        super().data_received(data)
        self._watch(len(data))

    def _watch(self, received: int) -> None:
        """Limit what is not whole after ``received`` more bytes.

        Most requests come whole: then there is no timer to set and to stop.
        """
        if self._stage == "answer" or self.transport.is_closing():
            return
        if self._stage == "head":
            self._head_bytes += received
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
                return
        if self._timer is None:
            self._set_timer()

    def on_headers_complete(self) -> None:
        self._stop_timer()
        self._stage = "body"
        self._head_bytes = 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._stop_timer()
        self._stage = "answer"
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, in the form of all the other refusals."""
        self._stop_timer()
        request_id = new_request_id()
        body = orjson.dumps(
            {
                "type": "/problems/bad-request",
                "title": "Bad request",
                "status": HTTPStatus.BAD_REQUEST,
                "detail": "the request is no HTTP/1.1 (RFC 9112)",
                "instance": f"urn:uuid:{request_id}",
            }
        )
        self._refuse(HTTPStatus.BAD_REQUEST, body, request_id)

    def _set_timer(self) -> None:
        match self._stage:
            case "head":
                self._timer = self.loop.call_later(self.head_timeout_s, self._time_is_up)
            case "body":
                self._timer = self.loop.call_later(self.body_timeout_s, self._time_is_up)
            case "answer":
                self._timer = None
            case _:
                assert_never(self._stage)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _time_is_up(self) -> None:
        self._timer = None
        if self.transport.is_closing():
            return
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if self._stage == "head" and is_answering:
            # The next request is late, but the one before still has its answer to come.
            self._set_timer()
        elif (self._stage == "head" and not self._head_bytes) or (
            self._stage == "body" and self.cycle.response_started
        ):
            self.transport.close()
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)

    def _refuse(self, status: HTTPStatus, body: bytes = b"", request_id: str | None = None) -> None:
        """Answer without the application, and close."""
        head = [
            f"HTTP/1.1 {status} {status.phrase}",
            f"content-length: {len(body)}",
            f"x-request-id: {request_id or new_request_id()}",
            "connection: close",
        ]
        if body:
            head.append("content-type: application/problem+json")
        self.transport.write("\r\n".join([*head, "", ""]).encode("ascii") + body)
        self.transport.close()
