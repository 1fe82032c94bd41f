"""Encrypted rooms at a real server: everybody reads what was said while they were members, once."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from ilo_client import Back, Change, Gap, Ilo, KeysChanged, Message, Room, Sent, ServerRefused
from ilo_relay import Ack, RelayClosed
from ilo_rest.api.rooms import create_room
from ilo_rest.models import MadeRoom, NewRoom

from tests.support.encrypted import (
    Company,
    events,
    next_of,
    said,
    texts,
    texts_until,
    until,
)
from tests.support.ilo_process import IloProcess
from tests.support.relay import until as until_so
from tests.support.tcp_proxy import proxy_to
from tests.support.websocket import WAIT_S


async def test_two_in_a_private_room_read_each_other(people: Company) -> None:
    ann, bob = await people.join_all("ann", "bob")
    room = await people.private_room(ann, bob)
    anns, bobs = await people.enter(ann, room), await people.enter(bob, room)

    sent = await anns.send("hello?")
    await bobs.send("yes!")

    assert await texts(anns, 2) == ["hello?", "yes!"]
    first, second = await said(bobs, 2)
    assert isinstance(first, Message)
    assert isinstance(second, Message)
    assert (first.id, first.seq, first.sent_at) == (sent.id, sent.seq, sent.sent_at)
    assert (first.text, first.sender, first.is_own) == ("hello?", ann.username, False)
    assert (second.text, second.sender, second.is_own) == ("yes!", bob.username, True)
    assert {first.warnings, second.warnings} == {()}
    assert not first.is_plaintext


async def test_who_joins_later_reads_what_came_after_and_who_is_removed_reads_no_more(
    people: Company,
) -> None:
    ann, bob, cleo = await people.join_all("ann", "bob", "cleo")
    room = await people.private_room(ann, bob)
    anns, bobs = await people.enter(ann, room), await people.enter(bob, room)
    await anns.send("before cleo")
    await ann.invite(room, cleo.username)
    await cleo.accept(room)
    cleos = await people.enter(cleo, room)
    await anns.send("with cleo")
    assert await texts(cleos, 1) == ["with cleo"]

    await ann.remove(room, bob.username)
    await anns.send("without bob")
    await cleos.send("indeed")

    assert await texts(cleos, 2) == ["without bob", "indeed"]
    assert await texts(anns, 4) == ["before cleo", "with cleo", "without bob", "indeed"]
    assert await texts(bobs, 2) == ["before cleo", "with cleo"]
    with pytest.raises(RelayClosed, match="not-a-member"):
        await texts(bobs, 1)


async def test_a_change_of_members_is_told_and_what_is_sent_is_sealed_for_who_is_there_now(
    people: Company, ilo: IloProcess
) -> None:
    ann, bob, cleo = await people.join_all("ann", "bob", "cleo")
    room = await people.private_room(ann, bob)
    bobs = await people.enter(bob, room)
    async with proxy_to(ilo.relay_port) as proxy:
        ann._session = replace(ann.session, relay_url=proxy.url)
        async with ann.room(room) as anns:
            await anns.send("two of us")
            versions = versions_of(anns)
            # Ann does not hear of Cleo, and what she says is for two of three.
            proxy.answers.clear()
            await ann.invite(room, cleo.username)
            await cleo.accept(room)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(anns.send("three of us"))
                await asyncio.wait_for(proxy.has_kept.wait(), WAIT_S)
                await until(bobs, lambda event: event == Change("joined", cleo.username))
                proxy.answers.set()
            assert anns.members == tuple(sorted([ann.username, bob.username, cleo.username]))

    assert len(set(versions)) == 2, versions
    cleos = await people.enter(cleo, room)
    assert await texts(cleos, 1) == ["three of us"]
    assert await texts_until(bobs, "three of us") == ["three of us"]


def versions_of(room: Room) -> list[int | None]:
    """Return the list to which are added the members' versions of all that is sent from now on."""
    client = room._opened()
    found: list[int | None] = []
    send = client.send_message

    async def note(message: str, **more: Any) -> Ack:
        found.append(more.get("if_members"))
        return await send(message, **more)

    client.send_message = note  # type: ignore[method-assign]
    return found


async def test_nothing_is_said_twice_or_lost_when_the_server_is_killed(
    people: Company, ilo: IloProcess
) -> None:
    ann, bob = await people.join_all("ann", "bob")
    room = await people.private_room(ann, bob)
    anns, bobs = await people.enter(ann, room), await people.enter(bob, room)
    await anns.send("0")

    async def talk() -> None:
        for number in range(1, 30):
            await anns.send(str(number))

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(talk())
        await until(bobs, lambda event: isinstance(event, Message) and event.text == "5")
        assert bobs.is_connected
        await asyncio.to_thread(ilo.kill)
        await until_so(lambda: not bobs.is_connected)
        await asyncio.to_thread(ilo.start)
        found = await events(bobs, lambda event: isinstance(event, Message) and event.text == "29")

    assert Back() in found
    shown = [event for event in found if isinstance(event, Message)]
    assert [one.text for one in shown] == [str(number) for number in range(6, 30)]
    assert {one.warnings for one in shown} == {()}
    assert await texts(anns, 30) == [str(number) for number in range(30)]


async def test_a_room_knows_whether_it_has_a_line(people: Company, ilo: IloProcess) -> None:
    [ann] = await people.join_all("ann")
    room = ann.room(await people.private_room(ann))
    found = [room.is_connected]
    async with room:
        found.append(room.is_connected)

        await asyncio.to_thread(ilo.kill)
        async with asyncio.timeout(WAIT_S):
            while room.is_connected:  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.01)
        await asyncio.to_thread(ilo.start)
        await next_of(room, Back)
        found.append(room.is_connected)
    assert [*found, room.is_connected] == [False, True, True, False]


async def test_a_client_that_starts_again_goes_on_where_its_application_was(
    people: Company,
) -> None:
    ann, bob = await people.join_all("ann", "bob")
    room = await people.private_room(ann, bob)
    anns = await people.enter(ann, room)
    for text in ("one", "two", "three"):
        await anns.send(text)
    async with bob.room(room) as bobs:
        assert await texts(bobs, 2) == ["one", "two"]

    await anns.send("four")
    async with (await people.again(bob)).room(room) as bobs:
        shown = await said(bobs, 2)

    assert [one.text for one in shown if isinstance(one, Message)] == ["three", "four"]
    assert [one.warnings for one in shown if isinstance(one, Message)] == [(), ()]


async def test_what_an_application_took_and_did_not_deal_with_comes_again_without_alarm(
    people: Company,
) -> None:
    ann, bob = await people.join_all("ann", "bob")
    room = await people.private_room(ann, bob)
    anns = await people.enter(ann, room)
    await anns.send("one")
    await anns.send("two")

    with suppress(ZeroDivisionError):
        async with bob.room(room) as bobs:
            assert await texts(bobs, 2) == ["one", "two"]
            raise ZeroDivisionError

    async with (await people.again(bob)).room(room) as bobs:
        [again] = await said(bobs, 1)
    assert isinstance(again, Message)
    assert (again.text, again.warnings) == ("two", ())


async def test_what_was_under_way_when_the_client_died_goes_out_once_when_it_is_back(
    people: Company,
) -> None:
    ann, bob = await people.join_all("ann", "bob")
    room = await people.private_room(ann, bob)
    bobs = await people.enter(bob, room)
    async with ann.room(room) as anns:
        await anns.send("one")
        kept = await dies_before_the_ack_is_written(anns, "two")
    # It is stored, and ann's client does not know; and meanwhile there are other members.
    cleo = await people.join("cleo")
    await ann.invite(room, cleo.username)
    await cleo.accept(room)
    assert await anns.under_way() == "two"

    anns = await people.enter(await people.again(ann), room)
    await anns.send_under_way()
    assert await anns.under_way() is None
    await anns.send("three")

    shown = await said(bobs, 3)
    assert [one.text for one in shown if isinstance(one, Message)] == ["one", "two", "three"]
    assert [one.warnings for one in shown if isinstance(one, Message)] == [(), (), ()]
    assert kept == shown[1].id if isinstance(shown[1], Message) else False


async def dies_before_the_ack_is_written(room: Room, text: str) -> str:
    """Send ``text``, and end as a kill would between the ack and the note of it; return the id."""
    outbox = room._sender()._outbox
    stored = outbox.stored

    def die(_: object) -> None:
        raise ZeroDivisionError

    outbox.stored = die  # type: ignore[method-assign, assignment]
    try:
        with pytest.raises(ZeroDivisionError):
            await room.send(text)
        return outbox.forms()[0].mid
    finally:
        outbox.stored = stored  # type: ignore[method-assign]


async def test_two_clients_of_one_folder_use_no_link_twice_and_alarm_nobody(
    people: Company,
) -> None:
    ann, bob = await people.join_all("ann", "bob")
    room = await people.private_room(ann, bob)
    other = await people.again(ann)
    bobs, first, second = (
        await people.enter(bob, room),
        await people.enter(ann, room),
        await people.enter(other, room),
    )

    async def talk(mine: Room, name: str) -> list[Sent]:
        return [await mine.send(f"{name}{number}") for number in range(10)]

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(talk(first, "a"))
        tasks.create_task(talk(second, "b"))

    for mine in (bobs, first, second):
        shown = await said(mine, 20)
        assert {type(one) for one in shown} == {Message}
        assert {one.warnings for one in shown if isinstance(one, Message)} == {()}
        heard = [one.text for one in shown if isinstance(one, Message)]
        for name in "ab":
            assert [text for text in heard if text[0] == name] == [f"{name}{n}" for n in range(10)]


async def test_older_messages_are_read_back_and_alarm_nobody(people: Company) -> None:
    ann, bob = await people.join_all("ann", "bob")
    room = await people.private_room(ann, bob)
    anns, bobs = await people.enter(ann, room), await people.enter(bob, room)
    for number in range(6):
        await anns.send(str(number))

    newest = await bobs.history(limit=2)
    older = await bobs.history(before=newest[0].seq, limit=3)

    assert [one.text for one in (*older, *newest) if isinstance(one, Message)] == [*"12345"]
    # Nothing of that was taken for what comes.
    shown = await said(bobs, 6)
    assert [one.text for one in shown if isinstance(one, Message)] == [*"012345"]
    assert {one.warnings for one in shown if isinstance(one, Message)} == {()}


async def test_what_is_not_encrypted_is_shown_only_where_that_was_asked_for(
    people: Company,
) -> None:
    ann, bob = await people.join_all("ann", "bob")
    open_room = "square-of-" + ann.username
    plain = await people.enter(ann, open_room, plaintext=True)
    hidden = await people.enter(bob, open_room)

    await plain.send("to whom it may concern")
    await hidden.send("between us")

    first, second = await said(plain, 2)
    assert isinstance(first, Message)
    assert isinstance(second, Message)
    assert (first.text, first.is_plaintext) == ("to whom it may concern", True)
    assert (second.text, second.is_plaintext) == ("between us", False)
    assert await texts(hidden, 2) == ["format", "between us"]


async def test_a_cancelled_wait_for_an_event_loses_nothing(people: Company) -> None:
    ann, bob = await people.join_all("ann", "bob")
    room = await people.private_room(ann, bob)
    anns, bobs = await people.enter(ann, room), await people.enter(bob, room)

    async def talk() -> None:
        for number in range(20):
            await anns.send(str(number))

    heard: list[str] = []
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(talk())
        async with asyncio.timeout(WAIT_S):
            while len(heard) < 20:
                try:
                    async with asyncio.timeout(0.003):
                        event = await anext(bobs)
                except TimeoutError:
                    continue
                if isinstance(event, Message):
                    heard.append(event.text)
    assert heard == [str(number) for number in range(20)]


async def test_typing_and_coming_and_going_are_told(people: Company) -> None:
    ann, bob = await people.join_all("ann", "bob")
    room = await people.private_room(ann, bob)
    bobs = await people.enter(bob, room)
    anns = await people.enter(ann, room)

    await anns.send_typing()

    found = await events(bobs, lambda event: type(event).__name__ == "Typing")
    assert [type(one).__name__ for one in found] == ["Presence", "Typing"]
    assert {getattr(one, "name", None) for one in found} == {ann.username}


async def test_rooms_and_labels_and_invitations(people: Company) -> None:
    ann, bob = await people.join_all("ann", "bob")
    room = await ann.create_room("our tea")
    await ann.invite(room, bob.username)

    [invitation] = await bob.rooms()
    assert (invitation.name, invitation.state, invitation.label) == (room, "invited", None)
    bob.set_label(room, "ann's tea")
    await bob.accept(room)
    [joined] = await bob.rooms()
    assert (joined.state, joined.label, joined.owner) == ("joined", "ann's tea", ann.username)
    assert [one.name for one in await ann.members(room)] == sorted([ann.username, bob.username])
    await bob.leave(room)
    assert await bob.rooms() == []
    [mine] = await ann.rooms()
    assert mine.label == "our tea"
    await ann.delete_room(room)
    assert await ann.rooms() == []


async def test_who_could_not_be_removed_still_reads(people: Company) -> None:
    ann, bob, cleo = await people.join_all("ann", "bob", "cleo")
    room = await people.private_room(ann, bob, cleo)
    bobs, cleos = await people.enter(bob, room), await people.enter(cleo, room)

    with pytest.raises(ServerRefused) as refused:
        await bob.remove(room, cleo.username)

    assert refused.value.code == "not-the-owner"
    await bobs.send("all of us")
    assert await texts(cleos, 1) == ["all of us"]


async def test_a_member_without_a_card_is_named_and_the_others_talk_on(
    people: Company, ilo: IloProcess
) -> None:
    ann, bob, eve = await people.join_all("ann", "bob", "eve")
    room = await people.private_room(ann, bob, eve)
    await without_card(eve)
    anns, bobs = await people.enter(ann, room), await people.enter(bob, room)

    await anns.send("hello")

    assert anns.unreachable == (eve.username,)
    assert await texts(bobs, 1) == ["hello"]
    eves = await people.enter(eve, room)
    assert await texts(eves, 1) == ["not-for-me"]


async def test_what_was_left_to_say_in_a_room_is_not_said_after_leaving_it(
    people: Company,
) -> None:
    ann, bob = await people.join_all("ann", "bob")
    room = await people.private_room(ann, bob)
    anns = await people.enter(ann, room)
    async with bob.room(room) as bobs:
        sender, roster = bobs._sender(), await bobs._roster_to_send(fresh=True)
        await asyncio.to_thread(sender._new, roster, "text", "left over", sender._place())
        assert await bobs.under_way() == "left over"

    await bob.leave(room)
    await ann.invite(room, bob.username)
    await bob.accept(room)
    bobs = await people.enter(bob, room)
    await bobs.send("back again")

    assert await texts(anns, 1) == ["back again"]


async def test_who_joins_a_room_that_shows_no_history_misses_nothing(people: Company) -> None:
    ann, bob = await people.join_all("ann", "bob")
    made = await create_room.asyncio(client=ann.server._mine, body=NewRoom(history="joined"))
    assert isinstance(made, MadeRoom)
    anns = await people.enter(ann, made.room)
    await anns.send("before bob")
    await ann.invite(made.room, bob.username)
    await bob.accept(made.room)

    bobs = await people.enter(bob, made.room)
    await anns.send("with bob")

    found = await events(bobs, lambda event: isinstance(event, Message))
    assert [event for event in found if isinstance(event, Gap)] == []
    assert isinstance(found[-1], Message)
    assert (found[-1].text, found[-1].seq, found[-1].warnings) == ("with bob", 2, ())


async def without_card(ilo: Ilo) -> None:
    """Let the server show a text that is no card."""
    shown = await ilo.server.user(ilo.username)
    await ilo.server.replace_card(ilo.username, "this is no card", shown.key_version)


async def test_nobody_is_sent_anything_while_a_key_is_changed(people: Company) -> None:
    ann, bob = await people.join_all("ann", "bob")
    room = await people.private_room(ann, bob)
    anns, bobs = await people.enter(ann, room), await people.enter(bob, room)
    await anns.send("one")
    assert await texts(bobs, 1) == ["one"]

    await without_card(bob)

    change = await next_of(anns, Change)
    assert change == Change("key-changed", bob.username)
    with pytest.raises(KeysChanged) as refused:
        await anns.send("two")
    assert refused.value.names == (bob.username,)
    assert (await ann.person(bob.username)).state == "changed"
    head = await bobs.history()
    assert [one.text for one in head if isinstance(one, Message)] == ["one"]
    # The card that was known comes back: nobody has to accept anything.
    await bob._send_card()
    await anns.send("three")
    assert await texts_until(bobs, "three") == ["three"]
