"""The frames of Ilo relay 0.1.0, as its contract has them.

What the relay sends is read with :func:`read_frame`: it passes over members and types of frames
that this version does not know. What a client sends is closed.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError, core_schema, from_json, to_json

from ilo_relay.errors import BrokenFrame, InvalidFrame


@dataclass(frozen=True, slots=True)
class MaxBytes:
    """Bounds a string by its length in bytes of UTF-8; the bound is included."""

    bound: int

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def _check(self, text: str) -> str:
        if len(text.encode()) > self.bound:
            raise PydanticCustomError(
                "x_max_bytes", "String should have at most {bound} bytes", {"bound": self.bound}
            )
        return text


class _Model(BaseModel):
    model_config = ConfigDict(
        strict=True, frozen=True, allow_inf_nan=False, hide_input_in_errors=True
    )


ErrorCode: TypeAlias = Literal[
    "bad-frame",
    "too-big",
    "rate",
    "id-reused",
    "members-changed",
    "storage-full",
    "unavailable",
]
"""Why a frame is refused; a newer relay may have more of them."""


RoomName: TypeAlias = Annotated[
    str,
    Field(
        min_length=1,
        max_length=64,
        pattern="^(~[A-Za-z0-9_-]{22}|[A-Za-z0-9][A-Za-z0-9._-]{0,63})$",
    ),
]
"""The name of a room; one that begins with `~` is private, and its name is made by the server.
Case-sensitive."""

Username: TypeAlias = Annotated[str, Field(min_length=1, max_length=64), MaxBytes(256)]
"""A user's name as shown, any script and emoji."""

Uuid: TypeAlias = Annotated[
    str,
    Field(
        min_length=36,
        max_length=36,
        pattern="^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
    ),
]
"""A UUID of any version (RFC 9562), in lower case."""

Cursor: TypeAlias = Annotated[int, Field(ge=0, le=9007199254740991)]
"""A seq, or 0 for the place before the first message."""

Seq: TypeAlias = Annotated[int, Field(ge=1, le=9007199254740991)]
"""The place of a message in its room, from 1, without holes."""

MembersVersion: TypeAlias = Annotated[int, Field(ge=1, le=9007199254740991)]
"""Goes up with every change of a room's members and invitations."""

Online: TypeAlias = Annotated[int, Field(ge=0, le=9007199254740991)]
"""How many users are connected to the room, those included who left less than ten seconds ago."""

Timestamp: TypeAlias = Annotated[
    str,
    Field(
        min_length=24,
        max_length=24,
        pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z$",
    ),
]
"""An instant, RFC 3339 in UTC with milliseconds."""


class Limits(_Model):
    """What this relay enforces. Every bound is inclusive; bytes are bytes of UTF-8."""

    frame_bytes: Annotated[int, Field(ge=1024, le=327680)]
    """A frame from a client; one byte more closes with 1009."""
    message_bytes: Annotated[int, Field(ge=1, le=262144)]
    """`data.message` in UTF-8; one more is the error `too-big`."""
    json_depth: Annotated[int, Field(ge=2, le=32)]
    """How deep objects and arrays may nest; the frame itself is 1."""
    frames_per_s: Annotated[int, Field(ge=1, le=1000000)]
    """Frames a second from one connection in the long run."""
    frames_burst: Annotated[int, Field(ge=1, le=1000000)]
    """Frames from one connection at once."""
    unacked_messages: Annotated[int, Field(ge=1, le=65536)]
    """Messages of one connection that wait for their ack."""
    connections_per_user_and_room: Annotated[int, Field(ge=1, le=1000000)]
    """One more is refused with 429."""
    connections_per_user: Annotated[int, Field(ge=1, le=1000000)]
    """One more is refused with 429."""
    signal_bytes: Annotated[int, Field(ge=2, le=4096)]
    """A signal's `data` as JSON without white space, in UTF-8; one more is the error `too-big`."""
    rooms_per_user: Annotated[int, Field(ge=1, le=1000000)]
    """Rooms that a user has joined."""
    invitations_per_user: Annotated[int, Field(ge=1, le=1000000)]
    """Invitations of a user that are neither accepted nor declined."""
    members_per_private_room: Annotated[int, Field(ge=1, le=400)]
    """Members and invited users together."""
    members_per_open_room: Annotated[int, Field(ge=1, le=10000)]
    """Members."""


class Welcome(_Model):
    """Where the client is."""

    type: Literal["welcome"]
    """Always `welcome`."""
    room: RoomName
    """The room that this connection is in."""
    username: Username
    """Who the relay takes the client for; the `sender` of what it says."""
    epoch: Uuid
    """Marks the room's sequence. Another epoch is another sequence."""
    head: Cursor
    """The newest seq when the client came in. What is new comes after it."""
    floor: Seq
    """The oldest kept seq that this member may read, head + 1 if there is none."""
    recovered: bool
    """True when `since` was given and everything after it follows."""
    members_version: MembersVersion
    """The version of the members that the relay knows."""
    online: Online
    """How many users are connected, this one included."""
    expires_at: Timestamp
    """When the session ends, and with it the connection (4401)."""
    limits: Limits
    """What this relay enforces."""


class MessageData(_Model):
    """What is said."""

    model_config = ConfigDict(extra="forbid")

    message: Annotated[str, Field(max_length=262144), MaxBytes(262144)] = Field(repr=False)
    """Opaque to the relay. May be empty."""


class MessageOut(_Model):
    """What a member said. The relay vouches for sender, seq and time."""

    type: Literal["message"]
    """Always `message`."""
    id: Uuid
    """A UUID of any version (RFC 9562), in lower case."""
    seq: Seq
    """The place of a message in its room, from 1, without holes."""
    room: RoomName
    """The name of a room; one that begins with `~` is private, and its name is made by the
    server. Case-sensitive."""
    sender: Username
    """A user's name as shown, any script and emoji."""
    sent_at: Timestamp
    """An instant, RFC 3339 in UTC with milliseconds."""
    data: MessageData
    """What is said."""


SignalData: TypeAlias = dict[str, JsonValue]
"""Opaque to the relay. Its JSON, without white space and in UTF-8, has at most
`limits.signal_bytes`."""


class SignalOut(_Model):
    """What another user signals. The relay vouches for the sender."""

    type: Literal["signal"]
    """Always `signal`."""
    sender: Username
    """A user's name as shown, any script and emoji."""
    data: SignalData = Field(repr=False)
    """Opaque to the relay. Its JSON, without white space and in UTF-8, has at most
    `limits.signal_bytes`."""


KeyVersionNumber: TypeAlias = Annotated[int, Field(ge=1, le=2147483647)]
"""Counts a user's public keys from 1 without holes."""


class Member(_Model):
    """A change of the members. With `event` it has `username` and `key_version`."""

    type: Literal["member"]
    """Always `member`."""
    event: Literal["joined", "left", "removed", "key_changed"] | str | None = None
    """What has happened; `key_changed` leaves the members as they are."""
    username: Username | None = None
    """Whom it is about."""
    key_version: KeyVersionNumber | None = None
    """The version of that user's public key now."""
    members_version: MembersVersion
    """The version of the members now."""


class Presence(_Model):
    """Who is connected. With `event` it has `username`."""

    type: Literal["presence"]
    """Always `presence`."""
    event: Literal["online", "offline"] | str | None = None
    """What has happened."""
    username: Username | None = None
    """Who came or is gone."""
    online: Online
    """How many users are connected to the room, those included who left less than ten seconds
    ago."""


class Gap(_Model):
    """Messages that cannot be had; `to_seq` is below `from_seq` where there are none."""

    type: Literal["gap"]
    """Always `gap`."""
    from_seq: Seq
    """The first of them."""
    to_seq: Cursor
    """The last of them."""
    reason: Literal["retention", "epoch", "ahead"]
    """`retention`: not kept any more, or from before the member joined. `epoch`: another
    sequence, `from_seq` is its floor and `to_seq` its head. `ahead`: the cursor was beyond
    the head."""


class Failure(_Model):
    """Why a frame is refused. Never carries a value of the frame but its id."""

    type: Literal["error"]
    """Always `error`."""
    code: ErrorCode | str
    """One of `x-error-codes`, which says whether the message is stored and whether to send it
    again."""
    detail: Annotated[str, Field(min_length=1, max_length=1024)]
    """A sentence for people."""
    id: Uuid | None = None
    """A UUID of any version (RFC 9562), in lower case."""
    path: Annotated[str, Field(max_length=512)] | None = None
    """Where in the frame, as a JSON pointer (RFC 6901); of the parent for a missing member."""
    expected: dict[str, JsonValue] | None = None
    """The schema keyword that was not met, with its value; `x-strict-json` with the broken rule
    for what is no strict JSON."""
    schema_: Annotated[str, Field(max_length=512)] | None = Field(default=None, alias="schema")
    """The place of that keyword's schema in this document; left out with `x-strict-json`."""
    retry_after: Annotated[float, Field(ge=0)] | None = None
    """When to send it again, in seconds from now."""


class Head(_Model):
    """The line lives."""

    type: Literal["head"]
    """Always `head`."""
    seq: Cursor
    """A seq, or 0 for the place before the first message."""


class Ack(_Model):
    """The message is stored durably. A repeated message gets its first ack again."""

    type: Literal["ack"]
    """Always `ack`."""
    id: Uuid
    """A UUID of any version (RFC 9562), in lower case."""
    seq: Seq
    """The place of a message in its room, from 1, without holes."""
    sent_at: Timestamp
    """An instant, RFC 3339 in UTC with milliseconds."""


class HistoryOut(_Model):
    """Older messages, at most 512 KiB of them."""

    type: Literal["history"]
    """Always `history`."""
    id: Uuid
    """That of the question."""
    messages: Annotated[list[MessageOut], Field(max_length=200)]
    """Oldest first; the last is the newest before `before`."""
    more: bool
    """Older ones exist that this member may read."""


class MessageIn(_Model):
    """Something to say in the room."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["message"] | None = None
    """May be left out."""
    id: Uuid | None = None
    """Names the message for good, together with room and sender; the relay makes one when it is
    left out."""
    after: Cursor | None = None
    """The newest seq that the client had seen when it first sent this id, 0 for none. With it a
    repeated message is recognised for as long as it is kept; without it while it is among the
    room's last 512. It belongs to the epoch of its connection; one beyond the head is no
    error."""
    if_members: MembersVersion | None = None
    """The `members_version` that the message is encrypted for: with another one it is refused
    with `members-changed`. As the relay knows it at that moment; what counts is the list of
    recipients inside."""
    data: MessageData
    """What is said."""


class HistoryIn(_Model):
    """A question for older messages."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["history"]
    """Always `history`."""
    id: Uuid
    """The answer has it, too."""
    before: Seq | None = None
    """The seq that the newest of the messages is before; left out, the newest ones are meant."""
    limit: Annotated[int, Field(ge=1, le=200)] | None = None
    """How many messages at most."""


class SignalIn(_Model):
    """Something that is not kept."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["signal"]
    """Always `signal`."""
    data: SignalData = Field(repr=False)
    """Opaque to the relay. Its JSON, without white space and in UTF-8, has at most
    `limits.signal_bytes`."""


ServerFrame: TypeAlias = (
    Welcome | MessageOut | SignalOut | Member | Presence | Gap | Failure | Head | Ack | HistoryOut
)
"""All that the relay sends."""

Event: TypeAlias = Welcome | MessageOut | SignalOut | Member | Presence | Gap | Failure | Head
"""What the relay sends by itself, not as an answer."""

EVENTS: Final = (
    Welcome,
    MessageOut,
    SignalOut,
    Member,
    Presence,
    Gap,
    Failure,
    Head,
)

_SERVER_FRAMES: Final[Mapping[str, type[ServerFrame]]] = {
    "welcome": Welcome,
    "message": MessageOut,
    "signal": SignalOut,
    "member": Member,
    "presence": Presence,
    "gap": Gap,
    "error": Failure,
    "head": Head,
    "ack": Ack,
    "history": HistoryOut,
}

_Sent = TypeVar("_Sent", bound=BaseModel)


def read_frame(text: str | bytes) -> ServerFrame | None:
    """Return what a frame of the relay says, or None for a type that is not known here.

    Raises:
        BrokenFrame: the relay broke its contract.
    """
    if isinstance(text, bytes):
        raise BrokenFrame("", "the frame is binary")
    frame: Any = None
    # Not raised from here: this error may quote the frame, and would be chained.
    with suppress(ValueError):
        frame = from_json(text)
    kind = frame.get("type") if isinstance(frame, dict) else None
    if not isinstance(kind, str):
        raise BrokenFrame("", "the frame is no JSON object with a type")
    model = _SERVER_FRAMES.get(kind)
    if model is None:
        return None
    try:
        return model.model_validate(frame, extra="ignore")
    except ValidationError as error:
        place, rule = _first(error)
    raise BrokenFrame(place, rule)


def frame_to_send(model: type[_Sent], members: Mapping[str, object]) -> _Sent:
    """Return the frame of ``members``; those that are None are left out.

    Raises:
        InvalidFrame: they are against the contract.
    """
    given = {name: _plain(value) for name, value in members.items() if value is not None}
    _see_that_it_is_strict(given, "")
    try:
        return model.model_validate(given)
    except ValidationError as error:
        place, rule = _first(error)
    raise InvalidFrame(place, rule)


def value_to_send(kind: Any, value: object, place: str) -> None:
    """See that a value of the address is what the contract allows.

    Raises:
        InvalidFrame: it is not.
    """
    try:
        TypeAdapter(kind, config=ConfigDict(hide_input_in_errors=True)).validate_python(
            value, strict=True
        )
    except ValidationError as error:
        _, rule = _first(error)
    else:
        return
    raise InvalidFrame(place, rule)


def json_of(frame: BaseModel) -> str:
    """Return the text of a frame to send."""
    return frame.model_dump_json(by_alias=True, exclude_unset=True)


def json_of_value(value: object, place: str) -> bytes:
    """Return a value as JSON without white space, in UTF-8.

    Raises:
        InvalidFrame: it is no JSON.
    """
    with suppress(ValueError):
        return to_json(value, inf_nan_mode="constants")
    raise InvalidFrame(place, "has to be JSON")


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(by_alias=True, exclude_unset=True)
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value


def _see_that_it_is_strict(value: object, place: str) -> None:
    """See that there is no U+0000: to a text that is no strict JSON the relay's answer has no id."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if "\0" in str(name):
                raise InvalidFrame(place, "U+0000 in the name of a member")
            _see_that_it_is_strict(inner, f"{place}/{name}")
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            _see_that_it_is_strict(inner, f"{place}/{at}")
    elif isinstance(value, str) and "\0" in value:
        raise InvalidFrame(place, "U+0000 is not allowed")


def _first(error: ValidationError) -> tuple[str, str]:
    """Return place (a JSON pointer) and rule of the first fault: never a value."""
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in fault["loc"])
    return "".join(f"/{step}" for step in steps), fault["msg"]
