"""Who asks: a bearer's session, a relay, the admin, or the holder of a revoke token."""

import hmac
from collections.abc import Callable, Mapping
from typing import Any, Final

from connexion.middleware.abstract import RoutedMiddleware
from connexion.middleware.security import SecurityAPI, SecurityOperation
from connexion.operations import AbstractOperation
from connexion.security import NO_VALUE, AbstractSecurityHandler
from connexion.spec import Specification

from handlers.asgi import Receive, Scope, Send, header_values
from handlers.call import Call, call_of
from handlers.settings import ApiSettings
from handlers.sources import Sources, parse_address
from handlers.stages import stage_of
from services.errors import NotARelay, NotLoggedIn, UnknownRevokeToken
from services.sessions import Sessions

SCHEME_NAME: Final = "x-scheme-name"
"""Added to each security scheme for Connexion, which hands a scheme over without its name."""

MAX_BEARER_BYTES: Final = 512
ANY_ADDRESS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104  # nothing is bound here

_REVOCATION: Final = "ilo_r_"
# What Connexion takes for "let in"; who it is stands in the call.
_ADMITTED: Final[dict[str, Any]] = {}

Check = Callable[[Call], Any]


def bearer(scope: Scope) -> str | None:
    """Return the bearer (RFC 6750 §2.1); None when there is none, or it cannot be one."""
    values = header_values(scope, b"authorization")
    if len(values) != 1:
        return None
    scheme, _, token = values[0].partition(b" ")
    token = token.strip(b" ")
    if scheme.lower() != b"bearer" or not token.isascii():
        return None
    return token.decode("ascii") if 0 < len(token) <= MAX_BEARER_BYTES else None


class Guards:
    """One check for each security scheme of the contract, by its name.

    Raises:
        ValueError: the allowed relay is no IP address.
    """

    def __init__(self, sessions: Sessions, settings: ApiSettings, sources: Sources) -> None:
        self._sessions = sessions
        self._sources = sources
        self._node_secrets = tuple(secret.encode() for secret in settings.node_secrets)
        self._in_process_secret = _encoded(settings.in_process_secret)
        self._admin_secret = _encoded(settings.admin_secret)
        self._allowed_relay = None
        host = settings.allowed_relay_host
        if host is not None and host not in ANY_ADDRESS:
            self._allowed_relay = parse_address(host)
            if self._allowed_relay is None:
                raise ValueError("allowed_relay_host is no IP address")
        self.checks: Mapping[str, Check] = {
            "session": self._check_session,
            "revoke_token": self._check_revoke_token,
            "admin": self._check_admin,
            "node": self._check_node,
        }

    def _check_session(self, call: Call) -> Any:
        token = bearer(call.scope)
        if token is None:
            raise NotLoggedIn
        call.session = self._sessions.remembered_caller(token)
        # Who is known needs no waiting, and no coroutine.
        return self._ask(call, token) if call.session is None else _ADMITTED

    async def _ask(self, call: Call, token: str) -> Any:
        call.session = await self._sessions.caller(token)
        return _ADMITTED

    def _check_revoke_token(self, call: Call) -> Any:
        # Only its form: whether it is one, the operation finds out by using it.
        token = bearer(call.scope)
        if token is None or not token.startswith(_REVOCATION):
            raise UnknownRevokeToken
        call.revoke_token = token
        return _ADMITTED

    def _check_admin(self, call: Call) -> Any:
        if not _is_one_of(bearer(call.scope), self._admin_secret):
            return NO_VALUE
        call.is_admin = True
        return _ADMITTED

    def _check_node(self, call: Call) -> Any:
        scope = call.scope
        # Only what runs in this process can leave the address out, so the secret of the
        # process counts there, and nowhere else.
        if scope.get("client") is None:
            is_relay = _is_one_of(bearer(scope), self._in_process_secret)
        else:
            is_relay = _is_one_of(bearer(scope), self._node_secrets)
            is_relay = self._is_allowed(scope) and is_relay
        if not is_relay:
            raise NotARelay
        return _ADMITTED

    def _is_allowed(self, scope: Scope) -> bool:
        if self._allowed_relay is None:
            return True
        return self._sources.address(scope) == self._allowed_relay


class BearerScheme(AbstractSecurityHandler):
    """Finds the check of a bearer scheme; Connexion makes one for each scheme."""

    def __init__(self, guards: Guards) -> None:
        self._guards = guards

    def get_fn(self, security_scheme: Mapping[str, Any], _required_scopes: list[str]) -> Check:
        return self._guards.checks[security_scheme[SCHEME_NAME]]


class CallSecurity(SecurityOperation):
    """One operation's security as Connexion has read it from the contract.

    Its verification is given the call, which has all that it and our checks look at, in
    place of a request of Starlette's inside one of Connexion's.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.security:
            await self.verification_fn(call_of(scope))
        await self.next_app(scope, receive, send)


class CallSecurityAPI(SecurityAPI):
    def make_operation(self, operation: AbstractOperation | Specification) -> SecurityOperation:
        if not isinstance(operation, AbstractOperation):
            raise TypeError("what is no operation has no security of its own")
        return CallSecurity.from_operation(
            operation,
            next_app=stage_of(self.next_app, operation.operation_id),
            security_handler_factory=self.security_handler_factory,
        )


class CallSecurityMiddleware(RoutedMiddleware[CallSecurityAPI]):
    """Takes the place of Connexion's ``SecurityMiddleware``; what it decides stays the same."""

    api_cls = CallSecurityAPI


def _encoded(secret: str | None) -> tuple[bytes, ...]:
    return () if secret is None else (secret.encode(),)


def _is_one_of(token: str | None, secrets: tuple[bytes, ...]) -> bool:
    """Compare in a time that does not depend on which secret it is, or how much of it."""
    shown = (token or "").encode("ascii")
    found = False
    for secret in secrets:
        found |= hmac.compare_digest(shown, secret)
    return found and bool(shown)
