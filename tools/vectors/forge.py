"""Makes envelopes as a hostile sender would: honest but for what a case changes."""

import base64
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ilo_client.keys import EncryptionKey, SigningKey
from ilo_client.outer import hash_of_recipients
from ilo_client.strict import dumps
from jwcrypto.jwa import JWA
from jwcrypto.jwe import JWE
from jwcrypto.jws import JWS

ROOM: Final = "~Q7vM0mXvT1uJ3bY5kD8e2w"
SENDER_NAME: Final = "aliĉe"
TS_MS: Final = 1_764_000_000_000
DEVICE: Final = "laptop-1"
PAD: Final = 256
_NAMESPACE: Final = uuid.UUID("5b1c3c1e-6f0e-4a7f-9f5e-0d7b1f5a9a11")

Object = dict[str, Any]


def mid_of(name: str) -> str:
    """Return the id of a case's message: the same each time."""
    return str(uuid.uuid5(_NAMESPACE, name))


def b64(data: bytes | str) -> str:
    data = data.encode("utf-8") if isinstance(data, str) else data
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def json_of(members: Any) -> str:
    text: str = json.dumps(members, separators=(",", ":"), ensure_ascii=False)
    return text


@dataclass(frozen=True, kw_only=True)
class Forged:
    """An envelope, and what a receiver is to read in it if it is a good one."""

    members: Object = field(repr=False)
    inner: Object
    token: str = field(repr=False)

    def text(self) -> str:
        return json_of(self.members)


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What a sender may choose; the defaults are what an honest one does."""

    identity: SigningKey
    to: Sequence[EncryptionKey]
    name: str
    room: str = ROOM
    sender: str = SENDER_NAME
    inner: Object = field(default_factory=dict)
    """Members of the payload that differ; a value of ``...`` takes the member out."""
    outer: Object = field(default_factory=dict)
    """Members of ``ilo`` in the protected header that differ."""
    header: Object = field(default_factory=dict)
    """Members of the protected header that differ."""
    jws_header: Object = field(default_factory=dict)
    signer: Any = None
    """The key that signs, as jwcrypto takes it, where it is not the identity."""
    algs: Mapping[str, str] = field(default_factory=dict)
    """By kid: the algorithm for a recipient, where it is not the one of the key."""
    write_inner: Callable[[Object], bytes] = lambda members: padded(members)
    write_header: Callable[[Object], str] = json_of
    write_jws_header: Callable[[Object], str] = json_of
    change_token: Callable[[str], str | bytes] = lambda token: token


def padded(members: Object) -> bytes:
    if "pad" not in members:
        return json_of(members).encode("utf-8")
    if members["pad"] == "":
        size = len(json_of(members).encode("utf-8"))
        members = {**members, "pad": "." * (-size % PAD)}
    return json_of(members).encode("utf-8")


def changed(members: Object, changes: Object) -> Object:
    merged = {**members, **changes}
    return {name: value for name, value in merged.items() if value is not ...}


def forge(draft: Draft) -> Forged:
    """Return the envelope of a draft."""
    kids = [key.kid for key in draft.to]
    bound = {
        "v": 1,
        "room": draft.room,
        "from": draft.sender,
        "mid": mid_of(draft.name),
        "to": hash_of_recipients(kids),
    }
    honest = {
        **bound,
        "ts": TS_MS,
        "device": DEVICE,
        "seq": 1,
        "prev": None,
        "type": "text/plain",
        "body": "Saluton, mondo!",
        "pad": "",
    }
    inner = changed(honest, draft.inner)
    token = signed(draft, draft.write_inner(inner))
    header = changed(
        {
            "enc": "A256GCM",
            "typ": "ilo-env+jwe",
            "cty": "ilo-msg+jws",
            "ilo": changed(bound, draft.outer),
        },
        draft.header,
    )
    plaintext = draft.change_token(token)
    envelope = JWE(plaintext, draft.write_header(header), flattened=False)
    envelope.allowed_algs = list(JWA.algorithms_registry)
    for key in draft.to:
        alg = draft.algs.get(key.kid, key.alg)
        envelope.add_recipient(key.handle, dumps({"alg": alg, "kid": key.kid}))
    return Forged(members=json.loads(envelope.serialize()), inner=inner, token=token)


def signed(draft: Draft, payload: bytes) -> str:
    """Return the compact JWS; for the algorithm ``none`` it has no signature."""
    public = draft.identity.public
    header = changed({"alg": public.alg, "kid": public.kid, "typ": "ilo-msg+jws"}, draft.jws_header)
    written = draft.write_jws_header(header)
    if header.get("alg") == "none":
        return f"{b64(written)}.{b64(payload)}."
    token = JWS(payload)
    token.allowed_algs = [header["alg"]]
    token.add_signature(draft.signer or draft.identity.handle, None, written)
    serialized: str = token.serialize(compact=True)
    return serialized
