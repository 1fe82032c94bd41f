"""What all views have in common: they hear news, and most have a head with a way back."""

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk
from typing import TYPE_CHECKING

from ilo_window.asks import Ask
from ilo_window.letters import shown_name
from ilo_window.news import Done, Failed, News
from ilo_window.state import Part
from ilo_window.theme import GAP
from ilo_window.widgets import Elided, Scrolled, Wrapped, rule

if TYPE_CHECKING:
    from ilo_window.window import Window


class View(ttk.Frame):
    """Fills the window, or the right of it. `hear` gets all news, after the state has."""

    def __init__(self, master: tk.Misc, window: "Window") -> None:
        super().__init__(master)
        self.window = window
        self.theme = window.theme

    def hear(self, one: News, parts: set[Part]) -> None:
        """Something happened; ``parts`` look different now."""

    def go_back(self) -> bool:
        """Escape; return whether that did anything."""
        return False

    def hear_width(self) -> None:
        """The window is narrow now, or no more."""

    def take_focus(self) -> None:
        """It was just opened."""

    def name(self, text: str) -> str:
        """Return a name as it may be drawn."""
        return shown_name(text, with_emoji=self.window.with_emoji)


class Page(View):
    """A view with a title and a way back, ``body`` scrolls. One ask at a time: while `waits`,
    its buttons do nothing."""

    def __init__(self, master: tk.Misc, window: "Window", title: str, back: Callable[[], None]):
        super().__init__(master, window)
        self.columnconfigure(0, weight=1)
        self.rowconfigure(2, weight=1)
        head = ttk.Frame(self, padding=(GAP, GAP))
        head.grid(sticky="ew")
        head.columnconfigure(1, weight=1)
        self._back = back
        button = ttk.Button(head, text="‹ Back", style="Ghost.TButton", command=back)
        button.grid(row=0, column=0)
        self.title = Elided(head, self.theme.head, title, style="Head.TLabel")
        self.title.grid(row=0, column=1, sticky="ew", padx=(GAP, 0))
        rule(self).grid(row=1, sticky="ew")
        self._scrolled = Scrolled(self, self.theme, widest=560)
        self._scrolled.grid(row=2, sticky="nsew")
        self.body = self._scrolled.inside
        self.waits: Ask | None = None
        self._looked: Ask | None = None
        self.told = Wrapped(self.body, style="Good.TLabel")
        self.wrong = Wrapped(self.body, style="Error.TLabel")

    def go_back(self) -> bool:
        self._back()
        return True

    def ask(self, ask: Ask) -> None:
        """Ask, unless something was asked that has no answer yet."""
        if self.waits is None:
            self.waits = ask
            self.told.say("")
            self.wrong.say("")
            self.window.ask(ask)

    def look(self, ask: Ask) -> None:
        """Ask for what is only shown: nobody has to wait for it."""
        self._looked = ask
        self.window.ask(ask)

    def hear(self, one: News, parts: set[Part]) -> None:
        if isinstance(one, Failed) and one.ask == self._looked:
            self.wrong.say(one.problem.words)
        elif isinstance(one, Done | Failed) and one.ask == self.waits:
            self.waits = None
            if isinstance(one, Done):
                self.done(one)
            else:
                self.failed(one)

    def done(self, one: Done) -> None:
        """What was asked is done."""

    def failed(self, one: Failed) -> None:
        self.wrong.say(one.problem.words)

    def section(self, text: str) -> ttk.Label:
        """Put a headline into the body."""
        label = ttk.Label(self.body, text=text, style="Head.TLabel")
        label.grid(sticky="w", pady=(2 * GAP, GAP // 2))
        return label

    def words(self, text: str) -> Wrapped:
        label = Wrapped(self.body, text)
        label.grid(sticky="ew", pady=(0, GAP))
        return label

    def answers(self) -> None:
        """Put the places for good news and bad ones into the body."""
        self.told.grid(sticky="ew", pady=(GAP, 0))
        self.wrong.grid(sticky="ew", pady=(GAP, 0))
        self.told.say("")
        self.wrong.say("")


class Twice(ttk.Button):
    """A button that has to be pressed twice; the second time it says ``sure``."""

    def __init__(self, master: tk.Misc, text: str, sure: str, command: Callable[[], None]):
        super().__init__(master, text=text, command=self._pressed)
        self._text, self._sure, self._command = text, sure, command
        self._is_asked = False
        self.bind("<FocusOut>", lambda _: self._calm())

    def _pressed(self) -> None:
        if self._is_asked:
            self._calm()
            self._command()
        else:
            self._is_asked = True
            self.configure(text=self._sure, style="Danger.TButton")
            self.focus_set()

    def _calm(self) -> None:
        self._is_asked = False
        self.configure(text=self._text, style="TButton")
