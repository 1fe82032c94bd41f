"""Vectors of key files; only the Python client has them."""

import json
from collections.abc import Iterator
from typing import Any, Final

from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from ilo_client import keyfile
from ilo_client.keys import KeyPairs

from tools.vectors.files import Case, Vectors
from tools.vectors.forge import Object, b64, changed, json_of, unb64
from tools.vectors.people import ROTATED, SENDER, People

ABOUT = (
    "Key files of the Python client: a JWK Set with private members under a passphrase. "
    "With `fill_to`, spaces are added to `text` first, until it has so many characters."
)
TYPED: Final = "ĝusta ĉevala pilo agrafo"


def make(people: People) -> Vectors:
    return Vectors("key_files", ABOUT, {}, [*good(people), *bad(people)])


def sealed(content: str, typed: str = TYPED, **changes: Any) -> Object:
    """Return a key file made here, of the parts that its header names."""
    header = changed(
        {
            "ilo": "keyfile",
            "v": 1,
            "kdf": "argon2id",
            "m": 19 * 1024,
            "t": 2,
            "p": 1,
            "salt": b64(bytes(range(16))),
            "iv": b64(bytes(range(12))),
        },
        changes,
    )
    key = hash_secret_raw(
        typed.encode(),
        unb64(header["salt"]),
        header["t"],
        header["m"],
        header["p"],
        32,
        Type.ID,
    )
    protected = b64(json_of(header))
    ciphertext = AESGCM(key).encrypt(unb64(header["iv"]), content.encode(), protected.encode())
    return {"protected": protected, "ciphertext": b64(ciphertext)}


def good(people: People) -> Iterator[Case]:
    def opened(name: str, pairs: KeyPairs, text: str, passphrase: str = TYPED) -> Case:
        kids = [pairs.identity.public.kid, *(pair.public.kid for pair in pairs.encryption)]
        return Case(name, "ok", {"text": text, "passphrase": passphrase}, {"kids": kids})

    pairs = people[ROTATED]
    yield opened("a key file by our own hand", pairs, keyfile.lock(pairs.to_json(), "x"), "x")
    text = json_of(sealed(pairs.to_json()))
    yield opened("a key file with the least work", pairs, text)
    yield opened(
        "a passphrase in decomposed letters", pairs, text, "g\u0302usta c\u0302evala pilo agrafo"
    )


def bad(people: People) -> Iterator[Case]:
    file = sealed(people[SENDER].to_json())

    def case(name: str, expect: str, text: str, passphrase: str = TYPED) -> Case:
        return Case(name, expect, {"text": text, "passphrase": passphrase})

    def with_header(name: str, code: str, **changes: Any) -> Case:
        header = changed(json.loads(unb64(file["protected"])), changes)
        return case(name, code, json_of({**file, "protected": b64(json_of(header))}))

    yield case("another passphrase", "passphrase", json_of(file), "malĝusta")
    yield case("an empty passphrase", "passphrase", json_of(file), "")
    yield case("half a surrogate pair as passphrase", "passphrase", json_of(file), "\ud83d")
    yield case(
        "a file that is encrypted with an empty passphrase",
        "passphrase",
        json_of(sealed(people[SENDER].to_json(), typed="")),
        "",
    )
    yield with_header("less work than it was made with", "passphrase", t=1)
    yield with_header("another iv", "passphrase", iv=b64(bytes(12)))
    yield case(
        "a ciphertext cut short",
        "passphrase",
        json_of({**file, "ciphertext": file["ciphertext"][:64]}),
    )
    yield case("a ciphertext that is empty", "passphrase", json_of({**file, "ciphertext": ""}))
    yield case("a file that is empty", "format", "")
    for name, expect, size in (
        ("a file of as many letters as are allowed", "passphrase", keyfile.MAX_KEY_FILE_BYTES),
        ("a file of one letter too many", "format", keyfile.MAX_KEY_FILE_BYTES + 1),
    ):
        filled = {"text": json_of(file), "passphrase": "malĝusta", "fill_to": size}
        yield Case(name, expect, filled)
    yield case("a file with a member too many", "format", json_of({**file, "extra": 1}))
    yield with_header("another key derivation", "format", kdf="scrypt")
    yield with_header("version 2", "format", v=2)
    yield with_header("a salt of 8 bytes", "format", salt=b64(bytes(8)))
    yield with_header("no salt", "format", salt=...)
    yield with_header("an iv of 16 bytes", "format", iv=b64(bytes(16)))
    yield with_header("a salt that is no text", "format", salt=1)
    yield with_header("an iv that is no text", "format", iv=1)
    yield with_header("a version that is true", "format", v=True)
    yield with_header("a header with a member too many", "format", zip="DEF")
    yield case("a protected that is no text", "format", json_of({**file, "protected": 1}))
    yield case("a ciphertext that is no text", "format", json_of({**file, "ciphertext": 1}))
    members = {"keys": people[SENDER].to_jwks(), "extra": 1}
    yield case("keys with a member too many", "format", json_of(sealed(json_of(members))))
    yield with_header("memory that is a text", "format", m="65536")
    yield with_header("too little memory", "cost", m=19 * 1024 - 1)
    yield with_header("too much memory", "cost", m=256 * 1024 + 1)
    yield with_header("too many passes", "cost", t=11)
    yield with_header("no passes", "cost", t=0)
    yield with_header("too many lanes", "cost", p=5)
    yield case("keys that cannot be", "format", json_of(sealed('{"keys":[]}')))
