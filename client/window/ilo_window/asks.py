"""What the window asks of the worker: one value each. What is secret is in no repr."""

from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Register:
    server: str
    name: str
    password: str = field(repr=False)
    passphrase: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class LogIn:
    server: str
    name: str
    password: str = field(repr=False)
    passphrase: str = field(repr=False)
    new_keys: bool = False


@dataclass(frozen=True, slots=True)
class Restore:
    server: str
    path: str
    backup_passphrase: str = field(repr=False)
    password: str = field(repr=False)
    passphrase: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unlock:
    passphrase: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class LogOut:
    pass


@dataclass(frozen=True, slots=True)
class LogOutElsewhere:
    pass


@dataclass(frozen=True, slots=True)
class Refresh:
    """The list of rooms."""


@dataclass(frozen=True, slots=True)
class Open:
    """Go into a room; where nothing is encrypted if ``is_plaintext``, None: as the last time."""

    room: str
    is_plaintext: bool | None = None


@dataclass(frozen=True, slots=True)
class Older:
    """The page of the history before a seq; None: the newest one."""

    room: str
    before: int | None


@dataclass(frozen=True, slots=True)
class Send:
    """``key`` is the window's name for the message until it has a seq."""

    room: str
    key: int
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Create:
    label: str


@dataclass(frozen=True, slots=True)
class Label:
    room: str
    label: str


@dataclass(frozen=True, slots=True)
class Accept:
    room: str


@dataclass(frozen=True, slots=True)
class Leave:
    """Leave a room, or decline an invitation to it."""

    room: str


@dataclass(frozen=True, slots=True)
class Delete:
    room: str


@dataclass(frozen=True, slots=True)
class Members:
    room: str


@dataclass(frozen=True, slots=True)
class Invite:
    room: str
    name: str


@dataclass(frozen=True, slots=True)
class Remove:
    room: str
    name: str


@dataclass(frozen=True, slots=True)
class Compare:
    """The number to compare with somebody."""

    name: str


@dataclass(frozen=True, slots=True)
class Verify:
    """The numbers are the same; ``kid`` is the key that they were made of."""

    name: str
    kid: str


@dataclass(frozen=True, slots=True)
class AcceptKey:
    """Take the changed key; with ``is_compared`` the numbers were the same."""

    name: str
    kid: str
    is_compared: bool


@dataclass(frozen=True, slots=True)
class BackUp:
    path: str
    passphrase: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Rotate:
    passphrase: str = field(repr=False)


WayIn: TypeAlias = Register | LogIn | Restore | Unlock
Ask: TypeAlias = (
    WayIn
    | LogOut
    | LogOutElsewhere
    | Refresh
    | Open
    | Older
    | Send
    | Create
    | Label
    | Accept
    | Leave
    | Delete
    | Members
    | Invite
    | Remove
    | Compare
    | Verify
    | AcceptKey
    | BackUp
    | Rotate
)
