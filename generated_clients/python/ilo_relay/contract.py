"""What the contract says of a connection: where it goes, how it is refused, how it ends."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

VERSION: Final = "0.1.0"
"""The version of the contract."""

ADDRESS: Final = "/ws/{room}"
SUBPROTOCOLS: Final = ("ilo.v1",)
TICKET_PREFIX: Final = "ilo.ticket."
"""What stands before a ticket among the subprotocols."""


@dataclass(frozen=True, slots=True)
class CloseCode:
    """A way the relay ends a connection. ``reconnect``: whether to come back."""

    code: int
    reason: str
    meaning: str
    reconnect: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """A way the relay answers a handshake. ``reconnect``: whether to try again."""

    status: int
    reason: str
    meaning: str
    reconnect: bool


@dataclass(frozen=True, slots=True)
class ErrorMeaning:
    """What a code of a refused frame tells: what became of it, and whether to send it again."""

    code: str
    stored: Literal["no", "unknown"]
    again: bool
    meaning: str


CLOSE_CODES: Final[Mapping[int, CloseCode]] = {
    1000: CloseCode(1000, "normal", "The client said goodbye.", False),
    1001: CloseCode(1001, "going-away", "The relay is shutting down.", True),
    1002: CloseCode(1002, "protocol-error", "The client broke RFC 6455.", True),
    1003: CloseCode(1003, "binary", "The client sent a binary frame.", False),
    1007: CloseCode(1007, "not-utf-8", "The client sent a text frame that is not UTF-8.", False),
    1009: CloseCode(1009, "too-big", "The client sent a frame over `limits.frame_bytes`.", False),
    1011: CloseCode(1011, "internal", "A fault of the relay.", True),
    1013: CloseCode(
        1013,
        "try-again-later",
        "A message could not be stored in time: whether it was is unknown. Send what has no ack again, in order, with the same ids.",
        True,
    ),
    4400: CloseCode(
        4400, "bad-frames", "Twenty frames in a row were against this contract.", False
    ),
    4401: CloseCode(
        4401,
        "session-ended",
        "The session expired or was ended: by a logout, a new password, the end of the account or of its API key. Log in again.",
        False,
    ),
    4403: CloseCode(4403, "not-a-member", "The user left the room or was removed from it.", False),
    4408: CloseCode(
        4408, "too-slow", "The client took nothing of what waits for it for 15 seconds.", True
    ),
    4410: CloseCode(4410, "room-deleted", "The room is deleted.", False),
    4429: CloseCode(4429, "rate", "The client went on far above `limits.frames_per_s`.", True),
}

REFUSALS: Final = (
    Refusal(426, "no-upgrade", "The request asks for no WebSocket.", False),
    Refusal(
        400,
        "bad-request",
        "The handshake, the room's name or the query is malformed; or `since` has no `epoch`.",
        False,
    ),
    Refusal(403, "wrong-origin", "The page's origin is not on the operator's list.", False),
    Refusal(
        401,
        "not-logged-in",
        "The token or ticket is missing, unknown, expired, revoked or used. Log in again, or get another ticket.",
        False,
    ),
    Refusal(
        403,
        "not-a-member",
        "The caller is neither a member of this private room nor invited, or there is none.",
        False,
    ),
    Refusal(
        429,
        "too-many-connections",
        "The user has too many connections, in this room or in all. `Retry-After` says when to try again.",
        True,
    ),
    Refusal(
        429,
        "too-many-rooms",
        "The user has joined as many rooms as one may: leave one. `Retry-After` says when to try again.",
        True,
    ),
    Refusal(
        429,
        "room-full",
        "The room has as many members as one may have. `Retry-After` says when to try again.",
        True,
    ),
    Refusal(
        503,
        "unavailable",
        "The relay is overloaded or shutting down, or cannot ask the API or the store. `Retry-After` says when to try again.",
        True,
    ),
)

ERROR_MEANINGS: Final[Mapping[str, ErrorMeaning]] = {
    "bad-frame": ErrorMeaning(
        "bad-frame",
        "no",
        False,
        "The frame is no strict JSON, or against its schema: `path`, `expected` and `schema` say where, of one fault if there are several. Twenty in a row close the connection. It counts for `frames_per_s` as one more frame for each 4,096 bytes of it.",
    ),
    "too-big": ErrorMeaning(
        "too-big",
        "no",
        False,
        "`data.message` is over `limits.message_bytes`, or a signal's `data` over `limits.signal_bytes`; `path`, `expected` and `schema` as for `bad-frame`. It counts as one bad frame in a row.",
    ),
    "rate": ErrorMeaning(
        "rate", "no", True, "Too many frames. Send it again after `retry_after` seconds."
    ),
    "id-reused": ErrorMeaning(
        "id-reused", "no", False, "The sender used this id in this room for another message."
    ),
    "members-changed": ErrorMeaning(
        "members-changed",
        "no",
        False,
        "`if_members` is not the room's `members_version`. This attempt is not stored; one that was sent before with the same id may be. Look at the members again, encrypt for them, and send that.",
    ),
    "storage-full": ErrorMeaning(
        "storage-full", "no", True, "The store has no room left. Try again later."
    ),
    "unavailable": ErrorMeaning(
        "unavailable",
        "unknown",
        True,
        "The store did not answer in time. The connection closes with 1013; send it again with the same id.",
    ),
}


def close_code(code: int, reason: str) -> CloseCode:
    """Return what a close code means, or what to do about one that is not known here."""
    known = CLOSE_CODES.get(code)
    meaning = "The contract of this client does not say."
    return known or CloseCode(code, reason, meaning, True)


def refusal(status: int, reason: str) -> Refusal:
    """Return what an answer to a handshake means.

    One that the relay did not give comes from something before it: a fault of that (408, 429,
    5xx) may pass.
    """
    same_status = [row for row in REFUSALS if row.status == status]
    for row in same_status:
        if row.reason == reason:
            return row
    passing = status in (408, 429) or status >= 500
    meaning = "The contract of this client does not say."
    return Refusal(status, reason, meaning, passing)


def error_meaning(code: str) -> ErrorMeaning:
    """Return what a code of a refused frame means, or what to do about one not known here."""
    known = ERROR_MEANINGS.get(code)
    meaning = "The contract of this client does not say."
    return known or ErrorMeaning(code, "unknown", False, meaning)
