"""Envelopes that every client has to open: those we write, and those that others may write."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ilo_client.envelope import Link, seal
from ilo_client.keys import EncryptionKey
from ilo_client.outer import MAX_ENVELOPE_BYTES

from tools.vectors.by_hand import forge_as_jose
from tools.vectors.files import Case
from tools.vectors.forge import (
    DEVICE,
    ROOM,
    SENDER_NAME,
    TS_MS,
    Draft,
    Forged,
    b64,
    forge,
    json_of,
    mid_of,
)
from tools.vectors.people import (
    RECEIVERS,
    ROTATED,
    RSA_SENDER,
    SENDER,
    People,
    fillers,
)

BODY = 'Saluton, mondo! 👋🏽 "citaĵo" \\ \u2028 \u0000 \u202e rtl é e\u0301'
SIZES = (1, 5, 50)


def cases(people: People) -> Iterator[Case]:
    for receiver in RECEIVERS:
        for sender in (SENDER, RSA_SENDER):
            for size in SIZES:
                yield sealed(people, receiver, sender, size)
    yield from written_otherwise(people)
    yield from of_any_content(people)


def sealed(people: People, receiver: str, sender: str, size: int) -> Case:
    """One that our own library seals."""
    name = f"{receiver}, signed by {sender}, for {size}"
    own = people[receiver].encryption[0].public
    others = fillers("p-256" if receiver == "p-256" else "x25519", size - 1)
    link = Link(DEVICE, size, None if size == 1 else b64(hashlib.sha256(b"before").digest()))
    to = [*others[: size // 2], own, *others[size // 2 :]]
    made = seal(
        people[sender],
        room=ROOM,
        sender=SENDER_NAME,
        mid=mid_of(name),
        to=to,
        link=link,
        ts_ms=TS_MS,
        type="text/plain",
        body=BODY,
    )
    output = {
        "body": BODY,
        "type": "text/plain",
        "mid": mid_of(name),
        "device": link.device,
        "seq": link.seq,
        "prev": link.prev,
        "ts": TS_MS,
        "digest": made.digest,
        "to": [key.kid for key in to],
    }
    return Case(name, "ok", given(made.text, receiver, sender), output)


def given(text: str, receiver: str, pinned: str = SENDER, **changes: Any) -> dict[str, Any]:
    """Return a case's input: pinned for the sender's name is the identity of ``pinned``."""
    return {
        "text": text,
        "room": ROOM,
        "sender": SENDER_NAME,
        "pairs": receiver,
        "pins": {SENDER_NAME: pinned},
        **changes,
    }


def good(
    draft: Draft, forged: Forged | None = None, text: str | None = None, receiver: str = "x25519"
) -> Case:
    """Return the case of a draft that has to be opened."""
    forged = forged or forge(draft)
    inner = forged.inner
    output = {
        "body": inner["body"],
        "type": inner["type"],
        "mid": inner["mid"],
        "device": inner["device"],
        "seq": inner["seq"],
        "prev": inner["prev"],
        "ts": inner["ts"],
        "digest": b64(hashlib.sha256(forged.token.encode("ascii")).digest()),
        "to": [each["header"]["kid"] for each in forged.members["recipients"]],
    }
    changes: dict[str, Any] = {
        "room": draft.room,
        "sender": draft.sender,
        "pins": {draft.sender: SENDER},
    }
    return Case(draft.name, "ok", given(text or forged.text(), receiver, **changes), output)


def draft_of(people: People, name: str, *to: EncryptionKey, **changes: Any) -> Draft:
    """Return an honest draft by the sender, for the X25519 receiver unless it says for whom."""
    keys = to or (people["x25519"].encryption[0].public, people[SENDER].encryption[0].public)
    return Draft(identity=people[SENDER].identity, to=keys, name=name, **changes)


def written_otherwise(people: People) -> Iterator[Case]:
    """What is no form of ours, and still one of the standard's."""
    own = people["x25519"].encryption[0].public

    draft = draft_of(people, "a lone recipient's epk in the protected header, as jose has it", own)
    yield good(draft, forge_as_jose(draft))
    yield good(draft_of(people, "a lone recipient's epk in its own header", own))

    draft = draft_of(people, "with spaces and line ends in the JSON of the envelope")
    forged = forge(draft)
    yield good(draft, forged, json.dumps(forged.members, indent=2))
    draft = draft_of(people, "with escapes in the JSON of the envelope")
    forged = forge(draft)
    yield good(draft, forged, forged.text().replace('"iv"', '"\\u0069\\u0076"'))
    draft = draft_of(people, "with the members of the envelope in another order")
    forged = forge(draft)
    yield good(draft, forged, json_of(dict(reversed(forged.members.items()))))
    yield good(
        draft_of(
            people,
            "with spaces in the protected header",
            write_header=lambda header: json.dumps(header, ensure_ascii=True),
        )
    )
    yield good(
        draft_of(
            people,
            "with spaces in the header of the signature",
            write_jws_header=lambda header: json.dumps(header, indent=1),
        )
    )
    yield good(
        draft_of(
            people,
            "with escapes in the payload",
            write_inner=lambda inner: json.dumps(inner, ensure_ascii=True).encode("ascii"),
            inner={"body": BODY, "pad": ""},
        )
    )
    draft = draft_of(people, "with the recipients in another order")
    forged = forge(draft)
    forged.members["recipients"].reverse()
    yield good(draft, forged)
    draft = draft_of(people, "of exactly as many bytes as are allowed")
    exact = good(draft)
    yield replace(exact, input={**exact.input, "fill_to": MAX_ENVELOPE_BYTES})


def of_any_content(people: People) -> Iterator[Case]:
    old = people[ROTATED].encryption[1].public
    new = people[ROTATED].encryption[0].public
    yield good(draft_of(people, "for a key that is not the newest", old), receiver=ROTATED)
    yield good(draft_of(people, "for two keys of one person", old, new), receiver=ROTATED)
    yield good(
        draft_of(
            people,
            "for people with keys of every kind",
            *(people[each].encryption[0].public for each in RECEIVERS),
        ),
        receiver="rsa-2048",
    )
    yield good(draft_of(people, "with an empty text", inner={"body": ""}))
    yield good(draft_of(people, "with a long text", inner={"body": "ĉ🙂" * 2000}))
    yield good(
        draft_of(
            people,
            "without padding",
            inner={"pad": "", "body": "x"},
            write_inner=lambda inner: json_of(inner).encode(),
        )
    )
    yield good(draft_of(people, "of another type", inner={"type": "application/vnd.ilo.label"}))
    yield good(
        draft_of(
            people,
            "with the last number that all can tell",
            inner={"seq": 2**53 - 1, "ts": 2**53 - 1},
        )
    )
    yield good(draft_of(people, "in an open room", room="kitchen"))
    yield good(
        draft_of(
            people, "of a sender with the name of a member of every object", sender="__proto__"
        )
    )
    yield good(draft_of(people, "of a sender with quotes and an emoji", sender='"a\\b" 🙂'))
