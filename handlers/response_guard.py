"""Compares what is sent with what the contract says: status, media type, body and headers."""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final, Literal

from handlers.call import Call
from handlers.contract import Contract, Reply
from handlers.responses import Response
from handlers.schemas import Schema

SAMPLE_EVERY: Final = 100
MAX_REMEMBERED: Final = 100

_PROBLEM: Final = {"$ref": "#/components/schemas/Problem"}
_PROBLEM_TYPE: Final = "application/problem+json"
# What the contract says once for all paths, in its introduction.
_WITHOUT_OPERATION: Final = frozenset({400, 404, 405})
_log = logging.getLogger(__name__)


class BreaksContract(Exception):
    """An answer is not what the contract says; names the place and the rule."""


class ResponseGuard:
    """``seen`` counts the answers looked at by operationId and status; ``violations`` is what
    was wrong with them, the newest hundred."""

    def __init__(self, contract: Contract, mode: Literal["sample", "strict"]) -> None:
        self.seen: Counter[tuple[str | None, int]] = Counter()
        self.violations: list[str] = []
        self._is_strict = mode == "strict"
        self._answers = 0
        self._contract = contract
        self._problem = Schema(contract, _PROBLEM)
        self._schemas = {
            (operation.operation_id, reply.status, media_type): Schema(contract, schema)
            for operation in contract.operations.values()
            for reply in operation.replies.values()
            for media_type, schema in reply.content.items()
        }
        self._headers: dict[tuple[str, int], Mapping[str, tuple[bool, Schema]]] = {
            (operation.operation_id, reply.status): {
                name: (said.get("type") == "integer", Schema(contract, said))
                for name, said in reply.headers.items()
            }
            for operation in contract.operations.values()
            for reply in operation.replies.values()
        }

    def check(self, call: Call, response: Response) -> None:
        """Look at the answer, or at one in a hundred.

        Raises:
            BreaksContract: in the strict mode, the answer must not be sent.
        """
        self._answers += 1
        if not self._is_strict and self._answers % SAMPLE_EVERY:
            return
        operation_id = call.operation.operation_id if call.operation else None
        self.seen[operation_id, response.status] += 1
        for violation in self._violations(call, response):
            text = f"{operation_id or 'no operation'} {response.status}: {violation}"
            self._remember(text)
            if self._is_strict:
                raise BreaksContract(text)
            _log.error("an answer breaks the contract: %s", text)

    def note(self, call: Call, response: Response) -> None:
        """Remember an answer that is sent whatever the contract says: a fault of this server."""
        operation_id = call.operation.operation_id if call.operation else None
        self.seen[operation_id, response.status] += 1
        self._remember(f"{operation_id or 'no operation'} {response.status}: a fault")

    def _remember(self, violation: str) -> None:
        self.violations.append(violation)
        del self.violations[:-MAX_REMEMBERED]

    def _violations(self, call: Call, response: Response) -> Iterator[str]:
        operation = call.operation
        if operation is None:
            yield from self._without_operation(call, response)
            return
        reply = operation.replies.get(response.status)
        if reply is None:
            yield "the status is not declared"
            return
        yield from self._headers_of(operation.operation_id, reply, response, call.request_id)
        if call.scope["method"] == "HEAD":
            return
        media_type = _media_type(response)
        if not reply.content and (response.body or media_type):
            yield "a body is not declared"
        elif reply.content and media_type not in reply.content:
            yield "the media type is not declared"
        elif media_type is not None:
            schema = self._schemas[operation.operation_id, response.status, media_type]
            yield from _faults(schema, response)

    def _without_operation(self, call: Call, response: Response) -> Iterator[str]:
        if response.status == 204 and call.scope["method"] == "OPTIONS":
            return
        if response.status not in _WITHOUT_OPERATION:
            yield "the status is not declared"
        elif _media_type(response) != _PROBLEM_TYPE:
            yield "the media type is not declared"
        else:
            yield from _faults(self._problem, response)

    def _headers_of(
        self, operation_id: str, reply: Reply, response: Response, request_id: str
    ) -> Iterator[str]:
        given = {name.decode("ascii"): value.decode("latin-1") for name, value in response.headers}
        given["x-request-id"] = request_id
        for name, (is_integer, schema) in self._headers[operation_id, reply.status].items():
            if name not in given:
                yield f"the header {name} is missing"
                continue
            value: object = given[name]
            if is_integer:
                value = int(given[name]) if given[name].isdecimal() else None
            if not schema.fits(value, is_ascii=True):
                yield f"the header {name} breaks its schema"


def _media_type(response: Response) -> str | None:
    for name, value in response.headers:
        if name == b"content-type":
            return value.decode("latin-1").partition(";")[0]
    return None


def _faults(schema: Schema, response: Response) -> Iterator[str]:
    if not schema.fits(response.value, is_ascii=False):
        for fault in schema.faults(response.value, "body"):
            yield f"the body at {fault.pointer or 'the top'} breaks {fault.rule}"
