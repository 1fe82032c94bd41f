"""What can go wrong, in one sentence that says what to do, and in a code for scripts."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from ilo_client.errors import ClientError, Refused, TooLarge
from ilo_client.failures import (
    BrokenHome,
    HomeTaken,
    KeysChanged,
    NoKeys,
    NotAccepted,
    NotLoggedIn,
    ServerRefused,
    Unreachable,
)
from ilo_relay import (
    BrokenFrame,
    HandshakeRefused,
    InvalidFrame,
    RelayClosed,
    RelayError,
    RelayProblem,
    RelayUnreachable,
    Unconfirmed,
)
from ilo_relay import TooLarge as FrameTooLarge

EXPECTED: Final = (ClientError, RelayProblem, OSError, sqlite3.Error)
"""What is told in one sentence. Anything else is a bug, and shows where."""

_CLIENT_CODES: Final[dict[type[ClientError], str]] = {
    BrokenHome: "broken-home",
    HomeTaken: "home-taken",
    KeysChanged: "keys-changed",
    NoKeys: "no-keys",
    NotAccepted: "not-accepted",
    NotLoggedIn: "not-logged-in",
    TooLarge: "too-large",
    Unreachable: "unreachable",
}
_TO_DO: Final[dict[str, str]] = {
    "home-taken": "name another folder with --home",
    "no-keys": "`ilo-chat keys restore URL FILE` brings a backup, `ilo-chat login --new-keys`"
    " makes new ones",
    "not-logged-in": "`ilo-chat login URL USERNAME`, or `ilo-chat register` for a new account",
    "not-a-member": "you are no member of this room: an invitation lets you in,"
    " and `ilo-chat rooms` lists where you are",
    "room-deleted": "the room is deleted",
    "session-ended": "the session is over: `ilo-chat login URL USERNAME`",
    "too-large": "say it in several messages",
    "bad-credentials": "see that name and password are right",
    "name-taken": "choose another name, or `ilo-chat login` if it is yours",
    "rate": "try again in a while",
    "storage-full": "the server has no room left: try again later",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """``detail`` is a sentence; ``more`` are further fields for scripts."""

    code: str
    detail: str
    more: dict[str, object] = field(default_factory=dict)

    def fields(self) -> dict[str, object]:
        return {"code": self.code, "detail": self.detail, **self.more}


class CommandRefused(ClientError):
    """The chat itself says no. ``is_usage``: the command line is wrong."""

    def __init__(self, code: str, detail: str, *, is_usage: bool = False) -> None:
        super().__init__(detail)
        self.code = code
        self.is_usage = is_usage


def problem_of(error: BaseException) -> Problem:
    """Return what is told of one of `EXPECTED`."""
    match error:
        case CommandRefused() | ServerRefused() | Refused():
            return _with_advice(error.code, str(error))
        case KeysChanged():
            return Problem(
                "keys-changed",
                f"{error}; " + "; ".join(f"`ilo-chat accept-key {name}`" for name in error.names),
                {"names": list(error.names)},
            )
        case ClientError():
            return _with_advice(_CLIENT_CODES.get(type(error), "failed"), str(error))
        case RelayClosed() | HandshakeRefused():
            return _closed(error.reason, error.meaning)
        case RelayError():
            return _with_advice(error.code, error.detail)
        case FrameTooLarge():
            size = f"it has {error.size} bytes, and {error.bound} are allowed"
            return _with_advice("too-large", size)
        case InvalidFrame():
            return Problem("invalid", f"the server would not take this: {error}")
        case Unconfirmed():
            return Problem(
                "unconfirmed", "the server did not answer: whether it is stored is unknown"
            )
        case RelayUnreachable():
            return Problem("unreachable", f"the server cannot be reached: {error}")
        case BrokenFrame():
            return Problem("broken-frame", f"{error}: tell whoever runs it")
        case OSError():
            return Problem("file", ": ".join(_of_file(error)))
        case sqlite3.Error():
            return Problem("broken-home", f"memory.sqlite cannot be used: {error}")
        case _:
            return Problem("failed", str(error) or type(error).__name__)


def _with_advice(code: str, detail: str) -> Problem:
    advice = _TO_DO.get(code)
    return Problem(code, detail if advice is None else f"{detail}: {advice}")


def _closed(reason: str, meaning: str) -> Problem:
    return Problem(reason, _TO_DO.get(reason) or meaning or reason)


def _of_file(error: OSError) -> Iterator[str]:
    if error.filename is not None:
        yield str(error.filename)
    yield error.strerror or str(error) or type(error).__name__
