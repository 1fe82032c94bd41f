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
from services.model import RoomName

ROOMS_PATH = "/ws/"
SUBPROTOCOL = "ilo.v1"
TICKET_SUBPROTOCOL = "ilo.ticket."
MAX_SECRET_CHARACTERS = 512

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

    @property
    def is_private(self) -> bool:
        return self.room.startswith("~")


def read_wish(target: str, headers: Headers, allowed_origins: frozenset[str]) -> Wish | Refusal:
    """Read the request target (RFC 9112 §3.2.1) and the headers of a WebSocket handshake."""
    path, question, _ = target.partition("?")
    room = _room(path)
    if room is None:
        return BAD_ROOM
    if question:
        return BAD_QUERY
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
    return Wish(room, secret, kind, subprotocol)


def _room(path: str) -> RoomName | None:
    """Return the canonical room of a path: decoded once, whatever that gives."""
    if not path.startswith(ROOMS_PATH):
        return None
    try:
        name = unquote_to_bytes(path.removeprefix(ROOMS_PATH)).decode("ascii")
    except UnicodeDecodeError:
        return None
    return RoomName(name) if _ROOM.match(name) else None
