"""Cross-origin requests: which pages of other origins may read the answers.

Stands outside everything: a browser shows a page neither errors nor refusals without it.
Tokens travel in a header that a page sets itself, so no credentials are allowed.
"""

from collections.abc import Iterable
from typing import Final

from handlers.asgi import Header, Scope, header_values

PREFLIGHT_MAX_AGE_S: Final = 600

_VARY: Final[Header] = (b"vary", b"origin")
_EXPOSED: Final[Header] = (
    b"access-control-expose-headers",
    b"x-request-id, retry-after, www-authenticate, allow",
)
_PREFLIGHT: Final[tuple[Header, ...]] = (
    (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, DELETE"),
    (b"access-control-allow-headers", b"authorization, content-type, ilo-api-key"),
    (b"access-control-max-age", str(PREFLIGHT_MAX_AGE_S).encode()),
)


class Cors:
    """Answers browsers on behalf of ``allowed_origins``, each scheme, host and port exactly."""

    def __init__(self, allowed_origins: Iterable[str]) -> None:
        self._origins = frozenset(origin.encode("ascii") for origin in allowed_origins)

    def headers(self, scope: Scope) -> tuple[Header, ...]:
        """Return what to add to the answer to this request, refusals included."""
        if not self._origins:
            return ()
        origins = header_values(scope, b"origin")
        if len(origins) != 1 or origins[0] not in self._origins:
            return (_VARY,)
        allowed = (_VARY, (b"access-control-allow-origin", origins[0]))
        if scope["method"] == "OPTIONS":
            return (*allowed, *_PREFLIGHT)
        return (*allowed, _EXPOSED)
