"""The backup: a person's keys in the one form that every client reads.

A compact JWE (RFC 7516) under a passphrase, by PBES2 (RFC 7518 §4.8). It is put together
here, of the standard's parts: jwcrypto allows so many rounds only for the whole process.
"""

import hashlib
import os
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap,
    aes_key_wrap,
)

from ilo_client import passphrase as passphrases
from ilo_client.errors import Refused
from ilo_client.keys import KeyPairs
from ilo_client.strict import (
    JsonObject,
    check_members,
    decode,
    dumps,
    encode,
    loads,
    number_of,
    text_of,
)

BACKUP_TYPE: Final = "ilo-backup+jwe"
ROUNDS: Final = 600_000
ROUND_BOUNDS: Final = (300_000, 2_000_000)
"""How many a backup may ask for, both ends included."""

MAX_BACKUP_BYTES: Final = 1024 * 1024
_ALG: Final = "PBES2-HS512+A256KW"
_ENC: Final = "A256GCM"
_PARTS: Final = 5
_KEY_BYTES: Final = 32
_WRAPPED_BYTES: Final = 40
_SALT_BYTES: Final = 16
_IV_BYTES: Final = 12
_TAG_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Backup:
    username: str
    pairs: KeyPairs


def lock(pairs: KeyPairs, username: str, passphrase: str) -> str:
    """Return the backup's text; takes about 0.5 s, so call it in a thread."""
    salt, iv, content_key = (os.urandom(size) for size in (_SALT_BYTES, _IV_BYTES, _KEY_BYTES))
    header: JsonObject = {
        "alg": _ALG,
        "enc": _ENC,
        "typ": BACKUP_TYPE,
        "p2s": encode(salt),
        "p2c": ROUNDS,
    }
    protected = encode(dumps(header).encode("ascii"))
    payload: JsonObject = {"v": 1, "username": username, "keys": pairs.to_jwks()}
    wrapped = aes_key_wrap(_key(passphrases.to_bytes(passphrase), salt, ROUNDS), content_key)
    sealed = AESGCM(content_key).encrypt(
        iv, dumps(payload).encode("utf-8"), protected.encode("ascii")
    )
    parts = (wrapped, iv, sealed[:-_TAG_BYTES], sealed[-_TAG_BYTES:])
    return ".".join((protected, *(encode(part) for part in parts)))


def unlock(text: str, passphrase: str) -> Backup:
    """Return what ``lock`` was given; takes as long.

    Raises:
        Refused: ``format``; ``alg``; ``cost``: it asks for rounds outside of
            ``ROUND_BOUNDS``; ``passphrase``: it is the wrong one, or the text was altered.
    """
    if len(text) > MAX_BACKUP_BYTES:
        raise Refused("format")
    protected, *rest = text.split(".")
    if len(rest) != _PARTS - 1:
        raise Refused("format")
    header = loads(decode(protected))
    wrapped, iv, ciphertext, tag = (decode(part) for part in rest)
    sizes = (len(wrapped), len(iv), len(tag))
    if sizes != (_WRAPPED_BYTES, _IV_BYTES, _TAG_BYTES):
        raise Refused("format")
    salt, rounds = _read_header(header)
    try:
        content_key = aes_key_unwrap(_key(passphrases.to_bytes(passphrase), salt, rounds), wrapped)
        payload = AESGCM(content_key).decrypt(iv, ciphertext + tag, protected.encode("ascii"))
    except (InvalidUnwrap, InvalidTag):
        raise Refused("passphrase") from None
    return _read_payload(payload)


def _read_header(header: JsonObject) -> tuple[bytes, int]:
    check_members(header, ("alg", "enc", "typ", "p2s", "p2c"))
    salt, rounds = decode(text_of(header, "p2s")), number_of(header, "p2c")
    alg, enc = text_of(header, "alg"), text_of(header, "enc")
    if header["typ"] != BACKUP_TYPE or len(salt) != _SALT_BYTES:
        raise Refused("format")
    if (alg, enc) != (_ALG, _ENC):
        raise Refused("alg")
    low, high = ROUND_BOUNDS
    if not low <= rounds <= high:
        raise Refused("cost")
    return salt, rounds


def _read_payload(payload: bytes) -> Backup:
    members = loads(payload)
    check_members(members, ("v", "username", "keys"))
    if number_of(members, "v") != 1:
        raise Refused("format")
    return Backup(text_of(members, "username"), KeyPairs.from_jwks(members["keys"]))


def _key(secret: bytes, salt: bytes, rounds: int) -> bytes:
    # RFC 7518 §4.8.1.1: the name of the algorithm, a zero, and what `p2s` says.
    full_salt = _ALG.encode("ascii") + b"\x00" + salt
    return hashlib.pbkdf2_hmac("sha512", secret, full_salt, rounds, _KEY_BYTES)
