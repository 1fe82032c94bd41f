"""Bad envelopes, part three: well encrypted, by somebody who may be in the room. What is inside
was not signed by whom it says, or not for this envelope."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from jwcrypto.jwk import JWK

from tools.vectors.envelopes_good import draft_of, given
from tools.vectors.files import Case
from tools.vectors.forge import Object, b64, forge, json_of, mid_of, signed, unb64
from tools.vectors.people import RSA_SENDER, SENDER, STRANGER, People


def cases(people: People) -> Iterator[Case]:
    yield from tokens(people)
    yield from signers(people)
    yield from signature_algorithms(people)
    yield from signatures(people)
    yield from payloads(people)
    yield from bindings(people)


def bad(people: People, name: str, code: str, pinned: str = SENDER, **changes: Any) -> Case:
    """A well encrypted envelope whose draft differs in one thing."""
    draft = draft_of(people, name, people["x25519"].encryption[0].public, **changes)
    return Case(name, code, given(forge(draft).text(), "x25519", pinned))


def token(people: People, name: str, code: str, change: Callable[[str], str | bytes]) -> Case:
    return bad(people, name, code, change_token=change)


def part(place: int, change: Callable[[str], str]) -> Callable[[str], str]:
    """Change one of the three parts of a token."""

    def apply(text: str) -> str:
        parts = text.split(".")
        parts[place] = change(parts[place])
        return ".".join(parts)

    return apply


def tokens(people: People) -> Iterator[Case]:
    yield token(people, "a signed message that is no text", "format", lambda _: b"\xff\xfe")
    yield token(
        people, "a signed message with a letter beyond ASCII", "format", lambda text: text + "é"
    )
    yield token(people, "a plain text, with no signature at all", "format", lambda _: "Saluton!")
    yield token(
        people,
        "the payload alone, with no signature at all",
        "format",
        lambda text: unb64(text.split(".")[1]).decode(),
    )
    yield token(
        people, "a signed message of two parts", "format", lambda text: text.rpartition(".")[0]
    )
    yield token(people, "a signed message of four parts", "format", lambda text: text + ".AA")
    yield token(people, "a signed message with a line end", "format", lambda text: text + "\n")
    yield token(
        people,
        "a signature in JSON",
        "format",
        lambda text: json_of(
            dict(zip(("protected", "payload", "signature"), text.split("."), strict=True))
        ),
    )
    yield token(
        people,
        "a signature whose last bits are not zero",
        "format",
        part(2, lambda text: text[:-1] + chr(ord(text[-1]) + 1)),
    )
    yield token(people, "a payload with padding", "format", part(1, lambda text: text + "="))
    yield token(
        people, "a header of the signature that is no JSON", "format", part(0, lambda _: b64("alg"))
    )
    yield bad(
        people,
        "a header of the signature with a key of its own",
        "format",
        jws_header={"jwk": people[STRANGER].identity.public.members},
        signer=people[STRANGER].identity.handle,
    )
    yield token(
        people,
        "a header of the signature with crit",
        "format",
        part(0, lambda text: b64(unb64(text).decode()[:-1] + ',"crit":["b64"]}')),
    )
    yield bad(people, "a header of the signature without typ", "format", jws_header={"typ": ...})
    yield bad(
        people,
        "a header of the signature with the typ of a card",
        "format",
        jws_header={"typ": "ilo-card+jws"},
    )
    yield bad(people, "a header of the signature without kid", "format", jws_header={"kid": ...})
    yield bad(
        people,
        "an alg of the signature that is no text",
        "format",
        change_token=part(0, lambda text: b64(unb64(text).decode().replace('"Ed25519"', "1"))),
    )
    yield bad(
        people, "a kid of the signature that is no hash", "format", jws_header={"kid": "alice"}
    )
    yield bad(
        people,
        "alg twice in the header of the signature",
        "format",
        write_jws_header=lambda header: json_of(header)[:-1] + ',"alg":"Ed25519"}',
    )


def signers(people: People) -> Iterator[Case]:
    stranger = people[STRANGER].identity
    yield bad(
        people,
        "signed by a stranger, who says so",
        "key-changed",
        jws_header={"kid": stranger.public.kid},
        signer=stranger.handle,
    )
    yield bad(people, "signed by the sender's new key", "key-changed", pinned=RSA_SENDER)
    yield bad(
        people,
        "signed by a stranger with another algorithm: the key comes first",
        "key-changed",
        jws_header={"kid": people[RSA_SENDER].identity.public.kid, "alg": "PS256"},
        signer=people[RSA_SENDER].identity.handle,
    )
    yield bad(
        people, "signed by a stranger under the sender's kid", "signature", signer=stranger.handle
    )


def signature_algorithms(people: People) -> Iterator[Case]:
    public = people[SENDER].identity.public
    secret = JWK(kty="oct", k=public.members["x"])
    rsa_public = people[RSA_SENDER].identity.public
    rsa_secret = JWK(kty="oct", k=b64(json_of(rsa_public.members)))
    yield bad(people, "alg none, without a signature", "alg", jws_header={"alg": "none"})
    yield bad(
        people,
        "HS256 with the public key as the secret",
        "alg",
        jws_header={"alg": "HS256"},
        signer=secret,
    )
    yield bad(people, "the old name EdDSA", "alg", jws_header={"alg": "EdDSA"})
    yield token(
        people,
        "an Ed25519 signature that says PS256",
        "alg",
        part(0, lambda text: b64(unb64(text).decode().replace("Ed25519", "PS256"))),
    )
    identity = people[RSA_SENDER].identity
    for alg in ("RS256", "PS384", "PS512"):
        name = f"an RSA key that signs with {alg}"
        draft = draft_of(
            people,
            name,
            people["x25519"].encryption[0].public,
            jws_header={"alg": alg, "kid": rsa_public.kid},
            signer=identity.handle,
        )
        yield Case(name, "alg", given(forge(draft).text(), "x25519", RSA_SENDER))
    yield bad(
        people,
        "HS256 with the RSA public key as the secret",
        "alg",
        RSA_SENDER,
        jws_header={"alg": "HS256", "kid": rsa_public.kid},
        signer=rsa_secret,
    )


def signatures(people: People) -> Iterator[Case]:
    def other_payload(text: str) -> str:
        payload = json.loads(unb64(text))
        return b64(json_of({**payload, "body": "Ĝis!"}))

    yield token(people, "a signature stripped", "signature", part(2, lambda _: ""))
    yield token(
        people, "a signature cut short", "signature", part(2, lambda text: b64(unb64(text)[:-1]))
    )
    yield token(people, "a signature of zeros", "signature", part(2, lambda _: b64(bytes(64))))
    yield token(people, "a text changed after it was signed", "signature", part(1, other_payload))
    yield token(
        people,
        "a header of the signature with spaces that it was not signed with",
        "signature",
        part(0, lambda text: b64(json.dumps(json.loads(unb64(text))))),
    )
    name = "the signature of another message"
    draft = draft_of(people, name)
    other = signed(draft, b"{}").split(".")[2]
    yield token(people, name, "signature", part(2, lambda _: other))


def payloads(people: People) -> Iterator[Case]:
    for name, changes in {
        "a member too many": {"extra": 1},
        "without body": {"body": ...},
        "without pad": {"pad": ...},
        "without prev": {"prev": ...},
        "without device": {"device": ...},
        "a body that is no text": {"body": 1},
        "a body that is null": {"body": None},
        "a device that is no text": {"device": 1},
        "a type that is no text": {"type": None},
        "padding that is no text": {"pad": 0},
        "a seq of 0": {"seq": 0},
        "a seq that is a text": {"seq": "1"},
        "a seq that is true": {"seq": True},
        "a seq below 0": {"seq": -1},
        "a seq that is no whole number": {"seq": 1.5},
        "a seq that not all can tell": {"seq": 2**53},
        "a ts below 0": {"ts": -1},
        "a ts that is a text": {"ts": "2025-11-24T16:00:00Z"},
        "a prev that is no hash": {"prev": "AAAA"},
        "a prev that is a number": {"prev": 0},
        "a device without a name": {"device": ""},
        "a device of 65 letters": {"device": "a" * 65},
        "a device with a space": {"device": "my phone"},
        "a type with a space": {"type": "text plain"},
        "a type beyond ASCII": {"type": "teksto/ĉio"},
        "an empty type": {"type": ""},
        "padding of something else": {"pad": "x"},
        "padding of 256 dots": {"pad": "." * 256},
        "a version that is true inside": {"v": True},
        "an id inside that is no UUID": {"mid": "other"},
    }.items():
        yield bad(people, f"a payload: {name}", "format", inner=changes)
    written: dict[str, Callable[[Object], bytes]] = {
        "that is no JSON": lambda _: b"Saluton!",
        "that is an array": lambda _: b"[]",
        "that is empty": lambda _: b"",
        "with NaN": lambda inner: json_of({**inner, "ts": float("nan")}).encode(),
        "with a seq of 1.0": lambda inner: json_of(inner).replace('"seq":1', '"seq":1.0').encode(),
        "with a null that is none": lambda inner: (
            json_of(inner).replace('"prev":null', '"prev":nulL').encode()
        ),
        "with the body twice": lambda inner: (json_of(inner)[:-1] + ',"body":"Ĝis!"}').encode(),
        "that is no UTF-8": lambda inner: json_of(inner).encode("utf-8").replace(b"Sal", b"\xc3("),
        "with half a surrogate pair": lambda inner: (
            json_of(inner).replace("mondo", "\\ude00").encode()
        ),
        "with a byte order mark": lambda inner: b"\xef\xbb\xbf" + json_of(inner).encode(),
    }
    for name, write in written.items():
        yield bad(people, f"a payload {name}", "format", write_inner=write)


def bindings(people: People) -> Iterator[Case]:
    for name, changes in {
        "signed for another room": {"room": "kitchen"},
        "signed by another name": {"from": "bob"},
        "signed with another id": {"mid": mid_of("another")},
        "signed for other recipients: one of them encrypted it again": {"to": "A" * 43},
        "signed as version 2": {"v": 2},
    }.items():
        yield bad(people, name, "binding", inner=changes)
