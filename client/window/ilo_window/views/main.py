"""The window once somebody is in: rooms at the left, and a page at the right. Where it is narrow,
one or the other."""

import tkinter as tk
from tkinter import ttk
from typing import TYPE_CHECKING, Final

from ilo_window.news import News
from ilo_window.state import Part
from ilo_window.theme import GAP
from ilo_window.views.page import View
from ilo_window.views.rooms_list import RoomsList
from ilo_window.widgets import Wrapped, rule

if TYPE_CHECKING:
    from ilo_window.window import Window

NARROW_PX: Final = 720
LIST_PX: Final = 270


class Main(View):
    def __init__(self, master: tk.Misc, window: "Window") -> None:
        super().__init__(master, window)
        self.rowconfigure(0, weight=1)
        self.columnconfigure(2, weight=1)
        self.rooms = RoomsList(self, window)
        self.rooms.configure(width=LIST_PX, height=LIST_PX)
        self.rooms.grid_propagate(False)
        # At once: Tk does not lay out a frame that holds nothing when it is put somewhere.
        self.rooms.grid(row=0, column=0, sticky="nsew")
        self._line = rule(self, is_upright=True)
        self.page: View = Welcome(self, window)
        self.is_list_shown = True
        """Where it is narrow: whether that is the list."""
        self._is_narrow: bool | None = None
        self.bind("<Configure>", lambda _: self.arrange())

    @property
    def is_narrow(self) -> bool:
        return self.winfo_width() < NARROW_PX

    def turn_to(self, page: View) -> None:
        """Show another page; its master is this view."""
        if self.page is not page:
            self.page.destroy()
            self.page = page
        self.is_list_shown = False
        self._is_narrow = None
        self.arrange()

    def show_rooms(self) -> None:
        self.is_list_shown = True
        self._is_narrow = None
        self.arrange()
        self.rooms.take_focus()

    def arrange(self) -> None:
        """Put what is shown where it belongs."""
        if self.winfo_width() <= 1 or self._is_narrow == self.is_narrow:
            return
        self._is_narrow = self.is_narrow
        has_list = not self.is_narrow or self.is_list_shown
        has_page = not self.is_narrow or not self.is_list_shown
        self.columnconfigure(0, weight=0 if has_page else 1)
        self.columnconfigure(2, weight=1 if has_page else 0)
        for widget in (self.rooms, self._line, self.page):
            widget.grid_remove()
        if has_list:
            self.rooms.grid(row=0, column=0, sticky="nsew")
        if has_list and has_page:
            self._line.grid(row=0, column=1, sticky="ns")
        if has_page:
            self.page.grid(row=0, column=2, sticky="nsew")
        self.window.later(self.rooms.fill)
        self.page.hear_width()

    def hear(self, one: News, parts: set[Part]) -> None:
        if parts & {"rooms", "connection", "talk"}:
            self.window.later(self.rooms.fill)
        self.page.hear(one, parts)

    def go_back(self) -> bool:
        return self.page.go_back()


class Welcome(View):
    """No room is looked at."""

    def __init__(self, master: tk.Misc, window: "Window") -> None:
        super().__init__(master, window)
        self.columnconfigure(0, weight=1)
        self.rowconfigure((0, 2), weight=1)
        middle = ttk.Frame(self, padding=3 * GAP)
        middle.grid(row=1, sticky="ew")
        middle.columnconfigure(0, weight=1)
        ttk.Label(middle, text="Choose a room", style="Head.TLabel").grid(sticky="w")
        words = "Or join one by its name, or make a private one and invite others."
        Wrapped(middle, words, style="Muted.TLabel").grid(sticky="ew", pady=(GAP, 2 * GAP))
        self.new = ttk.Button(
            middle, text="New room", style="Accent.TButton", command=window.show_new_room
        )
        self.new.grid(sticky="w")
        self.rooms = ttk.Button(
            middle, text="☰ Rooms", style="Ghost.TButton", command=window.show_rooms
        )
        self.rooms.grid(sticky="w", pady=(GAP, 0))
        self.hear_width()

    def hear_width(self) -> None:
        self.rooms.grid() if self.window.is_narrow else self.rooms.grid_remove()
