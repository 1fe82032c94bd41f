"""Into a room: join an open one, make a private one, or answer an invitation."""

import tkinter as tk
from tkinter import ttk
from typing import TYPE_CHECKING

from ilo_window import asks
from ilo_window.news import Done, RoomEntry
from ilo_window.theme import GAP
from ilo_window.views.page import Page
from ilo_window.widgets import Field

if TYPE_CHECKING:
    from ilo_window.window import Window


class NewRoom(Page):
    def __init__(self, master: tk.Misc, window: "Window") -> None:
        super().__init__(master, window, "New room", window.leave_page)
        self.section("Join an open room")
        self.words("Everybody may come in who knows its name. It begins with whoever comes first.")
        self.room = Field(self.body, "Name of the room")
        self.room.grid(sticky="ew")
        self.room.entry.bind("<Return>", lambda _: self._join())
        self.is_plaintext = tk.BooleanVar(self)
        plain = ttk.Checkbutton(
            self.body, text="Without encryption: the server can read it", variable=self.is_plaintext
        )
        plain.grid(sticky="w", pady=GAP)
        self.join = ttk.Button(self.body, text="Join", style="Accent.TButton", command=self._join)
        self.join.grid(sticky="ew", pady=(0, GAP))
        self.section("Make a private room")
        self.words("Only those come in whom you invite. Its real name is random: give it a label.")
        self.label = Field(self.body, "Label", hint="Only you see it.")
        self.label.grid(sticky="ew", pady=(0, GAP))
        self.label.entry.bind("<Return>", lambda _: self._create())
        self.create = ttk.Button(self.body, text="Make the room", command=self._create)
        self.create.grid(sticky="ew")
        self.answers()

    def take_focus(self) -> None:
        self.room.entry.focus_set()

    def done(self, one: Done) -> None:
        if isinstance(one.ask, asks.Create):
            self.window.open_room(one.name)

    def _join(self) -> None:
        room = self.room.value.get().strip()
        if room:
            self.window.open_room(room, is_plaintext=self.is_plaintext.get())
        else:
            self.room.is_wrong("This is missing.")

    def _create(self) -> None:
        self.ask(asks.Create(self.label.value.get().strip()))


class Invitation(Page):
    def __init__(self, master: tk.Misc, window: "Window", entry: RoomEntry) -> None:
        super().__init__(master, window, "Invitation", window.leave_page)
        self._room = entry.name
        owner = self.name(entry.owner or "Somebody")
        self.section("A private room")
        self.words(f"{owner} invites you. Who is in it sees that you come, and what you say.")
        self.label = Field(self.body, "Label", hint="What you call the room. Only you see it.")
        self.label.grid(sticky="ew", pady=(GAP, 2 * GAP))
        self.label.entry.bind("<Return>", lambda _: self._accept())
        self.accept = ttk.Button(
            self.body, text="Accept", style="Accent.TButton", command=self._accept
        )
        self.accept.grid(sticky="ew", pady=(0, GAP))
        self.decline = ttk.Button(self.body, text="Decline", command=self._decline)
        self.decline.grid(sticky="ew")
        self.answers()

    def take_focus(self) -> None:
        self.accept.focus_set()

    def done(self, one: Done) -> None:
        match one.ask:
            case asks.Accept(room):
                label = self.label.value.get().strip()
                if label:
                    self.window.ask(asks.Label(room, label))
                self.window.open_room(room)
            case _:
                self.window.close_room()

    def _accept(self) -> None:
        self.ask(asks.Accept(self._room))

    def _decline(self) -> None:
        self.ask(asks.Leave(self._room))
