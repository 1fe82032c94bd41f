"""A person at the window: real events of mouse and keys, on a display without a screen."""

from __future__ import annotations

import time
import tkinter as tk
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tkinter import ttk
from typing import TYPE_CHECKING, Final, TypeVar

from ilo_client import Message, NotShown

from tests.support.display import Display
from tests.support.encrypted import PASSPHRASE, PASSWORD
from tests.support.websocket import WAIT_S

if TYPE_CHECKING:
    from concurrent.futures import Future

    import pytest
    from ilo_window.theme import Choice
    from ilo_window.views.members import Members
    from ilo_window.views.page import View
    from ilo_window.views.sign_in import SignIn, WayIn
    from ilo_window.views.talk import Talk
    from ilo_window.window import Window

Some = TypeVar("Some")
KEYSYMS: Final = {" ": "space", "!": "exclam", "-": "minus", "~": "asciitilde", ".": "period"}
PAUSE_S: Final = 0.005
COMES_BACK_S: Final = 90.0
"""A client that tried in vain for a while waits up to half a minute before it tries again."""


class Desk:
    """One window, and who sits at it."""

    def __init__(self, window: Window, display: Display) -> None:
        self.window = window
        self.root = window.root
        self.display = display
        self.complaints: list[BaseException] = []
        self.root.report_callback_exception = self._complain

    def _complain(self, kind: type[BaseException], error: BaseException, trace: object) -> None:
        self.complaints.append(error)

    # -- time

    def turn(self) -> None:
        self.root.update()
        if self.complaints:
            raise self.complaints[0]

    def until(self, is_so: Callable[[], object], what: str, wait_s: float = COMES_BACK_S) -> None:
        """Let the window live until ``is_so``."""
        end = time.monotonic() + wait_s
        while not is_so():
            if time.monotonic() > end:
                raise AssertionError(f"it did not happen: {what}\n{self.told()}")
            self.turn()
            time.sleep(PAUSE_S)
        self.turn()

    def told(self) -> str:
        """Return all words in sight."""
        return "\n".join(
            str(widget.cget("text"))
            for widget in self.widgets()
            if isinstance(widget, ttk.Label | ttk.Button) and widget.winfo_ismapped()
        )

    def widgets(self, under: tk.Misc | None = None) -> Iterator[tk.Misc]:
        for child in (under or self.root).winfo_children():
            yield child
            yield from self.widgets(child)

    # -- hands

    def click(self, widget: tk.Misc, x: int | None = None, y: int | None = None) -> None:
        self.turn()
        left = widget.winfo_width() // 2 if x is None else x
        top = widget.winfo_height() // 2 if y is None else y
        assert widget.winfo_ismapped(), f"{widget} is not to be seen"
        for event in ("<Enter>", "<Motion>", "<ButtonPress-1>", "<ButtonRelease-1>", "<Leave>"):
            if _exists(widget):
                widget.event_generate(event, x=left, y=top)
            self.turn()

    def press(self, keys: str, widget: tk.Misc | None = None) -> None:
        """Press a key where the focus is, or in ``widget``."""
        # Without a window manager nobody else gives the window the focus.
        (widget or self.root.focus_get() or self.root).focus_force()
        self.turn()
        (self.root.focus_get() or self.root).event_generate(keys)
        self.turn()

    def type(self, widget: tk.Entry | tk.Text, text: str) -> None:
        """Type ``text`` key by key; what has no key here, as an input method would put it in."""
        widget.focus_force()
        self.turn()
        for letter in text:
            if letter.isascii() and (letter.isalnum() or letter in KEYSYMS):
                widget.event_generate("<KeyPress>", keysym=KEYSYMS.get(letter, letter))
            else:
                widget.insert("insert", letter)
        self.turn()

    def fill(self, entry: ttk.Entry, text: str) -> None:
        """Type ``text`` in place of what is there."""
        entry.delete(0, "end")
        self.type(entry, text)

    # -- what people do

    def sign_in(self) -> SignIn:
        from ilo_window.views.sign_in import SignIn

        self.until(lambda: isinstance(self.window.view, SignIn), "a way to sign in")
        assert isinstance(self.window.view, SignIn)
        return self.window.view

    def register(self, server: str, name: str) -> None:
        view = self.sign_in()
        self.click(view.tabs["register"])
        self.fill(view.fields["server"].entry, server)
        self.fill(view.fields["name"].entry, name)
        self.fill(view.fields["password"].entry, PASSWORD)
        self.fill(view.fields["passphrase"].entry, PASSPHRASE)
        self.submit(view)
        self.until_in()

    def unlock(self, expects: str = "● connected") -> None:
        from ilo_window.views.sign_in import Unlock

        self.until(lambda: isinstance(self.window.view, Unlock), "the passphrase is asked for")
        view = self.window.view
        assert isinstance(view, Unlock)
        self.type(view.fields["passphrase"].entry, PASSPHRASE)
        self.press("<Return>")
        self.until_in(expects)

    def submit(self, view: WayIn) -> None:
        """Press the button by its key: it may be below what is in sight."""
        self.press("<Return>", view.go)

    def until_in(self, expects: str = "● connected") -> None:
        self.until(lambda: self.window.main is not None, "being in")
        self.until(lambda: expects in self.told(), expects)

    def close(self) -> None:
        """Wait until the window, which was told to close, is gone, with all that worked for it."""
        end = time.monotonic() + WAIT_S
        while _exists(self.root) and time.monotonic() < end:
            self.root.update()
            time.sleep(PAUSE_S)
        assert not _exists(self.root), "the window did not close"
        assert self.window._worker.is_over, "the worker did not end"

    @property
    def me(self) -> str:
        return self.window.state.name

    @property
    def page(self) -> View:
        assert self.window.main is not None
        return self.window.main.page

    def talk(self) -> Talk:
        """Return the room that is looked at."""
        from ilo_window.views.talk import Talk

        assert isinstance(self.page, Talk)
        return self.page

    def join(self, room: str, *, is_plaintext: bool = False) -> Talk:
        """Join an open room by its name."""
        from ilo_window.views.new_room import NewRoom

        self.press("<Control-n>")
        page = self.page
        assert isinstance(page, NewRoom)
        self.type(page.room.entry, room)
        page.is_plaintext.set(is_plaintext)
        self.press("<Return>")
        return self.arrive(room)

    def make_room(self, label: str) -> str:
        """Make a private room, and return its name."""
        from ilo_window.views.new_room import NewRoom

        self.press("<Control-n>")
        page = self.page
        assert isinstance(page, NewRoom)
        before = self.window.state.current
        self.type(page.label.entry, label)
        self.press("<Return>")
        self.until(lambda: self.window.state.current != before, "a room")
        room = self.window.state.current
        assert room is not None
        self.arrive(room)
        return room

    def choose(self, room: str) -> None:
        """Click a room in the list."""
        main = self.window.main
        assert main is not None
        self.until(lambda: main.rooms.item_of(room), f"{room} in the list")
        item = main.rooms.item_of(room)
        assert item is not None
        main.rooms.tree.see(item)
        box = main.rooms.tree.bbox(item)
        assert not isinstance(box, str)
        self.click(main.rooms.tree, box[0] + 20, box[1] + box[3] // 2)

    def choose_here(self, room: str) -> None:
        """Choose a room, where it is narrow by its list."""
        self.press("<Control-l>")
        self.choose(room)

    def arrive(self, room: str) -> Talk:
        line = f"the line of {room}"
        self.until(lambda: self.window.state.lines.get(room), line, COMES_BACK_S)
        self.until(lambda: self.window.state.talk(room).is_loaded, f"the history of {room}")
        return self.talk()

    def members(self) -> Members:
        """Look at who is in the room that is looked at."""
        from ilo_window.views.members import Members

        self.press("<Control-m>")
        assert isinstance(self.page, Members)
        return self.page

    def verify(self, name: str) -> str:
        """Say that the digits of ``name`` are the same; return those that are shown."""
        from ilo_window.views.person import Person

        page = self.members()
        self.until(lambda: name in states(page), "the members")
        page.choose(name)
        self.press("<Return>", page.compare)
        person = self.page
        assert isinstance(person, Person)
        self.until(lambda: person.number is not None, "the number")
        self.until(lambda: person.waits is None, "the answer")
        digits = "".join(str(person.digits.cget("text")).split())
        self.press("<Return>", person.same)
        self.until(lambda: "You have compared" in self.told(), "verified")
        self.press("<Escape>")
        self.press("<Escape>")
        return digits

    def say(self, text: str) -> None:
        page = self.talk()
        self.type(page.entry, text)
        self.press("<Return>")

    def said(self, room: str | None = None) -> list[str]:
        """Return the texts of the messages that are shown; of one that is not, its code."""
        talk = self.window.state.talk(room or self.window.state.current or "")
        lines = [line for _, line in talk.lines]
        return [
            line.text if isinstance(line, Message) else line.code
            for line in lines
            if isinstance(line, Message | NotShown)
        ]

    def until_said(self, *texts: str, room: str | None = None) -> None:
        """Wait until these are the newest messages."""
        self.until(
            lambda: self.said(room)[-len(texts) :] == list(texts), f"{texts}, not {self.said(room)}"
        )

    def wait(self, future: Future[Some]) -> Some:
        """Let the window live until what friends do is done."""
        self.until(future.done, "friends are done", COMES_BACK_S)
        return future.result()

    def size(self, width: int, height: int) -> None:
        self.root.geometry(f"{width}x{height}+0+0")
        self.until(lambda: self.root.winfo_width() == width, f"{width} pixels wide")
        self.settle()

    def settle(self) -> None:
        """Let the window come to rest: what is laid out may change how much room it asks for."""
        for _ in range(12):
            self.turn()
            time.sleep(PAUSE_S)

    def picture(self, file: Path) -> None:
        self.settle()
        box = (
            self.root.winfo_rootx(),
            self.root.winfo_rooty(),
            self.root.winfo_width(),
            self.root.winfo_height(),
        )
        self.display.picture(file, box)


@contextmanager
def at_a_window(
    display: Display,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    server: str = "",
    choice: Choice = "light",
) -> Iterator[Desk]:
    """Open a window on the folder ``home``; it is closed as people close it, at the end."""
    from ilo_window.window import Window
    from ilo_window.worker import Worker

    monkeypatch.setenv("DISPLAY", display.name)
    worker = Worker(home)
    root = tk.Tk()
    desk = Desk(Window(root, worker, choice=choice, server=server), display)
    root.geometry("+0+0")
    try:
        yield desk
    finally:
        desk.window.close()
        desk.close()
        assert desk.complaints == []


def states(page: Members) -> dict[str, str]:
    """Return who is listed; of who is invited only, that."""
    found = {}
    for item, name in page._names.items():
        found[name] = "invited" if "invited" in str(page.tree.item(item, "text")) else ""
    return found


def _exists(root: tk.Misc) -> bool:
    try:
        return bool(root.winfo_exists())
    except tk.TclError:
        return False
