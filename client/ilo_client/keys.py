"""A person's keys, and the public keys of others.

The algorithm always follows from the key; no message and no card has a say in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from jwcrypto.common import JWException
from jwcrypto.jwk import JWK

from ilo_client import jwk
from ilo_client.errors import Refused
from ilo_client.jwk import PRIVATE_MEMBERS, PUBLIC_MEMBERS, Kind, Members
from ilo_client.strict import Json, JsonObject, check_members, decode, dumps, loads, text_of

EncryptionAlg = Literal["RSA-OAEP-256", "ECDH-ES+A256KW"]
SignatureAlg = Literal["Ed25519", "PS256"]

ENCRYPTION_ALGS: Final[Mapping[Kind, EncryptionAlg]] = {
    "RSA": "RSA-OAEP-256",
    "P-256": "ECDH-ES+A256KW",
    "X25519": "ECDH-ES+A256KW",
}
SIGNATURE_ALGS: Final[Mapping[Kind, SignatureAlg]] = {"RSA": "PS256", "Ed25519": "Ed25519"}
RSA_BITS: Final = 3072
"""Of the encryption keys that are made here."""


@dataclass(frozen=True, slots=True)
class EncryptionKey:
    """A public key for which messages are encrypted."""

    kid: str
    alg: EncryptionAlg
    kind: Kind = field(repr=False)
    members: Members = field(repr=False, compare=False)
    handle: Any = field(repr=False, compare=False)
    """The key as jwcrypto takes it."""

    @classmethod
    def read(cls, members: JsonObject) -> Self:
        """Return the key with these members of a JWK, or refuse it with ``format``."""
        kind, texts = jwk.read_public(members)
        if kind not in ENCRYPTION_ALGS:
            raise Refused("format")
        return cls(jwk.thumbprint(texts), ENCRYPTION_ALGS[kind], kind, texts, JWK(**texts))


@dataclass(frozen=True, slots=True)
class IdentityKey:
    """The public key that says who somebody is: it signs their card and their messages."""

    kid: str
    alg: SignatureAlg
    members: Members = field(repr=False, compare=False)
    handle: Any = field(repr=False, compare=False)
    """The key as jwcrypto takes it."""

    @classmethod
    def read(cls, members: JsonObject) -> Self:
        """Return the key with these members of a JWK, or refuse it with ``format``."""
        kind, texts = jwk.read_public(members)
        if kind not in SIGNATURE_ALGS:
            raise Refused("format")
        return cls(jwk.thumbprint(texts), SIGNATURE_ALGS[kind], texts, JWK(**texts))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the key that ``to_json`` wrote, or refuse it with ``format``."""
        return cls.read(loads(text))

    def to_json(self) -> str:
        """Return the public JWK."""
        return dumps({**self.members})


@dataclass(frozen=True, slots=True)
class DecryptionKey:
    """An encryption key with its private half."""

    public: EncryptionKey
    private_members: Members = field(repr=False, compare=False)
    handle: Any = field(repr=False, compare=False)

    @classmethod
    def read(cls, members: JsonObject) -> Self:
        """Return the pair with these members of a JWK, or refuse it with ``format``."""
        public = EncryptionKey.read(_public_of(members))
        private, handle = _read_private(members, public.members, "unwrapKey")
        return cls(public, private, handle)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An identity key with its private half."""

    public: IdentityKey
    private_members: Members = field(repr=False, compare=False)
    handle: Any = field(repr=False, compare=False)

    @classmethod
    def read(cls, members: JsonObject) -> Self:
        """Return the pair with these members of a JWK, or refuse it with ``format``."""
        public = IdentityKey.read(_public_of(members))
        private, handle = _read_private(members, public.members, "sign")
        return cls(public, private, handle)


@dataclass(frozen=True, slots=True)
class KeyPairs:
    """All keys of one person: one identity, and one or more to decrypt with, newest first.

    Old ones are kept as long as messages for them are: without a key they stay closed.
    """

    identity: SigningKey
    encryption: tuple[DecryptionKey, ...]

    def with_new_encryption_key(self) -> Self:
        """Return these pairs with one more, which is the newest; slow, so call it in a thread."""
        return type(self)(self.identity, (_make_decryption_key(), *self.encryption))

    def find(self, kid: str) -> DecryptionKey | None:
        """Return the pair with this kid."""
        return next((pair for pair in self.encryption if pair.public.kid == kid), None)

    def to_json(self) -> str:
        """Return a JWK Set with all private members: a secret."""
        return dumps({"keys": self.to_jwks()})

    def to_jwks(self) -> list[Json]:
        """Return the private JWKs, the identity first: a secret."""
        identity = self.identity
        jwks: list[Json] = [{"use": "sig", **identity.public.members, **identity.private_members}]
        for pair in self.encryption:
            jwks.append({"use": "enc", **pair.public.members, **pair.private_members})
        return jwks

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the pairs that ``to_json`` wrote, or refuse them with ``format``."""
        members = loads(text)
        check_members(members, ("keys",))
        return cls.from_jwks(members["keys"])

    @classmethod
    def from_jwks(cls, jwks: Json) -> Self:
        """Return the pairs that ``to_jwks`` gave, or refuse them with ``format``."""
        if not isinstance(jwks, list) or len(jwks) < 2:
            raise Refused("format")
        identity = SigningKey.read(_used_for("sig", jwks[0]))
        encryption = tuple(DecryptionKey.read(_used_for("enc", each)) for each in jwks[1:])
        if len({pair.public.kid for pair in encryption}) != len(encryption):
            raise Refused("format")
        return cls(identity, encryption)


def make_key_pairs() -> KeyPairs:
    """Return new pairs: Ed25519 and RSA-3072. Takes up to seconds, so call it in a thread."""
    made = JWK.from_pyca(Ed25519PrivateKey.generate())
    return KeyPairs(SigningKey.read(_exported(made)), (_make_decryption_key(),))


def _make_decryption_key() -> DecryptionKey:
    made = JWK.from_pyca(generate_private_key(public_exponent=65537, key_size=RSA_BITS))
    return DecryptionKey.read(_exported(made))


def _exported(handle: Any) -> JsonObject:
    members: JsonObject = handle.export_private(as_dict=True)
    members.pop("kid", None)  # jwcrypto adds it, and it is not a member of ours
    return members


def _used_for(use: str, jwk_members: Json) -> JsonObject:
    if not isinstance(jwk_members, dict) or jwk_members.get("use") != use:
        raise Refused("format")
    return {name: value for name, value in jwk_members.items() if name != "use"}


def _public_of(members: JsonObject) -> JsonObject:
    kind = jwk.kind_of(members)
    check_members(members, (*PUBLIC_MEMBERS[kind], *PRIVATE_MEMBERS[kind]))
    return {name: members[name] for name in PUBLIC_MEMBERS[kind]}


def _read_private(members: JsonObject, public: Members, operation: str) -> tuple[Members, Any]:
    private = {name: text_of(members, name) for name in members if name not in public}
    for value in private.values():
        decode(value)
    if public["kty"] == "RSA":
        jwk.check_private_rsa({**public, **private})
    try:
        handle = JWK(**public, **private)
        # Whether p and q are prime takes 0.2 s to find out, in which nothing else of the
        # process runs; the keys are our own, and `check_private_rsa` found them consistent.
        handle.unsafe_skip_rsa_key_validation = True
        derived = JWK.from_pyca(handle.get_op_key(operation).public_key())
    except (JWException, ValueError):
        raise Refused("format") from None
    if any(derived.get(name) != value for name, value in public.items()):
        raise Refused("format")
    return private, handle
