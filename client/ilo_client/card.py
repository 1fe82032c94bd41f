"""The key card: what a user uploads as their public key, signed by their identity key."""

from dataclasses import dataclass
from typing import Final

from ilo_client.errors import Refused
from ilo_client.keys import EncryptionKey, IdentityKey, KeyPairs
from ilo_client.signed import check_signature, sign, split
from ilo_client.strict import (
    JsonObject,
    check_members,
    dumps,
    loads,
    number_of,
    object_of,
    optional_hash_of,
    text_of,
)

MAX_CARD_BYTES: Final = 16 * 1024
MAX_CARD_KEYS: Final = 8
CARD_TYPE: Final = "ilo-card+jws"
MEMBERS: Final = ("v", "username", "keys", "created_at", "previous")


@dataclass(frozen=True, slots=True)
class KeyCard:
    """A card whose signature is right. Whether its identity is the pinned one is not said."""

    username: str
    identity: IdentityKey
    encryption: tuple[EncryptionKey, ...]
    """Newest first, 1 to ``MAX_CARD_KEYS``; messages are encrypted for the first."""
    created_at: int
    """Unix milliseconds, by the clock of who made it."""
    previous: str | None
    """The kid of the identity that this one came in the place of."""


def make_card(pairs: KeyPairs, username: str, created_at_ms: int, previous: str | None) -> str:
    """Return a card with the newest encryption keys; ``previous`` is the kid of an old identity."""
    newest = pairs.encryption[:MAX_CARD_KEYS]
    payload: JsonObject = {
        "v": 1,
        "username": username,
        "keys": [{**pair.public.members} for pair in newest],
        "created_at": created_at_ms,
        "previous": previous,
    }
    header: JsonObject = {"typ": CARD_TYPE, "jwk": {**pairs.identity.public.members}}
    return sign(pairs.identity, header, dumps(payload).encode("utf-8"))


def read_card(text: str, username: str) -> KeyCard:
    """Return what a card says that is to be of ``username``.

    Raises:
        Refused: ``format``, ``alg``, ``signature`` or ``sender``; never anything else,
            whatever ``text`` is.
    """
    if len(text) > MAX_CARD_BYTES or not text.isascii():
        raise Refused("format")
    signed = split(text)
    check_members(signed.header, ("alg", "typ", "jwk"))
    if signed.header["typ"] != CARD_TYPE:
        raise Refused("format")
    alg = text_of(signed.header, "alg")
    identity = IdentityKey.read(object_of(signed.header, "jwk"))
    if alg != identity.alg:
        raise Refused("alg")
    check_signature(text, identity)
    payload = loads(signed.payload)
    check_members(payload, MEMBERS)
    if number_of(payload, "v") != 1:
        raise Refused("format")
    named = text_of(payload, "username")
    created_at = number_of(payload, "created_at")
    previous = optional_hash_of(payload, "previous")
    if named != username:
        raise Refused("sender")
    return KeyCard(named, identity, _read_keys(payload), created_at, previous)


def _read_keys(payload: JsonObject) -> tuple[EncryptionKey, ...]:
    listed = payload["keys"]
    if not isinstance(listed, list) or not 1 <= len(listed) <= MAX_CARD_KEYS:
        raise Refused("format")
    keys = []
    for members in listed:
        if not isinstance(members, dict):
            raise Refused("format")
        keys.append(EncryptionKey.read(members))
    if len({key.kid for key in keys}) != len(keys):
        raise Refused("format")
    return tuple(keys)
