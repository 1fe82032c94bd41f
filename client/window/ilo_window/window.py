"""The window: what it shows, what it asks the worker, and what it hears of it."""

import logging
import time
import tkinter as tk
from collections.abc import Callable
from tkinter import ttk
from typing import Final

from ilo_client import Message

from ilo_window import asks, emoji, news
from ilo_window.state import State
from ilo_window.theme import CHOICES, Choice, Theme, palette_of
from ilo_window.views.account import Account
from ilo_window.views.main import Main, Welcome
from ilo_window.views.members import Members
from ilo_window.views.message import Whole
from ilo_window.views.new_room import Invitation, NewRoom
from ilo_window.views.page import View
from ilo_window.views.person import Person
from ilo_window.views.sign_in import SignIn, Unlock
from ilo_window.views.talk import Talk
from ilo_window.widgets import watch
from ilo_window.worker import Worker

log = logging.getLogger("ilo_window")

POLL_MS: Final = 20
TURN_S: Final = 0.015
"""So long news may be taken in before events have a turn."""
SMALLEST: Final = (480, 480)
SIZE: Final = "1000x680"
GOODBYE_S: Final = 8.0
"""After so long the program ends, whether or not the rooms were closed."""


class Window:
    """Begins with what is in the folder; `run` returns when it is closed."""

    def __init__(self, root: tk.Tk, worker: Worker, *, choice: Choice, server: str) -> None:
        self.root = root
        self.with_emoji = emoji.are_safe()
        self.theme = Theme(root)
        self.state = State("", "")
        self.choice = tk.StringVar(root, choice)
        self._worker = worker
        self._server = server
        self._desktop_is_dark = False
        self._later: dict[Callable[[], None], None] = {}
        self._closed_at_s: float | None = None
        root.title("Ilo")
        root.minsize(*SMALLEST)
        root.geometry(SIZE)
        root.columnconfigure(0, weight=1)
        root.rowconfigure(0, weight=1)
        root.protocol("WM_DELETE_WINDOW", self.close)
        self.view = View(root, self)
        self.view.grid(sticky="nsew")
        self._bind_keys()
        watch(root)
        self.use_theme()
        worker.start()
        root.after(POLL_MS, self._poll)

    def run(self) -> None:
        self.root.mainloop()

    def close(self) -> None:
        """Close the rooms, then the window."""
        if self._closed_at_s is None:
            self._closed_at_s = time.monotonic()
            self.root.withdraw()
            self._worker.stop()

    # -- worker

    def ask(self, ask: asks.Ask) -> None:
        self._worker.ask(ask)

    def later(self, work: Callable[[], None]) -> None:
        """Do ``work`` once, when the news of this turn are taken in."""
        self._later[work] = None

    def _poll(self) -> None:
        if self._closed_at_s is not None and (
            self._worker.is_over or time.monotonic() - self._closed_at_s > GOODBYE_S
        ):
            self.root.destroy()
            return
        try:
            until = time.monotonic() + TURN_S
            while time.monotonic() < until and (one := self._worker.take()) is not None:
                self._hear(one)
            self._do_later()
        finally:
            self.root.after(POLL_MS, self._poll)

    def _do_later(self) -> None:
        later, self._later = self._later, {}
        for work in later:
            owner = getattr(work, "__self__", None)
            if not isinstance(owner, tk.Misc) or owner.winfo_exists():
                work()

    def _hear(self, one: news.News) -> None:
        match one:
            case news.Desktop(is_dark):
                self._desktop_is_dark = is_dark
                self.use_theme()
            case news.Folder():
                if one.is_open:
                    self._turn_to(Unlock(self.root, self, one))
                else:
                    self.show_sign_in(one)
            case news.Entered(name, server):
                self.state = State(name, server)
                self._turn_to(Main(self.root, self))
                self.state.is_my_card = one.is_my_card
                self.show_rooms()
            case news.LoggedOut(words):
                folder = news.Folder(self.state.name, self.state.server, False)
                self.state = State("", "")
                self.show_sign_in(folder, words)
            case _:
                parts = self.state.take(one)
                self.view.hear(one, parts)

    # -- views

    @property
    def main(self) -> Main | None:
        return self.view if isinstance(self.view, Main) else None

    @property
    def is_narrow(self) -> bool:
        return self.main is not None and self.main.is_narrow

    def show_sign_in(self, folder: news.Folder, words: str = "") -> None:
        view = SignIn(self.root, self, folder, self._server)
        if words:
            view.wrong.say(words)
        self._turn_to(view)

    def show_rooms(self) -> None:
        if self.main is not None:
            self.main.show_rooms()

    def open_room(self, room: str, *, is_plaintext: bool | None = None) -> None:
        """Show a room, or the invitation to it."""
        entry = self.state.entries.get(room)
        if entry is not None and entry.is_invitation:
            self.state.look_at(None)
            self._show(lambda main: Invitation(main, self, entry))
            return
        self.ask(asks.Open(room, is_plaintext))
        self.state.look_at(room)
        self._show(lambda main: Talk(main, self, room))

    def close_room(self) -> None:
        """Look at no room."""
        self.state.look_at(None)
        self._show(lambda main: Welcome(main, self))
        self.show_rooms()

    def leave_page(self) -> None:
        """Go back from a page to the room that was looked at."""
        if self.state.current is not None:
            self.open_room(self.state.current)
        else:
            self.close_room()

    def show_new_room(self) -> None:
        self._show(lambda main: NewRoom(main, self))

    def show_members(self, room: str) -> None:
        self._show(lambda main: Members(main, self, room))

    def show_person(self, name: str, room: str) -> None:
        self._show(lambda main: Person(main, self, name, room))

    def show_account(self) -> None:
        self._show(lambda main: Account(main, self))

    def show_message(self, room: str, message: Message) -> None:
        self._show(lambda main: Whole(main, self, room, message))

    def _show(self, make: Callable[[Main], View]) -> None:
        if self.main is not None:
            page = make(self.main)
            self.main.turn_to(page)
            page.take_focus()
            self.later(self.main.rooms.fill)

    def _turn_to(self, view: View) -> None:
        before, self.view = self.view, view
        view.grid(row=0, column=0, sticky="nsew")
        before.destroy()
        view.take_focus()

    # -- keys, menu and colours

    def use_theme(self) -> None:
        choice = next(each for each in CHOICES if each == self.choice.get())
        palette = palette_of(choice, desktop_is_dark=self._desktop_is_dark)
        if palette != self.theme.palette:
            self.theme.use(palette)

    def menu_button(self, master: tk.Misc, *, style: str) -> ttk.Button:
        """Return a button with everything that has no button of its own."""
        button = ttk.Button(master, text="Menu", style=style)
        button.configure(command=lambda: self._pop_up(button))
        return button

    def menu(self, master: tk.Misc) -> tk.Menu:
        palette = self.theme.palette
        look = {
            "tearoff": False,
            "background": palette.field,
            "foreground": palette.text,
            "activebackground": palette.soft,
            "activeforeground": palette.text,
            "selectcolor": palette.accent,
            "font": self.theme.body,
            "relief": "flat",
            "borderwidth": 1,
            "activeborderwidth": 4,
        }
        made = tk.Menu(master, **look)  # type: ignore[arg-type]
        if self.main is not None:
            made.add_command(label="New room", accelerator="Ctrl+N", command=self.show_new_room)
            made.add_command(label="Members", accelerator="Ctrl+M", command=self._members)
            made.add_command(
                label="Keys and sessions", accelerator="Ctrl+K", command=self.show_account
            )
            made.add_separator()
        themes = tk.Menu(made, **look)  # type: ignore[arg-type]
        for each in CHOICES:
            label = {"auto": "As the desktop", "light": "Light", "dark": "Dark"}[each]
            themes.add_radiobutton(
                label=label, value=each, variable=self.choice, command=self.use_theme
            )
        made.add_cascade(label="Colours", menu=themes)
        made.add_command(label="Quit", accelerator="Ctrl+Q", command=self.close)
        return made

    def _pop_up(self, button: ttk.Button) -> None:
        for child in button.winfo_children():
            child.destroy()
        menu = self.menu(button)
        menu.tk_popup(button.winfo_rootx(), button.winfo_rooty() + button.winfo_height())

    def _bind_keys(self) -> None:
        does: dict[str, Callable[[], None]] = {
            "<Control-n>": self.show_new_room,
            "<Control-m>": self._members,
            "<Control-k>": self.show_account,
            "<Control-l>": self.show_rooms,
            "<Control-q>": self.close,
            "<Alt-Up>": lambda: self._next_room(-1),
            "<Alt-Down>": lambda: self._next_room(1),
        }
        for key, act in does.items():
            self.root.bind(key, lambda _, act=act: self._act(act))  # type: ignore[misc]
        self.root.bind("<Escape>", lambda _: self.view.go_back())
        # ttk's buttons take only the space bar.
        self.root.bind_class("TButton", "<Return>", _invoke)

    def _act(self, act: Callable[[], None]) -> str:
        act()
        return "break"

    def _members(self) -> None:
        if self.state.current is not None:
            self.show_members(self.state.current)

    def _next_room(self, step: int) -> None:
        names = [entry.name for entry in self.state.joined]
        if names:
            here = self.state.current
            at = names.index(here) + step if here in names else 0
            self.open_room(names[at % len(names)])


def _invoke(event: "tk.Event[tk.Misc]") -> None:
    if isinstance(event.widget, ttk.Button):
        event.widget.invoke()
