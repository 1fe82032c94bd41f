"""Refusals and their answers: the one table from the services' errors to problem details."""

from collections.abc import Mapping
from typing import Any, Final

from handlers.asgi import Header
from handlers.contract import Contract, Operation
from handlers.responses import PROBLEM_JSON, Response, json_response
from handlers.schemas import Fault
from services import errors

SLUGS: Final[Mapping[type[errors.IloError], str]] = {
    errors.InvalidInput: "invalid-input",
    errors.UnknownApiKey: "unknown-api-key",
    errors.BadCredentials: "bad-credentials",
    errors.NotLoggedIn: "not-logged-in",
    errors.UnknownRevokeToken: "unknown-revoke-token",
    errors.AdminOnly: "admin-only",
    errors.NotARelay: "not-a-relay",
    errors.NotYourself: "not-yourself",
    errors.WrongPassword: "wrong-password",
    errors.LogInAgain: "log-in-again",
    errors.UserNotFound: "user-not-found",
    errors.ApiKeyNotFound: "api-key-not-found",
    errors.NameTaken: "name-taken",
    errors.KeyVersionConflict: "key-version-conflict",
    errors.RoomNotFound: "room-not-found",
    errors.NotTheOwner: "not-the-owner",
    errors.MemberNotFound: "member-not-found",
    errors.LimitReached: "limit-reached",
    errors.TooManyTries: "too-many-tries",
    errors.Overloaded: "overloaded",
    errors.StoreUnavailable: "store-unavailable",
    errors.StorageFull: "storage-full",
}
"""Every error of the services that an operation can meet; its text is the ``detail``."""

NOT_OVER_REST: Final = frozenset({errors.IdReused})
"""What only the WebSocket door can meet."""

RETRY_AFTER_MAX_S: Final = 3600
_RETRY_AFTER_S: Final[Mapping[str, int]] = {
    "store-unavailable": 1,
    "storage-full": 10,
    "not-ready": 1,
}
_CHALLENGE: Final[Header] = (b"www-authenticate", b"Bearer")
_MAX_DETAIL: Final = 1024


class Refusal(Exception):
    """What this door refuses itself. ``slug`` is a key of the contract's ``x-problems``.

    ``detail`` and ``faults`` name places and rules, never values.
    """

    def __init__(
        self,
        slug: str,
        detail: str,
        *,
        faults: tuple[Fault, ...] = (),
        headers: tuple[Header, ...] = (),
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.slug = slug
        self.detail = detail
        self.faults = faults
        self.headers = headers
        self.more = more or {}


def bad_request(detail: str, *faults: Fault) -> Refusal:
    return Refusal("bad-request", detail, faults=faults)


def invalid_input(*faults: Fault) -> Refusal:
    """Return the refusal of input that breaks rules of the contract; at least one fault."""
    first = faults[0]
    place = f"the {first.location}" + (f" at {first.pointer}" if first.pointer else "")
    said = first.detail or f"it breaks the rule {first.rule}"
    return Refusal("invalid-input", f"{place}: {said}", faults=faults)


def slug_of(error: errors.IloError) -> str:
    """Return the problem that an error of the services is.

    Raises:
        KeyError: the table lacks it.
    """
    for kind in type(error).__mro__:
        if kind in SLUGS:
            return SLUGS[kind]
    raise KeyError(type(error).__name__)


def refusal_of(error: errors.IloError, operation: Operation | None) -> Refusal:
    """Return the refusal that says what ``error`` says, in the words of the contract."""
    slug = slug_of(error)
    retry_after_s = getattr(error, "retry_after_s", _RETRY_AFTER_S.get(slug))
    headers: tuple[Header, ...] = ()
    if retry_after_s is not None:
        headers = (retry_after(retry_after_s),)
    if isinstance(error, errors.InvalidInput):
        fault = Fault("body", error.pointer, error.rule, error.detail, _schema_at(error, operation))
        return Refusal(slug, error.detail, faults=(fault,), headers=headers)
    return Refusal(slug, str(error), headers=headers)


def retry_after(seconds: float) -> Header:
    return (b"retry-after", b"%d" % min(max(1, round(seconds)), RETRY_AFTER_MAX_S))


class Problems:
    """Makes the answers to refusals; statuses and titles are the contract's."""

    def __init__(self, contract: Contract) -> None:
        self._known = contract.problems

    def status(self, refusal: Refusal) -> int:
        return int(self._known[refusal.slug]["status"])

    def response(self, refusal: Refusal, request_id: str) -> Response:
        """Return the problem details of RFC 9457 for this request."""
        known = self._known[refusal.slug]
        status = int(known["status"])
        value: dict[str, Any] = {
            "type": f"/problems/{refusal.slug}",
            "title": known["title"],
            "status": status,
            "detail": refusal.detail[:_MAX_DETAIL],
            "instance": f"urn:uuid:{request_id}",
            **refusal.more,
        }
        if refusal.faults:
            value["errors"] = [fault.as_value() for fault in refusal.faults]
        headers = refusal.headers
        if status == 401:
            # RFC 9110 §11.6.1: a 401 says what is expected.
            headers = (*headers, _CHALLENGE)
        return json_response(status, value, headers, media_type=PROBLEM_JSON)


def _schema_at(error: errors.InvalidInput, operation: Operation | None) -> str | None:
    """Return where the contract describes that member of the body."""
    if operation is None or operation.body is None:
        return None
    schema = operation.body.schema.get("$ref")
    return f"{schema}/properties{error.pointer}" if schema and error.pointer else schema
