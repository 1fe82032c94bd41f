"""Bad envelopes, part four: the same point, signature or encrypted key, written otherwise.

Some libraries take these and some do not; one whose bytes nobody can change needs no rule.
"""

import os
from collections.abc import Callable, Iterator
from hashlib import sha512
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP, PSS
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA512

from tools.vectors.by_hand import forge_as_jose
from tools.vectors.envelopes_good import draft_of, given, good
from tools.vectors.files import Case
from tools.vectors.forge import Draft, b64, forge, json_of, unb64
from tools.vectors.people import RSA_SENDER, SENDER, People

FIELD: Final = 2**255 - 19
P256_FIELD: Final = 2**256 - 2**224 + 2**192 + 2**96 - 1
ED25519_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
_TAG_BYTES: Final = 16


def cases(people: People) -> Iterator[Case]:
    yield from ephemeral_keys(people)
    yield from encrypted_keys(people)
    yield from signatures_of_ed25519(people)
    yield from signatures_of_ps256(people)


def little(number: int) -> str:
    return b64(number.to_bytes(32, "little"))


def with_high_bit(x: str) -> str:
    """Return the same point of X25519 with the bit set that RFC 7748 leaves out."""
    return little(int.from_bytes(unb64(x), "little") | 1 << 255)


def mirrored(y: str) -> str:
    """Return the y of the point of P-256 that has the same x."""
    return b64((P256_FIELD - int.from_bytes(unb64(y))).to_bytes(32))


def ephemeral_keys(people: People) -> Iterator[Case]:
    x25519 = people["x25519"].encryption[0].public
    p256 = people["p-256"].encryption[0].public

    name = "an epk with a high bit that X25519 leaves out"
    members = forge(draft_of(people, name, x25519)).members
    epk = members["recipients"][0]["header"]["epk"]
    epk["x"] = with_high_bit(epk["x"])
    yield Case(name, "alg", given(json_of(members), "x25519"))
    name = "an epk beyond the field"
    members = forge(draft_of(people, name, x25519)).members
    members["recipients"][0]["header"]["epk"]["x"] = little(FIELD + 9)
    yield Case(name, "alg", given(json_of(members), "x25519"))
    name = "an epk with a high bit, in the protected header"
    made = forge_as_jose(draft_of(people, name, x25519), change_x=with_high_bit)
    yield Case(name, "alg", given(made.text(), "x25519"))

    draft = draft_of(people, "an epk of P-256 in the protected header", p256)
    yield good(draft, forge_as_jose(draft), receiver="p-256")
    # RFC 7516 protects no recipient's own header, and both points give the same key: the one
    # change that an envelope does not show.
    draft = draft_of(people, "an epk of P-256 mirrored, in the recipient's own header", p256)
    made = forge(draft)
    epk = made.members["recipients"][0]["header"]["epk"]
    epk["y"] = mirrored(epk["y"])
    yield good(draft, made, receiver="p-256")
    name = "an epk of P-256 mirrored, in the protected header"
    made = forge_as_jose(draft_of(people, name, p256))
    header = unb64(made.members["protected"]).decode("utf-8")
    y = header.partition('"y":"')[2].partition('"')[0]
    made.members["protected"] = b64(header.replace(y, mirrored(y)))
    yield Case(name, "decrypt", given(made.text(), "p-256"))


def encrypted_keys(people: People) -> Iterator[Case]:
    key = people["rsa-2048"].encryption[0].public
    modulus = int.from_bytes(unb64(key.members["n"]))
    name = "an encrypted key of RSA without the zero that it begins with"
    while True:
        members = forge(draft_of(people, name, key)).members
        [recipient] = members["recipients"]
        wrapped = unb64(recipient["encrypted_key"])
        if wrapped[0] == 0:
            break
    for its_name, changed in (
        (name, wrapped[1:]),
        ("an encrypted key of RSA with a zero before it", b"\x00" + wrapped),
        (
            "an encrypted key of RSA, one modulus more",
            (int.from_bytes(wrapped) + modulus).to_bytes(len(wrapped)),
        ),
    ):
        recipient["encrypted_key"] = b64(changed)
        yield Case(its_name, "decrypt", given(json_of(members), "rsa-2048"))

    for name, size, label in (
        ("a content key of 16 bytes", 16, None),
        ("a content key of 64 bytes", 64, None),
        ("a content key under a label", 32, b"ilo"),
    ):
        forged = forge(draft_of(people, name, key))
        content_key = os.urandom(size)
        cipher = AESGCM(content_key[:32])
        sealed = cipher.encrypt(
            unb64(forged.members["iv"]),
            forged.token.encode("ascii"),
            forged.members["protected"].encode("ascii"),
        )
        wrapped = key.handle.get_op_key("wrapKey").encrypt(
            content_key, OAEP(MGF1(SHA256()), SHA256(), label)
        )
        changes = {"ciphertext": b64(sealed[:-_TAG_BYTES]), "tag": b64(sealed[-_TAG_BYTES:])}
        forged.members.update(changes)
        forged.members["recipients"][0]["encrypted_key"] = b64(wrapped)
        yield Case(name, "decrypt", given(forged.text(), "rsa-2048"))


def resigned(
    people: People, name: str, code: str, signer: str, sign: Callable[[bytes, bytes], bytes]
) -> Case:
    """An envelope whose signature is what ``sign`` makes of the honest one and what it is over."""

    def change(token: str) -> str:
        signed, _, signature = token.rpartition(".")
        return f"{signed}.{b64(sign(unb64(signature), signed.encode('ascii')))}"

    draft = Draft(
        identity=people[signer].identity,
        to=[people["x25519"].encryption[0].public],
        name=name,
        change_token=change,
    )
    return Case(name, code, given(forge(draft).text(), "x25519", signer))


def signatures_of_ed25519(people: People) -> Iterator[Case]:
    def signature(name: str, sign: Callable[[bytes, bytes], bytes]) -> Case:
        return resigned(people, name, "signature", SENDER, sign)

    def plus_order(signature: bytes, _: bytes) -> bytes:
        s = int.from_bytes(signature[32:], "little") + ED25519_ORDER
        return signature[:32] + s.to_bytes(32, "little")

    def of_low_order(_: bytes, signed: bytes) -> bytes:
        return signed_with_nothing(people[SENDER].identity.private_members["d"], signed)

    yield signature("a signature of Ed25519, one order more", plus_order)
    yield signature("a signature of Ed25519 with a byte more", lambda text, _: text + b"\x00")
    yield signature("a signature of Ed25519 whose first half is of low order", of_low_order)


def signed_with_nothing(d: str, signed: bytes) -> bytes:
    """Return a signature whose secret number is zero: some libraries take it, some do not."""
    key = Ed25519PrivateKey.from_private_bytes(unb64(d))
    secret = bytearray(sha512(unb64(d)).digest()[:32])
    secret[0] &= 248
    secret[31] = secret[31] & 127 | 64
    first = (1).to_bytes(32, "little")
    hashed = sha512(first + key.public_key().public_bytes_raw() + signed).digest()
    s = int.from_bytes(hashed, "little") * int.from_bytes(secret, "little") % ED25519_ORDER
    return first + s.to_bytes(32, "little")


def signatures_of_ps256(people: People) -> Iterator[Case]:
    identity = people[RSA_SENDER].identity
    private = identity.handle.get_op_key("sign")
    modulus = int.from_bytes(unb64(identity.public.members["n"]))

    def signature(name: str, sign: Callable[[bytes, bytes], bytes]) -> Case:
        return resigned(people, name, "signature", RSA_SENDER, sign)

    def sealed_with(mask: Any, salt_bytes: int, digest: Any) -> Callable[[bytes, bytes], bytes]:
        def sign(_: bytes, signed: bytes) -> bytes:
            made: bytes = private.sign(signed, PSS(MGF1(mask), salt_bytes), digest)
            return made

        return sign

    def without_zero(_: bytes, signed: bytes) -> bytes:
        while True:
            made: bytes = private.sign(signed, PSS(MGF1(SHA256()), 32), SHA256())
            if made[0] == 0:
                return made[1:]

    def one_more(signature: bytes, _: bytes) -> bytes:
        # So large a sum may need a byte more, and then has another length as well.
        size = max(len(signature), (int.from_bytes(signature) + modulus).bit_length() + 7 >> 3)
        return (int.from_bytes(signature) + modulus).to_bytes(size)

    yield signature("a signature of PS256 without the zero that it begins with", without_zero)
    yield signature("a signature of PS256 with a zero before it", lambda text, _: b"\x00" + text)
    yield signature("a signature of PS256, one modulus more", one_more)
    for salt_bytes in (0, 20, 64):
        name = f"a signature of PS256 with a salt of {salt_bytes} bytes"
        yield signature(name, sealed_with(SHA256(), salt_bytes, SHA256()))
    weak = SHA1()  # noqa: S303  # that nobody takes it is what is tried
    yield signature("a signature of PS256 with another mask", sealed_with(weak, 32, SHA256()))
    yield signature("a signature of PS512 under its name", sealed_with(SHA512(), 32, SHA512()))
