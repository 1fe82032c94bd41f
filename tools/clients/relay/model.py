"""What a client has to know of the relay, in no language: the templates' only input."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "integer", "number", "boolean", "object", "map", "list"]
"""``map`` is an object with members of any name; its values are any JSON."""


@dataclass(frozen=True, slots=True)
class Schema:
    """What a value may be. ``name`` is None for one that is written where it is used.

    ``place`` is its JSON pointer in the contract. Every bound is inclusive, ``max_bytes`` is of
    UTF-8. ``closed`` says whether members that are not named are errors, ``may_grow`` whether
    later versions may add to ``enum``.
    """

    place: str
    name: str | None
    kind: Kind
    title: str = ""
    description: str = ""
    const: str | None = None
    enum: tuple[str, ...] = ()
    may_grow: bool = False
    pattern: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    max_bytes: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    min_items: int | None = None
    max_items: int | None = None
    sensitive: bool = False
    closed: bool = False
    members: "tuple[Member, ...]" = ()
    items: "Schema | None" = None

    def member(self, name: str) -> "Member | None":
        return next((member for member in self.members if member.name == name), None)

    def inside(self) -> "Iterator[Schema]":
        """Yield the schemas that this one is made of, not their own."""
        for member in self.members:
            yield member.schema
        if self.items is not None:
            yield self.items


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an object, a parameter of the address, or one of the query."""

    name: str
    schema: Schema
    required: bool
    description: str


@dataclass(frozen=True, slots=True)
class Frame:
    """A message of the contract. ``correlation`` is the member that a reply repeats."""

    name: str
    type: str
    title: str
    summary: str
    schema: Schema
    correlation: str | None


@dataclass(frozen=True, slots=True)
class Argument:
    """What a caller gives for a member of a frame.

    ``inner`` is the member's only member, when that is what the caller gives: ``message`` for
    ``data: {message}``. ``limit`` names the member of the welcome's limits that bounds its bytes.
    The id that a reply repeats is never ``required``: the client makes one.
    """

    member: Member
    inner: Member | None
    limit: str | None
    required: bool

    @property
    def given(self) -> Member:
        return self.member if self.inner is None else self.inner

    @property
    def name(self) -> str:
        return self.given.name


@dataclass(frozen=True, slots=True)
class Request:
    """What a client may send. Without ``replies`` nobody answers.

    ``cursor`` is the member that tells the newest seq which the client has seen.
    """

    name: str
    summary: str
    description: str
    frame: Frame
    arguments: tuple[Argument, ...]
    replies: tuple[Frame, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Event:
    """What the relay sends by itself."""

    summary: str
    description: str
    frame: Frame


@dataclass(frozen=True, slots=True)
class CloseCode:
    code: int
    reason: str
    meaning: str
    reconnect: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    reason: str
    meaning: str
    reconnect: bool


@dataclass(frozen=True, slots=True)
class ErrorCode:
    code: str
    stored: Literal["no", "unknown"]
    again: bool
    meaning: str


@dataclass(frozen=True, slots=True)
class UnknownCodes:
    """What a client does about codes that a later version of the contract has."""

    reconnect: bool
    stored: Literal["no", "unknown"]
    again: bool


@dataclass(frozen=True, slots=True)
class RelayContract:
    """All of it. ``schemas`` are the named ones in use, each after those that it is made of.

    ``frames`` are all that the relay sends, ``failure`` is the one that refuses.
    """

    title: str
    version: str
    channel: str
    address: str
    parameters: tuple[Member, ...]
    query: tuple[Member, ...]
    subprotocols: tuple[str, ...]
    ticket_prefix: str
    schemas: tuple[Schema, ...]
    requests: tuple[Request, ...]
    events: tuple[Event, ...]
    frames: tuple[Frame, ...]
    failure: Frame
    close_codes: tuple[CloseCode, ...]
    refusals: tuple[Refusal, ...]
    error_codes: tuple[ErrorCode, ...]
    unknown_codes: UnknownCodes

    def sent(self, kind: str) -> Frame:
        """Return the relay's frame of the type ``kind``."""
        (frame,) = (frame for frame in self.frames if frame.type == kind)
        return frame
