"""Comparing keys with somebody: 60 digits that both have to see."""

import tkinter as tk
from tkinter import ttk
from typing import TYPE_CHECKING, Final

from ilo_client.safety import in_rows

from ilo_window import asks
from ilo_window.news import News, Number
from ilo_window.state import Part
from ilo_window.theme import GAP
from ilo_window.views.page import Page
from ilo_window.widgets import Wrapped

if TYPE_CHECKING:
    from ilo_window.window import Window

HOW: Final = (
    "Call {}, or meet: both see the same 60 digits if nobody is in between. Compare all of them"
    " over another channel than this one."
)
CHANGED: Final = (
    "The key of {} changed. That is so when somebody has a new device and no backup, and when"
    " somebody else pretends to be them. These are the digits of the new key."
)
VERIFIED: Final = "✓ You have compared these digits with {}."
NO_KEY: Final = "The server shows no valid key of {}: nothing can be encrypted for them."


class Person(Page):
    def __init__(self, master: tk.Misc, window: "Window", name: str, room: str) -> None:
        super().__init__(master, window, "", lambda: window.show_members(room))
        self.who = name
        self.title.say(f"Compare keys with {self.name(name)}")
        self.about = Wrapped(self.body)
        self.about.grid(sticky="ew", pady=(GAP, 0))
        # A card of digits, in lines of four groups: they fit from 480 pixels on.
        self.digits = ttk.Label(self.body, style="Digits.TLabel", justify="center")
        self.digits.grid(pady=(3 * GAP, 3 * GAP))
        self.same = ttk.Button(self.body, style="Accent.TButton", command=self._same)
        self.accept = ttk.Button(self.body, text="Accept without comparing", command=self._accept)
        self.same.grid(sticky="ew", pady=(0, GAP))
        self.accept.grid(sticky="ew")
        self.answers()
        self.number: Number | None = None
        self.fill()
        self.look(asks.Compare(name))

    def fill(self) -> None:
        name, number = self.name(self.who), self.number
        self.same.grid_remove()
        self.accept.grid_remove()
        if number is None:
            self.about.configure(text="Looking at the keys …")
            return
        state = number.person.state
        rows = in_rows(number.digits)
        self.digits.configure(text="\n".join("  ".join(row) for row in rows))
        if number.kid is None:
            self.about.configure(text=NO_KEY.format(name))
        elif state == "verified":
            self.about.configure(text=VERIFIED.format(name))
        else:
            words = CHANGED if state == "changed" else HOW
            self.about.configure(text=words.format(name))
            self.same.configure(
                text="They are the same: accept" if state == "changed" else "They are the same"
            )
            self.same.grid()
            if state == "changed":
                self.accept.grid()

    def hear(self, one: News, parts: set[Part]) -> None:
        if isinstance(one, Number) and one.person.name == self.who:
            self.number = one
            self.fill()
        super().hear(one, parts)

    def take_focus(self) -> None:
        self.same.focus_set()

    def _same(self) -> None:
        number = self.number
        if number is not None and number.kid is not None:
            if number.person.state == "changed":
                self.ask(asks.AcceptKey(self.who, number.kid, True))
            else:
                self.ask(asks.Verify(self.who, number.kid))

    def _accept(self) -> None:
        number = self.number
        if number is not None and number.kid is not None:
            self.ask(asks.AcceptKey(self.who, number.kid, False))
