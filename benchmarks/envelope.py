"""What the encrypted client costs: seal and open, in Python and in Node.js, and its slow keys."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from ilo_client import backup, keyfile
from ilo_client.envelope import Link, seal
from ilo_client.keys import (
    DecryptionKey,
    EncryptionKey,
    KeyPairs,
    make_key_pairs,
)
from ilo_client.opening import open_envelope
from ilo_client.safety import safety_number
from jwcrypto.jwk import JWK

from benchmarks.figures import Figures, Sample
from benchmarks.processes import ROOT, RunFailed
from benchmarks.rounds import Bench
from benchmarks.workshop import Unavailable

KINDS: Final = ("RSA-2048", "RSA-3072", "RSA-4096", "X25519")
SIZES: Final = (1, 5, 50)
PLACES: Final = ("python", "node")
SLOW: Final = (
    "make key pairs",
    "lock the key file",
    "unlock the key file",
    "lock a backup",
    "unlock a backup",
    "safety number",
)
DESIGN: Final[dict[str, tuple[str, str]]] = {
    "RSA-2048": ("1533 / 3321 / 23436", "5 / 0.9"),
    "RSA-3072": ("1703 / 4171 / 31936", "8 / 1.6"),
    "RSA-4096": ("1874 / 5026 / 40486", "16 / 7"),
    "X25519": ("1332 / 2316 / 13386", "30 / 1.2"),
}
"""What the design reckoned with: bytes for 1, 5 and 50, and ms to seal and open at 50."""

NODE_TIMEOUT_S: Final = 300.0
LEAST_TRIES: Final = 5
_ROOM, _NAME = "~Q7vM0mXvT1uJ3bY5kD8e2w", "alice"
_PASSPHRASE: Final = "a passphrase of some words"


def run(bench: Bench) -> Figures:
    """Measure; a sample is the least ms of a round, or bytes where its scenario says so."""
    figures = Figures()
    identity = make_key_pairs().identity
    people = {
        kind: KeyPairs(identity, tuple(_made(kind) for _ in range(max(SIZES)))) for kind in KINDS
    }
    # Warm-up: what the libraries do once is nobody's message.
    _python(figures, people["X25519"], "", 1, 0.0)
    figures.samples.clear()
    for number in range(1, bench.pace.rounds + 1):
        for kind, pairs in people.items():
            for size in SIZES:
                _python(figures, pairs, kind, size, bench.pace.seconds / 8)
        try:
            _node(figures, people, bench)
        except Unavailable as reason:
            figures.skipped["node"] = str(reason)
        _slow(figures, people["RSA-3072"])
        print(f"  round {number}/{bench.pace.rounds}", file=sys.stderr)
    return figures


def _made(kind: str) -> DecryptionKey:
    if kind == "X25519":
        handle = JWK.from_pyca(X25519PrivateKey.generate())
    else:
        handle = JWK.from_pyca(generate_private_key(65537, int(kind.removeprefix("RSA-"))))
    members = handle.export_private(as_dict=True)
    members.pop("kid", None)
    return DecryptionKey.read(members)


def _keys(pairs: KeyPairs, size: int) -> list[EncryptionKey]:
    return [pair.public for pair in pairs.encryption[:size]]


def _one(pairs: KeyPairs) -> KeyPairs:
    """Return pairs with the first key alone, as a person has them."""
    return KeyPairs(pairs.identity, pairs.encryption[:1])


def _python(figures: Figures, pairs: KeyPairs, kind: str, size: int, seconds: float) -> None:
    to, own = _keys(pairs, size), _one(pairs)

    def sealed() -> str:
        return seal(
            own,
            room=_ROOM,
            sender=_NAME,
            mid="0b8f1c9e-6f0e-4a55-9d6b-2f0c7f5f1a11",
            to=to,
            link=Link("laptop-1", 1, None),
            ts_ms=1_764_000_000_000,
            type="text/plain",
            body="Saluton, mondo!",
        ).text

    text = sealed()
    pin = own.identity.public

    def opened() -> object:
        return open_envelope(text, room=_ROOM, sender=_NAME, pairs=own, pin=lambda _: pin)

    figures.add("python", f"{kind} bytes {size}", Sample(float(len(text.encode("utf-8")))))
    figures.add("python", f"{kind} seal {size}", Sample(_least_ms(sealed, seconds)))
    figures.add("python", f"{kind} open {size}", Sample(_least_ms(opened, seconds)))


def _node(figures: Figures, people: dict[str, KeyPairs], bench: Bench) -> None:
    program = ROOT / "web" / "envelope_costs.ts"
    if not (ROOT / "web" / "node_modules" / "jose").is_dir():
        raise Unavailable("web/node_modules is missing (make check installs it)")
    asked = [(kind, size) for kind in people for size in SIZES]
    requests: list[dict[str, Any]] = [
        {
            "pairs": json.loads(_one(people[kind]).to_json()),
            "to": [key.members for key in _keys(people[kind], size)],
            "seconds": bench.pace.seconds / 8,
        }
        for kind, size in asked
    ]
    done = subprocess.run(
        [bench.workshop.node, program],
        input="".join(f"{json.dumps(each)}\n" for each in requests),
        capture_output=True,
        encoding="utf-8",
        timeout=NODE_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        raise RunFailed(f"web/envelope_costs.ts: {done.stderr}")
    for (kind, size), line in zip(asked, done.stdout.splitlines(), strict=True):
        answer = json.loads(line)
        figures.add("node", f"{kind} seal {size}", Sample(answer["seal_ms"]))
        figures.add("node", f"{kind} open {size}", Sample(answer["open_ms"]))


def _slow(figures: Figures, pairs: KeyPairs) -> None:
    own = _one(pairs)
    secret = own.to_json()
    file = keyfile.lock(secret, _PASSPHRASE)
    saved = backup.lock(own, _NAME, _PASSPHRASE)
    kid = own.identity.public.kid
    acts: dict[str, Callable[[], object]] = {
        "make key pairs": make_key_pairs,
        "lock the key file": lambda: keyfile.lock(secret, _PASSPHRASE),
        "unlock the key file": lambda: keyfile.unlock(file, _PASSPHRASE),
        "lock a backup": lambda: backup.lock(own, _NAME, _PASSPHRASE),
        "unlock a backup": lambda: backup.unlock(saved, _PASSPHRASE),
        "safety number": lambda: safety_number(kid, _NAME, kid, "bob"),
    }
    for name in SLOW:
        start = time.perf_counter()
        acts[name]()
        figures.add("python", name, Sample((time.perf_counter() - start) * 1000))


def _least_ms(act: Callable[[], object], seconds: float) -> float:
    """Return the least of several times: what else the machine does only adds to it."""
    least, tries, end = float("inf"), 0, time.perf_counter() + seconds
    while tries < LEAST_TRIES or time.perf_counter() < end:
        start = time.perf_counter()
        act()
        least = min(least, time.perf_counter() - start)
        tries += 1
    return least * 1000
