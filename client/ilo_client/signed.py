"""Compact JWS (RFC 7515): what cards and messages are signed as."""

from dataclasses import dataclass, field
from typing import Final

from jwcrypto.common import JWException
from jwcrypto.jws import JWS

from ilo_client import jwk
from ilo_client.errors import Refused
from ilo_client.keys import IdentityKey, SigningKey
from ilo_client.strict import JsonObject, decode, dumps, loads

_PARTS: Final = 3
_ED25519_BYTES: Final = 64
_POINT_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Signed:
    """A compact JWS taken apart; nobody has looked at its signature yet."""

    header: JsonObject = field(repr=False)
    payload: bytes = field(repr=False)


def sign(key: SigningKey, header: JsonObject, payload: bytes) -> str:
    """Return the compact JWS; its header gets the algorithm of the key."""
    token = JWS(payload)
    token.allowed_algs = [key.public.alg]
    token.add_signature(key.handle, None, dumps({"alg": key.public.alg, **header}))
    serialized: str = token.serialize(compact=True)
    return serialized


def split(token: str) -> Signed:
    """Return the parts of a token that has the form of a compact JWS, or refuse it: ``format``.

    An empty signature has the form of one.
    """
    parts = token.split(".")
    if len(parts) != _PARTS:
        raise Refused("format")
    header, payload, _ = (decode(part) for part in parts)
    return Signed(loads(header), payload)


def check_signature(token: str, key: IdentityKey) -> None:
    """Refuse with ``signature`` a token that was not signed with this key and its algorithm."""
    if not _has_own_form(decode(token.rpartition(".")[2]), key):
        raise Refused("signature")
    parsed = JWS()
    parsed.allowed_algs = [key.alg]
    try:
        parsed.deserialize(token, key.handle)
    except JWException:
        raise Refused("signature") from None


def _has_own_form(signature: bytes, key: IdentityKey) -> bool:
    """Tell whether nobody could have written this signature otherwise.

    Libraries take one of RSA whose first zeros are left out, and some of Ed25519 that other
    libraries refuse.
    """
    if key.alg == "PS256":
        return len(signature) == jwk.modulus_bytes(key.members)
    return len(signature) == _ED25519_BYTES and not jwk.is_low_order(signature[:_POINT_BYTES])
