"""One request on its way through the door, from the first byte to the answer."""

from collections.abc import Mapping
from typing import Any, Final

from handlers.asgi import Scope
from handlers.contract import Operation
from handlers.responses import Response
from handlers.settings import ApiServices, ApiSettings
from handlers.sources import Sources
from services.model import Caller

CALL: Final = "ilo"
"""Where a scope's ``extensions`` hold the call."""

NOTHING: Final[Mapping[str, Any]] = {}


class Call:
    """What is known of the request so far; each stage fills in its part.

    Routing: ``operation`` and ``path``. Security: ``session`` or the other proofs, and
    ``context``, where Connexion notes its decision. Validation: ``query``, ``headers`` (names
    in lower case) and ``body``, all as the contract has them. The innermost: ``response``.
    """

    __slots__ = (
        "_sources",
        "body",
        "context",
        "headers",
        "is_admin",
        "operation",
        "path",
        "query",
        "request_id",
        "response",
        "revoke_token",
        "scope",
        "services",
        "session",
        "settings",
    )

    def __init__(
        self,
        scope: Scope,
        request_id: str,
        services: ApiServices,
        settings: ApiSettings,
        sources: Sources,
    ) -> None:
        self.scope = scope
        self.request_id = request_id
        self.services = services
        self.settings = settings
        self._sources = sources
        self.operation: Operation | None = None
        self.path: Mapping[str, str] = NOTHING
        self.query: Mapping[str, Any] = NOTHING
        self.headers: Mapping[str, Any] = NOTHING
        self.body: Mapping[str, Any] = NOTHING
        self.context: dict[str, Any] = {}
        self.session: Caller | None = None
        self.revoke_token: str | None = None
        self.is_admin = False
        self.response: Response | None = None

    @property
    def caller(self) -> Caller:
        """Whose session it is, on operations that the contract gives ``session``."""
        if self.session is None:
            raise LookupError("the contract does not ask for a session here")
        return self.session

    @property
    def source(self) -> str:
        """The address that asks, as rates and the log know it."""
        return self._sources.source(self.scope)


def call_of(scope: Scope) -> Call:
    """Return the call of this request; whoever stands outermost has put it there."""
    call: Call = scope["extensions"][CALL]
    return call
