"""A server that lies to the page: what it says of each lie, in words, is what the Python client
says of it by its code.

Bob is honest and at the real server. Ann at the page, and Cleo with the library, are each given
the address of one that tells both the same lies.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeAlias
from uuid import uuid4

import pytest
import pytest_asyncio
from ilo_client import Ilo, Message, NotShown, Room
from ilo_client.card import make_card, read_card
from ilo_client.keys import KeyPairs, make_key_pairs
from playwright.async_api import Locator, Route, expect

from tests.support.chromium import open_browser
from tests.support.encrypted import Company, company, said, texts
from tests.support.hostile_ilo import (
    HostileIlo,
    altered_envelope,
    encoded,
    hostile_to,
    sealed_by_a_stranger,
    unsigned,
)
from tests.support.ilo_process import IloProcess
from tests.support.visitors import Visitor, visitor

pytestmark = pytest.mark.asyncio(loop_scope="module")

Frame: TypeAlias = dict[str, Any]
Down: TypeAlias = Callable[[Frame], Sequence[Frame]]

# What stands in the page for each code of the envelope.
WORDS = {
    "format": "it is not in the form that it should have",
    "room": "it was written for another room",
    "sender": "it was written under another name",
    "recipients": "the list of those it is for was altered",
    "not-for-me": "it was not encrypted for any of your keys",
    "decrypt": "it cannot be decrypted: it was altered, or is for another key",
    "key-changed": "it is signed with another key than the one you know of its sender",
    "signature": "its signature is wrong",
    "binding": "what was signed was meant for another place or for others",
    "replay": "it was delivered before, or out of order",
}
WARNINGS = {
    "gap": " · messages are missing before this one",
    "unknown-recipient": " · somebody who is no known member can read this",
}
_numbers = count(1)


@pytest.fixture(scope="module")
def eve() -> KeyPairs:
    """The keys of the server itself."""
    return make_key_pairs()


@dataclass
class Stage:
    """The people, who are the same for all lies; each lie has a room of its own."""

    people: Company
    anns_server: HostileIlo
    cleos_server: HostileIlo
    ann: Visitor
    bob: Ilo
    cleo: Ilo

    @property
    def servers(self) -> tuple[HostileIlo, HostileIlo]:
        return self.anns_server, self.cleos_server

    def be_honest(self) -> None:
        for server in self.servers:
            server.down = server.up = lambda frame: [frame]
            server.answer = lambda method, path, answer: answer
            server.went_down.clear()

    async def make_room(self) -> str:
        """Let Ann make a private room, and Bob and Cleo come in."""
        room = await self.ann.make_room(f"room {next(_numbers)}")
        for guest in (self.bob, self.cleo):
            await self.ann.invite(guest.username)
            await guest.accept(room)
        return room


@dataclass
class Scene:
    stage: Stage
    room: str
    bobs: Room
    cleos: Room
    shown: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)

    @property
    def page(self) -> Visitor:
        return self.stage.ann

    def lie(self, make: Callable[[HostileIlo], Down]) -> None:
        """From now on what Bob says is altered on its way down, for each in the same way."""
        for server in self.stage.servers:
            server.down = self.only_bobs(make(server))

    def only_bobs(self, alter: Down) -> Down:
        def down(frame: Frame) -> Sequence[Frame]:
            is_his = frame["type"] == "message" and frame["sender"] == self.stage.bob.username
            return alter(frame) if is_his else [frame]

        return down

    async def bob_says(self, text: str) -> None:
        """Let Bob say it; return when it came by both who lie."""
        sent = await self.bobs.send(text)
        for server in self.stage.servers:
            await server.passed(sent.id)

    async def both_hear(self, *told: str) -> None:
        """Wait until that is what Cleo hears next, and what is added to the page."""
        heard = [told_by(one) for one in await said(self.cleos, len(told))]
        assert heard == list(told)
        await self.page_shows(*told)

    async def page_shows(self, *told: str) -> None:
        """Wait until that is added to the page, and nothing else."""
        for one in told:
            text, *warnings = one.split(" ")
            self.shown.append(f"Not shown: {WORDS[text]}" if text in WORDS else text)
            self.warned += [WARNINGS[warning] for warning in warnings]
        await self.page.sees(*self.shown)
        wrong = self.page.page.locator(".bubble .wrong")
        await expect(wrong).to_have_count(len(self.warned))
        assert await wrong.all_text_contents() == self.warned

    async def keys(self) -> list[Frame]:
        """Return the public keys of those who are lied to: everybody knows them."""
        server = self.stage.bob.server
        cards = [
            read_card((await server.user(name)).detail, name)
            for name in (self.page.name, self.stage.cleo.username)
        ]
        return [{**card.encryption[0].members} for card in cards]


def told_by(one: Message | NotShown) -> str:
    """Return what the library tells of a message: its text with warnings, or the code."""
    if isinstance(one, NotShown):
        return one.code
    return " ".join([one.text, *one.warnings])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(ilo: IloProcess, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with (
        open_browser() as browser,
        hostile_to(ilo.api_url, ilo.relay_url) as anns_server,
        hostile_to(ilo.api_url, ilo.relay_url) as cleos_server,
        company(tmp_path_factory.mktemp("people"), ilo.api_url) as people,
        visitor(browser, anns_server.api_url) as ann,
    ):
        await ann.register("ann")
        bob = await people.join("bob")
        cleo = await people.join("cleo", api_url=cleos_server.api_url)
        yield Stage(people, anns_server, cleos_server, ann, bob, cleo)


@pytest_asyncio.fixture(loop_scope="module")
async def scene(stage: Stage) -> AsyncIterator[Scene]:
    stage.be_honest()
    room = await stage.make_room()
    async with stage.bob.room(room) as bobs, stage.cleo.room(room) as cleos:
        made = Scene(stage, room, bobs, cleos)
        await bobs.send("one")
        await made.both_hear("one")
        yield made
    stage.be_honest()


def notes(one: Visitor) -> Locator:
    """What the page tells of what happened between the messages, as an alarm."""
    return one.page.locator(".note.alarm")


def alarm(one: Visitor, name: str) -> Locator:
    return one.page.get_by_role("alert").filter(has_text=f"The key of {name} changed")


# -- what is altered


def another_sender(server: HostileIlo) -> Down:
    return lambda frame: [{**frame, "sender": "mallory"}]


def another_room_named(server: HostileIlo) -> Down:
    return lambda frame: [{**frame, "room": "elsewhere"}]


def plaintext(server: HostileIlo) -> Down:
    return lambda frame: [{**frame, "data": {"message": "I am Bob, believe me"}}]


def another_id(server: HostileIlo) -> Down:
    return lambda frame: [{**frame, "id": str(uuid4())}]


def damaged(server: HostileIlo) -> Down:
    def alter(envelope: Frame) -> None:
        first = envelope["ciphertext"][0]
        envelope["ciphertext"] = ("A" if first != "A" else "B") + envelope["ciphertext"][1:]

    return lambda frame: [altered_envelope(frame, alter)]


def recipient_added(server: HostileIlo) -> Down:
    def alter(envelope: Frame) -> None:
        first = envelope["recipients"][0]
        stranger = {**first, "header": {**first["header"], "kid": "B" * 42 + "A"}}
        envelope["recipients"].append(stranger)

    return lambda frame: [altered_envelope(frame, alter)]


def recipient_dropped(server: HostileIlo) -> Down:
    def alter(envelope: Frame) -> None:
        # The first is the sender's own.
        del envelope["recipients"][0]

    return lambda frame: [altered_envelope(frame, alter)]


LIES: dict[str, tuple[Callable[[HostileIlo], Down], str]] = {
    "another sender": (another_sender, "sender"),
    "another room named": (another_room_named, "room"),
    "plaintext for an envelope": (plaintext, "format"),
    "another id": (another_id, "binding"),
    "a damaged ciphertext": (damaged, "decrypt"),
    "a recipient added": (recipient_added, "recipients"),
    "a recipient dropped": (recipient_dropped, "recipients"),
}


@pytest.mark.parametrize("lie", LIES)
async def test_what_is_altered_is_not_shown_and_why_is_said(scene: Scene, lie: str) -> None:
    make, code = LIES[lie]
    scene.lie(make)

    await scene.bobs.send("two")

    await scene.both_hear(code)


async def test_an_honest_one_is_not_accused(scene: Scene) -> None:
    ann = scene.page
    await scene.bobs.send("two")
    await scene.both_hear("two")
    await ann.say("three")
    await scene.both_hear("three")
    await scene.cleos.send("four")
    await scene.both_hear("four")

    assert await texts(scene.bobs, 4) == ["one", "two", "three", "four"]
    await ann.page.reload()
    await ann.is_connected()
    await ann.sees("one", "two", "three", "four")
    await expect(ann.page.locator(".not-shown, .wrong, .alarm:visible")).to_have_count(0)


async def test_a_message_given_again_at_once_is_shown_once(scene: Scene) -> None:
    scene.lie(lambda server: lambda frame: [frame, frame])

    await scene.bob_says("two")

    # The client of the relay knows the id, and passes it over; the message that follows tells
    # that nothing is missing.
    scene.lie(lambda server: lambda frame: [frame])
    await scene.bobs.send("three")
    await scene.both_hear("two", "three")


async def test_an_old_message_under_a_new_id_is_refused(scene: Scene) -> None:
    for server in scene.stage.servers:
        await server.say({**server.went_down[0], "id": str(uuid4())})

    await scene.both_hear("binding")


async def test_a_message_given_again_after_a_reload_is_a_replay(scene: Scene) -> None:
    ann, server = scene.page, scene.stage.anns_server
    first = server.went_down[0]
    # Who leaves a room has written down how far they read.
    await ann.make_room("elsewhere")
    await ann.page.reload()
    await ann.is_connected()
    await ann.page.evaluate("room => { location.hash = room; }", scene.room)
    await expect(ann.page.locator(".bubble > .text")).to_have_text(["one"])
    await ann.is_connected()
    # This client of the relay never saw it.
    await server.say({**first, "seq": 2})

    await scene.page_shows("replay")


async def test_messages_in_another_order_are_warned_of_and_refused(scene: Scene) -> None:
    def swapping(server: HostileIlo) -> Down:
        kept: list[Frame] = []

        def swap(frame: Frame) -> Sequence[Frame]:
            kept.append(frame)
            return kept[::-1] if len(kept) == 2 else []

        return swap

    scene.lie(swapping)
    await scene.bobs.send("two")
    await scene.bobs.send("three")

    await scene.both_hear("three gap", "replay")


async def test_a_dropped_message_is_warned_of(scene: Scene) -> None:
    scene.lie(lambda server: lambda frame: [])
    await scene.bob_says("two")
    scene.lie(lambda server: lambda frame: [frame])
    await scene.bobs.send("three")

    await scene.both_hear("three gap")


async def test_a_gap_that_the_relay_tells_of_is_told_once(scene: Scene) -> None:
    scene.lie(lambda server: lambda frame: [])
    await scene.bob_says("two")
    for server in scene.stage.servers:
        # Messages are numbered without a hole: this moves nobody's place.
        await server.say({"type": "gap", "from_seq": 1, "to_seq": 1, "reason": "retention"})
    scene.lie(lambda server: lambda frame: [frame])
    await scene.bobs.send("three")

    await scene.both_hear("three")
    await expect(notes(scene.page)).to_have_text(["Older messages are not kept any more"])


async def test_what_a_room_that_went_back_has_no_more_is_not_shown_any_more(scene: Scene) -> None:
    await scene.bobs.send("two")
    await scene.both_hear("two")
    server = scene.stage.anns_server

    def without_the_newest(frame: Frame) -> Sequence[Frame]:
        if frame["type"] == "history":
            return [{**frame, "messages": frame["messages"][:-1]}]
        return [frame]

    server.down = without_the_newest
    await server.say({"type": "gap", "from_seq": 2, "to_seq": 2, "reason": "ahead"})

    await expect(notes(scene.page)).to_have_text(["The server has lost messages"])
    await scene.page.sees("one")


async def test_a_message_of_another_room_is_refused(scene: Scene) -> None:
    stage = scene.stage
    moved = stage.anns_server.went_down[0]
    room = await stage.make_room()
    assert moved["room"] == scene.room
    async with stage.bob.room(room) as bobs, stage.cleo.room(room) as cleos:
        other = Scene(stage, room, bobs, cleos)
        await bobs.send("here")
        await other.both_hear("here")
        for server in stage.servers:
            await server.say({**moved, "room": room})

        await other.both_hear("room")


async def test_a_stripped_signature_is_refused(scene: Scene) -> None:
    keys = await scene.keys()
    scene.lie(
        lambda server: lambda frame: [sealed_by_a_stranger(frame, unsigned(frame, "lies"), keys)]
    )

    await scene.bobs.send("two")

    # Its header names no key of Bob's.
    await scene.both_hear("key-changed")
    await expect(notes(scene.page)).to_have_count(0)


async def test_a_stripped_signature_under_the_right_key_is_refused(scene: Scene) -> None:
    keys = await scene.keys()
    kid = scene.stage.bob.pairs.identity.public.kid

    def strip(frame: Frame) -> Sequence[Frame]:
        inner = unsigned(frame, "lies").split(".")
        header = {"alg": "Ed25519", "kid": kid, "typ": "ilo-msg+jws"}
        forged = ".".join([encoded(json.dumps(header).encode()), inner[1], "A" * 86])
        return [sealed_by_a_stranger(frame, forged, keys)]

    scene.lie(lambda server: strip)
    await scene.bobs.send("two")

    await scene.both_hear("signature")


async def test_what_is_sealed_for_others_is_not_for_me(scene: Scene, eve: KeyPairs) -> None:
    keys = [{**eve.encryption[0].public.members}]
    scene.lie(
        lambda server: lambda frame: [sealed_by_a_stranger(frame, unsigned(frame, "lies"), keys)]
    )

    await scene.bobs.send("two")

    await scene.both_hear("not-for-me")


# -- keys


def swapped(name: str, card: str) -> Callable[[str, str, Any], Any]:
    """Return what shows ``card`` as that of ``name``, wherever the API tells it."""

    def answer(_: str, path: str, answer: Any) -> Any:
        if path == f"/user/{name}":
            return {**answer, "detail": card}
        for member in answer.get("members", []) if isinstance(answer, dict) else []:
            if member["username"] == name:
                member["public_key"] = card
        return answer

    return answer


async def test_a_forged_key_shows_other_digits_at_first_and_alarms_once_another_is_known(
    scene: Scene, eve: KeyPairs
) -> None:
    stage, ann = scene.stage, scene.page
    dora = await stage.people.join("dora")
    forged = make_card(eve, dora.username, 1, None)
    went_up = messages_that_go_up(stage.anns_server)
    await ann.invite(dora.username)
    stage.anns_server.answer = swapped(dora.username, forged)

    # Who sees her for the first time can find it out by the digits alone.
    digits = await ann.compare(dora.username)
    assert digits != await dora.safety_number("ann")
    await ann.close_dialog()

    stage.anns_server.answer = lambda method, path, answer: answer
    assert await ann.compare(dora.username) == await dora.safety_number("ann")
    await ann.close_dialog()
    await dora.accept(scene.room)
    async with dora.room(scene.room) as doras:
        await doras.send("two")
        await scene.both_hear("two")
        stage.anns_server.answer = swapped(dora.username, forged)
        await ann.page.reload()
        await expect(alarm(ann, dora.username)).to_be_visible()
        await ann.say("for-whom?")
        await expect(ann.page.get_by_text("Not sent. A key changed")).to_be_visible()
        await expect(notes(ann)).to_have_text(
            [
                f"The key of {dora.username} changed: nothing is sent until you have accepted"
                " the new one"
            ]
        )
        assert went_up == []

        await alarm(ann, dora.username).get_by_role("button", name="Compare").click()
        await expect(ann.dialog.get_by_text("or somebody reads along")).to_be_visible()
        shown = ann.dialog.get_by_label("Safety number")
        assert "".join((await shown.inner_text()).split()) == digits
        await ann.dialog.get_by_role("button", name="Accept without comparing").click()
        await expect(alarm(ann, dora.username)).to_be_hidden()
        await ann.page.get_by_role("button", name="Try again").click()

        # Who accepts has been warned: it is for Eve now, and Dora cannot read it.
        assert [told_by(one) for one in await said(doras, 2)] == ["two", "not-for-me"]
        assert len(went_up) == 1
        # What she signed with her first key is hers still.
        await ann.page.reload()
        await ann.is_connected()
        await ann.sees("one", "two", "for-whom?")


async def test_the_key_of_another_in_place_of_a_known_one_stops_sending(scene: Scene) -> None:
    stage, ann = scene.stage, scene.page
    cleos = (await stage.bob.server.user(stage.cleo.username)).detail
    went_up = messages_that_go_up(stage.anns_server)
    stage.anns_server.answer = swapped(stage.bob.username, cleos)

    await ann.page.reload()
    await expect(alarm(ann, stage.bob.username)).to_be_visible()
    await ann.say("for-whom?")
    await expect(ann.page.get_by_text("Not sent. A key changed")).to_be_visible()
    await alarm(ann, stage.bob.username).get_by_role("button", name="Compare").click()

    # Her card says that it is hers: there is no valid one of his, and nothing to accept.
    await expect(ann.dialog.get_by_text("The server shows no valid key of")).to_be_visible()
    await expect(ann.dialog.get_by_role("button", name="Accept")).to_have_count(0)
    await ann.close_dialog()
    assert went_up == []
    stage.anns_server.answer = lambda method, path, answer: answer
    await ann.page.reload()
    await ann.is_connected()
    await expect(ann.page.get_by_text("Not sent.")).to_be_visible()
    await expect(alarm(ann, stage.bob.username)).to_be_hidden()
    await ann.page.get_by_role("button", name="Try again").click()
    await scene.both_hear("for-whom?")


async def test_a_key_that_changes_again_while_it_is_looked_at_is_not_accepted(
    scene: Scene, eve: KeyPairs
) -> None:
    stage, ann = scene.stage, scene.page
    name = stage.bob.username
    went_up = messages_that_go_up(stage.anns_server)
    stage.anns_server.answer = swapped(name, make_card(eve, name, 1, None))
    await ann.page.reload()
    await alarm(ann, name).get_by_role("button", name="Compare").click()
    await expect(ann.dialog.get_by_label("Safety number")).to_be_visible()
    first = ann.page

    stage.anns_server.answer = swapped(name, make_card(make_key_pairs(), name, 1, None))
    second = await ann.new_tab(f"#{scene.room}")
    await expect(alarm(ann, name)).to_be_visible()
    ann.page = first
    for button in ("Accept without comparing", "They are the same"):
        await ann.dialog.get_by_role("button", name=button).click()
        await expect(ann.dialog.get_by_role("alert")).to_have_text(
            "The server shows another key by now: look again."
        )
    await ann.close_dialog()
    await ann.say("for-whom?")
    await expect(ann.page.get_by_text("Not sent. A key changed")).to_be_visible()

    assert went_up == []
    await second.close()
    stage.anns_server.answer = lambda method, path, answer: answer
    await ann.page.reload()
    await ann.is_connected()
    await expect(alarm(ann, name)).to_be_hidden()
    await ann.page.get_by_role("button", name="Try again").click()
    await scene.both_hear("for-whom?")


def messages_that_go_up(server: HostileIlo) -> list[Frame]:
    """Return the list of the messages that are sent to ``server`` from now on."""
    found: list[Frame] = []

    def up(frame: Frame) -> Sequence[Frame]:
        if frame["type"] == "message":
            found.append(frame)
        return [frame]

    server.up = up
    return found


# -- members


def kids_of(frame: Frame) -> set[str]:
    envelope = json.loads(frame["data"]["message"])
    return {each["header"]["kid"] for each in envelope["recipients"]}


async def still_listed(asker: Ilo, room: str, name: str) -> Callable[[str, str, Any], Any]:
    """Return what lists ``name`` in ``room`` as they are listed now, from now on."""
    members = (await asker.server.room(room)).to_dict()["members"]
    left = next(each for each in members if each["username"] == name)

    def answer(_: str, path: str, answer: Any) -> Any:
        if path.startswith(f"/room/{room}?") and name not in str(answer["members"]):
            answer["members"].append(left)
        return answer

    return answer


async def remove(one: Visitor, name: str) -> None:
    await one.page.get_by_role("button", name="Members").click()
    await one.dialog.get_by_role("button", name=f"Remove {name}").click()
    async with one.page.expect_response(
        lambda got: got.request.method == "DELETE" and name in got.url
    ):
        await one.dialog.get_by_role("button", name="Remove", exact=True).click()
    await one.close_dialog()


async def test_a_removed_member_that_is_listed_still_is_told_and_gets_nothing(
    scene: Scene,
) -> None:
    stage, ann, cleo = scene.stage, scene.page, scene.stage.cleo
    went_up = messages_that_go_up(stage.anns_server)
    stage.anns_server.answer = await still_listed(stage.bob, scene.room, cleo.username)
    await remove(ann, cleo.username)
    await ann.say("two")

    assert [told_by(one) for one in await said(scene.bobs, 2)] == ["one", "two"]
    await scene.page_shows("two")
    await expect(notes(ann)).to_have_text(
        [f"The server still lists {cleo.username}, whom you removed: nothing is encrypted for them"]
    )
    kids = kids_of(went_up[-1])
    assert cleo.pairs.encryption[0].public.kid not in kids
    assert stage.bob.pairs.encryption[0].public.kid in kids


async def test_a_removed_member_gets_nothing_even_if_nobody_tells_of_it(scene: Scene) -> None:
    stage, ann, cleo = scene.stage, scene.page, scene.stage.cleo
    await ann.say("two")
    await scene.both_hear("two")
    went_up = messages_that_go_up(stage.anns_server)
    noting = stage.anns_server.up
    stage.anns_server.down = lambda frame: [] if frame["type"] == "member" else [frame]
    stage.anns_server.up = lambda frame: [
        {name: value for name, value in each.items() if name != "if_members"}
        for each in noting(frame)
    ]
    stage.anns_server.answer = await still_listed(stage.bob, scene.room, cleo.username)

    await remove(ann, cleo.username)
    await ann.say("three")

    assert [told_by(one) for one in await said(scene.bobs, 3)] == ["one", "two", "three"]
    assert cleo.pairs.encryption[0].public.kid not in kids_of(went_up[-1])
    assert "if_members" in went_up[-1]


async def test_a_member_gets_nothing_from_the_moment_on_that_they_are_removed(scene: Scene) -> None:
    stage, ann, cleo = scene.stage, scene.page, scene.stage.cleo
    await ann.say("two")
    await scene.both_hear("two")
    went_up = messages_that_go_up(stage.anns_server)
    was_asked, may_go, went = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        was_asked.set()
        await may_go.wait()
        await route.continue_()
        went.set()

    await ann.page.route("**/member/*", hold)
    await ann.page.get_by_role("button", name="Members").click()
    await ann.dialog.get_by_role("button", name=f"Remove {cleo.username}").click()
    await ann.dialog.get_by_role("button", name="Remove", exact=True).click()
    await was_asked.wait()
    await ann.close_dialog()
    await ann.say("three")
    await scene.page_shows("three")
    may_go.set()
    await went.wait()
    await ann.page.unroute("**/member/*", hold)

    # The server has not answered yet, and the members that it told of are not old.
    hers = cleo.pairs.encryption[0].public.kid
    assert [hers in kids_of(frame) for frame in went_up] == [False]


async def test_who_left_unnoticed_is_noticed_by_the_relay_and_it_is_sealed_again(
    scene: Scene,
) -> None:
    stage, ann, cleo = scene.stage, scene.page, scene.stage.cleo
    await ann.say("two")
    await scene.both_hear("two")
    went_up = messages_that_go_up(stage.anns_server)
    stage.anns_server.down = lambda frame: [] if frame["type"] == "member" else [frame]
    await cleo.leave(scene.room)

    await ann.say("three")

    assert [told_by(one) for one in await said(scene.bobs, 3)] == ["one", "two", "three"]
    await scene.page_shows("three")
    hers = cleo.pairs.encryption[0].public.kid
    assert [hers in kids_of(frame) for frame in went_up] == [True, False]
    assert len({frame["id"] for frame in went_up}) == 1


async def test_a_message_for_a_member_who_was_removed_is_warned_of(
    ilo: IloProcess, scene: Scene
) -> None:
    stage, ann = scene.stage, scene.page
    # It is Dora who is lied to, and Ann who sees for whom she encrypts.
    async with hostile_to(ilo.api_url, ilo.relay_url) as doras_server:
        dora = await stage.people.join("dora", api_url=doras_server.api_url)
        await ann.invite(dora.username)
        await dora.accept(scene.room)
        async with dora.room(scene.room) as doras:
            await doras.send("two")
            await scene.both_hear("two")
            doras_server.answer = await still_listed(stage.bob, scene.room, stage.cleo.username)
            await remove(ann, stage.cleo.username)
            await doras.send("three")

            await scene.page_shows("three unknown-recipient")
