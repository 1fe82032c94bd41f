"""What a handshake asks for, and whether it is well-formed. No I/O, no questions asked yet.

Secrets come in headers only; what does not fit is refused in the order that the contract gives.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol
from urllib.parse import unquote_to_bytes

from relay.hangups import (
    BAD_HANDSHAKE,
    BAD_QUERY,
    BAD_ROOM,
    NOT_LOGGED_IN,
    WRONG_ORIGIN,
    Refusal,
)
from relay.resume import Cursor
from services.model import RoomName

ROOMS_PATH = "/ws/"
SUBPROTOCOL = "ilo.v1"
TICKET_SUBPROTOCOL = "ilo.ticket."
MAX_SECRET_CHARACTERS = 512

# Digits as the contract's integers have them in a query: ASCII, without leading zeros.
_SINCE = re.compile(r"(?:0|[1-9][0-9]{0,15})\Z")
_EPOCH = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_MAX_SEQ = 2**53 - 1

# Spelt as in the contract, but ASCII alone: a name in another script is no room.
_ROOM = re.compile(r"(?:~[A-Za-z0-9_-]{22}|[A-Za-z0-9][A-Za-z0-9._-]{0,63})\Z")


class Headers(Protocol):
    def get_all(self, key: str) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class Wish:
    """A well-formed request to come into a room, by somebody yet unknown."""

    room: RoomName
    secret: str = field(repr=False)
    kind: Literal["session", "ticket"]
    subprotocol: str | None
    cursor: Cursor | None = None


def read_wish(target: str, headers: Headers, allowed_origins: frozenset[str]) -> Wish | Refusal:
    """Read the request target (RFC 9112 §3.2.1) and the headers of a WebSocket handshake."""
    path, question, query = target.partition("?")
    room = _room(path)
    if room is None:
        return BAD_ROOM
    cursor = _cursor(query) if question else None
    if isinstance(cursor, Refusal):
        return cursor
    origins = headers.get_all("Origin")
    credentials = headers.get_all("Authorization")
    if len(credentials) > 1 or len(origins) > 1:
        return BAD_HANDSHAKE
    if any(origin not in allowed_origins for origin in origins):
        return WRONG_ORIGIN
    offered = [
        name.strip()
        for value in headers.get_all("Sec-WebSocket-Protocol")
        for name in value.split(",")
    ]
    subprotocol = SUBPROTOCOL if SUBPROTOCOL in offered else None
    kind: Literal["session", "ticket"]
    if credentials:
        scheme, _, secret = credentials[0].partition(" ")
        kind = "session"
        if scheme.lower() != "bearer":
            return NOT_LOGGED_IN
    else:
        tickets = [name for name in offered if name.startswith(TICKET_SUBPROTOCOL)]
        if len(tickets) != 1:
            return NOT_LOGGED_IN
        secret, kind = tickets[0].removeprefix(TICKET_SUBPROTOCOL), "ticket"
    secret = secret.strip(" ")
    if not 0 < len(secret) <= MAX_SECRET_CHARACTERS or not secret.isascii():
        return NOT_LOGGED_IN
    return Wish(room, secret, kind, subprotocol, cursor)


def _room(path: str) -> RoomName | None:
    """Return the canonical room of a path: decoded once, whatever that gives."""
    if not path.startswith(ROOMS_PATH):
        return None
    try:
        name = unquote_to_bytes(path.removeprefix(ROOMS_PATH)).decode("ascii")
    except UnicodeDecodeError:
        return None
    return RoomName(name) if _ROOM.match(name) else None


def _cursor(query: str) -> Cursor | Refusal:
    """Return the cursor of a query, which is nothing but that."""
    members: dict[str, str] = {}
    for part in query.split("&"):
        name, equals, value = part.partition("=")
        if not equals or name in members:
            return BAD_QUERY
        members[name] = value
    since, epoch = members.pop("since", None), members.pop("epoch", None)
    if members or since is None or not _SINCE.match(since) or int(since) > _MAX_SEQ:
        return BAD_QUERY
    if epoch is None:
        return Cursor(0, None) if since == "0" else BAD_QUERY
    return Cursor(int(since), epoch) if _EPOCH.match(epoch) else BAD_QUERY
