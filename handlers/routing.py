"""Which operation a request is for, decided on the path as it was sent.

Built from Connexion's ``Specification`` in place of its own routing, which decodes a path
before it splits it, redirects, names one method in ``Allow`` and depends on the order of
the contract.
"""

import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, unquote_to_bytes

from connexion.middleware.abstract import SpecMiddleware
from connexion.spec import Specification

from handlers.asgi import ASGIApp, Receive, Scope, Send
from handlers.call import NOTHING, call_of
from handlers.contract import Contract, Operation
from handlers.problems import Refusal, bad_request
from handlers.responses import empty_response
from handlers.stages import stage_of

# One longer than the longest path that any operation can have.
MAX_PATH_BYTES: Final = 8192

_BAD_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class _Route:
    """A path of the contract: fixed segments, and the names of the others by position."""

    length: int
    fixed: tuple[tuple[int, str], ...]
    names: tuple[tuple[int, str], ...]
    operations: dict[str, tuple[Operation, ASGIApp]]
    allow: bytes

    def match(self, segments: list[str]) -> dict[str, str] | None:
        """Return the path parameters, or None."""
        for at, segment in self.fixed:
            if segments[at] != segment:
                return None
        return {name: segments[at] for at, name in self.names}


class RawPathRouting(SpecMiddleware):
    """Notes the operation in the call, and goes on with its first stage."""

    def __init__(self, next_app: ASGIApp) -> None:
        self._next_app = next_app
        self._fixed: dict[bytes, _Route] = {}
        self._by_length: dict[int, list[_Route]] = {}

    def add_api(self, specification: Specification, **options: Any) -> None:
        """Take over the paths; ``options`` are those of Connexion's ``add_api``."""
        contract: Contract = options["contract"]
        base: str = options.get("base_path") or specification.base_path
        for path in specification["paths"]:
            route = self._route(base, path, contract)
            self._by_length.setdefault(route.length, []).append(route)
            if not route.names:
                self._fixed[f"{base}{path}".encode("ascii")] = route
        for routes in self._by_length.values():
            # Concrete paths first, as OpenAPI says.
            routes.sort(key=lambda route: len(route.names))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw_path = scope.get("raw_path") or quote(scope["path"]).encode("ascii")
        call = call_of(scope)
        route, parameters = self._find(raw_path)
        found = route.operations.get(scope["method"])
        if found is None:
            allow = (b"allow", route.allow)
            if scope["method"] == "OPTIONS":
                call.response = empty_response(204, (allow,))
                return
            detail = "the path has other methods: see the header Allow"
            raise Refusal("method-not-allowed", detail, headers=(allow,))
        call.operation, stage = found
        call.path = parameters
        await stage(scope, receive, send)

    def _find(self, raw_path: bytes) -> tuple[_Route, Any]:
        route = self._fixed.get(raw_path)
        if route is not None:
            return route, NOTHING
        segments = _segments(raw_path)
        for route in self._by_length.get(len(segments), ()):
            parameters = route.match(segments)
            if parameters is not None:
                return route, parameters
        raise Refusal("not-found", "there is no such path")

    def _route(self, base_path: str, path: str, contract: Contract) -> _Route:
        segments = tuple(f"{base_path}{path}".removeprefix("/").split("/"))
        is_name = [segment.startswith("{") for segment in segments]
        names = tuple((at, part[1:-1]) for at, part in enumerate(segments) if is_name[at])
        fixed = tuple((at, part) for at, part in enumerate(segments) if not is_name[at])
        operations = {
            operation.method: (operation, stage_of(self._next_app, operation.operation_id))
            for operation in contract.operations.values()
            if operation.path == path
        }
        if "GET" in operations:
            operations.setdefault("HEAD", operations["GET"])
        allow = ", ".join(sorted({*operations, "OPTIONS"})).encode("ascii")
        return _Route(len(segments), fixed, names, operations, allow)


def _segments(raw_path: bytes) -> list[str]:
    """Split the path, then decode each part once: an escaped slash stays inside its part."""
    if len(raw_path) > MAX_PATH_BYTES:
        raise Refusal("not-found", "no path is as long as that")
    if b"%" not in raw_path:
        return _text(raw_path).removeprefix("/").split("/")
    if _BAD_ESCAPE.search(raw_path):
        raise bad_request("the path has a % that begins no escape")
    parts = raw_path.removeprefix(b"/").split(b"/")
    return [_text(unquote_to_bytes(part)) for part in parts]


def _text(part: bytes) -> str:
    try:
        text = part.decode("utf-8")
    except UnicodeDecodeError:
        raise bad_request("the path is not UTF-8") from None
    if "\0" in text:
        raise bad_request("the path holds U+0000")
    return text
