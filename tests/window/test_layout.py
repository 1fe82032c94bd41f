"""Nothing in the window is clipped or unreadable, in any view, narrow and wide, light and dark."""

import os
import tkinter as tk
from collections.abc import Callable, Iterator
from pathlib import Path
from tkinter import ttk

from ilo_client import Change, Gap, MemberInfo, Message, NotShown, Person
from ilo_window import news
from ilo_window.theme import contrast
from ilo_window.views.person import Person as PersonView
from ilo_window.views.sign_in import SignIn, Unlock
from ilo_window.widgets import Elided, Scrolled

from tests.support.desktop import Desk
from tests.support.friends import Friends
from tests.support.ilo_process import IloProcess

Sit = Callable[..., Desk]

LONG = "Донаудампфшиффартсгезелльшафтскапитэн von und zu " + "Wx" * 60
SHOTS = os.environ.get("ILO_SHOTS")
"""A folder for pictures of everything; none are made without it."""
READABLE = 4.5


def clipped(root: tk.Misc, widgets: Iterator[tk.Misc]) -> list[str]:
    """Return what is wrong with the place of each widget in sight."""
    found = []
    for widget in widgets:
        if not widget.winfo_ismapped() or isinstance(widget, tk.Canvas | tk.Text | ttk.Treeview):
            continue
        width, height = widget.winfo_width(), widget.winfo_height()
        if widget.winfo_reqwidth() > width and not isinstance(widget, Elided):
            found.append(f"{widget}: {widget.winfo_reqwidth()} wide in {width}")
        if widget.winfo_reqheight() > height and not isinstance(widget, Scrolled):
            found.append(f"{widget}: {widget.winfo_reqheight()} high in {height}")
        left = widget.winfo_rootx() - root.winfo_rootx()
        top = widget.winfo_rooty() - root.winfo_rooty()
        if left < 0 or left + width > root.winfo_width():
            found.append(f"{widget}: from {left} to {left + width}")
        # What scrolls may be above or below.
        if not is_scrolled(widget) and (top < 0 or top + height > root.winfo_height()):
            found.append(f"{widget}: from {top} down to {top + height}")
    return found


def is_scrolled(widget: tk.Misc) -> bool:
    parent: tk.Misc | None = widget
    while parent is not None:
        parent = parent.master
        if isinstance(parent, Scrolled):
            return True
    return False


def pale(desk: Desk) -> list[str]:
    """Return the widgets in sight whose letters are hard to tell from their ground."""
    style, found = desk.window.theme.style, []
    for widget in desk.widgets():
        if not widget.winfo_ismapped():
            continue
        if isinstance(widget, ttk.Label | ttk.Button | ttk.Entry | ttk.Checkbutton | ttk.Treeview):
            name = str(widget.cget("style")) or widget.winfo_class()
            states = widget.state()
            ground = "fieldbackground" if isinstance(widget, ttk.Entry) else "background"
            pair = (style.lookup(name, "foreground", states), style.lookup(name, ground, states))
        elif isinstance(widget, tk.Text):
            pair = (str(widget.cget("foreground")), str(widget.cget("background")))
        else:
            continue
        if contrast(*pair) < READABLE:
            found.append(f"{widget}: {pair[0]} on {pair[1]}")
    return found


def look(desk: Desk, name: str) -> None:
    """See that nothing is clipped, at all sizes and in both themes, and take pictures."""
    for width, height in ((480, 480), (1200, 700), (1600, 900), (720, 480)):
        desk.size(width, height)
        for choice in ("light", "dark"):
            desk.window.choice.set(choice)
            desk.window.use_theme()
            desk.settle()
            assert clipped(desk.root, desk.widgets()) == [], f"{name} at {width}, {choice}"
            assert pale(desk) == [], f"{name} at {width}, {choice}"
            if SHOTS and width in (480, 1200):
                desk.picture(Path(SHOTS) / f"{name}-{width}-{choice}.png")


def test_ways_in(sit_down: Sit, ilo: IloProcess) -> None:
    desk = sit_down(server=ilo.api_url)
    view = desk.sign_in()
    assert isinstance(view, SignIn)
    for mode, tab in (*view.tabs.items(), ("register", view.tabs["register"])):
        desk.click(tab)
        look(desk, f"sign-in-{mode.replace(' ', '-')}")
    desk.type(view.fields["name"].entry, "ada🍪")
    desk.type(view.fields["password"].entry, "short")
    desk.submit(view)
    view.anew.grid()
    view.wrong.say(
        "Your keys are not in this folder. Restore a backup, or make new keys, which"
        " everybody will be warned of."
    )
    view.bar.grid()
    view.progress.say("Making your keys: this may take some seconds …")
    look(desk, "sign-in-problems")
    folder = news.Folder(LONG, "https://chat.example:8443", True)
    desk.window._turn_to(Unlock(desk.root, desk.window, folder))
    look(desk, "unlock")


def said(seq: int, sender: str, text: str, **more: object) -> Message:
    at = f"2026-01-{1 + seq // 8:02}T12:{seq:02}:00.000Z"
    return Message(f"id{seq}", seq, sender, at, text, **more)  # type: ignore[arg-type]


def a_lively_room(desk: Desk, room: str) -> None:
    """Let all come that can: each kind of line, long names, emoji, warnings."""
    me = desk.me
    lines: list[Message | NotShown] = [
        said(1, "Ωρίων", "Good morning! Who brings the cookies today? 🍪"),
        said(2, "Ωρίων", "And the tea 🍵"),
        said(
            3, me, "I do. They are in the oven, and will be for another ten minutes.", is_own=True
        ),
        said(4, LONG, "My name is long, and I have a lot to say about that. " * 6),
        said(5, "ada🍪", "שלום לכולם, مرحبا", warnings=("gap",)),
        said(6, me, "👋", is_own=True),
        said(8, "Ωρίων", "The next morning.", warnings=("gap", "unknown-recipient")),
        NotShown(9, "eve", "signature", "its signature is wrong"),
        said(10, "ada🍪", "W" * 300),
    ]
    state, hear = desk.window.state, desk.window._hear
    state.talk(room).clear()
    hear(news.Page(room, None, tuple(lines)))
    hear(news.Happened(room, Change("joined", LONG)))
    hear(news.Happened(room, Gap(3, 4, "ahead")))
    for text, delivery, words in (
        ("on its way", None, ""),
        ("not sent, and a little longer than that", "failed", "Not sent: a key changed."),
        ("kept", "kept", "Not confirmed: it goes out when you are in this room again."),
    ):
        key = state.talk(room).say(text).key
        if delivery is not None:
            hear(news.Delivery(room, key, delivery, words))  # type: ignore[arg-type]
    desk.window.later(desk.window._do_later)
    desk.settle()


def test_rooms_and_pages(desk: Desk, friends: Friends) -> None:
    ann = friends.do(friends.people.join("ann"))
    invitation = friends.do(ann.create_room())
    friends.do(ann.invite(invitation, desk.me))
    look(desk, "welcome")
    for label in ("Our tea 🍵", LONG):
        desk.make_room(label)
    room = desk.talk().room
    desk.join("tea")
    desk.choose(room)
    desk.arrive(room)
    a_lively_room(desk, room)
    look(desk, "talk")
    desk.talk().bubbles.focus_force()
    desk.press("<Up>")
    desk.window._hear(news.Happened(room, Change("key-changed", LONG)))
    desk.window._hear(news.Line(room, False))
    desk.type(desk.talk().entry, "a line that is typed " * 20)
    desk.settle()
    look(desk, "talk-alarm")
    page = desk.talk()
    assert page.bubbles.bbox("all")[2] <= page.bubbles.winfo_width()
    desk.window.show_message(room, said(4, LONG, "a long message " * 500, warnings=("gap",)))
    look(desk, "message")

    desk.press("<Control-m>")
    members = [
        Person("Ωρίων", "verified", "k"),
        Person("ada🍪", "seen", "k"),
        Person(LONG, "changed", "k", "n"),
        Person("eve", "no-card"),
        Person("bob", "new", "k"),
    ]
    desk.settle()
    me = MemberInfo(Person(desk.me, "verified", "k"), "joined")
    others = [MemberInfo(each, "joined" if each.name != "bob" else "invited") for each in members]
    desk.window._hear(news.MembersAre(room, (me, *others)))
    look(desk, "members")
    digits = "".join(f"{number:05}" for number in range(10104, 99999, 7777))[:60]
    for person in (
        Person("Ωρίων", "seen", "k"),
        Person(LONG, "changed", "k"),
        Person("Ωρίων", "verified", "k"),
    ):
        desk.window.show_person(person.name, room)
        view = desk.page
        assert isinstance(view, PersonView)
        desk.settle()
        desk.window._hear(news.Number(person, "k", digits))
        view.wrong.say("")
        look(desk, f"verify-{person.state}")
    desk.press("<Control-n>")
    look(desk, "new-room")
    desk.press("<Control-k>")
    look(desk, "keys")
    desk.choose_here(invitation)
    look(desk, "invitation")
    desk.press("<Control-l>")
    look(desk, "rooms")


def test_a_widget_that_is_too_wide_is_found(desk: Desk) -> None:
    desk.press("<Control-n>")
    desk.settle()
    assert clipped(desk.root, desk.widgets()) == []
    planted = ttk.Label(desk.page.winfo_children()[0], text="too wide " * 30)
    planted.grid(row=0, column=2)
    desk.settle()

    assert clipped(desk.root, desk.widgets()) != []


def test_letters_that_are_too_pale_are_found(desk: Desk) -> None:
    assert pale(desk) == []

    desk.window.theme.style.configure("Muted.TLabel", foreground="#bbbbbb")

    assert pale(desk) != []


def test_all_can_be_reached_by_the_keyboard_and_the_focus_is_seen(desk: Desk) -> None:
    room = desk.make_room("keyboard")
    desk.settle()
    page = desk.talk()
    page.entry.focus_force()
    reached = set()
    for _ in range(30):
        desk.press("<Tab>")
        reached.add(desk.root.focus_get())
    main = desk.window.main
    assert main is not None
    wanted = {page.entry, page.go, page.people, page.bubbles, main.rooms.tree, main.rooms.new}
    assert wanted <= reached
    style = desk.window.theme.style
    for name in ("TButton", "Accent.TButton", "Ghost.TButton", "TEntry"):
        calm, focused = (style.lookup(name, "bordercolor", state) for state in ((), ("focus",)))
        assert calm != focused, name
    desk.press("<Control-m>")
    desk.press("<Escape>")
    assert desk.talk().room == room


def test_the_colours_change_while_it_runs(desk: Desk) -> None:
    desk.join("colours")
    menu = desk.window.menu(desk.root)
    cascade = desk.root.nametowidget(menu.entrycget("Colours", "menu"))
    before = str(desk.talk().bubbles.cget("background"))

    cascade.invoke("Dark")
    desk.settle()

    assert str(desk.talk().bubbles.cget("background")) != before
    assert contrast(str(desk.talk().entry.cget("background")), "#000000") < 2
    cascade.invoke("Light")
    assert str(desk.talk().bubbles.cget("background")) == before
