"""Rooms in the window, at a real server: join, talk, change rooms, private ones, and members."""

from collections.abc import Callable

import pytest
from ilo_client import Ilo, Room
from ilo_window.asks import Refresh
from ilo_window.conversation import MOST_LINES
from ilo_window.views.main import Welcome
from ilo_window.views.members import Members
from ilo_window.views.message import Whole
from ilo_window.views.new_room import Invitation

from tests.support.desktop import Desk
from tests.support.friends import Friends

Sit = Callable[..., Desk]


def enter(friends: Friends, who: Ilo, room: str, *, plaintext: bool = False) -> Room:
    return friends.do(friends.people.enter(who, room, plaintext=plaintext))


def test_two_talk_and_each_message_is_shown_once(desk: Desk, friends: Friends) -> None:
    bob = friends.do(friends.people.join("bob"))
    desk.join("tea-for-two")
    bobs = enter(friends, bob, "tea-for-two")
    desk.until(lambda: bob.username in str(desk.talk().talk.lines), "bob comes in")

    desk.say("hello bob!")
    desk.until_said("hello bob!")
    desk.wait(friends.begin(bobs.send("hello 🍪 שלום")))
    desk.until_said("hello bob!", "hello 🍪 שלום")

    assert desk.talk().talk.outgoing == []
    texts = [row.text for row in desk.talk().bubbles._rows if row.side != "middle"]
    assert texts == ["hello bob!", "hello 🍪 שלום"]


def test_one_changes_rooms_and_what_was_typed_stays(desk: Desk, friends: Friends) -> None:
    bob = friends.do(friends.people.join("bob"))
    desk.join("first-room")
    desk.say("here")
    desk.until_said("here")
    desk.type(desk.talk().entry, "not sent yet")
    desk.join("second-room")
    assert desk.said() == []
    assert desk.talk().entry.get("1.0", "end-1c") == ""

    bobs = enter(friends, bob, "first-room")
    desk.wait(friends.begin(bobs.send("are you there")))
    state = desk.window.state
    desk.until(lambda: state.unread("first-room") == 1, "one is unread")
    desk.until(lambda: "1" in counts(desk), "the list says so")
    desk.choose("first-room")

    desk.until_said("here", "are you there")
    assert state.unread("first-room") == 0
    assert desk.talk().entry.get("1.0", "end-1c") == "not sent yet"
    desk.press("<Alt-Down>")
    assert desk.talk().room == "second-room"


def counts(desk: Desk) -> list[str]:
    assert desk.window.main is not None
    tree = desk.window.main.rooms.tree
    return [str(tree.set(item, "count")).strip() for item in tree.get_children()]


def test_lines_begin_with_shift_and_an_empty_message_is_none(desk: Desk) -> None:
    desk.join("lines")
    page = desk.talk()
    desk.press("<Return>", page.entry)
    assert page.talk.outgoing == []
    desk.type(page.entry, "one")
    desk.press("<Shift-Return>")
    desk.type(page.entry, "two")
    desk.press("<Return>")

    desk.until_said("one\ntwo")


def test_a_private_room_with_a_label_and_who_is_invited_and_removed(
    desk: Desk, friends: Friends
) -> None:
    bob = friends.do(friends.people.join("bob"))
    room = desk.make_room("our tea")
    assert desk.talk().title.whole == "our tea"

    desk.click(desk.talk().people)
    page = desk.page
    assert isinstance(page, Members)
    desk.type(page.invite.entry, "nobody of that name")
    desk.press("<Return>")
    desk.until(lambda: page.invite.wrong, "there is nobody")
    desk.fill(page.invite.entry, bob.username)
    desk.press("<Return>")
    desk.until(lambda: "is invited" in desk.told(), "bob is invited")
    desk.wait(friends.begin(bob.accept(room)))
    bobs = enter(friends, bob, room)
    desk.until(lambda: bob.username in names(page) and "invited" not in names(page), "bob is in")

    desk.press("<Escape>")
    desk.say("only for us")
    desk.until_said("only for us")
    desk.wait(friends.begin(bobs.send("yes")))
    desk.until_said("only for us", "yes")

    desk.press("<Control-m>")
    again = desk.page
    assert isinstance(again, Members)
    desk.until(lambda: bob.username in names(again), "the members")
    again.choose(bob.username)
    desk.press("<Return>", again.remove)
    assert bob.username in names(again)
    desk.press("<Return>", again.remove)
    desk.until(lambda: "is removed" in desk.told(), "bob is removed")
    assert bob.username not in names(again)


def names(page: Members) -> str:
    return "\n".join(str(page.tree.item(item, "text")) for item in page.tree.get_children())


@pytest.mark.parametrize("answer", ["accept", "decline"])
def test_an_invitation_is_shown_and_answered(desk: Desk, friends: Friends, answer: str) -> None:
    ann = friends.do(friends.people.join("ann"))
    room = friends.do(ann.create_room("secret tea"))
    friends.do(ann.invite(room, desk.me))
    desk.window.ask(Refresh())
    desk.choose(room)
    page = desk.page
    assert isinstance(page, Invitation)
    assert ann.username in desk.told()

    if answer == "decline":
        desk.press("<Return>", page.decline)
        desk.until(lambda: room not in desk.window.state.entries, "it is gone")
        assert isinstance(desk.page, Welcome)
        return
    desk.type(page.label.entry, "ann and me")
    desk.press("<Return>", page.accept)
    desk.arrive(room)
    desk.until(lambda: desk.talk().title.whole == "ann and me", "the label")
    anns = enter(friends, ann, room)
    desk.wait(friends.begin(anns.send("welcome")))
    desk.until_said("welcome")


def test_what_is_not_encrypted_says_so_and_is_known_again(desk: Desk, friends: Friends) -> None:
    bob = friends.do(friends.people.join("bob"))
    bobs = enter(friends, bob, "in-the-clear", plaintext=True)
    desk.join("in-the-clear", is_plaintext=True)
    assert desk.talk().badge.winfo_ismapped()

    desk.say("everybody may read this")
    desk.until_said("everybody may read this")
    desk.wait(friends.begin(bobs.send("indeed")))
    desk.until_said("everybody may read this", "indeed")

    desk.join("elsewhere")
    assert not desk.talk().badge.winfo_ismapped()
    desk.choose("in-the-clear")
    desk.arrive("in-the-clear")
    assert desk.talk().badge.winfo_ismapped()


def test_older_messages_come_when_one_scrolls_up_and_lines_are_bounded(
    desk: Desk, friends: Friends
) -> None:
    bob = friends.do(friends.people.join("bob"))
    bobs = enter(friends, bob, "a-long-talk", plaintext=True)

    async def talk() -> None:
        for number in range(1, 331):
            await bobs.send(str(number))

    desk.wait(friends.begin(talk()))
    page = desk.join("a-long-talk", is_plaintext=True)
    desk.until(lambda: desk.said()[-1:] == ["330"], "the newest page")
    assert page.bubbles.is_at_end

    desk.press("<Tab>", page.people)
    page.bubbles.focus_force()
    for _ in range(40):
        desk.press("<Home>")
        desk.until(lambda: not page.talk.is_asking, "older ones")
        if not page.talk.has_older:
            break
    assert desk.said()[0] == "1"
    assert len(page.talk.lines) <= MOST_LINES
    assert page.talk.has_newer
    assert "older messages" in desk.told()

    desk.wait(friends.begin(bobs.send("331")))
    desk.click(page.act)
    desk.until_said("330", "331")
    assert page.bubbles.is_at_end


def test_who_reads_older_messages_is_not_torn_away(desk: Desk, friends: Friends) -> None:
    bob = friends.do(friends.people.join("bob"))
    bobs = enter(friends, bob, "calm", plaintext=True)

    async def talk() -> None:
        for number in range(60):
            await bobs.send(f"line {number}")

    desk.wait(friends.begin(talk()))
    page = desk.join("calm", is_plaintext=True)
    desk.until(lambda: desk.said()[-1:] == ["line 59"], "the newest page")
    page.bubbles.yview_moveto(0.5)
    desk.turn()
    seen = page.bubbles.canvasy(0)
    top = page.bubbles._drawn[10].top

    desk.wait(friends.begin(bobs.send("news")))
    desk.until_said("line 59", "news")

    assert page.bubbles.canvasy(0) - page.bubbles._drawn[10].top == pytest.approx(seen - top, abs=2)
    assert not page.bubbles.is_at_end


def test_a_long_message_is_read_and_copied_on_a_page_of_its_own(desk: Desk) -> None:
    page = desk.join("long")
    text = "word " * 2000 + "end"
    page.entry.insert("1.0", text)
    desk.press("<Return>", page.entry)
    desk.until_said(text)
    page.bubbles.focus_force()
    desk.press("<Up>")
    page.bubbles.event_generate("<<Copy>>")
    assert desk.root.clipboard_get() == text

    desk.press("<Return>")
    whole = desk.page
    assert isinstance(whole, Whole)
    assert whole.text.get("1.0", "end-1c") == text
    desk.press("<Escape>")
    assert desk.talk().room == "long"


def test_any_letter_can_be_shown(desk: Desk, friends: Friends) -> None:
    bob = friends.do(friends.people.join("bob"))
    bobs = enter(friends, bob, "letters", plaintext=True)
    page = desk.join("letters", is_plaintext=True)
    texts = [
        "👩‍👩‍👧‍👦 🏳️‍🌈 👋🏽 🇪🇺",
        "\x01\x1b[31m\x07\u202eright",
        "e" + "\u0301" * 400,
        "\U0010ffff \ufffe \ue000",
        "مرحبا 𝕏 𓂀 漢字 ไทย",
        "a\n" * 300,
        "w" * 3000,
    ]

    for text in texts:
        desk.wait(friends.begin(bobs.send(text)))
    desk.until(lambda: len(desk.said()) == len(texts), "all of them")

    assert desk.said() == texts
    desk.until(lambda: page.bubbles.is_whole, "all is drawn")
    box = page.bubbles.bbox("all")
    assert box[0] >= 0
    assert box[2] <= page.bubbles.winfo_width()


def test_a_room_is_left_and_a_room_of_mine_deleted(desk: Desk) -> None:
    desk.join("for-a-while")
    mine = desk.make_room("mine")
    desk.press("<Control-m>")
    page = desk.page
    assert isinstance(page, Members)
    desk.press("<Return>", page.delete)
    desk.press("<Return>", page.delete)
    desk.until(lambda: mine not in desk.window.state.entries, "it is gone")

    desk.choose("for-a-while")
    desk.arrive("for-a-while")
    desk.press("<Control-m>")
    page = desk.page
    assert isinstance(page, Members)
    desk.press("<Return>", page.leave)
    desk.press("<Return>", page.leave)
    desk.until(lambda: "for-a-while" not in desk.window.state.entries, "it is gone")
    assert isinstance(desk.page, Welcome)
