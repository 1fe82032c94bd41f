"""What the page seals Python opens, and the other way round."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ilo_client import backup
from ilo_client.card import read_card
from ilo_client.envelope import Link, seal
from ilo_client.errors import Refused
from ilo_client.keys import DecryptionKey, EncryptionKey, KeyPairs
from ilo_client.opening import Opened, open_envelope

from tests.client import page
from tests.client.page import Object
from tools.vectors.people import RECEIVERS, RSA_SENDER, SENDER, People, load_people, made

ROOM, NAME = "~Q7vM0mXvT1uJ3bY5kD8e2w", '"aliĉe" 👋'
MID = "0b8f1c9e-6f0e-4a55-9d6b-2f0c7f5f1a11"
BODY = 'Saluton 👋🏽 "citaĵo" \\ \u2028 \u0000 e\u0301'
TS_MS = 1_764_000_000_000
DIGEST = "x" * 42 + "8"
SIZES = (1, 5, 50)
KINDS = [
    (kind, sender, size) for kind in RECEIVERS for sender in (SENDER, RSA_SENDER) for size in SIZES
]


@pytest.fixture(scope="module")
def people() -> People:
    return load_people()


@pytest.fixture(scope="module")
def others() -> list[EncryptionKey]:
    """Keys of people who read along, as many as the largest size needs."""
    return [DecryptionKey.read(made("x25519")).public for _ in range(max(SIZES) - 1)]


def recipients(
    own: EncryptionKey, others: Sequence[EncryptionKey], size: int
) -> list[EncryptionKey]:
    """Return ``size`` keys with ``own`` in their middle."""
    before = size // 2
    return [*others[:before], own, *others[before : size - 1]]


def opened(people: People, text: str, kind: str, sender: str) -> Opened:
    pins = {NAME: people[sender].identity.public}
    return open_envelope(text, room=ROOM, sender=NAME, pairs=people[kind], pin=pins.get)


def jwks(pairs: KeyPairs) -> Any:
    return json.loads(pairs.to_json())


def test_python_opens_what_the_page_seals(people: People, others: list[EncryptionKey]) -> None:
    requests: list[Object] = []
    for kind, sender, size in KINDS:
        to = recipients(people[kind].encryption[0].public, others, size)
        requests.append(
            {
                "pairs": jwks(people[sender]),
                "room": ROOM,
                "sender": NAME,
                "mid": MID,
                "ts": TS_MS,
                "to": [key.members for key in to],
                "device": "phone-1",
                "seq": size,
                "prev": None if size == 1 else DIGEST,
                "type": "text/plain",
                "body": BODY,
            }
        )

    sealed = page.run("seal", given=requests)

    assert len(sealed) == len(KINDS)
    for (kind, sender, size), request, made_by_page in zip(KINDS, requests, sealed, strict=True):
        read = opened(people, made_by_page["text"], kind, sender)
        assert (read.room, read.sender, read.mid, read.ts_ms) == (ROOM, NAME, MID, TS_MS)
        assert read.link == Link("phone-1", size, request["prev"])
        assert (read.type, read.body) == ("text/plain", BODY)
        assert read.digest == made_by_page["digest"]
        assert len(read.to_kids) == size
        # Not in the protected header, where `jose` would put it for one recipient.
        assert all(
            ("epk" in each["header"]) == each["header"]["alg"].startswith("ECDH")
            for each in json.loads(made_by_page["text"])["recipients"]
        )
        with pytest.raises(Refused, match="decrypted"):
            opened(people, altered(made_by_page["text"]), kind, sender)


def altered(text: str) -> str:
    """Return the envelope with another first byte in its tag."""
    members = json.loads(text)
    tag: str = members["tag"]
    members["tag"] = ("A" if tag[0] != "A" else "B") + tag[1:]
    return json.dumps(members)


def test_the_page_opens_what_python_seals(
    people: People, others: list[EncryptionKey], tmp_path: Path
) -> None:
    cases: list[Object] = []
    outputs: list[Object] = []
    for kind, sender, size in KINDS:
        to = recipients(people[kind].encryption[0].public, others, size)
        link = Link("laptop-1", size, None if size == 1 else DIGEST)
        made_here = seal(
            people[sender],
            room=ROOM,
            sender=NAME,
            mid=MID,
            to=to,
            link=link,
            ts_ms=TS_MS,
            type="text/plain",
            body=BODY,
        )
        given = {"room": ROOM, "sender": NAME, "pairs": kind, "pins": {NAME: sender}}
        name = f"{kind} {sender} {size}"
        cases.append({"name": name, "input": {"text": made_here.text, **given}})
        cases.append(
            {"name": f"{name}, altered", "input": {"text": altered(made_here.text), **given}}
        )
        outputs.append(
            {
                "body": BODY,
                "type": "text/plain",
                "mid": MID,
                "ts": TS_MS,
                "device": link.device,
                "seq": link.seq,
                "prev": link.prev,
                "digest": made_here.digest,
                "to": [key.kid for key in to],
            }
        )
    keys = {name: jwks(pairs) for name, pairs in people.items()}
    content = {"about": "", "keys": keys, "cases": cases}
    (tmp_path / "envelopes.json").write_text(json.dumps(content), encoding="utf-8")

    said = page.run(tmp_path)

    assert [line["output"] for line in said[::2]] == outputs
    assert {line["verdict"] for line in said[::2]} == {"ok"}
    assert {line["verdict"] for line in said[1::2]} == {"decrypt"}


@pytest.mark.parametrize("sender", [SENDER, RSA_SENDER])
def test_python_reads_the_cards_that_the_page_makes(people: People, sender: str) -> None:
    request = {
        "pairs": jwks(people[sender]),
        "username": NAME,
        "created_at": TS_MS,
        "previous": DIGEST,
    }

    [made_by_page] = page.run("card", given=[request])

    card = read_card(made_by_page["text"], NAME)
    assert card.identity.kid == people[sender].identity.public.kid
    kids = [pair.public.kid for pair in people[sender].encryption]
    assert [key.kid for key in card.encryption] == kids
    assert (card.created_at, card.previous) == (TS_MS, DIGEST)
    with pytest.raises(Refused, match="another name"):
        read_card(made_by_page["text"], "mallory")


def test_a_backup_goes_from_the_page_to_python(people: People) -> None:
    pairs = people[RSA_SENDER]
    # Typed on another keyboard: one letter in two parts here, in one there.
    request = {"pairs": jwks(pairs), "username": NAME, "passphrase": "ĉevalo kaj c\u0302apelo"}

    [made_by_page] = page.run("backup", given=[request])

    held = backup.unlock(made_by_page["text"], "c\u0302evalo kaj ĉapelo")
    assert held.username == NAME
    assert held.pairs.to_json() == pairs.to_json()
    with pytest.raises(Refused, match="passphrase"):
        backup.unlock(made_by_page["text"], "ĉevalo")


def test_a_backup_goes_from_python_to_the_page(people: People, tmp_path: Path) -> None:
    text = backup.lock(people[RSA_SENDER], NAME, "c\u0302evalo")
    cases = [
        {"name": "right", "input": {"text": text, "passphrase": "ĉevalo"}},
        {"name": "wrong", "input": {"text": text, "passphrase": "ĉapelo"}},
    ]
    content = {"about": "", "keys": {}, "cases": cases}
    (tmp_path / "backups.json").write_text(json.dumps(content), encoding="utf-8")

    right, wrong = page.run(tmp_path)

    pairs = people[RSA_SENDER]
    kids = [pairs.identity.public.kid, *(pair.public.kid for pair in pairs.encryption)]
    assert right["output"] == {"username": NAME, "kids": kids}
    assert (wrong["verdict"], wrong["output"]) == ("passphrase", None)
