"""The JSON Web Keys (RFC 7517) that Ilo takes: their kinds, their members, their names.

A key has exactly the members of its kind, in their only spelling; so its RFC 7638
thumbprint names it, and its kind says which algorithm it is for.
"""

import hashlib
from typing import Final, Literal

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from ilo_client.errors import Refused
from ilo_client.strict import JsonObject, decode, dumps, encode, text_of

Members = dict[str, str]
Kind = Literal["RSA", "P-256", "X25519", "Ed25519"]

PUBLIC_MEMBERS: Final[dict[Kind, tuple[str, ...]]] = {
    "RSA": ("kty", "n", "e"),
    "P-256": ("kty", "crv", "x", "y"),
    "X25519": ("kty", "crv", "x"),
    "Ed25519": ("kty", "crv", "x"),
}
PRIVATE_MEMBERS: Final[dict[Kind, tuple[str, ...]]] = {
    "RSA": ("d", "p", "q", "dp", "dq", "qi"),
    "P-256": ("d",),
    "X25519": ("d",),
    "Ed25519": ("d",),
}
_KEY_TYPES: Final[dict[Kind, str]] = {"P-256": "EC", "X25519": "OKP", "Ed25519": "OKP"}
_RSA_BYTES: Final = (256, 384, 512)
_EXPONENT: Final = "AQAB"  # 65537
_COORDINATE_BYTES: Final = 32
_FIELD: Final = 2**255 - 19
"""Of X25519 and Ed25519, whose coordinates have another spelling from here on."""

_LOW_ORDER_8: Final = bytes.fromhex(
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"
)
_LOW_ORDERS: Final = {
    0,
    1,
    _FIELD - 1,
    int.from_bytes(_LOW_ORDER_8, "little"),
    _FIELD - int.from_bytes(_LOW_ORDER_8, "little"),
}
"""The y of the eight points of Ed25519 for which a signature of anything can be made up."""


def kind_of(members: JsonObject) -> Kind:
    """Return which kind of key ``members`` says that it is, or refuse it with ``format``."""
    if members.get("kty") == "RSA":
        return "RSA"
    for kind, key_type in _KEY_TYPES.items():
        if members.get("kty") == key_type and members.get("crv") == kind:
            return kind
    raise Refused("format")


def read_public(members: JsonObject) -> tuple[Kind, Members]:
    """Return kind and members of a public key that can be used.

    Raises:
        Refused: ``format``: a member too many or too few; RSA of another size than 2048,
            3072 or 4096 bits, or another exponent than 65537; no point of its curve, a
            second spelling of one, or one of low order, which keeps no secret.
    """
    kind = kind_of(members)
    if members.keys() != set(PUBLIC_MEMBERS[kind]):
        raise Refused("format")
    texts = {name: text_of(members, name) for name in PUBLIC_MEMBERS[kind]}
    if kind == "RSA":
        _check_rsa(texts)
    else:
        _check_point(kind, texts)
    return kind, texts


def thumbprint(members: Members) -> str:
    """Return the RFC 7638 SHA-256 thumbprint of a public key: its kid."""
    # Its members are exactly those of which the thumbprint is made.
    canonical = dumps({name: members[name] for name in sorted(members)})
    return encode(hashlib.sha256(canonical.encode("ascii")).digest())


def modulus_bytes(members: Members) -> int:
    """Return how many bytes what was encrypted or signed with this RSA key has."""
    return len(decode(members["n"]))


def is_low_order(point: bytes) -> bool:
    """Tell whether ``point`` is one of the few of Ed25519 that protect nothing."""
    return _without_sign(point) in _LOW_ORDERS


def check_private_rsa(members: Members) -> None:
    """Refuse with ``format`` an RSA key whose private members do not belong to the public ones."""
    n, e, d, p, q, dp, dq, qi = (
        int.from_bytes(decode(members[name]))
        for name in ("n", "e", "d", "p", "q", "dp", "dq", "qi")
    )
    is_consistent = (
        min(p, q) > 1
        and p * q == n
        and e * d % (p - 1) == 1
        and e * d % (q - 1) == 1
        and (dp, dq) == (d % (p - 1), d % (q - 1))
        and qi * q % p == 1
    )
    if not is_consistent:
        raise Refused("format")


def check_ephemeral(epk: JsonObject, kind: Kind) -> None:
    """Refuse with ``alg`` what does not have the form of a public key of this kind.

    Whether it is a point that can be used shows when it is used.
    """
    try:
        if kind_of(epk) != kind or epk.keys() != set(PUBLIC_MEMBERS[kind]):
            raise Refused("alg")
        for name in PUBLIC_MEMBERS[kind][2:]:
            _coordinate(kind, text_of(epk, name))
    except Refused:
        raise Refused("alg") from None


def _check_rsa(texts: Members) -> None:
    modulus = decode(texts["n"])
    has_first_bit = bool(modulus) and modulus[0] >= 0x80
    is_odd = bool(modulus) and modulus[-1] % 2 == 1
    if len(modulus) not in _RSA_BYTES or not has_first_bit or not is_odd:
        raise Refused("format")
    if texts["e"] != _EXPONENT:
        raise Refused("format")


def _check_point(kind: Kind, texts: Members) -> None:
    x = _coordinate(kind, texts["x"])
    if kind == "Ed25519" and is_low_order(x):
        raise Refused("format")
    try:
        if kind == "P-256":
            y = _coordinate(kind, texts["y"])
            EllipticCurvePublicKey.from_encoded_point(SECP256R1(), b"\x04" + x + y)
        elif kind == "X25519":
            # Refuses the few points that give zero with every key: whoever put one into
            # their card would keep everybody from sealing.
            X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(x))
    except ValueError:
        raise Refused("format") from None


def _coordinate(kind: Kind, text: str) -> bytes:
    data = decode(text)
    if len(data) != _COORDINATE_BYTES:
        raise Refused("format")
    # Libraries take these modulo the field: a key would have a second thumbprint.
    if kind == "X25519" and int.from_bytes(data, "little") >= _FIELD:
        raise Refused("format")
    if kind == "Ed25519" and _without_sign(data) >= _FIELD:
        raise Refused("format")
    return data


def _without_sign(point: bytes) -> int:
    """Return the y of a point of Ed25519; its highest bit is the sign of x (RFC 8032 §5.1.2)."""
    return int.from_bytes(point, "little") % 2**255
