"""Compares what is sent with what the contract says: status, media type, body and headers.

Clients may not mind a member that they do not know. Here it is a violation, as is a header
that the answer does not declare.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from handlers.call import Call
from handlers.contract import Contract, Reply
from handlers.responses import Response
from handlers.schemas import Schema

SAMPLE_EVERY: Final = 100
MAX_REMEMBERED: Final = 100

_PROBLEM: Final = {"$ref": "#/components/schemas/Problem"}
_PROBLEM_TYPE: Final = "application/problem+json"
_PROBLEM_PATH: Final = "/problems/"
# What the contract says once for all paths, in its introduction.
_WITHOUT_OPERATION: Final[Mapping[int, tuple[str, frozenset[str]]]] = {
    400: ("bad-request", frozenset()),
    404: ("not-found", frozenset()),
    405: ("method-not-allowed", frozenset({"allow"})),
}
_OF_THE_BODY: Final = frozenset({"content-type", "content-length"})
_log = logging.getLogger(__name__)


class BreaksContract(Exception):
    """An answer is not what the contract says; names the place and the rule."""


class ResponseGuard:
    """Counts what it looks at.

    ``seen`` counts the answers by operationId and status, ``problems`` those that are one by
    slug. ``violations`` is what was wrong with them, the newest hundred.
    """

    def __init__(self, contract: Contract, mode: Literal["sample", "strict"]) -> None:
        self.seen: Counter[tuple[str | None, int]] = Counter()
        self.problems: Counter[str] = Counter()
        self.violations: list[str] = []
        self._is_strict = mode == "strict"
        self._answers = 0
        self._contract = contract
        # Compiled when first met: most answers of a contract are never sent by one server.
        self._compiled: dict[tuple[str, ...], Schema] = {}
        gets = {
            operation.path: operation
            for operation in contract.operations.values()
            if operation.method == "GET"
        }
        self._answered_as = {
            operation.operation_id: gets[operation.path]
            for operation in contract.operations.values()
            if operation.method == "HEAD" and operation.path in gets
        }

    def check(self, call: Call, response: Response) -> None:
        """Look at the answer, or at one in a hundred.

        Raises:
            BreaksContract: in the strict mode, the answer must not be sent.
        """
        self._answers += 1
        if not self._is_strict and self._answers % SAMPLE_EVERY:
            return
        operation_id = self._count(call, response)
        for violation in self._violations(call, response):
            text = f"{operation_id or 'no operation'} {response.status}: {violation}"
            self._remember(text)
            if self._is_strict:
                raise BreaksContract(text)
            _log.error("an answer breaks the contract: %s", text)

    def note(self, call: Call, response: Response) -> None:
        """Remember an answer that is sent whatever the contract says: a fault of this server."""
        operation_id = self._count(call, response)
        self._remember(f"{operation_id or 'no operation'} {response.status}: a fault")

    def _count(self, call: Call, response: Response) -> str | None:
        operation_id = call.operation.operation_id if call.operation else None
        slug = _slug(response)
        is_new = not self.seen[operation_id, response.status] or bool(
            slug and not self.problems[slug]
        )
        self.seen[operation_id, response.status] += 1
        if slug:
            self.problems[slug] += 1
        if is_new and self._is_strict:
            # Whoever holds a server to its contract wants to know what was looked at.
            fields = {"operation": operation_id or "-", "status": response.status}
            _log.info("first answer of its kind", extra={**fields, "problem": slug or "-"})
        return operation_id

    def _schema(self, said: Mapping[str, Any], *place: str) -> Schema:
        if place not in self._compiled:
            self._compiled[place] = Schema(self._contract, said, closed=True)
        return self._compiled[place]

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
        # HEAD is answered as GET is; what is sent of it has no body.
        operation = self._answered_as.get(operation.operation_id, operation)
        if (twin := operation.replies.get(response.status)) is None:
            yield "GET does not declare the status"
            return
        reply = twin
        media_type = _media_type(response)
        if not reply.content and (response.body or media_type):
            yield "a body is not declared"
        elif reply.content and media_type not in reply.content:
            yield "the media type is not declared"
        elif media_type is not None:
            place = (operation.operation_id, str(response.status), media_type)
            yield from _faults(self._schema(reply.content[media_type], *place), response)
            yield from self._problem_of(response, reply.problems)

    def _without_operation(self, call: Call, response: Response) -> Iterator[str]:
        names = {name.decode("ascii") for name, _ in response.headers} - _OF_THE_BODY
        if response.status == 204 and call.scope["method"] == "OPTIONS":
            if names != {"allow"} or response.body:
                yield "an answer to OPTIONS is the header Allow"
            return
        if response.status not in _WITHOUT_OPERATION:
            yield "the status is not declared"
            return
        slug, headers = _WITHOUT_OPERATION[response.status]
        if names != headers:
            yield "the headers are not the declared ones"
        if _media_type(response) != _PROBLEM_TYPE:
            yield "the media type is not declared"
        else:
            yield from _faults(self._schema(_PROBLEM, "Problem"), response)
            yield from self._problem_of(response, frozenset({slug}))

    def _problem_of(self, response: Response, declared: frozenset[str]) -> Iterator[str]:
        """Compare a problem with its entry in ``x-problems``."""
        slug = _slug(response)
        if slug is None or response.value is None:
            return
        known = self._contract.problems.get(slug)
        if known is None or slug not in declared:
            yield "the problem is not declared"
            return
        if (response.value.get("status"), response.status) != (known["status"],) * 2:
            yield "the problem has another status"
        if response.value.get("title") != known["title"]:
            yield "the problem has another title"
        for name in known.get("members", ()):
            if name not in response.value:
                yield f"the problem lacks its {name}"

    def _headers_of(
        self, operation_id: str, reply: Reply, response: Response, request_id: str
    ) -> Iterator[str]:
        given = {name.decode("ascii"): value.decode("latin-1") for name, value in response.headers}
        given["x-request-id"] = request_id
        for name in given.keys() - reply.headers.keys() - _OF_THE_BODY:
            yield f"the header {name} is not declared"
        for name, said in reply.headers.items():
            if name not in given:
                yield f"the header {name} is missing"
                continue
            schema = self._schema(said, operation_id, str(reply.status), "header", name)
            value: object = given[name]
            if said.get("type") == "integer":
                value = int(given[name]) if given[name].isdecimal() else None
            if not schema.fits(value, is_ascii=True):
                yield f"the header {name} breaks its schema"


def _slug(response: Response) -> str | None:
    if _media_type(response) != _PROBLEM_TYPE or response.value is None:
        return None
    return str(response.value.get("type", "")).removeprefix(_PROBLEM_PATH)


def _media_type(response: Response) -> str | None:
    for name, value in response.headers:
        if name == b"content-type":
            return value.decode("latin-1").partition(";")[0]
    return None


def _faults(schema: Schema, response: Response) -> Iterator[str]:
    if not schema.fits(response.value, is_ascii=False):
        for fault in schema.faults(response.value, "body"):
            yield f"the body at {fault.pointer or 'the top'} breaks {fault.rule}"
