"""Vectors of safety numbers, reckoned here a second time, by another library's PBKDF2."""

from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from tools.vectors.files import Case, Vectors
from tools.vectors.people import RSA_SENDER, SENDER, STRANGER, People, identity_of

ABOUT = "Safety numbers: the 60 digits of two people; the same whichever of them is `a`."


def make(people: People) -> Vectors:
    alice, bob = identity_of(people, SENDER).kid, identity_of(people, STRANGER).kid
    carol = identity_of(people, RSA_SENDER).kid
    return Vectors(
        "safety_numbers",
        ABOUT,
        {},
        [
            case("two people", (alice, "alice"), (bob, "bob")),
            case("the same two, the other way round", (bob, "bob"), (alice, "alice")),
            case("another key of one of them", (carol, "alice"), (bob, "bob")),
            case("the same keys under other names", (alice, "alicia"), (bob, "bob")),
            case("names beyond ASCII", (alice, "aliĉe"), (bob, "боб 🙂")),
            case(
                "a name in decomposed form is another name", (alice, "alic\u0302e"), (bob, "боб 🙂")
            ),
            case("the same key on both sides", (alice, "alice"), (alice, "bob")),
            case("somebody with themselves", (alice, "alice"), (alice, "alice")),
        ],
    )


def case(name: str, a: tuple[str, str], b: tuple[str, str]) -> Case:
    given = {side: {"kid": kid, "name": user} for side, (kid, user) in (("a", a), ("b", b))}
    digits = "".join(sorted((half(*a), half(*b))))
    return Case(name, "ok", given, digits)


def half(kid: str, name: str) -> str:
    derived = PBKDF2HMAC(SHA512(), 30, b"ilo-safety-v1", 100_000).derive((kid + name).encode())
    return "".join(
        f"{int.from_bytes(derived[at : at + 5], 'big') % 100_000:05d}" for at in range(0, 30, 5)
    )
