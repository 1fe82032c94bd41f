"""The key file: a person's private keys at rest, under a passphrase.

Argon2id makes the key, AES-256-GCM encrypts; what the work was is in a header that is
authenticated.
"""

import os
from typing import Final

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ilo_client import passphrase as passphrases
from ilo_client.errors import Refused
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

MEMORY_KIB: Final = 64 * 1024
PASSES: Final = 3
LANES: Final = 1
BOUNDS: Final = {"m": (19 * 1024, 256 * 1024), "t": (1, 10), "p": (1, 4)}
"""KiB, passes and lanes that a file may ask for, both ends included."""

MAX_KEY_FILE_BYTES: Final = 1024 * 1024
HEADER_MEMBERS: Final = ("ilo", "v", "kdf", "m", "t", "p", "salt", "iv")
_KEY_BYTES: Final = 32
_SALT_BYTES: Final = 16
_IV_BYTES: Final = 12


def lock(pairs_json: str, passphrase: str) -> str:
    """Return the key file's text; takes about 0.2 s and 64 MiB, so call it in a thread."""
    salt, iv = os.urandom(_SALT_BYTES), os.urandom(_IV_BYTES)
    header: JsonObject = {
        "ilo": "keyfile",
        "v": 1,
        "kdf": "argon2id",
        "m": MEMORY_KIB,
        "t": PASSES,
        "p": LANES,
        "salt": encode(salt),
        "iv": encode(iv),
    }
    protected = encode(dumps(header).encode("utf-8"))
    cipher = AESGCM(_key(header, salt, passphrases.to_bytes(passphrase)))
    ciphertext = cipher.encrypt(iv, pairs_json.encode("utf-8"), protected.encode("ascii"))
    return dumps({"protected": protected, "ciphertext": encode(ciphertext)})


def unlock(text: str, passphrase: str) -> str:
    """Return what ``lock`` was given; takes as long.

    Raises:
        Refused: ``format``; ``cost``: it asks for work outside of ``BOUNDS``; ``passphrase``:
            it is the wrong one, or the file was altered.
    """
    if len(text) > MAX_KEY_FILE_BYTES:
        raise Refused("format")
    members = loads(text)
    check_members(members, ("protected", "ciphertext"))
    protected = text_of(members, "protected")
    ciphertext = decode(text_of(members, "ciphertext"))
    header = loads(decode(protected))
    check_members(header, HEADER_MEMBERS)
    if (header["ilo"], header["kdf"], number_of(header, "v")) != ("keyfile", "argon2id", 1):
        raise Refused("format")
    salt, iv = decode(text_of(header, "salt")), decode(text_of(header, "iv"))
    if len(salt) != _SALT_BYTES or len(iv) != _IV_BYTES:
        raise Refused("format")
    for name, (low, high) in BOUNDS.items():
        if not low <= number_of(header, name) <= high:
            raise Refused("cost")
    cipher = AESGCM(_key(header, salt, passphrases.to_bytes(passphrase)))
    try:
        return cipher.decrypt(iv, ciphertext, protected.encode("ascii")).decode("utf-8")
    except InvalidTag:
        raise Refused("passphrase") from None


def _key(header: JsonObject, salt: bytes, secret: bytes) -> bytes:
    return hash_secret_raw(
        secret,
        salt,
        time_cost=number_of(header, "t"),
        memory_cost=number_of(header, "m"),
        parallelism=number_of(header, "p"),
        hash_len=_KEY_BYTES,
        type=Type.ID,
    )
