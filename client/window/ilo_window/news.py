"""What the worker tells the window."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from ilo_client import Event, MemberInfo, Message, NotShown, Person, Sent

from ilo_window.asks import Ask
from ilo_window.words import Problem


@dataclass(frozen=True, slots=True)
class RoomEntry:
    """A room as the list shows it. ``head`` is the newest seq in it, ``read`` the newest that this
    person has seen; None: none yet, and nothing counts as unread."""

    name: str
    label: str | None
    is_private: bool
    is_invitation: bool
    owner: str | None
    head: int
    read: int | None
    is_plaintext: bool = False


@dataclass(frozen=True, slots=True)
class Folder:
    """Whose folder it is; None: nobody's. With ``is_open`` a passphrase is enough."""

    name: str | None
    server: str | None
    is_open: bool
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Desktop:
    is_dark: bool


@dataclass(frozen=True, slots=True)
class Progress:
    words: str


@dataclass(frozen=True, slots=True)
class Entered:
    """``is_my_card``: the server shows the key that is here."""

    name: str
    server: str
    is_my_card: bool


@dataclass(frozen=True, slots=True)
class LoggedOut:
    words: str


@dataclass(frozen=True, slots=True)
class Rooms:
    rooms: tuple[RoomEntry, ...]


@dataclass(frozen=True, slots=True)
class ServerAnswers:
    """Whether it did, the last time that it was asked for the rooms."""

    yes: bool


@dataclass(frozen=True, slots=True)
class Opening:
    room: str
    is_plaintext: bool


@dataclass(frozen=True, slots=True)
class Line:
    """Whether a room's line is there; it comes back by itself."""

    room: str
    is_there: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """A room was closed, and why; empty words: as it was asked for."""

    room: str
    words: str


@dataclass(frozen=True, slots=True)
class Page:
    """Messages before the seq ``before``, or the newest ones; empty: there are none before it."""

    room: str
    before: int | None
    messages: tuple[Message | NotShown, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Happened:
    room: str
    event: Event


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a message. `kept`: it goes out by itself, later; `failed`: it does not."""

    room: str
    key: int
    state: Literal["sent", "kept", "failed"]
    words: str = ""
    sent: Sent | None = None
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MembersAre:
    room: str
    members: tuple[MemberInfo, ...]


@dataclass(frozen=True, slots=True)
class Number:
    """The 60 digits for the key ``kid`` of ``person``; empty when there is no valid key."""

    person: Person
    kid: str | None
    digits: str


@dataclass(frozen=True, slots=True)
class Done:
    """``name`` is that of the room, where one was made."""

    ask: Ask
    name: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    ask: Ask
    problem: Problem


News: TypeAlias = (
    Folder
    | Desktop
    | Progress
    | Entered
    | LoggedOut
    | Rooms
    | ServerAnswers
    | Opening
    | Line
    | Ended
    | Page
    | Happened
    | Delivery
    | MembersAre
    | Number
    | Done
    | Failed
)
