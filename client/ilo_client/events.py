"""What happens in a room, as an application sees it."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Warning_: TypeAlias = Literal["gap", "unknown-recipient"]
"""`gap`: messages of that device are missing before this one. `unknown-recipient`: it can be read
by somebody who is no member that is known here."""

ChangeKind: TypeAlias = Literal["joined", "left", "removed", "key-changed", "still-listed"]
"""`still-listed`: the server lists as a member whom this person has removed; nothing is encrypted
for them until they are invited again."""


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody said. Unless ``is_plaintext``, the sender has signed it.

    ``sent_at`` is the server's time, RFC 3339 in UTC; ``type`` the sender's word for what it is,
    `text` for most.
    """

    id: str
    seq: int
    sender: str
    sent_at: str
    text: str = field(repr=False)
    type: str = "text"
    is_own: bool = False
    is_plaintext: bool = False
    warnings: tuple[Warning_, ...] = ()


@dataclass(frozen=True, slots=True)
class NotShown:
    """Something that came and cannot be trusted, or cannot be read. ``words`` say it to people."""

    seq: int
    sender: str
    code: str
    words: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Messages that cannot be had. ``reason`` is the relay's: `retention`, `epoch`, `ahead`."""

    from_seq: int
    to_seq: int
    reason: str


@dataclass(frozen=True, slots=True)
class Change:
    """Something about a member."""

    kind: ChangeKind
    name: str


@dataclass(frozen=True, slots=True)
class Typing:
    """Somebody types, or stopped. Neither signed nor kept: the server's word."""

    name: str
    is_typing: bool


@dataclass(frozen=True, slots=True)
class Presence:
    """Somebody came or went; ``online`` is how many are there now. The server's word."""

    name: str
    is_online: bool
    online: int


@dataclass(frozen=True, slots=True)
class Back:
    """The line was lost, and is there again; what was said meanwhile follows."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The server has stored what was sent."""

    id: str
    seq: int
    sent_at: str


Event: TypeAlias = Message | NotShown | Gap | Change | Typing | Presence | Back
