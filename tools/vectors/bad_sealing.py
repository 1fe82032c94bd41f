"""Bad envelopes, part two: not for this place, not by this list, not for this key."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from jwcrypto.jwk import JWK

from tools.vectors.by_hand import forge_as_jose
from tools.vectors.envelopes_good import draft_of, given
from tools.vectors.files import Case
from tools.vectors.forge import SENDER_NAME, Object, b64, forge, json_of, unb64
from tools.vectors.people import SENDER, STRANGER, People

ROOM_TWO = "~AAAAAAAAAAAAAAAAAAAAAA"


def cases(people: People) -> Iterator[Case]:
    yield from places(people)
    yield from lists(people)
    yield from algorithms(people)
    yield from ephemeral_keys(people)
    yield from altered(people)
    yield from unknown(people)


def edited(
    people: People,
    name: str,
    code: str,
    edit: Callable[[Object], object],
    receiver: str = "x25519",
    **changes: Any,
) -> Case:
    """An honest envelope for the receiver and the sender, changed afterwards."""
    to = people[receiver].encryption[0].public, people[SENDER].encryption[0].public
    envelope = forge(draft_of(people, name, *to, **changes)).members
    edit(envelope)
    return Case(name, code, given(json_of(envelope), receiver))


def nothing(_: Object) -> None:
    """The envelope stays as it is."""


def first(edit: Callable[[Object], object]) -> Callable[[Object], object]:
    return lambda envelope: edit(envelope["recipients"][0])


def flipped(text: str) -> str:
    """Return the same text with a bit of its third byte flipped."""
    data = bytearray(unb64(text))
    data[2] ^= 1
    return b64(bytes(data))


def reheaded(change: Callable[[Object], object]) -> Callable[[Object], object]:
    def edit(envelope: Object) -> None:
        header = json.loads(unb64(envelope["protected"]))
        change(header)
        envelope["protected"] = b64(json_of(header))

    return edit


def says_alg(alg: str) -> Callable[[Object], object]:
    return first(lambda each: each["header"].update(alg=alg))


def says_enc(enc: str) -> Callable[[Object], object]:
    return reheaded(lambda header: header.update(enc=enc))


def flips(member: str) -> Callable[[Object], object]:
    return lambda envelope: envelope.update({member: flipped(envelope[member])})


def places(people: People) -> Iterator[Case]:
    yield edited(people, "of another room", "room", nothing, room=ROOM_TWO)
    yield edited(
        people,
        "of a room whose name differs in case",
        "room",
        nothing,
        room="~q7vM0mXvT1uJ3bY5kD8e2w",
    )
    yield edited(people, "of an empty room", "room", nothing, room="")
    yield edited(
        people,
        "of another room, with the name in the header rewritten",
        "decrypt",
        reheaded(lambda header: header["ilo"].update(room="~Q7vM0mXvT1uJ3bY5kD8e2w")),
        room=ROOM_TWO,
    )
    yield edited(people, "by another sender", "sender", nothing, sender="bob")
    yield edited(
        people, "by a sender whose name is decomposed", "sender", nothing, sender="alic\u0302e"
    )
    yield edited(
        people,
        "by another sender, with the name in the header rewritten",
        "decrypt",
        reheaded(lambda header: header["ilo"].update({"from": SENDER_NAME})),
        sender="bob",
    )
    yield edited(
        people,
        "both room and sender are others: the room comes first",
        "room",
        nothing,
        room=ROOM_TWO,
        sender="bob",
    )


def lists(people: People) -> Iterator[Case]:
    def doubled(envelope: Object) -> None:
        envelope["recipients"].append(json.loads(json.dumps(envelope["recipients"][0])))

    def added(envelope: Object) -> None:
        other = json.loads(json.dumps(envelope["recipients"][0]))
        other["header"]["kid"] = people[STRANGER].encryption[0].public.kid
        envelope["recipients"].append(other)

    yield edited(
        people, "a recipient taken out", "recipients", lambda each: each["recipients"].pop(1)
    )
    yield edited(people, "a recipient twice", "recipients", doubled)
    yield edited(people, "a recipient added", "recipients", added)
    yield edited(
        people,
        "a recipient's kid replaced",
        "recipients",
        lambda each: each["recipients"][1]["header"].update(kid="A" * 43),
    )
    yield edited(
        people,
        "a list that never was the one of its hash",
        "recipients",
        nothing,
        outer={"to": "A" * 43},
        inner={"to": "A" * 43},
    )
    name = "a recipient twice, and the hash says so"
    own = people["x25519"].encryption[0].public
    yield Case(name, "recipients", given(forge(draft_of(people, name, own, own)).text(), "x25519"))
    name = "for others only"
    other = people[STRANGER].encryption[0].public
    yield Case(name, "not-for-me", given(forge(draft_of(people, name, other)).text(), "x25519"))
    name = "for my identity key"
    envelope = forge(draft_of(people, name)).members
    yield Case(name, "not-for-me", given(json_of(envelope), "rsa-2048"))


def algorithms(people: People) -> Iterator[Case]:
    def own(receiver: str) -> str:
        return people[receiver].encryption[0].public.kid

    for receiver, alg in (
        ("rsa-2048", "RSA-OAEP"),
        ("rsa-2048", "RSA1_5"),
        ("x25519", "ECDH-ES+A128KW"),
        ("p-256", "ECDH-ES+A128KW"),
    ):
        yield edited(
            people,
            f"{receiver} really sealed with {alg}",
            "alg",
            nothing,
            receiver,
            algs={own(receiver): alg},
        )
    for receiver, alg in (
        ("rsa-2048", "dir"),
        ("rsa-2048", "A256KW"),
        ("rsa-2048", "ECDH-ES+A256KW"),
        ("rsa-2048", "RSA-OAEP-512"),
        ("rsa-2048", "rsa-oaep-256"),
        ("x25519", "ECDH-ES"),
        ("x25519", "RSA-OAEP-256"),
        ("x25519", "PBES2-HS512+A256KW"),
        ("x25519", ""),
    ):
        yield edited(
            people,
            f"{receiver} with {alg or 'nothing'} in the header",
            "alg",
            says_alg(alg),
            receiver,
        )
    for enc in ("A128CBC-HS256", "A128GCM", "A256CBC-HS512"):
        # Its iv and tag may have other sizes, which is looked at first.
        yield edited(
            people,
            f"really encrypted with {enc}",
            "alg" if enc == "A128GCM" else "format",
            nothing,
            header={"enc": enc},
        )
    for enc in ("none", "A256GCMKW", "a256gcm", ""):
        yield edited(
            people,
            f"enc says {enc or 'nothing'}",
            "alg",
            says_enc(enc),
        )


def ephemeral_keys(people: People) -> Iterator[Case]:
    def epk(
        name: str, code: str, change: Callable[[Object], object], receiver: str = "x25519"
    ) -> Case:
        return edited(
            people, name, code, first(lambda each: change(each["header"]["epk"])), receiver
        )

    p256 = dict(people["p-256"].encryption[0].public.members)
    other = JWK.generate(kty="OKP", crv="X25519").export_public(as_dict=True)["x"]

    yield edited(
        people,
        "an epk, though my key is RSA",
        "alg",
        first(lambda each: each["header"].update(epk=p256)),
        "rsa-2048",
    )
    yield edited(
        people,
        "no epk, though my key needs one",
        "alg",
        first(lambda each: each["header"].pop("epk")),
    )
    yield edited(
        people,
        "an epk of another curve",
        "alg",
        first(lambda each: each["header"].update(epk=p256)),
    )
    yield epk("an epk of Ed25519", "alg", lambda key: key.update(crv="Ed25519"))
    yield epk("an epk with a private member", "alg", lambda key: key.update(d=key["x"]))
    yield epk("an epk with a kid", "alg", lambda key: key.update(kid="1"))
    yield epk("an epk without its curve", "alg", lambda key: key.pop("crv"))
    yield epk("an epk of 31 bytes", "alg", lambda key: key.update(x=b64(unb64(key["x"])[:31])))
    yield epk("an epk with padding", "alg", lambda key: key.update(x=key["x"] + "="))
    yield epk("an epk that is no text", "alg", lambda key: key.update(x=1))
    yield epk("another epk", "decrypt", lambda key: key.update(x=other))
    yield epk(
        "an epk of zeros, which gives zero with every key",
        "decrypt",
        lambda key: key.update(x=b64(bytes(32))),
    )
    yield epk(
        "an epk of one, which gives zero with every key",
        "decrypt",
        lambda key: key.update(x=b64(b"\x01" + bytes(31))),
    )
    yield epk(
        "an epk off its curve", "decrypt", lambda key: key.update(y=flipped(key["y"])), "p-256"
    )
    name = "an epk of another curve in the protected header"
    own = people["x25519"].encryption[0].public
    envelope = forge_as_jose(draft_of(people, name, own)).members
    reheaded(lambda header: header.update(epk=p256))(envelope)
    yield Case(name, "alg", given(json_of(envelope), "x25519"))
    name = "an epk in the protected header, though my key is RSA"
    own = people["rsa-2048"].encryption[0].public
    envelope = forge(draft_of(people, name, own, header={"epk": p256})).members
    yield Case(name, "alg", given(json_of(envelope), "rsa-2048"))


def altered(people: People) -> Iterator[Case]:
    for receiver in ("rsa-3072", "x25519", "p-256"):
        yield edited(
            people,
            f"a bit of the encrypted key flipped, {receiver}",
            "decrypt",
            first(lambda each: each.update(encrypted_key=flipped(each["encrypted_key"]))),
            receiver,
        )
    for member in ("ciphertext", "tag", "iv"):
        yield edited(
            people,
            f"a bit of the {member} flipped",
            "decrypt",
            flips(member),
        )
    for receiver in ("rsa-2048", "x25519"):
        yield edited(
            people,
            f"an encrypted key that is too short, {receiver}",
            "decrypt",
            first(lambda each: each.update(encrypted_key=each["encrypted_key"][:16])),
            receiver,
        )

    def swapped(envelope: Object) -> None:
        one, two = envelope["recipients"]
        one["encrypted_key"], two["encrypted_key"] = two["encrypted_key"], one["encrypted_key"]

    yield edited(people, "the encrypted keys of two recipients swapped", "decrypt", swapped)
    yield edited(
        people,
        "a protected header that was written anew with spaces",
        "decrypt",
        lambda each: each.update(protected=b64(json.dumps(json.loads(unb64(each["protected"]))))),
    )
    yield edited(
        people,
        "a ciphertext cut short",
        "decrypt",
        lambda each: each.update(ciphertext=each["ciphertext"][:400]),
    )
    name = "encrypted for another key under my kid"
    other = people[STRANGER].encryption[0].public
    kid = people["x25519"].encryption[0].public.kid
    envelope = forge(draft_of(people, name, other)).members
    right = forge(draft_of(people, name, people["x25519"].encryption[0].public)).members
    envelope["recipients"][0]["header"]["kid"] = kid
    envelope["protected"] = right["protected"]
    yield Case(name, "decrypt", given(json_of(envelope), "x25519"))


def unknown(people: People) -> Iterator[Case]:
    for sender in ("carol", "constructor", "toString"):
        name = f"by {sender}, of whom no key is known"
        text = forge(draft_of(people, name, sender=sender)).text()
        yield Case(name, "unpinned", given(text, "x25519", sender=sender))
