"""The inner half of an envelope: the message itself, which is signed and then encrypted."""

import re
from dataclasses import dataclass, field
from typing import Final

from ilo_client.errors import Refused
from ilo_client.outer import BOUND_MEMBERS, Bound, read_bound
from ilo_client.strict import (
    JsonObject,
    check_members,
    dumps,
    loads,
    number_of,
    optional_hash_of,
    text_of,
)

PAD_BYTES: Final = 256
"""A payload's size is a multiple of this, so that it tells little of the text's."""

MEMBERS: Final = (*BOUND_MEMBERS, "ts", "device", "seq", "prev", "type", "body", "pad")
_DEVICE: Final = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_TYPE: Final = re.compile(r"[!-~]{1,64}\Z")
_PAD: Final = re.compile(r"\.{0,255}\Z")


@dataclass(frozen=True, slots=True)
class Link:
    """The place of a message in the chain of what one device said in one room."""

    device: str
    """1 to 64 letters, digits, ``-`` or ``_``; chosen by the device for itself."""
    seq: int
    """Counts the device's messages in the room from 1."""
    prev: str | None
    """The digest of the one before; None for the device's first in the room."""


@dataclass(frozen=True, slots=True)
class Inner:
    bound: Bound
    ts_ms: int
    link: Link
    type: str
    body: str = field(repr=False)


def write_inner(inner: Inner) -> bytes:
    """Return the payload, padded to a multiple of ``PAD_BYTES``."""
    members: JsonObject = {
        **inner.bound.to_members(),
        "ts": inner.ts_ms,
        "device": inner.link.device,
        "seq": inner.link.seq,
        "prev": inner.link.prev,
        "type": inner.type,
        "body": inner.body,
        "pad": "",
    }
    size = len(dumps(members).encode("utf-8"))
    return dumps({**members, "pad": "." * (-size % PAD_BYTES)}).encode("utf-8")


def read_inner(payload: bytes) -> Inner:
    """Return what a payload says, or refuse what has not exactly its form: ``format``."""
    members = loads(payload)
    check_members(members, MEMBERS)
    device, seq = text_of(members, "device"), number_of(members, "seq")
    kind, pad = text_of(members, "type"), text_of(members, "pad")
    if not _DEVICE.match(device) or seq < 1 or not _TYPE.match(kind) or not _PAD.match(pad):
        raise Refused("format")
    return Inner(
        read_bound(members),
        number_of(members, "ts"),
        Link(device, seq, optional_hash_of(members, "prev")),
        kind,
        text_of(members, "body"),
    )
