"""Every way the relay ends a connection, and every way it refuses one, in one place.

``x-close-codes`` and ``x-refusals`` in ``spec/asyncapi.yaml`` say the same; tests
keep them equal.
"""

from dataclasses import dataclass
from http import HTTPStatus

# A close frame carries at most 125 bytes, two of them the code (RFC 6455 §5.5).
MAX_REASON_BYTES = 123


@dataclass(frozen=True, slots=True)
class Hangup:
    """A close code, its reason as sent to the client, and whether the client may come back."""

    code: int
    reason: str
    may_reconnect: bool


NORMAL = Hangup(1000, "normal", may_reconnect=False)
GOING_AWAY = Hangup(1001, "going-away", may_reconnect=True)
PROTOCOL_ERROR = Hangup(1002, "protocol-error", may_reconnect=True)
BINARY = Hangup(1003, "binary", may_reconnect=False)
NOT_UTF_8 = Hangup(1007, "not-utf-8", may_reconnect=False)
TOO_BIG = Hangup(1009, "too-big", may_reconnect=False)
INTERNAL = Hangup(1011, "internal", may_reconnect=True)
TRY_AGAIN_LATER = Hangup(1013, "try-again-later", may_reconnect=True)
BAD_FRAMES = Hangup(4400, "bad-frames", may_reconnect=False)
SESSION_ENDED = Hangup(4401, "session-ended", may_reconnect=False)
MEMBER_NO_MORE = Hangup(4403, "not-a-member", may_reconnect=False)
TOO_SLOW = Hangup(4408, "too-slow", may_reconnect=True)
ROOM_DELETED = Hangup(4410, "room-deleted", may_reconnect=False)
RATE = Hangup(4429, "rate", may_reconnect=True)

HANGUPS = (
    NORMAL,
    GOING_AWAY,
    PROTOCOL_ERROR,
    BINARY,
    NOT_UTF_8,
    TOO_BIG,
    INTERNAL,
    TRY_AGAIN_LATER,
    BAD_FRAMES,
    SESSION_ENDED,
    MEMBER_NO_MORE,
    TOO_SLOW,
    ROOM_DELETED,
    RATE,
)

WITH_CODE = {hangup.code: hangup for hangup in HANGUPS}


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer to a handshake other than 101. ``detail`` never repeats what was sent."""

    status: HTTPStatus
    reason: str
    detail: str
    may_reconnect: bool = False
    retry_after_s: int | None = None


NO_UPGRADE = Refusal(
    HTTPStatus.UPGRADE_REQUIRED,
    "no-upgrade",
    "this path is a WebSocket: ask for an upgrade",
)
BAD_HANDSHAKE = Refusal(
    HTTPStatus.BAD_REQUEST, "bad-request", "the WebSocket handshake is malformed"
)
BAD_ROOM = Refusal(HTTPStatus.BAD_REQUEST, "bad-request", "the room's name is against the contract")
BAD_QUERY = Refusal(
    HTTPStatus.BAD_REQUEST,
    "bad-request",
    "the query has to be since, with an epoch unless it is 0, or nothing",
)
WRONG_ORIGIN = Refusal(
    HTTPStatus.FORBIDDEN, "wrong-origin", "the page's origin is not on the operator's list"
)
NOT_LOGGED_IN = Refusal(
    HTTPStatus.UNAUTHORIZED,
    "not-logged-in",
    "the token or ticket is missing, unknown, expired, revoked or used",
)
NOT_A_MEMBER = Refusal(HTTPStatus.FORBIDDEN, "not-a-member", "there is no such room for this user")
TOO_MANY_CONNECTIONS = Refusal(
    HTTPStatus.TOO_MANY_REQUESTS,
    "too-many-connections",
    "this user has too many connections",
    may_reconnect=True,
    retry_after_s=5,
)
TOO_MANY_ROOMS = Refusal(
    HTTPStatus.TOO_MANY_REQUESTS,
    "too-many-rooms",
    "this user has joined too many rooms",
    may_reconnect=True,
    retry_after_s=60,
)
ROOM_FULL = Refusal(
    HTTPStatus.TOO_MANY_REQUESTS,
    "room-full",
    "this room has too many members",
    may_reconnect=True,
    retry_after_s=60,
)
UNAVAILABLE = Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "unavailable",
    "the relay cannot admit anybody now",
    may_reconnect=True,
    retry_after_s=1,
)

REFUSALS = (
    NO_UPGRADE,
    BAD_HANDSHAKE,
    BAD_ROOM,
    BAD_QUERY,
    WRONG_ORIGIN,
    NOT_LOGGED_IN,
    NOT_A_MEMBER,
    TOO_MANY_CONNECTIONS,
    TOO_MANY_ROOMS,
    ROOM_FULL,
    UNAVAILABLE,
)
