"""A server that lies is found out: each lie is refused or warned of, with its code.

Ann is honest and at the real server; Bob is given the address of one that lies.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from ilo_client import Change, Gap, Ilo, KeysChanged, Message, NotShown, Room
from ilo_client.card import make_card
from ilo_client.keys import KeyPairs, make_key_pairs

from tests.support.encrypted import PASSPHRASE, Company, company, events, said
from tests.support.hostile_ilo import (
    HostileIlo,
    altered_envelope,
    encoded,
    hostile_to,
    sealed_by_a_stranger,
    unsigned,
)
from tests.support.ilo_process import IloProcess


@pytest.fixture(scope="module")
def eve() -> KeyPairs:
    """The keys of the server itself."""
    return make_key_pairs()


@dataclass
class Scene:
    people: Company
    server: HostileIlo
    ann: Ilo
    bob: Ilo
    room: str
    anns: Room
    bobs: Room

    async def ann_says(self, text: str) -> None:
        """Let Ann say it; return when it came by who lies."""
        await self.server.passed((await self.anns.send(text)).id)

    async def heard(self, amount: int) -> list[str]:
        """Return what Bob hears next: texts with their warnings, or codes."""
        return [told(one) for one in await said(self.bobs, amount)]


def told(one: Message | NotShown) -> str:
    if isinstance(one, NotShown):
        return one.code
    return " ".join([one.text, *one.warnings])


@pytest.fixture
async def scene(ilo: IloProcess, tmp_path: Path) -> AsyncIterator[Scene]:
    async with (
        hostile_to(ilo.api_url, ilo.relay_url) as server,
        company(tmp_path, ilo.api_url) as people,
    ):
        ann, bob = await people.join("ann"), await people.join("bob", api_url=server.api_url)
        room = await people.private_room(ann, bob)
        anns, bobs = await people.enter(ann, room), await people.enter(bob, room)
        made = Scene(people, server, ann, bob, room, anns, bobs)
        await anns.send("one")
        assert await made.heard(1) == ["one"]
        yield made


def only(scene: Scene, text_of: Any) -> Any:
    """Return what alters the messages of Ann, and lets the rest pass."""

    def down(frame: dict[str, Any]) -> list[dict[str, Any]]:
        is_hers = frame["type"] == "message" and frame["sender"] == scene.ann.username
        return list(text_of(frame)) if is_hers else [frame]

    return down


async def test_an_honest_one_is_not_accused(scene: Scene) -> None:
    for text in ("two", "three"):
        await scene.anns.send(text)
    await scene.bobs.send("four")

    assert await scene.heard(3) == ["two", "three", "four"]
    assert [told(one) for one in await said(scene.anns, 4)] == ["one", "two", "three", "four"]


async def test_a_message_given_again_at_once_is_shown_once(scene: Scene) -> None:
    scene.server.down = only(scene, lambda frame: [frame, frame])

    await scene.ann_says("two")

    # The client of the relay knows the id, and passes it over; the message that follows tells
    # that nothing is missing.
    scene.server.down = only(scene, lambda frame: [frame])
    await scene.anns.send("three")
    assert await scene.heard(2) == ["two", "three"]


async def test_an_old_message_under_a_new_id_is_refused(scene: Scene) -> None:
    await scene.server.say({**scene.server.went_down[0], "id": str(uuid4())})

    assert await scene.heard(1) == ["binding"]


async def test_a_message_given_again_after_a_restart_is_a_replay(scene: Scene) -> None:
    await scene.bobs.close()
    first = scene.server.went_down[0]
    bobs = await scene.people.enter(await scene.people.again(scene.bob), scene.room)
    # This client of the relay never saw it.
    await scene.server.say({**first, "seq": 2})

    assert [told(one) for one in await said(bobs, 1)] == ["replay"]


async def test_messages_in_another_order_are_warned_of_and_refused(scene: Scene) -> None:
    kept: list[dict[str, Any]] = []

    def swap(frame: dict[str, Any]) -> list[dict[str, Any]]:
        kept.append(frame)
        return kept[::-1] if len(kept) == 2 else []

    scene.server.down = only(scene, swap)
    await scene.anns.send("two")
    await scene.anns.send("three")

    assert await scene.heard(2) == ["three gap", "replay"]


async def test_a_dropped_message_is_warned_of(scene: Scene) -> None:
    scene.server.down = only(scene, lambda frame: [])
    await scene.ann_says("two")
    scene.server.down = only(scene, lambda frame: [frame])
    await scene.anns.send("three")

    assert await scene.heard(1) == ["three gap"]


async def test_a_gap_that_the_relay_tells_of_is_told_once(scene: Scene) -> None:
    scene.server.down = only(scene, lambda frame: [])
    await scene.ann_says("two")
    # Its messages are numbered without a hole: this moves nobody's place.
    await scene.server.say({"type": "gap", "from_seq": 1, "to_seq": 1, "reason": "retention"})
    scene.server.down = only(scene, lambda frame: [frame])
    await scene.anns.send("three")

    found = await events(scene.bobs, lambda one: isinstance(one, Message))
    assert [one for one in found if isinstance(one, Gap)] == [Gap(1, 1, "retention")]
    assert isinstance(found[-1], Message)
    assert told(found[-1]) == "three"


async def test_a_message_that_the_history_has_twice_is_shown_once(scene: Scene) -> None:
    # Not heard as it came: what is known already is known by its place.
    scene.server.down = only(scene, lambda frame: [])
    await scene.ann_says("two")

    def twice(frame: dict[str, Any]) -> list[dict[str, Any]]:
        if frame["type"] == "history":
            newest = frame["messages"][-1]
            frame["messages"].append({**newest, "seq": newest["seq"] + 1})
        return [frame]

    scene.server.down = twice

    assert [told(one) for one in await scene.bobs.history()] == ["one", "two", "replay"]


async def test_another_sender_is_refused(scene: Scene) -> None:
    scene.server.down = only(scene, lambda frame: [{**frame, "sender": scene.bob.username}])

    await scene.anns.send("two")

    assert await scene.heard(1) == ["sender"]


async def test_a_message_of_another_room_is_refused(scene: Scene) -> None:
    other = await scene.people.private_room(scene.ann, scene.bob)
    async with scene.bob.room(other) as bobs, scene.ann.room(other) as anns:
        await anns.send("elsewhere")
        assert [told(one) for one in await said(bobs, 1)] == ["elsewhere"]
    moved = scene.server.went_down[-1]
    assert moved["room"] == other

    await scene.server.say({**moved, "room": scene.room})

    assert await scene.heard(1) == ["room"]


async def test_a_message_of_another_room_is_refused_where_plaintext_is_shown_too(
    scene: Scene,
) -> None:
    async with scene.bob.room(scene.room, plaintext=True) as bobs:
        assert [told(one) for one in await said(bobs, 1)] == ["one"]
        frame = {**scene.server.went_down[-1], "data": {"message": "said elsewhere"}}

        for room in ("elsewhere", scene.room):
            await scene.server.say({**frame, "id": str(uuid4()), "room": room})

        assert [told(one) for one in await said(bobs, 2)] == ["room", "said elsewhere"]


async def test_an_altered_list_of_recipients_is_refused(scene: Scene) -> None:
    def add_one(envelope: dict[str, Any]) -> None:
        first = envelope["recipients"][0]
        stranger = {**first, "header": {**first["header"], "kid": "B" * 42 + "A"}}
        envelope["recipients"].append(stranger)

    def drop_one(envelope: dict[str, Any]) -> None:
        mine = scene.bob.pairs.encryption[0].public.kid
        envelope["recipients"] = [
            each for each in envelope["recipients"] if each["header"]["kid"] == mine
        ]

    for alter in (add_one, drop_one):
        scene.server.down = only(scene, lambda frame, alter=alter: [altered_envelope(frame, alter)])
        await scene.anns.send("two")
        assert await scene.heard(1) == ["recipients"]


async def test_a_stripped_signature_is_refused(scene: Scene) -> None:
    key = {**scene.bob.pairs.encryption[0].public.members}
    scene.server.down = only(
        scene, lambda frame: [sealed_by_a_stranger(frame, unsigned(frame, "lies"), [key])]
    )

    await scene.anns.send("two")

    # Its header names no key of Ann's.
    assert await scene.heard(1) == ["key-changed"]


async def test_a_stripped_signature_under_the_right_key_is_refused(scene: Scene) -> None:
    key = {**scene.bob.pairs.encryption[0].public.members}
    kid = scene.ann.pairs.identity.public.kid

    def strip(frame: dict[str, Any]) -> list[dict[str, Any]]:
        inner = unsigned(frame, "lies").split(".")
        header = {"alg": "Ed25519", "kid": kid, "typ": "ilo-msg+jws"}
        forged = ".".join([_encoded(header), inner[1], "A" * 86])
        return [sealed_by_a_stranger(frame, forged, [key])]

    scene.server.down = only(scene, strip)
    await scene.anns.send("two")

    assert await scene.heard(1) == ["signature"]


def _encoded(value: dict[str, Any]) -> str:
    return encoded(json.dumps(value).encode())


async def test_plaintext_in_place_of_an_envelope_is_refused(scene: Scene) -> None:
    scene.server.down = only(scene, lambda frame: [{**frame, "data": {"message": "lies"}}])

    await scene.anns.send("two")

    assert await scene.heard(1) == ["format"]


async def test_a_swapped_key_is_told_and_nothing_is_sent_until_it_is_accepted(
    scene: Scene, eve: KeyPairs
) -> None:
    await scene.bobs.send("before")
    forged = make_card(eve, scene.ann.username, 1, None)
    scene.server.answer = swapped(scene.ann.username, forged)
    await scene.bobs.close()

    bobs = await scene.people.enter(scene.bob, scene.room)
    with pytest.raises(KeysChanged):
        await bobs.send("for whom?")

    [*_, change] = await events(bobs, lambda one: isinstance(one, Change))
    assert change == Change("key-changed", scene.ann.username)
    person = await scene.bob.person(scene.ann.username)
    assert (person.state, person.new_kid) == ("changed", eve.identity.public.kid)
    # Who compares finds it out; who accepts has been warned.
    numbers = (
        await scene.bob.safety_number(scene.ann.username),
        await scene.ann.safety_number(scene.bob.username),
    )
    assert numbers[0] != numbers[1]
    await scene.bob.accept_key(scene.ann.username)
    await bobs.send("for Eve")
    shown = await said(scene.anns, 3)
    assert [told(one) for one in shown] == ["one", "before", "not-for-me"]


async def test_an_older_card_of_the_same_key_is_not_gone_back_to(scene: Scene) -> None:
    ann, bob = scene.ann, scene.bob
    given_up = (await ann.server.user(ann.username)).detail
    await ann.rotate_keys(PASSPHRASE)
    await scene.bobs._look_if_possible()

    scene.server.answer = swapped(ann.username, given_up)
    await scene.bobs._look_if_possible()
    sent = await scene.bobs.send("for the new key")
    await scene.server.passed(sent.id)

    assert (await bob.person(ann.username)).state == "seen"
    assert [told(one) for one in await said(scene.anns, 2)] == ["one", "for the new key"]
    kids = {each["header"]["kid"] for each in json.loads(last(scene))["recipients"]}
    newest, former = ann.pairs.encryption
    assert newest.public.kid in kids
    assert former.public.kid not in kids


async def test_who_joins_unheard_of_is_looked_for_before_anybody_is_warned(scene: Scene) -> None:
    cleo = await scene.people.join("cleo")
    scene.server.down = lambda frame: [] if frame["type"] == "member" else [frame]
    await scene.ann.invite(scene.room, cleo.username)
    await cleo.accept(scene.room)

    await scene.anns.send("three of us")

    assert await scene.heard(1) == ["three of us"]
    assert cleo.username in scene.bobs.members


def swapped(name: str, card: str) -> Any:
    """Return what shows ``card`` as that of ``name``, wherever the API tells it."""

    def answer(_: str, path: str, answer: Any) -> Any:
        if path == f"/user/{name}":
            return {**answer, "detail": card}
        for member in answer.get("members", []) if isinstance(answer, dict) else []:
            if member["username"] == name:
                member["public_key"] = card
        return answer

    return answer


async def still_listed(asker: Ilo, room: str, name: str) -> Any:
    """Return what lists ``name`` in ``room`` as they are listed now, from now on."""
    members = (await asker.server.room(room)).to_dict()["members"]
    left = next(each for each in members if each["username"] == name)

    def answer(_: str, path: str, answer: Any) -> Any:
        if path.startswith(f"/room/{room}?") and name not in str(answer["members"]):
            answer["members"].append(left)
        return answer

    return answer


async def test_a_removed_member_that_is_listed_still_is_told_and_gets_nothing(
    scene: Scene,
) -> None:
    people, bob = scene.people, scene.bob
    cleo = await people.join("cleo")
    room = await people.private_room(bob, scene.ann, cleo)
    bobs, anns = await people.enter(bob, room), await people.enter(scene.ann, room)
    scene.server.answer = await still_listed(bob, room, cleo.username)
    await bob.remove(room, cleo.username)
    await bobs.send("without her")

    found = await events(bobs, lambda one: isinstance(one, Message))
    assert Change("still-listed", cleo.username) in found
    [hers] = await said(anns, 1)
    assert told(hers) == "without her"
    kids = {each["header"]["kid"] for each in json.loads(last(scene))["recipients"]}
    assert cleo.pairs.encryption[0].public.kid not in kids


async def test_a_removed_member_gets_nothing_of_who_removed_them_even_if_nobody_tells_of_it(
    scene: Scene,
) -> None:
    people, bob = scene.people, scene.bob
    cleo = await people.join("cleo")
    room = await people.private_room(bob, scene.ann, cleo)
    bobs, anns = await people.enter(bob, room), await people.enter(scene.ann, room)
    await bobs.send("with her")
    scene.server.down = lambda frame: [] if frame["type"] == "member" else [frame]
    scene.server.up = lambda frame: [
        {name: value for name, value in frame.items() if name != "if_members"}
    ]

    await bob.remove(room, cleo.username)
    sent = await bobs.send("without her")
    await scene.server.passed(sent.id)

    assert [told(one) for one in await said(anns, 2)] == ["with her", "without her"]
    envelopes = [
        json.loads(frame["data"]["message"])["recipients"]
        for frame in scene.server.went_down
        if frame["room"] == room
    ]
    hers = cleo.pairs.encryption[0].public.kid
    assert [hers in [one["header"]["kid"] for one in each] for each in envelopes] == [True, False]


def last(scene: Scene) -> str:
    """Return the envelope that went down last."""
    return str(scene.server.went_down[-1]["data"]["message"])


async def test_a_message_for_a_member_who_was_removed_is_warned_of(scene: Scene) -> None:
    people, ann, bob = scene.people, scene.ann, scene.bob
    cleo = await people.join("cleo")
    room = await people.private_room(ann, bob, cleo)
    bobs, anns = await people.enter(bob, room), await people.enter(ann, room)
    await bobs.send("three of us")
    assert [told(one) for one in await said(anns, 1)] == ["three of us"]

    # It is Bob who is lied to, and Ann who sees for whom he encrypts.
    scene.server.answer = await still_listed(bob, room, cleo.username)
    await ann.remove(room, cleo.username)
    await events(anns, lambda one: one == Change("removed", cleo.username))
    await bobs.send("three of us?")

    assert [told(one) for one in await said(anns, 1)] == ["three of us? unknown-recipient"]
