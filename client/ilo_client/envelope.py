"""Sealing: from a text to the envelope that the relay carries."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from jwcrypto.jwe import JWE

from ilo_client.errors import Refused, TooLarge
from ilo_client.inner import Inner, Link, read_inner, write_inner
from ilo_client.keys import EncryptionKey, KeyPairs
from ilo_client.outer import (
    CONTENT_ALG,
    ENVELOPE_TYPE,
    MAX_ENVELOPE_BYTES,
    MESSAGE_TYPE,
    Bound,
    hash_of_recipients,
)
from ilo_client.signed import sign
from ilo_client.strict import dumps, encode

__all__ = ["Link", "Sealed", "digest_of", "seal"]


@dataclass(frozen=True, slots=True)
class Sealed:
    text: str = field(repr=False)
    """The envelope: what is sent as the message."""
    digest: str
    """Names the signed message: the ``prev`` of the device's next one."""


def seal(
    pairs: KeyPairs,
    *,
    room: str,
    sender: str,
    mid: str,
    to: Sequence[EncryptionKey],
    link: Link,
    ts_ms: int,
    type: str,
    body: str,
) -> Sealed:
    """Return ``body``, signed by the sender and encrypted for each key of ``to``.

    One of ``to`` has to be the sender's, or they cannot read it later. ``mid`` is a UUID in
    lower case, and the id of the frame; ``ts_ms`` are Unix milliseconds.

    Raises:
        TooLarge: the envelope would be larger than the relay takes.
        ValueError: something has not the form that ``open_envelope`` asks for.
    """
    kids = [key.kid for key in to]
    if not kids or len(set(kids)) != len(kids):
        raise ValueError("the keys to encrypt for have to be one or more, each once")
    bound = Bound(room, sender, mid, hash_of_recipients(kids))
    payload = write_inner(Inner(bound, ts_ms, link, type, body))
    try:
        read_inner(payload)
    except Refused:
        raise ValueError("mid, link, time or type has not the form that it should have") from None
    header = {"kid": pairs.identity.public.kid, "typ": MESSAGE_TYPE}
    token = sign(pairs.identity, {**header}, payload)
    text = _encrypt(token, bound, to)
    size = len(text.encode("utf-8"))
    if size > MAX_ENVELOPE_BYTES:
        raise TooLarge(size, MAX_ENVELOPE_BYTES)
    return Sealed(text, digest_of(token))


def digest_of(token: str) -> str:
    """Return the base64url SHA-256 of a signed message in its compact form."""
    return encode(hashlib.sha256(token.encode("ascii")).digest())


def _encrypt(token: str, bound: Bound, to: Sequence[EncryptionKey]) -> str:
    protected = dumps(
        {
            "enc": CONTENT_ALG,
            "typ": ENVELOPE_TYPE,
            "cty": MESSAGE_TYPE,
            "ilo": bound.to_members(),
        }
    )
    # Not flattened: one recipient gets a list of one, as several do.
    envelope = JWE(token, protected, flattened=False)
    envelope.allowed_algs = [CONTENT_ALG, *{key.alg for key in to}]
    for key in to:
        envelope.add_recipient(key.handle, dumps({"alg": key.alg, "kid": key.kid}))
    return dumps(json.loads(envelope.serialize()))
