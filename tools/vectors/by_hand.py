"""An envelope for one key of a curve, put together from the parts that RFC 7518 names.

So writes jose, whose lone recipient has its ``epk`` in the protected header; jwcrypto cannot.
"""

import json
import os
from collections.abc import Callable
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import ECDH, SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as make_ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from ilo_client.keys import EncryptionKey

from tools.vectors.forge import Draft, Forged, Object, b64, forge, json_of, unb64

_ALG: Final = "ECDH-ES+A256KW"
_TAG_BYTES: Final = 16


def forge_as_jose(draft: Draft, change_x: Callable[[str], str] = lambda x: x) -> Forged:
    """Return the envelope of a draft for one key, its ``epk`` in the protected header.

    ``change_x`` writes the x of the ``epk`` otherwise before it is authenticated.
    """
    [key] = draft.to
    honest = forge(draft)
    epk, shared = _agreed(key)
    epk["x"] = change_x(epk["x"])
    header = json.loads(unb64(honest.members["protected"]))
    protected = b64(json_of({**header, "epk": epk}))
    content_key, iv = os.urandom(32), os.urandom(12)
    wrapped = aes_key_wrap(_wrapping_key(shared), content_key)
    sealed = AESGCM(content_key).encrypt(
        iv, honest.token.encode("ascii"), protected.encode("ascii")
    )
    members = {
        "ciphertext": b64(sealed[:-_TAG_BYTES]),
        "iv": b64(iv),
        "recipients": [{"encrypted_key": b64(wrapped), "header": {"alg": _ALG, "kid": key.kid}}],
        "tag": b64(sealed[-_TAG_BYTES:]),
        "protected": protected,
    }
    return Forged(members=members, inner=honest.inner, token=honest.token)


def _agreed(key: EncryptionKey) -> tuple[Object, bytes]:
    """Return a new public key, and what it and ``key`` give."""
    theirs = key.handle.get_op_key("wrapKey")
    if key.kind == "P-256":
        own = make_ec(SECP256R1())
        numbers = own.public_key().public_numbers()
        epk = {
            "x": b64(numbers.x.to_bytes(32)),
            "y": b64(numbers.y.to_bytes(32)),
            "crv": "P-256",
            "kty": "EC",
        }
        return epk, own.exchange(ECDH(), theirs)
    ephemeral = X25519PrivateKey.generate()
    x = b64(ephemeral.public_key().public_bytes_raw())
    return {"x": x, "crv": "X25519", "kty": "OKP"}, ephemeral.exchange(theirs)


def _wrapping_key(shared: bytes) -> bytes:
    """RFC 7518 §4.6.2: the algorithm, no party's name, and the bits of the key."""
    alg = _ALG.encode("ascii")
    info = len(alg).to_bytes(4) + alg + bytes(4) + bytes(4) + (256).to_bytes(4)
    return ConcatKDFHash(SHA256(), 32, info).derive(shared)
