"""The outer half of an envelope, which the server sees too: a JWE in JSON (RFC 7516 §7.2.1).

Reads its form, and nothing else: no key is needed for that.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from ilo_client.errors import Refused
from ilo_client.strict import (
    Json,
    JsonObject,
    check_members,
    decode,
    encode,
    hash_of,
    loads,
    number_of,
    object_of,
    text_of,
)

MAX_ENVELOPE_BYTES: Final = 262_144
"""Of the text in UTF-8; the relay takes no more (``limits.message_bytes``)."""

ENVELOPE_TYPE: Final = "ilo-env+jwe"
MESSAGE_TYPE: Final = "ilo-msg+jws"
CONTENT_ALG: Final = "A256GCM"
MEMBERS: Final = ("protected", "recipients", "iv", "ciphertext", "tag")
BOUND_MEMBERS: Final = ("v", "room", "from", "mid", "to")
HEADER_MEMBERS: Final = ("enc", "typ", "cty", "ilo")
_IV_BYTES: Final = 12
_TAG_BYTES: Final = 16
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


@dataclass(frozen=True, slots=True)
class Bound:
    """What stands outside and is signed inside, so that nobody can move an envelope."""

    room: str
    sender: str
    mid: str
    to: str
    """The hash of the recipients: ``hash_of_recipients``."""
    version: int = 1

    def to_members(self) -> JsonObject:
        return {
            "v": self.version,
            "room": self.room,
            "from": self.sender,
            "mid": self.mid,
            "to": self.to,
        }


@dataclass(frozen=True, slots=True)
class Recipient:
    kid: str
    alg: str
    epk: JsonObject | None
    encrypted_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outer:
    """An envelope whose form is right; nothing of it is checked against anything yet."""

    protected: str = field(repr=False)
    enc: str
    bound: Bound
    epk: JsonObject | None
    """Of a lone recipient, where the sender put it into the protected header."""
    recipients: tuple[Recipient, ...]
    iv: str = field(repr=False)
    ciphertext: str = field(repr=False)
    tag: str = field(repr=False)


def hash_of_recipients(kids: Iterable[str]) -> str:
    """Return the base64url SHA-256 of the kids, sorted and joined by newlines."""
    return encode(hashlib.sha256("\n".join(sorted(kids)).encode("ascii")).digest())


def read_outer(text: str) -> Outer:
    """Return an envelope's parts, or refuse what has not exactly their form: ``format``."""
    try:
        size = len(text.encode("utf-8"))
    except UnicodeEncodeError:
        raise Refused("format") from None
    if size > MAX_ENVELOPE_BYTES:
        raise Refused("format")
    members = loads(text)
    check_members(members, MEMBERS)
    _check_bytes(members)
    recipients = _read_recipients(members["recipients"])
    protected = text_of(members, "protected")
    header = loads(decode(protected))
    enc, bound, epk = _read_header(header, is_lone=len(recipients) == 1)
    if epk is not None and recipients[0].epk is not None:
        raise Refused("format")
    return Outer(
        protected,
        enc,
        bound,
        epk,
        recipients,
        text_of(members, "iv"),
        text_of(members, "ciphertext"),
        text_of(members, "tag"),
    )


def read_bound(members: JsonObject) -> Bound:
    """Return the five members that bind both halves, or refuse them with ``format``."""
    mid = text_of(members, "mid")
    if not _UUID.match(mid):
        raise Refused("format")
    return Bound(
        text_of(members, "room"),
        text_of(members, "from"),
        mid,
        hash_of(members, "to"),
        number_of(members, "v"),
    )


def _check_bytes(members: JsonObject) -> None:
    iv, ciphertext, tag = (decode(text_of(members, name)) for name in ("iv", "ciphertext", "tag"))
    if len(iv) != _IV_BYTES or len(tag) != _TAG_BYTES or not ciphertext:
        raise Refused("format")


def _read_recipients(listed: Json) -> tuple[Recipient, ...]:
    if not isinstance(listed, list) or not listed:
        raise Refused("format")
    return tuple(_read_recipient(each) for each in listed)


def _read_recipient(members: Json) -> Recipient:
    if not isinstance(members, dict):
        raise Refused("format")
    check_members(members, ("header", "encrypted_key"))
    encrypted_key = text_of(members, "encrypted_key")
    if not decode(encrypted_key):
        raise Refused("format")
    header = object_of(members, "header")
    has_epk = "epk" in header
    check_members(header, ("alg", "kid", "epk") if has_epk else ("alg", "kid"))
    return Recipient(
        hash_of(header, "kid"),
        text_of(header, "alg"),
        object_of(header, "epk") if has_epk else None,
        encrypted_key,
    )


def _read_header(header: JsonObject, *, is_lone: bool) -> tuple[str, Bound, JsonObject | None]:
    # RFC 7516 lets a sender protect the header of a lone recipient, and jose does.
    has_epk = is_lone and "epk" in header
    check_members(header, (*HEADER_MEMBERS, "epk") if has_epk else HEADER_MEMBERS)
    if header["typ"] != ENVELOPE_TYPE or header["cty"] != MESSAGE_TYPE:
        raise Refused("format")
    enc = text_of(header, "enc")
    ilo = object_of(header, "ilo")
    check_members(ilo, BOUND_MEMBERS)
    bound = read_bound(ilo)
    if bound.version != 1:
        raise Refused("format")
    return enc, bound, object_of(header, "epk") if has_epk else None
