"""Vectors of sequences: messages that are each in order, and what replay makes of them."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, Final

from tools.vectors.envelopes_good import given
from tools.vectors.files import Case, Vectors
from tools.vectors.forge import Draft, Forged, b64, forge, mid_of
from tools.vectors.people import SENDER, People, to_keys

ABOUT = (
    "Sequences: envelopes that reach one receiver one after the other, who remembers nothing "
    "before the first. `epoch` and `seq` are the place that the relay gives them, `live` is false "
    "for older history. A step that is refused leaves what is remembered as it was. The case "
    "expects the first refusal among its steps, and all warnings, each once."
)
EPOCH: Final = "6f1a2b3c-0000-4000-8000-000000000001"
NEXT_EPOCH: Final = "6f1a2b3c-0000-4000-8000-000000000002"

Step = dict[str, Any]


class Chain:
    """What one device of the sender says in the room."""

    def __init__(self, people: People, case: str, device: str = "laptop-1") -> None:
        self._people, self._case, self._device = people, case, device

    def say(self, seq: int, prev: Forged | None = None, *, mid: str = "", body: str = "") -> Forged:
        name = mid or f"{self._case}, {self._device}, {seq}"
        keys = [self._people[each].encryption[0].public for each in ("x25519", SENDER)]
        inner = {
            "mid": mid_of(name),
            "device": self._device,
            "seq": seq,
            "prev": None if prev is None else digest(prev),
            "body": body or f"message {seq}",
        }
        return forge(Draft(identity=self._people[SENDER].identity, to=keys, name=name, inner=inner))

    def say_all(self, amount: int) -> list[Forged]:
        """Return so many messages, each linked to the one before."""
        said: list[Forged] = []
        for seq in range(1, amount + 1):
            said.append(self.say(seq, said[-1] if said else None))
        return said


def digest(forged: Forged) -> str:
    return b64(hashlib.sha256(forged.token.encode("ascii")).digest())


def step(
    forged: Forged,
    seq: int,
    expect: str = "ok",
    *,
    epoch: str = EPOCH,
    live: bool = True,
    warnings: Sequence[str] = (),
    repeat: bool = False,
) -> Step:
    return {
        "text": forged.text(),
        "epoch": epoch,
        "seq": seq,
        "live": live,
        "expect": expect,
        "warnings": list(warnings),
        "is_repeat": repeat,
    }


def case_of(name: str, *steps: Step) -> Case:
    refusals = [each["expect"] for each in steps if each["expect"] != "ok"]
    warned = dict.fromkeys(warning for each in steps for warning in each["warnings"])
    output = {
        "steps": [
            {
                "verdict": each["expect"],
                "warnings": each["warnings"],
                "is_repeat": each["is_repeat"],
            }
            for each in steps
        ]
    }
    members = given("", "x25519")
    del members["text"]
    return Case(
        name,
        refusals[0] if refusals else "ok",
        {"steps": list(steps), **members},
        output,
        tuple(warned),
    )


def make(people: People) -> Vectors:
    cases = [*in_order(people), *repeated(people), *replayed(people), *with_gaps(people)]
    return Vectors("sequences", ABOUT, to_keys(people), cases)


def in_order(people: People) -> Iterator[Case]:
    name = "four messages in order"
    said = Chain(people, name).say_all(4)
    yield case_of(name, *(step(each, seq) for seq, each in enumerate(said, 1)))
    name = "two devices of one sender, in turns"
    laptop = Chain(people, name).say_all(2)
    phone = Chain(people, name, "phone").say_all(2)
    yield case_of(
        name, step(laptop[0], 1), step(phone[0], 2), step(phone[1], 3), step(laptop[1], 9)
    )
    name = "who comes later begins in the middle"
    said = Chain(people, name).say_all(3)
    yield case_of(name, step(said[1], 7), step(said[2], 8))
    name = "older history, newest first, after live messages"
    said = Chain(people, name).say_all(4)
    yield case_of(
        name,
        step(said[3], 40),
        step(said[2], 30, live=False),
        step(said[1], 20, live=False),
        step(said[0], 10, live=False),
    )
    name = "older history moves nothing: the next live message follows the last live one"
    said = Chain(people, name).say_all(4)
    yield case_of(name, step(said[2], 30), step(said[0], 10, live=False), step(said[3], 40))


def repeated(people: People) -> Iterator[Case]:
    name = "the same message at the same place is a repeat"
    said = Chain(people, name).say_all(2)
    yield case_of(
        name,
        step(said[0], 1),
        step(said[1], 2),
        step(said[0], 1, repeat=True),
        step(said[1], 2, repeat=True),
        step(said[0], 1, live=False, repeat=True),
    )
    name = "the same messages in another epoch are repeats"
    said = Chain(people, name).say_all(3)
    yield case_of(
        name,
        step(said[0], 1),
        step(said[1], 2),
        step(said[0], 1, epoch=NEXT_EPOCH, repeat=True),
        step(said[1], 5, epoch=NEXT_EPOCH, repeat=True),
        step(said[2], 6, epoch=NEXT_EPOCH),
    )
    name = "a live message met again in history is a repeat"
    said = Chain(people, name).say_all(1)
    yield case_of(name, step(said[0], 4, live=False), step(said[0], 4, repeat=True))
    name = "encrypted anew under the same signature is a repeat"
    said = Chain(people, name).say_all(1)
    again = Chain(people, name).say(1)
    yield case_of(name, step(said[0], 1), step(again, 1, repeat=True))


def replayed(people: People) -> Iterator[Case]:
    name = "the same message at another place of the same epoch"
    said = Chain(people, name).say_all(2)
    yield case_of(name, step(said[0], 1), step(said[1], 2), step(said[0], 3, "replay"))
    name = "the same message at another place, as older history"
    said = Chain(people, name).say_all(1)
    yield case_of(name, step(said[0], 2), step(said[0], 1, "replay", live=False))
    name = "a repeat moves the place: a second one in the new epoch is refused"
    said = Chain(people, name).say_all(1)
    yield case_of(
        name,
        step(said[0], 3),
        step(said[0], 3, epoch=NEXT_EPOCH, repeat=True),
        step(said[0], 4, "replay", epoch=NEXT_EPOCH),
    )
    name = "another text under a known id"
    chain = Chain(people, name)
    one = chain.say(1, mid=name)
    yield case_of(
        name,
        step(one, 1),
        step(chain.say(2, one, mid=name, body="Ĝis!"), 2, "replay"),
        step(chain.say(1, mid=name, body="Ĝis!"), 1, "replay", live=False),
    )
    name = "another text under a known id, in another epoch"
    chain = Chain(people, name)
    one = chain.say(1, mid=name)
    yield case_of(
        name,
        step(one, 1),
        step(chain.say(1, mid=name, body="Ĝis!"), 1, "replay", epoch=NEXT_EPOCH),
    )
    name = "two messages the wrong way round"
    said = Chain(people, name).say_all(3)
    yield case_of(
        name,
        step(said[0], 1),
        step(said[2], 2, warnings=["gap"]),
        step(said[1], 3, "replay"),
    )
    name = "a withheld message that comes later as if it were new"
    said = Chain(people, name).say_all(4)
    yield case_of(
        name,
        step(said[1], 1),
        step(said[2], 2),
        step(said[0], 3, "replay"),
        step(said[3], 4),
    )
    name = "a second message with the device's same number"
    chain = Chain(people, name)
    said = chain.say_all(2)
    yield case_of(
        name,
        step(said[0], 1),
        step(said[1], 2),
        step(chain.say(2, said[0], mid=name + "!"), 3, "replay"),
    )


def with_gaps(people: People) -> Iterator[Case]:
    name = "a message left out"
    said = Chain(people, name).say_all(4)
    yield case_of(name, step(said[0], 1), step(said[2], 2, warnings=["gap"]), step(said[3], 3))
    name = "the next number, but linked to another message"
    chain = Chain(people, name)
    said = chain.say_all(2)
    yield case_of(
        name, step(said[0], 1), step(chain.say(2, said[1], mid=name), 2, warnings=["gap"])
    )
    name = "the next number, but linked to nothing"
    chain = Chain(people, name)
    said = chain.say_all(1)
    yield case_of(name, step(said[0], 1), step(chain.say(2), 2, warnings=["gap"]))
    name = "linked to the last message, but with a number left out"
    chain = Chain(people, name)
    said = chain.say_all(1)
    yield case_of(name, step(said[0], 1), step(chain.say(3, said[0]), 2, warnings=["gap"]))
    name = "a gap and later a replay"
    said = Chain(people, name).say_all(4)
    yield case_of(
        name,
        step(said[0], 1),
        step(said[3], 2, warnings=["gap"]),
        step(said[0], 5, "replay"),
        step(said[1], 6, "replay"),
    )
    name = "an envelope that cannot be opened leaves what is remembered as it was"
    said = Chain(people, name).say_all(3)
    broken = step(said[1], 2, "format")
    broken["text"] = broken["text"][:-1]
    yield case_of(name, step(said[0], 1), broken, step(said[1], 2), step(said[2], 3))
