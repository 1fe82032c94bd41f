"""The people of the vectors. Their keys are made once, and then stay as the files have them."""

import json
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as make_ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as make_rsa
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from ilo_client.keys import DecryptionKey, EncryptionKey, IdentityKey, KeyPairs, SigningKey
from ilo_client.strict import JsonObject, loads
from jwcrypto.jwk import JWK

ROOT: Final = Path(__file__).resolve().parents[2]
VECTORS: Final = ROOT / "spec" / "vectors"

People = dict[str, KeyPairs]
SENDER: Final = "alice-ed25519"
RSA_SENDER: Final = "alice-ps256"
STRANGER: Final = "mallory"
ROTATED: Final = "x25519-rotated"
RECEIVERS: Final = ("rsa-2048", "rsa-3072", "rsa-4096", "x25519", "p-256")


def made(kind: str) -> JsonObject:
    """Return a new private JWK."""
    if kind == "ed25519":
        handle = JWK.from_pyca(Ed25519PrivateKey.generate())
    elif kind == "x25519":
        handle = JWK.from_pyca(X25519PrivateKey.generate())
    elif kind == "p-256":
        handle = JWK.from_pyca(make_ec(SECP256R1()))
    else:
        handle = JWK.from_pyca(make_rsa(65537, int(kind.removeprefix("rsa-"))))
    members: JsonObject = handle.export_private(as_dict=True)
    members.pop("kid", None)
    return members


def made_pairs(identity: str, *encryption: str) -> KeyPairs:
    """Return new pairs of these kinds."""
    return KeyPairs(
        SigningKey.read(made(identity)),
        tuple(DecryptionKey.read(made(kind)) for kind in encryption),
    )


def fillers(kind: str, amount: int) -> list[EncryptionKey]:
    """Return new public keys that nobody can decrypt for; kinds are cheap to make."""
    return [DecryptionKey.read(made(kind)).public for _ in range(amount)]


def load_people(folder: Path = VECTORS) -> People:
    """Return the people of the committed vectors, or make them where there are none."""
    file = folder / "envelopes.json"
    if file.exists():
        keys = json.loads(file.read_text("utf-8"))["keys"]
        return {name: KeyPairs.from_jwks(jwks["keys"]) for name, jwks in keys.items()}
    people = {kind: made_pairs("ed25519", kind) for kind in RECEIVERS}
    people[ROTATED] = made_pairs("ed25519", "rsa-2048", "x25519")
    people[SENDER] = made_pairs("ed25519", "x25519")
    people[RSA_SENDER] = made_pairs("rsa-2048", "x25519")
    people[STRANGER] = made_pairs("ed25519", "x25519")
    return people


def to_keys(people: People) -> JsonObject:
    """Return what a file of vectors has as its ``keys``."""
    return {name: loads(pairs.to_json()) for name, pairs in people.items()}


def identity_of(people: People, name: str) -> IdentityKey:
    return people[name].identity.public
