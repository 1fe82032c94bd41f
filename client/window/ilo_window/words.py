"""What went wrong, said to people, and where on the page it belongs; and times of day."""

from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Final, Literal, TypeAlias

from ilo_client import (
    BrokenHome,
    ClientError,
    HomeTaken,
    KeysChanged,
    NoKeys,
    NotAccepted,
    NotLoggedIn,
    Refused,
    ServerRefused,
    TooLarge,
    Unreachable,
)
from ilo_relay import HandshakeRefused, InvalidFrame, RelayClosed, RelayError, RelayProblem

Field: TypeAlias = Literal["server", "name", "password", "passphrase", "backup", "path", "room", ""]
"""The field that is wrong; empty: none of them alone."""


@dataclass(frozen=True, slots=True)
class Problem:
    """``can_make_keys``: making new keys would help, if everybody may be warned of them."""

    words: str
    field: Field = ""
    can_make_keys: bool = False


_REFUSALS: Final[dict[str, tuple[str, Field]]] = {
    "name-taken": ("This name is taken: choose another one, or log in.", "name"),
    "bad-credentials": ("The name or the password is wrong.", "password"),
    "user-not-found": ("There is nobody of this name.", "name"),
    "room-not-found": ("There is no such room, or it is not yours to see.", "room"),
    "not-the-owner": ("Only the owner of the room may do that.", ""),
    "member-not-found": ("There is nobody of this name in the room.", "name"),
    "too-many-tries": ("That was too often: wait a while, and try again.", ""),
}
_PLACES: Final[tuple[tuple[str, Field], ...]] = (
    ("/password", "password"),
    ("/username", "name"),
    ("username", "name"),
    ("room", "room"),
)
MOST_OF_A_NAME: Final = 40
"""Letters of a name within a sentence."""
_CHANGES: Final = {
    "joined": "{} joined",
    "left": "{} left",
    "removed": "{} was removed",
    "key-changed": "The key of {} changed: nothing is sent until you have accepted the new one",
    "still-listed": "The server still lists {}, whom you removed: nothing is encrypted for them",
}
_WARNINGS: Final = {
    "gap": "messages are missing before this one",
    "unknown-recipient": "somebody who is no known member can read this",
}
_GAPS: Final = {
    "retention": "Older messages are not kept any more",
    "epoch": "The server went back to an earlier state: messages may be missing",
    "ahead": "The server has lost messages",
}


def problem_of(error: Exception) -> Problem:
    """Return what to say of ``error``; nothing of what was typed is in it."""
    match error:
        case ServerRefused():
            return _refusal(error)
        case Refused(code="passphrase"):
            return Problem("The passphrase is wrong.", "passphrase")
        case Refused():
            return Problem(_sentence(str(error)))
        case Unreachable():
            return Problem("The server does not answer: is the address right?", "server")
        case NoKeys():
            return Problem(
                "Your keys are not in this folder. Restore a backup, or make new keys,"
                " which everybody will be warned of.",
                can_make_keys=True,
            )
        case HomeTaken():
            return Problem(_sentence(str(error)), "name")
        case NotLoggedIn():
            return Problem("The session is over: log in again.")
        case NotAccepted() | BrokenHome() | KeysChanged() | TooLarge() | ClientError():
            return Problem(_sentence(str(error)))
        case InvalidFrame():
            return Problem(f"This is not allowed here: {error.rule}.", "room")
        case HandshakeRefused() | RelayClosed():
            return Problem(_sentence(error.meaning))
        case RelayError():
            return Problem(_sentence(error.detail))
        case RelayProblem():
            return Problem("The line was lost before the server answered.")
        case OSError():
            return Problem(f"{error.strerror or 'The file cannot be used'}.", "path")
        case _:
            return Problem(f"Something went wrong here ({type(error).__name__}).")


def change_words(kind: str, name: str) -> str:
    short = name if len(name) <= MOST_OF_A_NAME else name[:MOST_OF_A_NAME].rstrip() + "…"
    return _CHANGES[kind].format(short)


def warning_words(warnings: tuple[str, ...]) -> str:
    return "; ".join(_WARNINGS[each] for each in warnings)


def gap_words(reason: str) -> str:
    return _GAPS.get(reason, "Messages are missing")


def time_of(sent_at: str, zone: tzinfo | None = None) -> str:
    """Return hours and minutes, here if not in ``zone``; empty when it is no time."""
    when = _when(sent_at, zone)
    return "" if when is None else f"{when:%H:%M}"


def day_of(sent_at: str, zone: tzinfo | None = None) -> date | None:
    when = _when(sent_at, zone)
    return None if when is None else when.date()


def day_words(day: date, today: date) -> str:
    if day == today:
        return "Today"
    if (today - day).days == 1:
        return "Yesterday"
    return f"{day:%A}, {day.day} {day:%B} {day.year}"


def _when(sent_at: str, zone: tzinfo | None) -> datetime | None:
    try:
        return datetime.fromisoformat(sent_at).astimezone(zone)
    except (ValueError, OverflowError):
        return None


def _refusal(error: ServerRefused) -> Problem:
    if error.code in _REFUSALS:
        return Problem(*_REFUSALS[error.code])
    if error.rules:
        for sign, field in _PLACES:
            if sign in error.rules[0].partition(": ")[0]:
                details = [rule.partition(": ")[2] for rule in error.rules]
                return Problem(_sentence("; ".join(dict.fromkeys(details))), field)
    return Problem(_sentence(str(error)))


def _sentence(text: str) -> str:
    """Return ``text`` with a capital and a full stop."""
    whole = text[:1].upper() + text[1:]
    return whole if whole.endswith((".", "?", "!")) else whole + "."
