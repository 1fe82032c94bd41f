"""Vectors of backups, made by another library's JWE, whose limit of rounds is lifted here."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from ilo_client import backup
from ilo_client.keys import KeyPairs
from jwcrypto import jwa
from jwcrypto.jwe import JWE
from jwcrypto.jwk import JWK

from tools.vectors.files import Case, Vectors
from tools.vectors.forge import SENDER_NAME, Object, b64, changed, json_of, unb64
from tools.vectors.people import ROTATED, RSA_SENDER, SENDER, People, made

ABOUT = "Backups: a person's keys under a passphrase, in the form that every client reads."
TYPED: Final = "ĝusta ĉevala pilo agrafo"


@contextmanager
def many_rounds() -> Iterator[None]:
    """jwcrypto takes so many rounds meanwhile; it has one limit for the process."""
    before = jwa.default_max_pbkdf2_iterations
    jwa.default_max_pbkdf2_iterations = 10_000_000
    try:
        yield
    finally:
        jwa.default_max_pbkdf2_iterations = before


def sealed(
    pairs: KeyPairs,
    *,
    header: Object | None = None,
    payload: Object | None = None,
    write_payload: Callable[[Object], str] = json_of,
    typed: str = TYPED,
) -> str:
    """Return a backup as jwcrypto makes it, with what differs."""
    members = {"v": 1, "username": SENDER_NAME, "keys": pairs.to_jwks()}
    text = write_payload(changed(members, payload or {}))
    honest = {
        "alg": "PBES2-HS512+A256KW",
        "enc": "A256GCM",
        "typ": "ilo-backup+jwe",
        "p2s": b64(bytes(range(16))),
        "p2c": 600_000,
    }
    envelope = JWE(text, json_of(changed(honest, header or {})))
    envelope.allowed_algs = list(jwa.JWA.algorithms_registry)
    with many_rounds():
        envelope.add_recipient(JWK.from_password(typed))
    serialized: str = envelope.serialize(compact=True)
    return serialized


def case(name: str, expect: str, text: str, passphrase: str = TYPED) -> Case:
    return Case(name, expect, {"text": text, "passphrase": passphrase})


def make(people: People) -> Vectors:
    cases = [*good(people), *bad(people)]
    return Vectors("backups", ABOUT, {}, cases)


def good(people: People) -> Iterator[Case]:
    def opened(name: str, pairs: KeyPairs, text: str, passphrase: str, username: str) -> Case:
        kids = [pairs.identity.public.kid, *(pair.public.kid for pair in pairs.encryption)]
        output = {"username": username, "kids": kids}
        return Case(name, "ok", {"text": text, "passphrase": passphrase}, output)

    rotated, rsa = people[ROTATED], people[RSA_SENDER]
    yield opened("a backup by jwcrypto", rotated, sealed(rotated), TYPED, SENDER_NAME)
    text = backup.lock(rsa, "🙂 боб", "x")
    yield opened("a backup by our own hand", rsa, text, "x", "🙂 боб")
    yield opened(
        "a passphrase that is typed in decomposed letters",
        rotated,
        sealed(rotated),
        "g\u0302usta c\u0302evala pilo agrafo",
        SENDER_NAME,
    )


def bad(people: People) -> Iterator[Case]:
    pairs = people[SENDER]
    text = sealed(pairs)
    parts = text.split(".")

    def with_header(name: str, code: str, **changes: Any) -> Case:
        header = changed(json.loads(unb64(parts[0])), changes)
        return case(name, code, ".".join((b64(json_of(header)), *parts[1:])))

    def with_part(name: str, code: str, place: int, change: Callable[[bytes], bytes]) -> Case:
        edited = [*parts[:place], b64(change(unb64(parts[place]))), *parts[place + 1 :]]
        return case(name, code, ".".join(edited))

    yield case("another passphrase", "passphrase", text, "malĝusta")
    yield case("an empty passphrase", "passphrase", text, "")
    empty = sealed(pairs, header={"p2c": 300_000}, typed="")
    yield case("a backup that is encrypted with an empty passphrase", "passphrase", empty, "")
    yield case("half a surrogate pair as passphrase", "passphrase", text, "\ud83d")
    yield with_part(
        "a bit of the wrapped key flipped",
        "passphrase",
        1,
        lambda data: bytes([data[0] ^ 1, *data[1:]]),
    )
    yield with_part(
        "a bit of the content flipped",
        "passphrase",
        3,
        lambda data: bytes([data[0] ^ 1, *data[1:]]),
    )
    yield with_header("another salt", "passphrase", p2s=b64(bytes(16)))
    yield case("a backup that is empty", "format", "")
    yield case("a backup of four parts", "format", ".".join(parts[:4]))
    yield case("a backup of six parts", "format", text + ".AA")
    yield case("a backup with a line end", "format", text + "\n")
    yield case("a backup with padding", "format", text + "==")
    yield with_part("a tag of 12 bytes in a backup", "format", 4, lambda data: data[:12])
    yield with_part("a wrapped key of 32 bytes", "format", 1, lambda data: data[:32])
    yield with_header("a salt of 8 bytes", "format", p2s=b64(bytes(8)))
    yield with_header("rounds that are a text", "format", p2c="600000")
    yield with_header("no rounds", "format", p2c=...)
    yield with_header("a salt that is no text", "format", p2s=1)
    yield with_header("an alg that is no text", "format", alg=None)
    yield with_header("an enc that is no text", "format", enc=None)
    yield with_header("a header member too many", "format", zip="DEF")
    yield with_header("the typ of an envelope", "format", typ="ilo-env+jwe")
    yield with_header("a backup with alg dir", "alg", alg="dir")
    yield with_header("a backup with alg PBES2-HS256+A128KW", "alg", alg="PBES2-HS256+A128KW")
    yield with_header("a backup with enc A128GCM", "alg", enc="A128GCM")
    yield with_header("fewer rounds than are safe", "cost", p2c=299_999)
    yield with_header("one round", "cost", p2c=1)
    yield with_header("more rounds than anybody waits for", "cost", p2c=2_000_001)
    yield with_header("rounds for ever", "cost", p2c=2**53 - 1)
    payloads: dict[str, Object] = {
        "a backup of version 2": {"v": 2},
        "a backup without keys": {"keys": []},
        "a backup with an identity alone": {"keys": pairs.to_jwks()[:1]},
        "a backup whose identity is for encryption": {"keys": pairs.to_jwks()[::-1]},
    }
    payloads.update(other_payloads(people))
    for name, payload in payloads.items():
        yield case(name, "format", sealed(pairs, payload=payload, header={"p2c": 300_000}))


def as_uint(number: int) -> str:
    return b64(number.to_bytes((number.bit_length() + 7) // 8))


def other_payloads(people: People) -> dict[str, Object]:
    """Return what no maker of backups writes, by what is wrong with it."""

    def jwks_of(name: str, place: int, **members: Any) -> list[Any]:
        jwks: list[Any] = people[name].to_jwks()
        jwks[place] = changed(jwks[place], members)
        return jwks

    own = people[SENDER].to_jwks()
    payloads: dict[str, Object] = {
        "a backup with a member too many": {"extra": 1},
        "a backup whose version is true": {"v": True},
        "a backup of a name that is no text": {"username": 1},
        "a backup whose keys are an object": {"keys": {"keys": own}},
        "a backup whose keys are an object of two": {"keys": {"0": own[0], "1": own[1]}},
        "a backup with a key that is a text": {"keys": [own[0], "x"]},
        "a backup with a key twice": {"keys": [*own, own[1]]},
        "a backup with a key for signing among the others": {"keys": [own[0], own[0]]},
        "a backup with a key of another use": {"keys": jwks_of(SENDER, 1, use="sig")},
        "a backup with a key without its use": {"keys": jwks_of(SENDER, 1, use=...)},
        "a backup with a key of a member too many": {"keys": jwks_of(SENDER, 1, kid="1")},
        "a backup without a private half": {"keys": jwks_of(SENDER, 1, d=...)},
        "a backup with a private half that is no text": {"keys": jwks_of(SENDER, 1, d=1)},
    }
    for kind in ("x25519", "p-256"):
        halves: Object = {"d": made(kind)["d"]}
        payloads[f"a backup with another private half, {kind}"] = {
            "keys": jwks_of(kind, 1, **halves)
        }
    halves = {"d": made("ed25519")["d"]}
    payloads["a backup with another private half, the identity"] = {
        "keys": jwks_of(SENDER, 0, **halves)
    }
    other = made("rsa-2048")
    names = ("d", "p", "q", "dp", "dq", "qi")
    for mixed in (names, *((name,) for name in names)):
        halves = {name: other[name] for name in mixed}
        payloads[f"a backup with {', '.join(mixed)} of another RSA key"] = {
            "keys": jwks_of("rsa-2048", 1, **halves)
        }
    rsa: Object = people["rsa-2048"].to_jwks()[1]  # type: ignore[assignment]
    swapped = {"p": rsa["q"], "q": rsa["p"]}
    payloads["a backup with p and q of RSA in each other's place"] = {
        "keys": jwks_of("rsa-2048", 1, **swapped)
    }
    for prime, other_prime in (("p", "q"), ("q", "p")):
        # Right for the other prime, and as wrong in what follows from it.
        least, step = (int.from_bytes(unb64(rsa[name])) - 1 for name in (prime, other_prime))
        d = int.from_bytes(unb64(rsa["d"])) + step
        halves = {"d": as_uint(d), f"d{prime}": as_uint(d % least)}
        payloads[f"a backup with a d of RSA that is wrong for {prime}"] = {
            "keys": jwks_of("rsa-2048", 1, **halves)
        }
    one = {"p": b64(b"\x01"), "q": rsa["n"]}
    payloads["a backup with one as a prime of RSA"] = {"keys": jwks_of("rsa-2048", 1, **one)}
    return payloads
