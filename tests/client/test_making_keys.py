"""Keys that one client makes are whole, and serve in the other."""

import json
from pathlib import Path
from typing import Any

import pytest
from ilo_client.card import make_card, read_card
from ilo_client.envelope import Link, seal
from ilo_client.keys import KeyPairs, make_key_pairs
from ilo_client.opening import open_envelope

from tests.client import page
from tests.client.page import Object

ROOM, NAME = "~Q7vM0mXvT1uJ3bY5kD8e2w", "aliĉe"
MID = "0b8f1c9e-6f0e-4a55-9d6b-2f0c7f5f1a11"
RSA_3072 = 384


@pytest.fixture(scope="module")
def of_the_page() -> KeyPairs:
    [jwks] = page.run("pairs", given=[{}])
    return KeyPairs.from_jwks(jwks["keys"])


@pytest.fixture(scope="module")
def of_python() -> KeyPairs:
    return make_key_pairs()


def sealed(sender: KeyPairs, *to: KeyPairs) -> str:
    return seal(
        sender,
        room=ROOM,
        sender=NAME,
        mid=MID,
        to=[pairs.encryption[0].public for pairs in to],
        link=Link("laptop-1", 1, None),
        ts_ms=1,
        type="text/plain",
        body="Saluton!",
    ).text


def sealed_by_page(sender: KeyPairs, *to: KeyPairs) -> str:
    request: Object = {
        "pairs": json.loads(sender.to_json()),
        "room": ROOM,
        "sender": NAME,
        "mid": MID,
        "ts": 1,
        "to": [pairs.encryption[0].public.members for pairs in to],
        "device": "phone-1",
        "seq": 1,
        "prev": None,
        "type": "text/plain",
        "body": "Saluton!",
    }
    [answer] = page.run("seal", given=[request])
    text: str = answer["text"]
    return text


def opened(pairs: KeyPairs, sender: KeyPairs, text: str) -> str:
    return open_envelope(
        text, room=ROOM, sender=NAME, pairs=pairs, pin=lambda _: sender.identity.public
    ).body


def opened_by_page(folder: Path, pairs: KeyPairs, sender: KeyPairs, text: str) -> Any:
    keys = {"own": json.loads(pairs.to_json()), "sender": json.loads(sender.to_json())}
    given = {"text": text, "room": ROOM, "sender": NAME, "pairs": "own", "pins": {NAME: "sender"}}
    content = {"about": "", "keys": keys, "cases": [{"name": "it", "input": given}]}
    (folder / "envelopes.json").write_text(json.dumps(content), encoding="utf-8")
    [line] = page.run(folder)
    return line["output"]["body"]


def test_new_keys_are_of_the_kinds_that_they_should_be(
    of_the_page: KeyPairs, of_python: KeyPairs
) -> None:
    for pairs in (of_the_page, of_python):
        [encryption] = pairs.encryption
        assert pairs.identity.public.alg == "Ed25519"
        assert encryption.public.alg == "RSA-OAEP-256"
        assert len(encryption.public.members["n"]) == RSA_3072 * 4 // 3


def test_new_keys_are_never_the_same_and_are_read_as_they_were_written(of_python: KeyPairs) -> None:
    other = make_key_pairs()

    assert other.identity.public.kid != of_python.identity.public.kid
    assert other.encryption[0].public.kid != of_python.encryption[0].public.kid
    assert KeyPairs.from_json(other.to_json()).to_json() == other.to_json()


def test_a_new_encryption_key_comes_first_and_the_old_ones_stay(of_python: KeyPairs) -> None:
    rotated = of_python.with_new_encryption_key()

    assert rotated.identity is of_python.identity
    assert rotated.encryption[1:] == of_python.encryption
    assert rotated.encryption[0].public.kid != of_python.encryption[0].public.kid
    card = read_card(make_card(rotated, NAME, 1, None), NAME)
    assert [key.kid for key in card.encryption] == [pair.public.kid for pair in rotated.encryption]


def test_pairs_show_no_secret_when_they_are_printed(of_python: KeyPairs) -> None:
    shown = repr(of_python)

    assert of_python.identity.public.kid in shown
    secrets = [*of_python.identity.private_members.values()]
    for pair in of_python.encryption:
        secrets += pair.private_members.values()
    assert not [secret for secret in secrets if secret in shown]


def test_keys_made_in_the_page_open_and_sign_in_python(
    of_the_page: KeyPairs, of_python: KeyPairs
) -> None:
    assert opened(of_the_page, of_python, sealed(of_python, of_the_page, of_python)) == "Saluton!"
    assert opened(of_python, of_the_page, sealed(of_the_page, of_python)) == "Saluton!"


def test_keys_made_in_python_open_and_sign_in_the_page(
    of_the_page: KeyPairs, of_python: KeyPairs, tmp_path: Path
) -> None:
    text = sealed_by_page(of_python, of_the_page, of_python)

    assert opened_by_page(tmp_path, of_python, of_python, text) == "Saluton!"
    assert opened(of_the_page, of_python, text) == "Saluton!"


def test_keys_made_in_the_page_open_there_what_python_seals(
    of_the_page: KeyPairs, of_python: KeyPairs, tmp_path: Path
) -> None:
    text = sealed(of_python, of_the_page)

    assert opened_by_page(tmp_path, of_the_page, of_python, text) == "Saluton!"
