"""What the relay says to clients, as the JSON of ``spec/asyncapi.yaml``. No I/O, no clock."""

from collections.abc import Sequence
from typing import Any

import orjson

from relay.frames import Refused
from relay.resume import Gap
from services.limits import Limits
from services.model import Instant, Username
from services.timestamps import to_rfc3339


def json_text(text: str) -> bytes:
    """Return the JSON of ``text`` to be kept: a copy, since orjson's own may hold 4 KiB."""
    return b"%b" % orjson.dumps(text)


def message_frame(
    id_ascii: bytes, seq: int, room_json: bytes, sender_json: bytes, sent_at: bytes, text: str
) -> bytes:
    """Return a ``message`` frame's JSON. ``room_json`` and ``sender_json`` are JSON already."""
    return (
        b'{"type":"message","id":"%b","seq":%d,"room":%b,"sender":%b,"sent_at":"%b",'
        b'"data":{"message":%b}}'
        % (id_ascii, seq, room_json, sender_json, sent_at, orjson.dumps(text))
    )


def ack_frame(id_ascii: bytes, seq: int, sent_at: bytes) -> bytes:
    """Return an ``ack`` frame's JSON."""
    return b'{"type":"ack","id":"%b","seq":%d,"sent_at":"%b"}' % (id_ascii, seq, sent_at)


def head_frame(seq: int) -> bytes:
    """Return a ``head`` frame's JSON."""
    return b'{"type":"head","seq":%d}' % seq


def error_frame(refused: Refused) -> bytes:
    """Return an ``error`` frame's JSON, without the members that are None."""
    members = {"type": "error", "code": refused.code, "detail": refused.detail}
    optional = {
        "id": refused.id,
        "path": refused.path,
        "expected": refused.expected,
        "schema": refused.schema,
        "retry_after": refused.retry_after,
    }
    return orjson.dumps(members | {k: v for k, v in optional.items() if v is not None})


def history_frame(id_text: str, messages: Sequence[bytes], *, more: bool) -> bytes:
    """Return a ``history`` frame's JSON; ``messages`` are JSON already, oldest first."""
    return b'{"type":"history","id":"%b","messages":[%b],"more":%b}' % (
        id_text.encode(),
        b",".join(messages),
        b"true" if more else b"false",
    )


def signal_frame(sender_json: bytes, data_json: bytes) -> bytes:
    """Return a ``signal`` frame's JSON; both parts are JSON already."""
    return b'{"type":"signal","sender":%b,"data":%b}' % (sender_json, data_json)


def member_frame(
    members_version: int,
    event: str | None = None,
    username: Username | None = None,
    key_version: int | None = None,
) -> bytes:
    """Return a ``member`` frame's JSON, without the members that are None."""
    members: dict[str, Any] = {"type": "member"}
    if event is not None:
        members |= {"event": event, "username": username, "key_version": key_version}
    return orjson.dumps(members | {"members_version": members_version})


def presence_frame(
    online: int, event: str | None = None, username: Username | None = None
) -> bytes:
    """Return a ``presence`` frame's JSON, without the members that are None."""
    members: dict[str, Any] = {"type": "presence"}
    if event is not None:
        members |= {"event": event, "username": username}
    return orjson.dumps(members | {"online": online})


def gap_frame(gap: Gap) -> bytes:
    """Return a ``gap`` frame's JSON."""
    return orjson.dumps(
        {"type": "gap", "from_seq": gap.from_seq, "to_seq": gap.to_seq, "reason": gap.reason}
    )


def welcome_frame(
    *,
    room: str,
    username: str,
    epoch: str,
    head: int,
    floor: int,
    recovered: bool,
    members_version: int,
    online: int,
    expires_at: Instant,
    limits: Limits,
) -> bytes:
    """Return the ``welcome`` frame's JSON."""
    return orjson.dumps(
        {
            "type": "welcome",
            "room": room,
            "username": username,
            "epoch": epoch,
            "head": head,
            "floor": floor,
            "recovered": recovered,
            "members_version": members_version,
            "online": online,
            "expires_at": to_rfc3339(expires_at),
            "limits": {name: getattr(limits, name) for name in LIMITS_TOLD},
        }
    )


LIMITS_TOLD = (
    "frame_bytes",
    "message_bytes",
    "json_depth",
    "frames_per_s",
    "frames_burst",
    "unacked_messages",
    "connections_per_user_and_room",
    "connections_per_user",
    "signal_bytes",
    "rooms_per_user",
    "invitations_per_user",
    "members_per_private_room",
    "members_per_open_room",
)
"""The limits that ``welcome`` tells: those that a client of the relay can meet."""
