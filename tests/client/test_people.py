"""Keys of people at a real server: made, changed, accepted, compared, backed up, moved; and who
cannot get in."""

import asyncio
import importlib
import logging
import threading
from typing import Any

import pytest
from ilo_client import (
    Change,
    Home,
    HomeTaken,
    Ilo,
    KeysChanged,
    Message,
    NoKeys,
    NotAccepted,
    NotLoggedIn,
    Refused,
    ServerRefused,
    Unreachable,
)
from ilo_client.ilo import now_ms

from tests.support.encrypted import (
    PASSPHRASE,
    PASSWORD,
    Company,
    events,
    said,
    texts,
)
from tests.support.websocket import WAIT_S


async def with_new_keys(people: Company, ilo: Ilo) -> Ilo:
    """Return the same person in a new folder, who has lost all keys."""
    found = await Ilo.login(
        people.api_url,
        ilo.username,
        PASSWORD,
        home=people.folder / f"{ilo.username} again",
        passphrase=PASSPHRASE,
        api_key=ilo.session.api_key,
        new_keys=True,
    )
    return await people.ends.enter_async_context(found)


async def test_only_the_key_that_was_compared_is_verified(people: Company) -> None:
    ann, bob = await people.join_all("ann", "bob")
    compared = await ann.person(bob.username)
    number = await ann.people.number_of(compared)
    assert number == await bob.safety_number(ann.username)
    await with_new_keys(people, bob)

    assert await ann.people.number_of(compared) == number
    with pytest.raises(NotAccepted):
        await ann.verify(bob.username, compared.kid)
    assert (await ann.person(bob.username)).state == "new"

    now = await ann.person(bob.username)
    assert (await ann.verify(bob.username, now.kid)).state == "verified"


async def test_a_changed_key_stops_sending_until_it_is_accepted(people: Company) -> None:
    ann, bob = await people.join_all("ann", "bob")
    room = await people.private_room(ann, bob)
    anns = await people.enter(ann, room)
    await anns.send("one")
    await ann.verify(bob.username)

    other = await with_new_keys(people, bob)
    others = await people.enter(other, room)
    await events(anns, lambda one: one == Change("key-changed", bob.username))
    with pytest.raises(KeysChanged) as refused:
        await anns.send("two")
    assert (refused.value.names, refused.value.is_kept) == ((bob.username,), False)
    changed = await ann.person(bob.username)
    assert (changed.state, changed.new_kid) == ("changed", other.pairs.identity.public.kid)
    with pytest.raises(NotAccepted):
        await ann.verify(bob.username)
    with pytest.raises(NotAccepted):
        await ann.accept_key(bob.username, bob.pairs.identity.public.kid)
    await others.send("it is me")
    await events(anns, lambda one: getattr(one, "code", "") == "key-changed")

    accepted = await ann.accept_key(bob.username, changed.new_kid)
    await anns.send("three")

    assert accepted.state == "seen"
    assert await texts(others, 3) == ["not-for-me", "it is me", "three"]
    page = [one.text for one in await anns.history() if isinstance(one, Message)]
    assert page == ["one", "it is me", "three"]


async def test_a_changed_key_is_heard_of_while_nobody_takes_events(people: Company) -> None:
    ann, bob = await people.join_all("ann", "bob")
    room = await people.private_room(ann, bob)
    anns = await people.enter(ann, room)
    await anns.send("one")

    await with_new_keys(people, bob)
    async with asyncio.timeout(WAIT_S):
        while not anns._told:
            anns._news.clear()
            await anns._news.wait()

    with pytest.raises(KeysChanged):
        await anns.send("two")


async def test_both_see_one_safety_number_and_what_was_compared_is_remembered(
    people: Company,
) -> None:
    ann, bob = await people.join_all("ann", "bob")

    assert (await ann.person(bob.username)).state == "new"
    number = await ann.safety_number(bob.username)
    await ann.verify(bob.username)

    assert number == await bob.safety_number(ann.username)
    assert len(number) == 60
    assert (await (await people.again(ann)).person(bob.username)).state == "verified"
    assert (await ann.person(ann.username)).state == "verified"


async def test_a_new_encryption_key_alarms_nobody_and_old_messages_stay_readable(
    people: Company,
) -> None:
    ann, bob = await people.join_all("ann", "bob")
    room = await people.private_room(ann, bob)
    anns, bobs = await people.enter(ann, room), await people.enter(bob, room)
    await anns.send("one")
    old = bob.pairs.encryption[0].public.kid

    with pytest.raises(Refused, match="passphrase"):
        await bob.rotate_keys("another one")
    await bob.rotate_keys(PASSPHRASE)
    await anns._look_if_possible()
    await anns.send("two")

    assert await texts(bobs, 2) == ["one", "two"]
    assert bob.pairs.encryption[0].public.kid != old
    pin = ann.people.pins.of(bob.username)
    assert pin is not None
    assert pin.person.state == "seen"
    assert pin.encryption == bob.pairs.encryption[0].public
    async with await Ilo.open(people.home(bob.username), passphrase=PASSPHRASE) as again:
        assert again.pairs == bob.pairs


async def test_a_card_that_was_not_sent_before_the_end_is_sent_at_the_next_opening(
    people: Company,
) -> None:
    bob = await people.join("bob")
    # As a kill leaves it between the two: the new key is kept, and nobody was told.
    sends = bob._send_card

    async def dies(**_: object) -> None:
        raise ZeroDivisionError

    bob._send_card = dies  # type: ignore[method-assign]
    with pytest.raises(ZeroDivisionError):
        await bob.rotate_keys(PASSPHRASE)
    bob._send_card = sends  # type: ignore[method-assign]

    again = await people.again(bob)

    ann = await people.join("ann")
    await ann.verify(bob.username)
    pin = ann.people.pins.of(bob.username)
    assert pin is not None
    assert pin.encryption == again.pairs.encryption[0].public


async def test_a_backup_opens_on_another_device_what_was_said_before(people: Company) -> None:
    ann, bob = await people.join_all("ann", "bob")
    room = await people.private_room(ann, bob)
    anns = await people.enter(ann, room)
    await anns.send("one")
    backup = await bob.backup("of the backup")

    with pytest.raises(Refused, match="passphrase"):
        await Ilo.restore(
            people.api_url, backup, "wrong", PASSWORD, home=people.folder / "x", passphrase="p"
        )
    moved = await Ilo.restore(
        people.api_url,
        backup,
        "of the backup",
        PASSWORD,
        home=people.folder / "moved",
        passphrase="another passphrase",
    )
    await people.ends.enter_async_context(moved)
    bobs, moveds = await people.enter(bob, room), await people.enter(moved, room)
    await moveds.send("from the other device")
    await bobs.send("from the first device")

    expected = ["one", "from the other device", "from the first device"]
    for heard in (anns, bobs, moveds):
        shown = [one for one in await said(heard, 3) if isinstance(one, Message)]
        assert [one.text for one in shown] == expected
        assert {one.warnings for one in shown} == {()}
    assert moved.memory.device != bob.memory.device


async def test_a_backup_takes_no_keys_away_that_are_in_the_folder(people: Company) -> None:
    ann = await people.join("ann")
    backup = await ann.backup("of the backup")
    await ann.rotate_keys(PASSPHRASE)
    kept = ann.home.keys()

    with pytest.raises(HomeTaken):
        await Ilo.restore(
            people.api_url,
            backup,
            "of the backup",
            PASSWORD,
            home=ann.home,
            passphrase=PASSPHRASE,
        )

    assert ann.home.keys() == kept


async def test_a_new_key_is_used_even_if_the_clock_was_set_back(
    people: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = await people.join_all("ann", "bob")
    with monkeypatch.context() as clock:
        clock.setattr("ilo_client.ilo.now_ms", lambda: now_ms() + 3_600_000)
        await bob.rotate_keys(PASSPHRASE)
    await ann.verify(bob.username)

    await bob.rotate_keys(PASSPHRASE)

    assert (await ann.person(bob.username)).state == "verified"
    pin = ann.people.pins.of(bob.username)
    assert pin is not None
    assert pin.encryption == bob.pairs.encryption[0].public


async def test_a_folder_is_one_persons(people: Company) -> None:
    ann = await people.join("ann")

    with pytest.raises(HomeTaken):
        await Ilo.register(
            people.api_url,
            "somebody",
            PASSWORD,
            home=people.home(ann.username),
            passphrase=PASSPHRASE,
        )


async def test_who_has_keys_elsewhere_is_told_so(people: Company) -> None:
    ann = await people.join("ann")

    with pytest.raises(NoKeys):
        await Ilo.login(
            people.api_url,
            ann.username,
            PASSWORD,
            home=people.folder / "elsewhere",
            passphrase=PASSPHRASE,
        )


async def test_a_name_that_is_taken_leaves_the_folder_free(people: Company) -> None:
    ann = await people.join("ann")
    home = people.folder / "second"

    with pytest.raises(ServerRefused) as refused:
        await Ilo.register(people.api_url, ann.username, PASSWORD, home=home, passphrase=PASSPHRASE)

    assert refused.value.code == "name-taken"
    assert Home(home).keys() is None


async def test_after_a_logout_one_logs_in_with_the_keys_of_the_folder(people: Company) -> None:
    ann = await people.join("ann")
    await ann.logout()

    with pytest.raises(NotLoggedIn):
        await people.again(ann)
    with pytest.raises(Refused, match="passphrase"):
        await Ilo.login(
            people.api_url,
            ann.username,
            PASSWORD,
            home=people.home(ann.username),
            passphrase="wrong",
        )
    again = await Ilo.login(
        people.api_url,
        ann.username,
        PASSWORD,
        home=people.home(ann.username),
        passphrase=PASSPHRASE,
    )
    await people.ends.enter_async_context(again)
    assert again.pairs == ann.pairs
    assert again.is_my_card
    other = await people.again(again)
    await again.logout_elsewhere()
    assert await other.rooms() == []


async def test_a_server_that_is_not_there_is_named_so(people: Company) -> None:
    with pytest.raises(Unreachable):
        await Ilo.register(
            "http://127.0.0.1:9",
            "ann",
            PASSWORD,
            home=people.folder / "nowhere",
            passphrase=PASSPHRASE,
        )


async def test_slow_work_is_done_beside_the_event_loop_and_told_of(
    people: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: dict[str, set[str]] = {"beside": set(), "in the loop": set()}

    def watch(place: str) -> None:
        module, _, name = place.rpartition(".")
        work = getattr(importlib.import_module(module), name)

        def watched(*given: Any, **named: Any) -> Any:
            is_beside = threading.current_thread() is not threading.main_thread()
            done["beside" if is_beside else "in the loop"].add(place)
            return work(*given, **named)

        monkeypatch.setattr(place, watched)

    slow = {
        "ilo_client.ilo.make_key_pairs",
        "ilo_client.keyfile.lock",
        "ilo_client.keyfile.unlock",
        "ilo_client.keys._make_decryption_key",
        "ilo_client.backup.lock",
        "ilo_client.backup.unlock",
        "ilo_client.people.safety_number",
        "ilo_client.sending.seal",
        "ilo_client.sending.open_envelope",
        "ilo_client.reading.open_envelope",
    }
    for place in slow:
        watch(place)
    words: list[str] = []
    name, home = "slow-and-steady", people.folder / "slow"
    who = (people.api_url, name, PASSWORD)
    async with await Ilo.register(
        *who, home=home, passphrase=PASSPHRASE, progress=words.append
    ) as ilo:
        assert words == ["making keys", "locking the keys", "registering", "logging in"]
        await ilo.rotate_keys(PASSPHRASE)
        room = await people.private_room(ilo)
        async with ilo.room(room) as mine:
            await mine.send("one")
            assert await texts(mine, 1) == ["one"]
            form = mine._sender()._new
            roster = await mine._roster_to_send(fresh=True)
            await asyncio.to_thread(form, roster, "text", "left over", mine._sender()._place())
            await mine.send("two")
        await ilo.safety_number((await people.join("bob")).username)
        backup = await ilo.backup("of the backup")
    restored = await Ilo.restore(
        people.api_url,
        backup,
        "of the backup",
        PASSWORD,
        home=people.folder / "restored",
        passphrase=PASSPHRASE,
    )
    await restored.close()

    assert done == {"beside": slow, "in the loop": set()}


async def test_no_secret_is_in_a_repr_a_log_or_an_error(
    people: Company, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ann, bob = await people.join_all("ann", "bob")
    room = await people.private_room(ann, bob)
    anns, bobs = await people.enter(ann, room), await people.enter(bob, room)
    await anns.send("a secret text")
    [heard] = await said(bobs, 1)
    with pytest.raises(ServerRefused) as refused:
        await Ilo.login(
            people.api_url,
            ann.username,
            "Wrong-Passw0rd-Boreas",
            home=people.home(ann.username),
            passphrase=PASSPHRASE,
        )

    session = ann.session
    shown = [ann, anns, ann.home, session, ann.memory, ann.pairs, heard, refused.value]
    text = " ".join([*map(repr, shown), *map(str, shown), caplog.text])
    private = next(iter(ann.pairs.encryption[0].private_members.values()))
    assert session.token
    secrets = [session.token, session.api_key, PASSWORD, "Boreas", PASSPHRASE, "secret text"]
    assert [secret for secret in [*secrets, private] if secret in text] == []
    # What is searched for is found where it stands.
    assert ann.username in text
