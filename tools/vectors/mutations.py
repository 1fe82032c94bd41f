"""`python -m tools.vectors.mutations FOLDER [--seed N] [--amount N]`: envelopes and cards that
chance has changed, as files of vectors.

What is right to say to them nobody knows before; all clients have to say the same.
"""

import argparse
import json
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from jwcrypto.jwa import JWA

from tools.vectors import cards
from tools.vectors.envelopes_good import draft_of, given
from tools.vectors.files import Case, Vectors, read, write
from tools.vectors.forge import SENDER_NAME, b64, forge, json_of, unb64
from tools.vectors.people import RSA_SENDER, SENDER, People, load_people, to_keys

_VALUES: Final = (
    *("null", "true", "false", "0", "1", "-0", "-1", "01", "1.0", "1e0", "9007199254740991"),
    *("9007199254740992", "1" * 400, '""', '"x"', '"\\ud800"', '"\\ud83d\\ude00"', '"\\u0000"'),
    *("[]", "{}", "[[]]", "[" * 17 + "]" * 17, '{"a":1,"a":1}', "NaN", "Infinity", "'x'", "\ufeff"),
)
_CHARS: Final = "AaZz09_-+/=.,:{}[]\"'\\ \t\n\r\x00\x7fé\u2028\ufeff👋"
_RECEIVERS: Final = ("x25519", "p-256", "rsa-2048")


class Mutator:
    """Changes texts; the same seed changes them the same way."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)  # noqa: S311  # it has to be the same each time

    def pick(self, *choices: Any) -> Any:
        return self._dice.choice(choices)

    def text(self, text: str) -> str:
        """Return it with a letter or a piece changed."""
        at = self._dice.randrange(len(text) + 1)
        end = min(len(text), at + self._dice.choice((1, 1, 1, 2, 4, 40)))
        match self._dice.randrange(5):
            case 0:
                return text[:at] + self._dice.choice(_CHARS) + text[end:]
            case 1:
                return text[:at] + self._dice.choice(_CHARS) + text[at:]
            case 2:
                return text[:at] + text[end:]
            case 3:
                return text[:end] + text[at:]
            case _:
                return text[:at] + text[at:end].swapcase() + text[end:]

    def encoded(self, text: str) -> str:
        """Return base64url with its bytes or its letters changed."""
        try:
            data = bytearray(unb64(text))
        except ValueError:
            return self.text(text)
        if not data or self._dice.random() < 0.2:
            return self.text(text)
        at = self._dice.randrange(len(data))
        match self._dice.randrange(4):
            case 0:
                data[at] ^= 1 << self._dice.randrange(8)
            case 1:
                del data[self._dice.choice((0, at, -1))]
            case 2:
                data.insert(self._dice.choice((0, at, len(data))), self._dice.choice((0, 255)))
            case _:
                data[0 if self._dice.random() < 0.5 else -1] ^= 0x80
        return b64(bytes(data))

    def json(self, text: str) -> str:
        """Return JSON with a value, a name or the spelling of something changed."""
        value = json.loads(text)
        places = list(_places(value))
        if not places or self._dice.random() < 0.2:
            return self.text(text)
        holder, name = self._dice.choice(places)
        mark = "\u0001mark\u0001"
        marked = json.dumps(mark)
        match self._dice.randrange(6):
            case 0:
                holder[name] = mark
                return json_of(value).replace(marked, self._dice.choice(_VALUES))
            case 1 if isinstance(holder, dict):
                holder[self._dice.choice(("x", "", "__proto__", "zip", "crit", "b64"))] = mark
                return json_of(value).replace(marked, self._dice.choice(_VALUES))
            case 2:
                del holder[name]
                return json_of(value)
            case 3 if isinstance(holder[name], str):
                holder[name] = self.encoded(holder[name])
                return json_of(value)
            case 4 if isinstance(holder, dict):
                text = json_of(value)
                again = f"{json.dumps(name)}:{json_of(holder[name])}"
                return text.replace(again, f"{again},{again}", 1)
            case _:
                return json.dumps(
                    value,
                    ensure_ascii=self._dice.random() < 0.5,
                    indent=self._dice.choice((None, 1)),
                )


def _places(value: Any) -> Any:
    """Yield every holder in a value with each name or place in it."""
    names = value if isinstance(value, dict) else range(len(value))
    for name in names:
        yield value, name
        if isinstance(value[name], dict | list):
            yield from _places(value[name])


def envelopes(people: People, seed: int, amount: int) -> Vectors:
    """Return envelopes with one thing changed: outside, or inside before they are signed."""
    mutate = Mutator(seed)
    good = [
        case
        for case in read("envelopes").cases
        if case.expect == "ok" and len(case.input["text"]) < 5000 and "fill_to" not in case.input
    ]
    cases = []
    for number in range(amount):
        name = f"envelope {seed}.{number}"
        if number % 2:
            base = mutate.pick(*good)
            text = _changed_outside(mutate, base.input["text"])
            cases.append(Case(name, "?", {**base.input, "text": text}))
        else:
            cases.append(_changed_inside(mutate, people, name))
    return Vectors("envelopes", "", to_keys(people), cases)


def _changed_outside(mutate: Mutator, text: str) -> str:
    if mutate.pick(True, False):
        return mutate.json(text)
    members = json.loads(text)
    match mutate.pick("protected", "recipient", "epk", "member"):
        case "protected":
            members["protected"] = b64(mutate.json(unb64(members["protected"]).decode("utf-8")))
        case "recipient":
            for each in members["recipients"]:
                each["encrypted_key"] = mutate.encoded(each["encrypted_key"])
        case "epk":
            for each in members["recipients"]:
                if "epk" in each["header"]:
                    name = mutate.pick(*each["header"]["epk"])
                    each["header"]["epk"][name] = mutate.encoded(each["header"]["epk"][name])
        case _:
            name = mutate.pick("iv", "ciphertext", "tag")
            members[name] = mutate.encoded(members[name])
    return json_of(members)


def _changed_inside(mutate: Mutator, people: People, name: str) -> Case:
    receiver, sender = mutate.pick(*_RECEIVERS), mutate.pick(SENDER, RSA_SENDER)
    token: Callable[[str], str]
    match mutate.pick("payload", "header", "signature", "text"):
        case "payload":
            token = _part(1, lambda part: b64(mutate.json(unb64(part).decode("utf-8"))))
        case "header":
            token = _part(0, lambda part: b64(mutate.json(unb64(part).decode("utf-8"))))
        case "signature":
            token = _part(2, mutate.encoded)
        case _:
            token = mutate.text
    identity = people[sender].identity

    def change(text: str) -> str:
        changed = token(text)
        head, dot, _ = changed.rpartition(".")
        if changed.count(".") != 2 or mutate.pick(True, False):
            return changed
        # Well signed again, so that what comes behind the signature is reached.
        try:
            return f"{head}{dot}{_signature(identity, head.encode('ascii'))}"
        except UnicodeEncodeError:
            return changed

    draft = draft_of(people, name, people[receiver].encryption[0].public)
    made = forge(type(draft)(identity=identity, to=draft.to, name=name, change_token=change))
    return Case(name, "?", given(made.text(), receiver, sender))


def _part(place: int, change: Callable[[str], str]) -> Callable[[str], str]:
    def apply(text: str) -> str:
        parts = text.split(".")
        parts[place] = change(parts[place])
        return ".".join(parts)

    return apply


def _signature(identity: Any, signed: bytes) -> str:
    return b64(JWA.signing_alg(identity.public.alg).sign(identity.handle, signed))


def key_cards(people: People, seed: int, amount: int) -> Vectors:
    """Return cards with one thing changed, most of them before they are signed."""
    mutate = Mutator(seed + 1)
    cases = []
    for number in range(amount):
        pairs = people[mutate.pick(*_RECEIVERS, SENDER, RSA_SENDER)]
        draft = cards.Draft(
            identity=pairs.identity,
            keys=[dict(pair.public.members) for pair in pairs.encryption],
        )
        head, payload, signature = cards.written(draft).split(".")
        match mutate.pick("payload", "payload", "header", "signature", "text"):
            case "payload":
                payload = b64(mutate.json(unb64(payload).decode("utf-8")))
            case "header":
                head = b64(mutate.json(unb64(head).decode("utf-8")))
            case "signature":
                signature = mutate.encoded(signature)
            case _:
                payload = mutate.text(payload)
        if mutate.pick(True, True, False):
            signature = _signature(pairs.identity, f"{head}.{payload}".encode())
        text = f"{head}.{payload}.{signature}"
        name = f"card {seed}.{number}"
        cases.append(Case(name, "?", {"text": text, "username": SENDER_NAME}))
    return Vectors("cards", "", {}, cases)


def write_all(folder: Path, seed: int, amount: int) -> None:
    """Write ``amount`` of each into ``folder``."""
    people = load_people()
    folder.mkdir(parents=True, exist_ok=True)
    write(envelopes(people, seed, amount), folder)
    write(key_cards(people, seed, amount), folder)


def main() -> int:
    ask = argparse.ArgumentParser(prog="python -m tools.vectors.mutations", description=__doc__)
    ask.add_argument("folder", type=Path)
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--amount", type=int, default=1000)
    asked = ask.parse_args()
    write_all(asked.folder, asked.seed, asked.amount)
    return 0


if __name__ == "__main__":
    sys.exit(main())
