"""Keys in the window: compared, changed, accepted."""

from collections.abc import Callable

from ilo_client import Ilo
from ilo_window.views.members import Members
from ilo_window.views.person import Person

from tests.support.desktop import Desk
from tests.support.encrypted import PASSPHRASE, PASSWORD
from tests.support.friends import Friends

Sit = Callable[..., Desk]


def private_room(desk: Desk, friends: Friends, bob: Ilo) -> str:
    room = desk.make_room("between us")
    worker_ilo = desk.window._worker._ilo
    assert worker_ilo is not None
    desk.press("<Control-m>")
    page = desk.page
    assert isinstance(page, Members)
    desk.type(page.invite.entry, bob.username)
    desk.press("<Return>")
    desk.until(lambda: "is invited" in desk.told(), "bob is invited")
    desk.wait(friends.begin(bob.accept(room)))
    desk.until(lambda: "invited" not in "".join(states(page)), "bob is in")
    desk.press("<Escape>")
    return room


def states(page: Members) -> list[str]:
    return [
        f"{page.tree.item(item, 'text')} {page.tree.set(item, 'state')}"
        for item in page.tree.get_children()
    ]


def compare(desk: Desk, name: str) -> Person:
    desk.press("<Control-m>")
    page = desk.page
    assert isinstance(page, Members)
    desk.until(lambda: name in "".join(states(page)), "the members")
    page.choose(name)
    desk.press("<Return>", page.compare)
    person = desk.page
    assert isinstance(person, Person)
    desk.until(lambda: person.number is not None, "the number")
    return person


def test_both_see_the_same_digits_and_who_compared_them_is_told_so(
    desk: Desk, friends: Friends
) -> None:
    bob = friends.do(friends.people.join("bob"))
    private_room(desk, friends, bob)

    page = compare(desk, bob.username)

    shown = "".join(str(page.digits.cget("text")).split())
    assert shown == desk.wait(friends.begin(bob.safety_number(desk.me)))
    assert len(shown) == 60
    desk.until(lambda: page.waits is None, "the answer")
    desk.press("<Return>", page.same)
    desk.until(lambda: "You have compared" in desk.told(), "verified")
    desk.press("<Escape>")
    members = desk.page
    assert isinstance(members, Members)
    desk.until(lambda: f"{bob.username} ✓ verified" in states(members), "the list says so")


def test_a_changed_key_stops_what_is_sent_until_it_is_accepted(
    desk: Desk, friends: Friends
) -> None:
    bob = friends.do(friends.people.join("bob"))
    room = private_room(desk, friends, bob)
    desk.say("one")
    desk.until_said("one")

    other = friends.do(
        Ilo.login(
            friends.people.api_url,
            bob.username,
            PASSWORD,
            home=friends.people.folder / "other",
            passphrase=PASSPHRASE,
            api_key=bob.session.api_key,
            new_keys=True,
        )
    )
    friends.do(friends.people.ends.enter_async_context(other))
    others = friends.do(friends.people.enter(other, room))
    desk.until(lambda: "Nothing is sent until" in desk.told(), "the change is told")
    desk.say("two")
    page = desk.talk()
    desk.until(lambda: page.talk.outgoing and page.talk.outgoing[0].state == "failed", "stopped")
    assert "two" not in [getattr(m, "text", "") for m in desk.wait(friends.begin(others.history()))]

    desk.click(page.act)
    person = desk.page
    assert isinstance(person, Person)
    desk.until(lambda: person.number is not None and person.waits is None, "the number")
    shown = "".join(str(person.digits.cget("text")).split())
    assert shown == desk.wait(friends.begin(other.safety_number(desk.me)))
    assert "changed" in desk.told()
    desk.press("<Return>", person.same)
    desk.until(lambda: "You have compared" in desk.told(), "accepted")
    desk.press("<Escape>")
    desk.press("<Escape>")

    # What was not sent is sent by choosing it.
    page = desk.arrive(room)
    desk.until(lambda: page.bubbles.is_whole, "all is drawn")
    assert not page.banner.winfo_ismapped()
    row = page.bubbles._drawn[-1]
    assert row.row.can_retry
    y = (row.top + row.bottom) // 2 - int(page.bubbles.canvasy(0))
    desk.click(page.bubbles, page.bubbles.winfo_width() - 60, y)
    desk.until_said("two")
    assert page.talk.outgoing == []
