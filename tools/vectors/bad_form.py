"""Bad envelopes, part one: what has not the form of an envelope. No key is needed to see it."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from ilo_client.outer import MAX_ENVELOPE_BYTES

from tools.vectors.envelopes_good import draft_of, given
from tools.vectors.files import Case
from tools.vectors.forge import Object, b64, forge, json_of, unb64
from tools.vectors.people import People


def cases(people: People) -> Iterator[Case]:
    yield from no_object(people)
    yield from members(people)
    yield from recipients(people)
    yield from bytes_in_text(people)
    yield from protected_headers(people)
    yield from ilo_members(people)


def bad(name: str, text: str) -> Case:
    return Case(name, "format", given(text, "x25519"))


def edited(people: People, name: str, edit: Callable[[Object], object]) -> Case:
    """An honest envelope with one thing changed in it afterwards."""
    envelope = forge(draft_of(people, name)).members
    edit(envelope)
    return bad(name, json_of(envelope))


def without(member: str) -> Callable[[Object], object]:
    return lambda envelope: envelope.pop(member)


def rewritten(people: People, name: str, rewrite: Callable[[str], str]) -> Case:
    """An honest envelope whose JSON text is changed afterwards."""
    text = forge(draft_of(people, name)).text()
    return bad(name, rewrite(text))


def no_object(people: People) -> Iterator[Case]:
    yield bad("an empty text", "")
    yield bad("a text that is no JSON", "Saluton, mondo!")
    yield bad("an array", "[]")
    yield bad("a string", '"{}"')
    yield bad("null", "null")
    yield bad("an empty object", "{}")
    yield bad("arrays in arrays, three thousand deep", "[" * 3_000 + "]" * 3_000)
    yield rewritten(people, "something after the object", lambda text: text + "}")
    yield rewritten(people, "a byte order mark before the object", lambda text: "\ufeff" + text)
    yield rewritten(people, "a comma after the last member", lambda text: text[:-1] + ",}")
    name = "one byte too many"
    text = forge(draft_of(people, name)).text()
    yield Case(name, "format", given(text, "x25519", fill_to=MAX_ENVELOPE_BYTES + 1))


def members(people: People) -> Iterator[Case]:
    def put(member: str, value: object) -> Callable[[Object], object]:
        return lambda envelope: envelope.update({member: value})

    yield edited(people, "a member too many", put("extra", 1))
    yield edited(people, "an unprotected header for all", put("unprotected", {"zip": "DEF"}))
    yield edited(people, "additional authenticated data", put("aad", "AA"))
    yield edited(people, "a member called __proto__", put("__proto__", {}))
    for member in ("protected", "recipients", "iv", "ciphertext", "tag"):
        yield edited(people, f"without {member}", without(member))
        yield edited(people, f"with a number as {member}", put(member, 1))
    yield rewritten(
        people,
        "the iv twice, once well and once ill",
        lambda text: text[:-1] + ',"iv":"AAAAAAAAAAAAAAAA"}',
    )
    yield rewritten(
        people,
        "the same iv twice, once spelt with escapes",
        lambda text: f'{text[:-1]},"\\u0069v":"{json.loads(text)["iv"]}"}}',
    )


def recipients(people: People) -> Iterator[Case]:
    def first(edit: Callable[[Object], object]) -> Callable[[Object], object]:
        return lambda envelope: edit(envelope["recipients"][0])

    def head(**changes: object) -> Callable[[Object], object]:
        return first(lambda each: each["header"].update(changes))

    yield edited(people, "no recipients", lambda each: each.update(recipients=[]))
    yield edited(people, "recipients that are an object", lambda each: each.update(recipients={}))
    yield edited(people, "a recipient that is a text", lambda each: each["recipients"].append("x"))
    yield edited(people, "a recipient that is null", lambda each: each["recipients"].append(None))
    yield edited(people, "a recipient with a member too many", first(lambda each: each.update(x=1)))
    yield edited(people, "a recipient without header", first(lambda each: each.pop("header")))
    yield edited(people, "a recipient's header with crit", head(crit=["kid"]))
    yield edited(people, "a recipient's header with zip", head(zip="DEF"))
    yield edited(
        people, "a recipient's header without alg", first(lambda each: each["header"].pop("alg"))
    )
    yield edited(people, "a recipient's alg is no text", head(alg=["ECDH-ES+A256KW"]))
    yield edited(people, "a recipient's kid is no text", head(kid=5))
    yield edited(people, "a recipient's kid is too short", head(kid="A" * 42))
    yield edited(people, "a recipient's kid ends with a line end", head(kid="A" * 43 + "\n"))
    yield edited(people, "a recipient's epk is no object", head(epk="AAAA"))
    yield edited(
        people, "a recipient's header is a text", first(lambda each: each.update(header="alg"))
    )
    yield edited(
        people,
        "an encrypted key that is no text",
        first(lambda each: each.update(encrypted_key=None)),
    )
    yield edited(
        people, "an empty encrypted key", first(lambda each: each.update(encrypted_key=""))
    )
    yield rewritten(
        people,
        "a recipient's kid twice",
        lambda text: text.replace('"kid":', '"kid":"A","kid":', 1),
    )


def bytes_in_text(people: People) -> Iterator[Case]:
    def put(member: str, change: Callable[[str], str]) -> Callable[[Object], object]:
        return lambda envelope: envelope.update({member: change(envelope[member])})

    yield edited(people, "an iv with padding", put("iv", lambda iv: iv + "="))
    yield edited(people, "an iv of 11 bytes", put("iv", lambda iv: b64(unb64(iv)[:11])))
    yield edited(people, "an iv of 16 bytes", put("iv", lambda iv: b64(unb64(iv) + bytes(4))))
    yield edited(people, "a tag of 4 bytes", put("tag", lambda tag: b64(unb64(tag)[:4])))
    yield edited(people, "a tag of 15 bytes", put("tag", lambda tag: b64(unb64(tag)[:15])))
    yield edited(
        people,
        "a tag whose last bits are not zero",
        put("tag", lambda tag: tag[:-1] + chr(ord(tag[-1]) + 1)),
    )
    yield edited(people, "an empty ciphertext", put("ciphertext", lambda _: ""))
    yield edited(
        people, "a ciphertext in the other base64", put("ciphertext", lambda text: "+/" + text[2:])
    )
    yield edited(
        people, "a ciphertext with a line end", put("ciphertext", lambda text: text + "\n")
    )
    yield edited(
        people,
        "a ciphertext of an impossible length",
        put("ciphertext", lambda text: text[: len(text) // 4 * 4] + "A"),
    )


def protected_headers(people: People) -> Iterator[Case]:
    def header(name: str, change: Callable[[str], str | bytes]) -> Case:
        def edit(envelope: Object) -> None:
            written = unb64(envelope["protected"]).decode("utf-8")
            envelope["protected"] = b64(change(written))

        return edited(people, name, edit)

    def forged(name: str, **changes: Any) -> Case:
        return bad(name, forge(draft_of(people, name, header=changes)).text())

    yield header("a protected header that is no UTF-8", lambda text: text.encode() + b"\xff")
    yield header("a protected header in UTF-16", lambda text: text.encode("utf-16-le"))
    yield header("a protected header with a byte order mark", lambda text: "\ufeff" + text)
    yield header("a protected header that is an array", lambda text: f"[{text}]")
    yield header("an empty protected header", lambda _: "")
    yield forged("a protected header with zip, and a text that is compressed", zip="DEF")
    yield forged("a protected header with apv", apv="AAAA")
    yield header("a protected header with crit", lambda text: text[:-1] + ',"crit":["ilo"]}')
    yield forged("a protected header with a key", jwk={"kty": "oct", "k": "AA"})
    yield forged("a protected header without cty", cty=...)
    yield forged("a protected header without ilo", ilo=...)
    yield forged("a typ in capitals", typ="ILO-ENV+JWE")
    yield forged("a cty of something else", cty="JWT")
    yield forged("an epk in the protected header, and two recipients", epk={"kty": "OKP"})
    own = people["x25519"].encryption[0].public
    name = "an epk in the protected header that is a text"
    yield bad(name, forge(draft_of(people, name, own, header={"epk": "x"})).text())
    rsa = people["rsa-2048"].encryption[0].public
    name = "an epk in the protected header that is a text, though my key is RSA"
    text = forge(draft_of(people, name, rsa, header={"epk": "x"})).text()
    yield Case(name, "format", given(text, "rsa-2048"))
    name = "an epk in the protected header, and two recipients with RSA"
    epk = dict(people["p-256"].encryption[0].public.members)
    two = rsa, people["rsa-3072"].encryption[0].public
    text = forge(draft_of(people, name, *two, header={"epk": epk})).text()
    yield Case(name, "format", given(text, "rsa-2048"))
    yield header("an enc that is no text", lambda text: text.replace('"A256GCM"', "null"))
    name = "enc twice"
    draft = draft_of(
        people, name, write_header=lambda each: '{"enc":"A256GCM",' + json_of(each)[1:]
    )
    yield bad(name, forge(draft).text())
    name = "an epk in both headers of a lone recipient"
    own = people["x25519"].encryption[0].public
    envelope = forge(draft_of(people, name, own)).members
    written = json.loads(unb64(envelope["protected"]))
    written["epk"] = envelope["recipients"][0]["header"]["epk"]
    envelope["protected"] = b64(json_of(written))
    yield bad(name, json_of(envelope))


def ilo_members(people: People) -> Iterator[Case]:
    def forged(name: str, **changes: Any) -> Case:
        # Inside it says the same, so that nothing else is wrong.
        draft = draft_of(people, name, outer=changes, inner=changes)
        return bad(name, forge(draft).text())

    def edited_ilo(name: str, ilo: object) -> Case:
        return bad(name, forge(draft_of(people, name, header={"ilo": ilo})).text())

    def written(name: str, old: str, new: str) -> Case:
        draft = draft_of(
            people,
            name,
            write_header=lambda header: json_of(header).replace(old, new),
            write_inner=lambda inner: json_of(inner).replace(old, new).encode("utf-8"),
        )
        return bad(name, forge(draft).text())

    def rewritten_later(name: str, old: str, new: str) -> Case:
        # No JSON any more, so it cannot be encrypted with it.
        def edit(envelope: Object) -> None:
            header = unb64(envelope["protected"]).decode("utf-8")
            envelope["protected"] = b64(header.replace(old, new))

        return edited(people, name, edit)

    yield edited_ilo("an ilo that is a text", "ilo")
    yield forged("an id that is no text", mid=1)
    yield forged("version 2", v=2)
    yield forged("a version that is true", v=True)
    yield forged("a version that is a text", v="1")
    yield written("a version that is 1.0", '"v":1', '"v":1.0')
    yield written("a version that is 1e0", '"v":1', '"v":1e0')
    yield rewritten_later("a version that is 01", '"v":1', '"v":01')
    yield forged("a room that is no text", room=1)
    yield forged("a room that is null", room=None)
    yield written("half a surrogate pair in the room", '"room":"', '"room":"\\ud83d')
    yield rewritten_later("a line end in the room", '"room":"', '"room":"\n')
    yield forged("a sender that is no text", **{"from": ["aliĉe"]})
    yield forged("an id in capitals", mid="6BA7B810-9DAD-11D1-80B4-00C04FD430C8")
    yield forged("an id without hyphens", mid="6ba7b8109dad11d180b400c04fd430c8")
    yield forged("an id that is no UUID", mid="1")
    yield forged("a hash of recipients that is too long", to="A" * 44)
    yield forged("a hash of recipients that is missing", to=...)
    yield forged("a member of ilo too many", extra=1)
    name = "a member of ilo too many, outside alone"
    yield bad(name, forge(draft_of(people, name, outer={"extra": 1})).text())
    yield written("the room twice", '"room":', '"room":"kitchen","room":')
