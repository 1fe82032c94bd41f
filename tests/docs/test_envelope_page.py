"""docs/envelope.md says what the code does: its codes, members and limits are compared."""

import re
from collections.abc import Mapping
from typing import Any, Final

import pytest
from ilo_client import backup, card, errors, inner, keyfile, outer, safety, strict
from ilo_client.jwk import PUBLIC_MEMBERS
from ilo_client.keys import ENCRYPTION_ALGS, SIGNATURE_ALGS

from tests.support.ilo_process import ROOT
from tools.vectors.files import KINDS, read

PAGE: Final = (ROOT / "docs" / "envelope.md").read_text("utf-8")

LIMITS: Final = {
    "an envelope, bytes": outer.MAX_ENVELOPE_BYTES,
    "a key card, bytes": card.MAX_CARD_BYTES,
    "keys on a card": card.MAX_CARD_KEYS,
    "a key file, characters": keyfile.MAX_KEY_FILE_BYTES,
    "a backup, characters": backup.MAX_BACKUP_BYTES,
    "depth of JSON": strict.MAX_DEPTH,
    "the highest number": strict.MAX_NUMBER,
    "padding to a multiple of, bytes": inner.PAD_BYTES,
    "rounds of a safety number": safety.ROUNDS,
    "rounds of a new backup": backup.ROUNDS,
    "rounds of a backup, least": backup.ROUND_BOUNDS[0],
    "rounds of a backup, most": backup.ROUND_BOUNDS[1],
    "memory of a new key file, KiB": keyfile.MEMORY_KIB,
    "memory of a key file, KiB, least": keyfile.BOUNDS["m"][0],
    "memory of a key file, KiB, most": keyfile.BOUNDS["m"][1],
    "passes of a new key file": keyfile.PASSES,
    "passes of a key file, most": keyfile.BOUNDS["t"][1],
    "lanes of a new key file": keyfile.LANES,
    "lanes of a key file, most": keyfile.BOUNDS["p"][1],
}
MEMBERS: Final = {
    "card: header": ("alg", "typ", "jwk"),
    "card: payload": card.MEMBERS,
    "envelope": outer.MEMBERS,
    "protected header": outer.HEADER_MEMBERS,
    "ilo": outer.BOUND_MEMBERS,
    "recipient": ("header", "encrypted_key"),
    "signed message: header": ("alg", "kid", "typ"),
    "signed message: payload": inner.MEMBERS,
    "key file": ("protected", "ciphertext"),
    "key file: protected": keyfile.HEADER_MEMBERS,
    "backup: header": ("alg", "enc", "typ", "p2s", "p2c"),
    "backup: content": ("v", "username", "keys"),
}


def rows(page: str, *head: str) -> list[list[str]]:
    """Return the rows of all tables whose head begins so."""
    found, begins = [], f"| {' | '.join(head)} |"
    for table in re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE):
        if table.startswith(begins):
            lines = table.splitlines()[2:]
            found += [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    assert found, f"no table begins with {begins}"
    return found


def differences(page: str) -> list[str]:
    """Return what the page says otherwise than the code."""
    says: dict[str, tuple[Any, Any]] = {
        "codes": ({code.strip("`"): words for code, words in rows(page, "code")}, errors.SENTENCES),
        "limits": ({what: int(limit) for what, limit in rows(page, "what", "limit")}, LIMITS),
        "members": (
            {part: members_in(cell) for part, cell in rows(page, "part") if part in MEMBERS},
            dict(MEMBERS),
        ),
        "keys": (
            {
                kind: (tuple(members_in(members)), encryption.strip("`"), signature.strip("`"))
                for kind, members, encryption, signature, _ in rows(page, "kind", "members")
            },
            {
                kind: (members, dict(ENCRYPTION_ALGS).get(kind, ""), SIGNATURE_ALGS.get(kind, ""))
                for kind, members in PUBLIC_MEMBERS.items()
            },
        ),
        "vectors": (vectors_on(page), vectors_there()),
    }
    return [what for what, (said, done) in says.items() if said != done]


def members_in(cell: str) -> tuple[str, ...]:
    """Return the names in the first `code` of a cell."""
    found = re.search(r"`([^`]*)`", cell)
    return tuple(found[1].split()) if found else ()


def vectors_on(page: str) -> dict[str, set[str]]:
    return {
        kind.strip("`"): set(members_in(given)) for kind, given, _ in rows(page, "kind", "input")
    }


def vectors_there() -> Mapping[str, set[str]]:
    return {kind: set(read(kind).cases[0].input) for kind in KINDS}


def test_the_page_says_what_the_code_does() -> None:
    assert differences(PAGE) == []


def test_every_code_of_the_checks_is_one_and_the_steps_count_up() -> None:
    tables = rows(PAGE, "step", "check", "code")
    codes = {code for _, _, cell in tables for code in re.findall(r"`([^`]+)`", cell)}
    steps = [int(step) for step, _, _ in tables]

    assert codes == errors.SENTENCES.keys() - {"passphrase", "cost"}
    assert steps == [*range(1, 8), *range(1, 15)]


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("it was written under another name", "it was written by another", "codes"),
        ("| an envelope, bytes | 262144 |", "| an envelope, bytes | 262143 |", "limits"),
        ("`enc typ cty ilo`", "`enc typ ilo`", "members"),
        ("`kty n e`", "`kty n`", "keys"),
        ("`text username`", "`text`", "vectors"),
    ],
)
def test_a_page_that_says_otherwise_shows(old: str, new: str, what: str) -> None:
    assert PAGE.count(old) == 1

    assert differences(PAGE.replace(old, new)) == [what]
