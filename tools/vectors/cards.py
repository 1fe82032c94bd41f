"""Vectors of key cards: good ones of every kind of key, and bad ones for every check."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ilo_client.card import MAX_CARD_BYTES, make_card
from ilo_client.keys import KeyPairs, SigningKey
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS

from tools.vectors.bad_spelling import FIELD, P256_FIELD, little, with_high_bit
from tools.vectors.files import Case, Vectors
from tools.vectors.forge import SENDER_NAME, TS_MS, Object, b64, changed, json_of, unb64
from tools.vectors.people import (
    RECEIVERS,
    ROTATED,
    RSA_SENDER,
    SENDER,
    STRANGER,
    People,
    fillers,
    made_pairs,
)

ABOUT = "Key cards, read as the one of `username`. A card names its own identity key; no pins here."


def make(people: People) -> Vectors:
    cases = [*good(people), *shapes(people), *signatures(people), *payloads(people), *keys(people)]
    return Vectors("cards", ABOUT, {}, cases)


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A card as somebody may write it; the defaults are an honest one's."""

    identity: SigningKey
    keys: Any
    header: Object = field(default_factory=dict)
    payload: Object = field(default_factory=dict)
    signer: Any = None
    write_payload: Callable[[Object], bytes] = lambda payload: json_of(payload).encode("utf-8")
    write_header: Callable[[Object], str] = json_of


def written(draft: Draft) -> str:
    """Return the compact JWS of a draft; for the algorithm ``none`` it has no signature."""
    public = draft.identity.public
    honest = {
        "v": 1,
        "username": SENDER_NAME,
        "keys": draft.keys,
        "created_at": TS_MS,
        "previous": None,
    }
    header = changed(
        {"alg": public.alg, "typ": "ilo-card+jws", "jwk": dict(public.members)}, draft.header
    )
    payload = draft.write_payload(changed(honest, draft.payload))
    if header.get("alg") == "none":
        return f"{b64(draft.write_header(header))}.{b64(payload)}."
    token = JWS(payload)
    token.allowed_algs = [header["alg"]]
    token.add_signature(draft.signer or draft.identity.handle, None, draft.write_header(header))
    serialized: str = token.serialize(compact=True)
    return serialized


def draft_of(people: People, **changes: Any) -> Draft:
    pairs = people[SENDER]
    keys = [dict(pair.public.members) for pair in pairs.encryption]
    return Draft(**{"identity": pairs.identity, "keys": keys, **changes})


def case(name: str, expect: str, text: str, username: str = SENDER_NAME) -> Case:
    return Case(name, expect, {"text": text, "username": username})


def bad(people: People, name: str, code: str, **changes: Any) -> Case:
    return case(name, code, written(draft_of(people, **changes)))


def good(people: People) -> Iterator[Case]:
    def sealed(name: str, pairs: KeyPairs, username: str = SENDER_NAME, **given: Any) -> Case:
        text = make_card(pairs, username, TS_MS, given.get("previous"))
        output = {
            "identity": pairs.identity.public.kid,
            "encryption": [pair.public.kid for pair in pairs.encryption[:8]],
        }
        return Case(name, "ok", {"text": text, "username": username}, output)

    for receiver in RECEIVERS:
        yield sealed(f"a card with a key of {receiver}", people[receiver])
    yield sealed("a card signed with PS256", people[RSA_SENDER])
    yield sealed("a card with two keys", people[ROTATED])
    yield sealed("a card of nine keys has the newest eight", made_pairs("ed25519", *["x25519"] * 9))
    yield sealed(
        "a card of a new identity", people[SENDER], previous=people[STRANGER].identity.public.kid
    )
    yield sealed("a card of a name with an emoji", people[SENDER], "🙂 боб")
    draft = draft_of(
        people, write_payload=lambda each: json_of(dict(reversed(each.items()))).encode()
    )
    output = {
        "identity": people[SENDER].identity.public.kid,
        "encryption": [people[SENDER].encryption[0].public.kid],
    }
    yield Case(
        "a card with its members in another order",
        "ok",
        {"text": written(draft), "username": SENDER_NAME},
        output,
    )


def shapes(people: People) -> Iterator[Case]:
    text = written(draft_of(people))
    header, payload, signature = text.split(".")
    yield case("a card that is empty", "format", "")
    yield case("a card that is an old public key", "format", "-----BEGIN PUBLIC KEY-----")
    yield case("a card that is a JWK", "format", json_of(people[SENDER].identity.public.members))
    yield case("a card of two parts", "format", f"{header}.{payload}")
    yield case("a card of four parts", "format", f"{text}.AA")
    yield case("a card with a line end", "format", text + "\n")
    yield case(
        "a card in JSON",
        "format",
        json_of({"protected": header, "payload": payload, "signature": signature}),
    )
    yield case(
        "a card whose signature has bits left over", "format", text[:-1] + chr(ord(text[-1]) + 1)
    )
    yield case("a card with padding", "format", f"{header}.{payload}.{signature}==")
    yield bad(
        people,
        "a card that is too large",
        "format",
        write_payload=lambda each: json_of(each).ljust(MAX_CARD_BYTES).encode(),
    )
    yield case("a header that is no JSON", "format", f"{b64('alg')}.{payload}.{signature}")
    yield bad(people, "a header with a kid", "format", header={"kid": "A" * 43})
    yield bad(people, "a header without a key", "format", header={"jwk": ...})
    yield bad(people, "a header with the typ of a message", "format", header={"typ": "ilo-msg+jws"})
    yield bad(
        people,
        "a header with the key twice",
        "format",
        write_header=lambda each: json_of(each)[:-1] + ',"jwk":{}}',
    )
    yield case(
        "a header whose alg is no text",
        "format",
        ".".join((b64(unb64(header).decode().replace('"Ed25519"', "1", 1)), payload, signature)),
    )
    private = {**people[SENDER].identity.public.members, **people[SENDER].identity.private_members}
    yield bad(people, "an identity key with its private half", "format", header={"jwk": private})
    yield bad(
        people,
        "an identity key with a kid",
        "format",
        header={"jwk": {**people[SENDER].identity.public.members, "kid": "x"}},
    )
    yield bad(people, "an identity key that is a text", "format", header={"jwk": "x"})
    yield bad(
        people,
        "an identity key with its point beyond the field",
        "format",
        header={"jwk": {"kty": "OKP", "crv": "Ed25519", "x": little(FIELD + 3)}},
    )
    # With one of these any signature can be made up, and some libraries do not mind.
    for name, y in (
        ("zero", 0),
        ("one", 1),
        ("one and a sign", 1 | 1 << 255),
        ("minus one", FIELD - 1),
        ("order 8", ORDER_8),
        ("order 8, the other", FIELD - ORDER_8),
    ):
        yield case(f"an identity key of low order: {name}", "format", made_up(people, little(y)))
    yield bad(
        people,
        "an identity key that is for encryption",
        "format",
        header={"jwk": dict(people["x25519"].encryption[0].public.members)},
    )
    yield bad(
        people,
        "an identity key that is a shared secret",
        "format",
        header={"jwk": {"kty": "oct", "k": "AAAA"}},
    )
    p256 = JWK.generate(kty="EC", crv="P-256")
    public = p256.export_public(as_dict=True)
    public.pop("kid", None)
    yield bad(
        people,
        "an identity key of P-256",
        "format",
        header={"jwk": public, "alg": "ES256"},
        signer=p256,
    )


ORDER_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7


def made_up(people: People, x: str) -> str:
    """Return a card that nobody signed, which holds for one in eight of such identities."""
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": x}
    header = {"alg": "Ed25519", "typ": "ilo-card+jws", "jwk": jwk}
    payload = written(draft_of(people)).split(".")[1]
    return f"{b64(json_of(header))}.{payload}.{b64(bytes([1]) + bytes(63))}"


def signatures(people: People) -> Iterator[Case]:
    text = written(draft_of(people))
    header, payload, signature = text.split(".")
    stranger = people[STRANGER].identity
    secret = JWK(kty="oct", k=people[SENDER].identity.public.members["x"])
    rsa = people[RSA_SENDER].identity
    yield bad(people, "a card with alg none", "alg", header={"alg": "none"})
    yield bad(
        people,
        "a card with HS256, the public key as the secret",
        "alg",
        header={"alg": "HS256"},
        signer=secret,
    )
    yield bad(people, "a card with the old name EdDSA", "alg", header={"alg": "EdDSA"})
    yield bad(people, "a card that RS256 signed", "alg", identity=rsa, header={"alg": "RS256"})
    yield bad(people, "a card that another key signed", "signature", signer=stranger.handle)
    yield case("a card without its signature", "signature", f"{header}.{payload}.")
    yield case(
        "a card with a signature of zeros", "signature", f"{header}.{payload}.{b64(bytes(64))}"
    )
    other = b64(unb64(payload).decode().replace(SENDER_NAME, "bob"))
    yield case("a card whose name was changed", "signature", f"{header}.{other}.{signature}")
    own = {"jwk": dict(stranger.public.members)}
    swapped = written(draft_of(people, header=own)).split(".")
    yield case(
        "a card whose identity was swapped", "signature", f"{swapped[0]}.{payload}.{signature}"
    )


def payloads(people: People) -> Iterator[Case]:
    for name, changes in {
        "a member too many": {"extra": 1},
        "no username": {"username": ...},
        "a username that is no text": {"username": 1},
        "no keys": {"keys": ...},
        "version 2": {"v": 2},
        "a version that is true": {"v": True},
        "a time that is a text": {"created_at": "2025-11-24T16:00:00Z"},
        "a time below 0": {"created_at": -1},
        "a time that is no whole number": {"created_at": 1.5},
        "a previous identity that is no hash": {"previous": "bob"},
        "a previous identity that is left out": {"previous": ...},
    }.items():
        yield bad(people, f"a card with {name}", "format", payload=changes)
    yield bad(
        people,
        "a card with the username twice",
        "format",
        write_payload=lambda each: (json_of(each)[:-1] + ',"username":"bob"}').encode(),
    )
    yield bad(people, "a card that is no JSON", "format", write_payload=lambda _: b"Saluton!")
    yield bad(
        people,
        "a card that is no UTF-8",
        "format",
        write_payload=lambda each: json_of(each).encode().replace("ĉ".encode(), b"\xff"),
    )
    text = written(draft_of(people))
    yield case("a card of somebody else", "sender", text, "bob")
    yield case("a card of a name that differs in case", "sender", text, "Aliĉe")
    yield case("a card of a name that is decomposed", "sender", text, "alic\u0302e")
    yield bad(
        people,
        "a card of somebody else with keys that cannot be: the name comes first",
        "sender",
        payload={"username": "bob", "keys": []},
    )


def point(more: int) -> Object:
    """Return a point of P-256 with the x 5 and so much more."""
    b = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
    y = pow(5**3 - 3 * 5 + b, (P256_FIELD + 1) // 4, P256_FIELD)
    return {
        "kty": "EC",
        "crv": "P-256",
        "x": b64((5 + more).to_bytes(32)),
        "y": b64(y.to_bytes(32)),
    }


def keys(people: People) -> Iterator[Case]:
    rsa = dict(people["rsa-2048"].encryption[0].public.members)
    x25519 = dict(people["x25519"].encryption[0].public.members)
    p256 = dict(people["p-256"].encryption[0].public.members)
    nine = [dict(key.members) for key in fillers("x25519", 9)]
    small = JWK.generate(kty="RSA", size=1024).export_public(as_dict=True)
    small.pop("kid", None)
    modulus = unb64(rsa["n"])
    for name, listed in {
        "an empty list of keys": [],
        "keys that are an object": {"keys": [x25519]},
        "nine keys": nine,
        "a key twice": [x25519, x25519],
        "a key that is null": [None],
        "a key that is a text": ["x"],
        "a second key that cannot be": [x25519, {}],
        "a key with its private half": [{**x25519, "d": x25519["x"]}],
        "a key with a use": [{**x25519, "use": "enc"}],
        "a key with a kid": [{**x25519, "kid": "1"}],
        "a shared secret": [{"kty": "oct", "k": "AAAA"}],
        "a key for signing": [dict(people[SENDER].identity.public.members)],
        "an unknown curve": [{"kty": "OKP", "crv": "X448", "x": x25519["x"]}],
        "a curve under the wrong type": [{**x25519, "kty": "EC"}],
        "an RSA key of 1024 bits": [small],
        "an RSA key of 2056 bits": [{**rsa, "n": b64(b"\xff" + modulus)}],
        "an RSA key with a zero before it": [{**rsa, "n": b64(b"\x00" + modulus)}],
        "an RSA key of 2041 bits": [{**rsa, "n": b64(b"\x01" + modulus[1:])}],
        "an RSA key that is even": [{**rsa, "n": b64(modulus[:-1] + b"\x00")}],
        "an RSA key with the exponent 3": [{**rsa, "e": "Aw"}],
        "an RSA key with a long exponent": [{**rsa, "e": "AAEAAQ"}],
        "an RSA key with padding": [{**rsa, "n": rsa["n"] + "=="}],
        "an X25519 key of 31 bytes": [{**x25519, "x": b64(unb64(x25519["x"])[:31])}],
        "an X25519 key of zeros": [{**x25519, "x": b64(bytes(32))}],
        "an X25519 key of one": [{**x25519, "x": b64(b"\x01" + bytes(31))}],
        "an X25519 key of low order": [
            {
                **x25519,
                "x": b64(
                    bytes.fromhex(
                        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"
                    )
                ),
            }
        ],
        "an X25519 key with a high bit that is left out": [
            {**x25519, "x": with_high_bit(x25519["x"])}
        ],
        "an X25519 key beyond the field": [{**x25519, "x": little(FIELD + 9)}],
        "an RSA key of no bytes": [{**rsa, "n": ""}],
        "a key whose n is no text": [{**rsa, "n": 1}],
        "a key whose x is no text": [{**x25519, "x": None}],
        "keys that are a text": "x",
        "a P-256 key beyond the field": [point(P256_FIELD)],
        "a P-256 key off its curve": [{**p256, "y": p256["x"]}],
        "a P-256 key without y": [{name: p256[name] for name in ("kty", "crv", "x")}],
        "a P-256 key of zeros": [{**p256, "x": b64(bytes(32)), "y": b64(bytes(32))}],
        "a P-256 key of 33 bytes": [{**p256, "x": b64(b"\x00" + unb64(p256["x"]))}],
    }.items():
        yield bad(people, f"a card with {name}", "format", keys=listed)
