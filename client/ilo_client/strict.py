"""Base64url and JSON with one reading only, so that every client gives the same verdict.

Whatever has two readings, or none, is refused with ``format``.
"""

import base64
import json
import re
from collections.abc import Collection
from typing import Final, Never

from ilo_client.errors import Refused

Json = None | bool | int | str | list["Json"] | dict[str, "Json"]
JsonObject = dict[str, Json]

MAX_NUMBER: Final = 2**53 - 1
"""The last whole number that JavaScript tells from its neighbours."""

MAX_DEPTH: Final = 16
"""How deep values may stand in each other; nothing of ours does, and all clients say the same."""

_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]*\Z")
_HASH_BYTES: Final = 32
_DIGITS_OF_MAX: Final = len(str(MAX_NUMBER))


def encode(data: bytes) -> str:
    """Return base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Return the bytes whose only base64url spelling ``text`` is.

    Raises:
        Refused: ``format``: padding, other characters, or bits left over that are not zero.
    """
    if not _BASE64URL.match(text) or len(text) % 4 == 1:
        raise Refused("format")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode(data) != text:
        raise Refused("format")
    return data


def loads(text: str | bytes) -> JsonObject:
    """Return the JSON object that ``text`` is; bytes are UTF-8 without a byte order mark.

    Raises:
        Refused: ``format``: no object; a member twice, at any depth; a number that is no
            whole one from 0 to ``MAX_NUMBER`` in plain digits; half a surrogate pair; a
            value deeper than ``MAX_DEPTH``.
    """
    try:
        text = text if isinstance(text, str) else text.decode("utf-8")
        value: Json = json.loads(
            text,
            object_pairs_hook=_members,
            parse_int=_number,
            parse_float=_refuse,
            parse_constant=_refuse,
        )
        if "\\u" in text:
            # Escapes can spell half a pair, which no UTF-8 holds.
            dumps(value).encode("utf-8")
    except (ValueError, RecursionError):
        raise Refused("format") from None
    if not isinstance(value, dict):
        raise Refused("format")
    _check_depth(value, MAX_DEPTH)
    return value


def dumps(value: Json) -> str:
    """Return ``value`` as JSON without spaces and without needless escapes."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def check_members(value: JsonObject, names: Collection[str]) -> None:
    """Refuse with ``format`` an object that has not exactly these members."""
    if value.keys() != set(names):
        raise Refused("format")


def text_of(value: JsonObject, name: str) -> str:
    """Return a member that has to be a string, or refuse with ``format``."""
    member = value.get(name)
    if not isinstance(member, str):
        raise Refused("format")
    return member


def number_of(value: JsonObject, name: str) -> int:
    """Return a member that has to be a number, or refuse with ``format``."""
    member = value.get(name)
    if not isinstance(member, int) or isinstance(member, bool):
        raise Refused("format")
    return member


def object_of(value: JsonObject, name: str) -> JsonObject:
    """Return a member that has to be an object, or refuse with ``format``."""
    member = value.get(name)
    if not isinstance(member, dict):
        raise Refused("format")
    return member


def hash_of(value: JsonObject, name: str) -> str:
    """Return a member that has to have the form of a SHA-256 in base64url."""
    member = text_of(value, name)
    if len(decode(member)) != _HASH_BYTES:
        raise Refused("format")
    return member


def optional_hash_of(value: JsonObject, name: str) -> str | None:
    """Return what ``hash_of`` does, or None where the member is null."""
    return None if value[name] is None else hash_of(value, name)


def _members(pairs: list[tuple[str, Json]]) -> JsonObject:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Refused("format")
    return members


def _check_depth(value: Json, left: int) -> None:
    if left < 0:
        raise Refused("format")
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            _check_depth(each, left - 1)


def _number(digits: str) -> int:
    if digits.startswith("-") or len(digits) > _DIGITS_OF_MAX or int(digits) > MAX_NUMBER:
        raise Refused("format")
    return int(digits)


def _refuse(_: str) -> Never:
    raise Refused("format")
