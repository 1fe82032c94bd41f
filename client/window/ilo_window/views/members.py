"""A room's members, and what one may do with the room."""

import tkinter as tk
from tkinter import ttk
from typing import TYPE_CHECKING, Final

from ilo_window import asks
from ilo_window.letters import elided
from ilo_window.news import Done, Failed, MembersAre, News
from ilo_window.state import Part
from ilo_window.theme import GAP
from ilo_window.views.page import Page, Twice
from ilo_window.widgets import Field

if TYPE_CHECKING:
    from ilo_window.window import Window

STATES: Final = {
    "new": "not seen yet",
    "seen": "not compared",
    "verified": "✓ verified",
    "changed": "! key changed",
    "no-card": "! no key",
}
STATE_PX: Final = 130
MOST_ROWS: Final = 8


class Members(Page):
    def __init__(self, master: tk.Misc, window: "Window", room: str) -> None:
        super().__init__(master, window, "", lambda: window.open_room(room))
        self.room = room
        self.title.say(f"Members of {self.name(window.state.title_of(room))}")
        self._names: dict[str, str] = {}
        self.tree = ttk.Treeview(
            self.body, show="tree", columns=("state",), selectmode="browse", height=3
        )
        self.tree.column("#0", stretch=True, width=150, minwidth=60)
        self.tree.column("state", stretch=False, width=STATE_PX)
        self.tree.grid(sticky="ew", pady=(GAP, GAP))
        self.tree.bind("<<TreeviewSelect>>", lambda _: self._chose())
        self.tree.bind("<Return>", lambda _: self._compare())
        self.tree.bind("<Double-Button-1>", lambda _: self._compare())
        acts = ttk.Frame(self.body)
        acts.grid(sticky="ew")
        self.compare = ttk.Button(acts, text="Compare keys", command=self._compare)
        self.compare.grid(padx=(0, GAP))
        self.remove = Twice(acts, "Remove", "Really remove", self._remove)
        self.remove.grid(row=0, column=1)
        self.answers()
        is_private, is_mine = room.startswith("~"), window.state.is_mine(room)
        self.invite = Field(self.body, "Invite somebody", hint="The name, as they registered it.")
        self.invite.entry.bind("<Return>", lambda _: self._invite())
        send = ttk.Button(self.invite, text="Invite", style="Accent.TButton", command=self._invite)
        send.grid(row=1, column=1, padx=(GAP, 0))
        self.label = Field(self.body, "What you call this room", hint="Only you see this name.")
        self.label.entry.bind("<Return>", lambda _: self._label())
        keep = ttk.Button(self.label, text="Keep", command=self._label)
        keep.grid(row=1, column=1, padx=(GAP, 0))
        entry = window.state.entries.get(room)
        self.label.value.set((entry.label if entry else None) or "")
        for field in (self.invite, self.label):
            field.grid(sticky="ew", pady=(2 * GAP, 0))
        if not is_mine:
            self.invite.grid_remove()
            self.remove.grid_remove()
        ends = ttk.Frame(self.body)
        ends.grid(sticky="w", pady=(3 * GAP, GAP))
        if not is_mine:
            self.leave = Twice(ends, "Leave the room", "Really leave", self._leave)
            self.leave.grid(padx=(0, GAP))
        elif is_private:
            self.delete = Twice(
                ends, "Delete the room", "Delete all that was said there", self._delete
            )
            self.delete.grid()
        self.fill()
        self.look(asks.Members(room))

    def fill(self) -> None:
        members = self.window.state.members.get(self.room, ())
        chosen = self.chosen
        self.tree.delete(*self.tree.get_children())
        self._names = {}
        self.tree.configure(height=max(2, min(MOST_ROWS, len(members))))
        owner = self.window.state.entries.get(self.room)
        room = max(100, self.tree.winfo_width() - STATE_PX - 16)
        for member in members:
            words = self.name(member.name)
            if member.name == self.window.state.name:
                words, state = f"{words} (you)", ""
            else:
                state = STATES[member.person.state]
            if owner is not None and owner.owner == member.name:
                words += " · owner"
            if member.state == "invited":
                words += " · invited"
            item = self.tree.insert(
                "", "end", text=elided(words, room, self.theme.body.measure), values=(state,)
            )
            self._names[item] = member.name
            if member.name == chosen:
                self.tree.selection_set(item)
                self.tree.focus(item)
        self._chose()

    @property
    def chosen(self) -> str | None:
        return next((self._names[item] for item in self.tree.selection()), None)

    def choose(self, name: str) -> None:
        for item, each in self._names.items():
            if each == name:
                self.tree.selection_set(item)

    def hear(self, one: News, parts: set[Part]) -> None:
        super().hear(one, parts)
        if isinstance(one, MembersAre) and one.room == self.room:
            self.fill()
        elif "members" in parts:
            self.look(asks.Members(self.room))

    def done(self, one: Done) -> None:
        match one.ask:
            case asks.Invite(_, name):
                self.told.say(f"{self.name(name)} is invited.")
                self.invite.value.set("")
            case asks.Remove(_, name):
                self.told.say(f"{self.name(name)} is removed: nothing is encrypted for them now.")
            case asks.Label():
                self.title.say(f"Members of {self.name(self.window.state.title_of(self.room))}")
                self.told.say("Kept.")
            case asks.Leave() | asks.Delete():
                self.window.close_room()
            case _:
                pass

    def failed(self, one: Failed) -> None:
        if isinstance(one.ask, asks.Invite):
            self.invite.is_wrong(one.problem.words)
        else:
            super().failed(one)

    def take_focus(self) -> None:
        self.tree.focus_set()

    def _chose(self) -> None:
        name = self.chosen
        is_other = name is not None and name != self.window.state.name
        self.compare.state(["!disabled" if is_other else "disabled"])
        self.remove.state(["!disabled" if is_other else "disabled"])

    def _compare(self) -> None:
        name = self.chosen
        if name is not None and name != self.window.state.name:
            self.window.show_person(name, self.room)

    def _remove(self) -> None:
        if self.chosen is not None:
            self.ask(asks.Remove(self.room, self.chosen))

    def _invite(self) -> None:
        name = self.invite.value.get().strip()
        if name:
            self.ask(asks.Invite(self.room, name))
        else:
            self.invite.is_wrong("This is missing.")

    def _label(self) -> None:
        self.ask(asks.Label(self.room, self.label.value.get().strip()))

    def _leave(self) -> None:
        self.ask(asks.Leave(self.room))

    def _delete(self) -> None:
        self.ask(asks.Delete(self.room))
