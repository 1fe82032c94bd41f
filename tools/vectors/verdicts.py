"""`python -m tools.vectors.verdicts [FOLDER]`: what the Python client says to every vector.

Prints a JSON line for each: `kind`, `name`, `verdict`, `warnings`, `output`. Other clients
print the same lines for the same vectors.
"""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ilo_client import backup, keyfile
from ilo_client.card import read_card
from ilo_client.errors import Refused
from ilo_client.keys import IdentityKey, KeyPairs
from ilo_client.opening import Opened, open_envelope
from ilo_client.replay import Known, Last, judge
from ilo_client.safety import safety_number

from tools.vectors.files import Case, Kind, Vectors, read_all
from tools.vectors.people import VECTORS


@dataclass(frozen=True, slots=True)
class Said:
    """What a client answers to a case: ``ok`` with an output, or a code without one."""

    verdict: str
    warnings: tuple[str, ...] = ()
    output: Any = None


class Ring:
    """The keys of a file, read once each."""

    def __init__(self, keys: dict[str, Any]) -> None:
        self._pairs = {name: KeyPairs.from_jwks(jwks["keys"]) for name, jwks in keys.items()}

    def pairs(self, name: str) -> KeyPairs:
        return self._pairs[name]

    def pin_of(self, pins: dict[str, str]) -> Callable[[str], IdentityKey | None]:
        identities = {user: self._pairs[key].identity.public for user, key in pins.items()}
        return identities.get


def answers(vectors: Vectors) -> Iterator[tuple[Case, Said]]:
    """Yield every case with what the Python client says to it."""
    ring = Ring(vectors.keys)
    for case in vectors.cases:
        try:
            yield case, ANSWERS[vectors.kind](case.input, ring)
        except Refused as refused:
            yield case, Said(refused.code)


def _envelope(given: dict[str, Any], ring: Ring) -> Said:
    text = given["text"]
    spaces = given.get("fill_to", 0) - len(text.encode("utf-8"))
    opened = _opened(text + " " * spaces, given, ring)
    return Said(
        "ok",
        output={
            "body": opened.body,
            "type": opened.type,
            "mid": opened.mid,
            "device": opened.link.device,
            "seq": opened.link.seq,
            "prev": opened.link.prev,
            "ts": opened.ts_ms,
            "digest": opened.digest,
            "to": list(opened.to_kids),
        },
    )


def _opened(text: str, given: dict[str, Any], ring: Ring) -> Opened:
    return open_envelope(
        text,
        room=given["room"],
        sender=given["sender"],
        pairs=ring.pairs(given["pairs"]),
        pin=ring.pin_of(given["pins"]),
    )


def _card(given: dict[str, Any], _: Ring) -> Said:
    card = read_card(given["text"], given["username"])
    output = {"identity": card.identity.kid, "encryption": [key.kid for key in card.encryption]}
    return Said("ok", output=output)


def _sequence(given: dict[str, Any], ring: Ring) -> Said:
    known: dict[str, Known] = {}
    last: dict[str, Last] = {}
    steps: list[dict[str, Any]] = []
    for step in given["steps"]:
        try:
            opened = _opened(step["text"], given, ring)
            device = opened.link.device
            verdict = judge(
                opened,
                (step["epoch"], step["seq"]),
                step["live"],
                known.get(opened.mid),
                last.get(device),
            )
        except Refused as refused:
            steps.append({"verdict": refused.code, "warnings": [], "is_repeat": False})
            continue
        known[opened.mid] = verdict.known
        if verdict.last is not None:
            last[device] = verdict.last
        warnings = list(verdict.warnings)
        steps.append({"verdict": "ok", "warnings": warnings, "is_repeat": verdict.is_repeat})
    refusals = [step["verdict"] for step in steps if step["verdict"] != "ok"]
    warned = dict.fromkeys(warning for step in steps for warning in step["warnings"])
    return Said(refusals[0] if refusals else "ok", tuple(warned), {"steps": steps})


def _backup(given: dict[str, Any], _: Ring) -> Said:
    held = backup.unlock(given["text"], given["passphrase"])
    return Said("ok", output={"username": held.username, "kids": _kids(held.pairs)})


def _key_file(given: dict[str, Any], _: Ring) -> Said:
    text = given["text"].ljust(given.get("fill_to", 0))
    pairs = KeyPairs.from_json(keyfile.unlock(text, given["passphrase"]))
    return Said("ok", output={"kids": _kids(pairs)})


def _kids(pairs: KeyPairs) -> list[str]:
    return [pairs.identity.public.kid, *(pair.public.kid for pair in pairs.encryption)]


def _safety_number(given: dict[str, Any], _: Ring) -> Said:
    a, b = given["a"], given["b"]
    return Said("ok", output=safety_number(a["kid"], a["name"], b["kid"], b["name"]))


ANSWERS: Final[dict[Kind, Callable[[dict[str, Any], Ring], Said]]] = {
    "envelopes": _envelope,
    "cards": _card,
    "sequences": _sequence,
    "backups": _backup,
    "key_files": _key_file,
    "safety_numbers": _safety_number,
}


def line_of(kind: Kind, name: str, said: Said) -> str:
    """Return the line that is printed for a case."""
    members = {
        "kind": kind,
        "name": name,
        "verdict": said.verdict,
        "warnings": list(said.warnings),
        "output": said.output,
    }
    return json.dumps(members, ensure_ascii=True)


def main() -> int:
    folder = Path(sys.argv[1]) if sys.argv[1:] else VECTORS
    for vectors in read_all(folder):
        for case, said in answers(vectors):
            print(line_of(vectors.kind, case.name, said))
    return 0


if __name__ == "__main__":
    sys.exit(main())
