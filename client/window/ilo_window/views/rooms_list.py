"""The list at the left: rooms, invitations, who one is, and whether the server answers."""

import tkinter as tk
from tkinter import ttk
from typing import TYPE_CHECKING, Final

from ilo_window.letters import elided
from ilo_window.news import RoomEntry
from ilo_window.state import title
from ilo_window.theme import GAP
from ilo_window.views.page import View
from ilo_window.widgets import Elided, HidingBar, rule

if TYPE_CHECKING:
    from ilo_window.window import Window

COUNT_PX: Final = 56
MOST_COUNTED: Final = 999


class RoomsList(View):
    """`chosen` rooms are opened by a click, or by Return."""

    def __init__(self, master: tk.Misc, window: "Window") -> None:
        super().__init__(master, window)
        self.configure(style="Side.TFrame")
        self.columnconfigure(0, weight=1)
        self.rowconfigure(2, weight=1)
        head = ttk.Frame(self, style="Side.TFrame", padding=(2 * GAP, GAP, GAP, GAP))
        head.grid(sticky="ew")
        head.columnconfigure(0, weight=1)
        ttk.Label(head, text="Rooms", style="Side.Head.TLabel").grid(sticky="w")
        self.new = ttk.Button(
            head, text="+ New", style="Side.Ghost.TButton", command=window.show_new_room
        )
        self.new.grid(row=0, column=1)
        self.menu = window.menu_button(head, style="Side.Ghost.TButton")
        self.menu.grid(row=0, column=2)
        rule(self).grid(row=1, sticky="ew")
        self.tree = ttk.Treeview(
            self, show="tree", columns=("count",), selectmode="browse", style="Side.Treeview"
        )
        self.tree.column("#0", stretch=True, width=120, minwidth=60)
        self.tree.column("count", stretch=False, width=COUNT_PX, anchor="e")
        self.tree.grid(row=2, sticky="nsew", padx=(GAP, 0))
        bar = HidingBar(self, self.tree.yview)
        bar.grid(row=2, column=1, sticky="ns")
        self.tree.configure(yscrollcommand=bar.set)
        self.tree.bind("<ButtonRelease-1>", self._clicked)
        self.tree.bind("<Return>", lambda _: self._open())
        self.tree.bind("<space>", lambda _: self._open())
        self.tree.bind("<Configure>", lambda _: self.fill())
        rule(self).grid(row=3, columnspan=2, sticky="ew")
        foot = ttk.Frame(self, style="Side.TFrame", padding=(2 * GAP, GAP))
        foot.grid(row=4, columnspan=2, sticky="ew")
        foot.columnconfigure(0, weight=1)
        self.me = Elided(foot, self.theme.strong, style="Side.Strong.TLabel")
        self.me.grid(sticky="ew")
        self.connection = Elided(foot, self.theme.small, style="Side.Muted.TLabel")
        self.connection.grid(sticky="ew")
        self._names: dict[str, str] = {}
        self._shown: object = None
        self.recolour()

    def recolour(self) -> None:
        palette = self.theme.palette
        self.tree.tag_configure("head", font=self.theme.small_strong, foreground=palette.muted)
        self.tree.tag_configure("unread", font=self.theme.strong)

    def fill(self) -> None:
        """Show the rooms as they are now."""
        state = self.window.state
        self.me.say(self.name(state.name))
        self.connection.say(
            "● connected" if state.answers else "○ no answer from the server, trying again"
        )
        unread = {entry.name: state.unread(entry.name) for entry in state.joined}
        now = (tuple(state.entries.values()), unread, state.current, self.tree.winfo_width())
        if now == self._shown:
            return
        self._shown = now
        self.tree.delete(*self.tree.get_children())
        self._names = {}
        if state.invitations:
            self._head("INVITATIONS")
        for entry in state.invitations:
            self._put(entry, f"{self.name(entry.owner or '?')} invites you", 0)
        if state.joined:
            self._head("ROOMS")
        for entry in state.joined:
            sign = "◆" if entry.is_private else "#"
            self._put(entry, f"{sign} {self.name(title(entry))}", unread[entry.name])
        for item, name in self._names.items():
            if name == state.current:
                self.tree.selection_set(item)
                self.tree.focus(item)
                self.tree.see(item)

    def item_of(self, room: str) -> str | None:
        """Return the list's own name of a room."""
        return next((item for item, name in self._names.items() if name == room), None)

    def take_focus(self) -> None:
        self.tree.focus_set()
        if not self.tree.focus() and self._names:
            self.tree.focus(next(iter(self._names)))

    def _head(self, words: str) -> None:
        self.tree.insert("", "end", text=words, tags=("head",))

    def _put(self, entry: RoomEntry, words: str, unread: int) -> None:
        face = self.theme.strong if unread else self.theme.body
        room = max(60, self.tree.winfo_width() - COUNT_PX - 24)
        count = "" if not unread else str(unread) if unread <= MOST_COUNTED else f"{MOST_COUNTED}+"
        item = self.tree.insert(
            "",
            "end",
            text=elided(words, room, face.measure),
            values=(f"{count} ",),
            tags=("unread",) if unread else (),
        )
        self._names[item] = entry.name

    def _clicked(self, event: "tk.Event[tk.Misc]") -> None:
        item = self.tree.identify_row(event.y)
        if item in self._names:
            self.window.open_room(self._names[item])

    def _open(self) -> str:
        item = self.tree.focus()
        if item in self._names:
            self.window.open_room(self._names[item])
        return "break"
