"""The Python client says to every vector what stands beside it; one check less, and it shows."""

import json
import os
import subprocess
import sys
from pathlib import Path
from shutil import copytree
from typing import Final, get_args

import pytest
from ilo_client import backup
from ilo_client.backup import MAX_BACKUP_BYTES
from ilo_client.errors import Code, Refused

from tools.vectors.__main__ import surprises
from tools.vectors.files import KINDS, Kind, read, read_all
from tools.vectors.left_out import FILES, SECOND, cuts
from tools.vectors.people import ROOT, VECTORS

LIBRARY: Final = ROOT / "client" / "ilo_client"
MAX_BYTES: Final = 1_500_000
TIMEOUT_S: Final = 120.0

# What is no check that could be left out, but done otherwise: file, what stands there, what then.
BROKEN: Final[dict[Kind, dict[str, tuple[str, str, str]]]] = {
    "envelopes": {
        "a number may have a fraction": (
            "strict.py",
            "parse_float=_refuse",
            "parse_float=lambda text: int(float(text))",
        ),
        "half a surrogate pair passes": ("strict.py", r'"\\u" in text', "False"),
        "the room comes after the sender": (
            "opening.py",
            "outer.bound.room != room",
            "outer.bound.sender == sender and outer.bound.room != room",
        ),
        "the pin comes after the signature's algorithm": (
            "opening.py",
            "    if kid != identity.kid:\n",
            "    if alg != identity.alg:\n        raise Refused('alg')\n"
            "    if kid != identity.kid:\n",
        ),
        "the list of recipients knows an order": ("outer.py", "sorted(kids)", "kids"),
        "the digest is another's": ("envelope.py", 'token.encode("ascii")', "token[1:].encode()"),
    },
    "cards": {
        "a point of low order passes": (
            "jwk.py",
            "X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(x))",
            "X25519PublicKey.from_public_bytes(x)",
        ),
        "a point off its curve passes": (
            "jwk.py",
            'EllipticCurvePublicKey.from_encoded_point(SECP256R1(), b"\\x04" + x + y)',
            "pass",
        ),
        "one of the points of low order is forgotten": ("jwk.py", "    _FIELD - 1,\n", ""),
    },
    "sequences": {
        "the epoch counts for nothing": ("replay.py", "known.epoch == epoch and", ""),
        "a number left out is no gap": ("replay.py", "opened.link.seq == last.seq + 1 and", ""),
        "any link is no gap": ("replay.py", " and opened.link.prev == last.digest", ""),
        "older history moves what was last": ("replay.py", "if not live:", "if False:"),
        "a repeat keeps its first place": (
            "replay.py",
            "is_repeat=True, warnings=(), known=here",
            "is_repeat=True, warnings=(), known=known",
        ),
    },
    "key_files": {
        "the header is not authenticated": (
            "keyfile.py",
            'protected.encode("ascii")).decode',
            'b"").decode',
        ),
        "a passphrase has several spellings": (
            "passphrase.py",
            'unicodedata.normalize("NFC", passphrase)',
            "passphrase",
        ),
    },
    "safety_numbers": {
        "names count for nothing": ("safety.py", "(kid + name)", "kid"),
        "the order of the two counts": ("safety.py", "sorted(", "tuple("),
    },
}


def run(kind: Kind, folder: Path) -> subprocess.CompletedProcess[str]:
    """Compare the vectors of a kind with the library that lies in ``folder``."""
    return subprocess.run(
        [sys.executable, "-m", "tools.vectors", kind],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT_S,
        check=False,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_client_says_to_every_vector_what_stands_beside_it(kind: Kind) -> None:
    assert surprises(read(kind)) == []


def test_every_code_has_a_vector_and_no_name_stands_twice() -> None:
    cases = [(vectors.kind, case) for vectors in read_all() for case in vectors.cases]
    names = [(kind, case.name) for kind, case in cases]

    assert len(names) >= 400
    assert len(set(names)) == len(names)
    assert {case.expect for _, case in cases} == {"ok", *get_args(Code)}
    assert {warning for _, case in cases for warning in case.warnings} == {"gap"}


def test_the_vectors_stay_small_enough_for_every_clone() -> None:
    assert sum(file.stat().st_size for file in VECTORS.iterdir()) < MAX_BYTES


def test_an_unchanged_copy_of_the_library_surprises_nobody(tmp_path: Path) -> None:
    copytree(LIBRARY, tmp_path / "ilo_client")

    done = run("envelopes", tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("kind", "broken"),
    [(kind, broken) for kind, all_of_it in BROKEN.items() for broken in all_of_it.values()],
    ids=[f"{kind}: {name}" for kind, all_of_it in BROKEN.items() for name in all_of_it],
)
def test_what_is_done_otherwise_shows(
    kind: Kind, broken: tuple[str, str, str], tmp_path: Path
) -> None:
    file, old, new = broken
    copytree(LIBRARY, tmp_path / "ilo_client")
    changed = tmp_path / "ilo_client" / file
    text = changed.read_text("utf-8")
    assert text.count(old) == 1, f"{file} has not once: {old}"
    changed.write_text(text.replace(old, new), "utf-8")

    done = run(kind, tmp_path)

    # A library that only crashes would end with 1 as well.
    assert (done.returncode, "surprises" in done.stdout) == (1, True), done.stdout + done.stderr


@pytest.mark.parametrize("file", FILES)
def test_every_check_has_a_vector_that_shows_when_it_is_left_out(file: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.vectors.left_out", file],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT_S * 2,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    left_out = [json.loads(line) for line in done.stdout.splitlines()]
    assert left_out
    unseen = [(each["line"], each["check"]) for each in left_out if each["noticed_by"] is None]
    assert unseen == []


def test_the_checks_that_no_vector_shows_are_there_and_few() -> None:
    checks = {(file, cut.check) for file in FILES for cut in cuts(file)}

    assert checks >= SECOND.keys()
    assert len(checks) >= 150
    assert len(SECOND) <= len(checks) // 10


def test_a_backup_of_more_than_a_megabyte_is_refused_before_any_work() -> None:
    parts = next(case for case in read("backups").cases if case.expect == "ok").input["text"]
    header, key, iv, ciphertext, tag = parts.split(".")
    long = ".".join((header, key, iv, ciphertext[:4] * (MAX_BACKUP_BYTES // 4), tag))

    with pytest.raises(Refused) as refused:
        backup.unlock(long, "x")

    # With any wrong passphrase it would say `passphrase`, after all of the rounds.
    assert refused.value.code == "format"
