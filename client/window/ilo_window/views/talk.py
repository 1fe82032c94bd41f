"""A room: its head, what was said, and where one writes."""

import tkinter as tk
from datetime import date
from tkinter import ttk
from typing import TYPE_CHECKING, Final

from ilo_client import Message

from ilo_window import asks
from ilo_window.bubbles import Bubbles
from ilo_window.conversation import Conversation
from ilo_window.news import News
from ilo_window.rows import OUTGOING, Place, rows_of
from ilo_window.state import Part
from ilo_window.theme import GAP
from ilo_window.views.page import View
from ilo_window.widgets import Elided, Wrapped, rule

if TYPE_CHECKING:
    from ilo_window.window import Window

MOST_TYPED_LINES: Final = 6
NOT_MY_CARD: Final = (
    "The server shows another key of yours than the one that is here: others are warned of what"
    " you say. Restore a backup of the newer key, or log in with new keys."
)


class Talk(View):
    """The room ``room``; made anew for each that is opened."""

    def __init__(self, master: tk.Misc, window: "Window", room: str) -> None:
        super().__init__(master, window)
        self.room = room
        self.columnconfigure(0, weight=1)
        self.rowconfigure(2, weight=1)
        self._make_head()
        rule(self).grid(row=1, columnspan=2, sticky="ew")
        self.bubbles = Bubbles(
            self, self.theme, on_top=self.ask_older, on_open=self._open, on_copy=self._copy
        )
        self.bubbles.grid(row=2, sticky="nsew")
        bar = ttk.Scrollbar(self, command=self.bubbles.yview, takefocus=0)
        bar.grid(row=2, column=1, sticky="ns")
        self.bubbles.bar_moved = bar.set
        self._make_banner()
        self._make_entry()
        self.entry.insert("1.0", window.state.drafts.get(room, ""))
        self.entry.edit_modified(False)
        self.fill(at_end=True)
        self.recolour()

    def _make_head(self) -> None:
        head = ttk.Frame(self, padding=(GAP, GAP))
        head.grid(columnspan=2, sticky="ew")
        head.columnconfigure(1, weight=1)
        self.fold = ttk.Button(
            head, text="☰", style="Ghost.TButton", command=self.window.show_rooms, width=3
        )
        self.fold.grid(row=0, column=0, rowspan=2, padx=(0, GAP))
        self.title = Elided(head, self.theme.head, style="Head.TLabel")
        self.title.grid(row=0, column=1, sticky="ew")
        self.about = Elided(head, self.theme.small, style="Muted.TLabel")
        self.about.grid(row=1, column=1, sticky="ew")
        self.badge = ttk.Label(head, text="Not encrypted", style="Badge.TLabel")
        self.badge.grid(row=0, column=2, rowspan=2, padx=GAP)
        self.people = ttk.Button(
            head,
            text="Members",
            style="Ghost.TButton",
            command=lambda: self.window.show_members(self.room),
        )
        self.people.grid(row=0, column=3, rowspan=2)

    def _make_banner(self) -> None:
        self.banner = ttk.Frame(self, style="Warn.TFrame", padding=(2 * GAP, GAP))
        self.banner.grid(row=3, columnspan=2, sticky="ew")
        self.banner.columnconfigure(0, weight=1)
        self.alarm = Wrapped(self.banner, style="Warn.TLabel")
        self.alarm.grid(sticky="ew")
        self.act = ttk.Button(self.banner, text="Compare", command=self._act)
        self.act.grid(row=0, column=1, padx=(GAP, 0))

    def _make_entry(self) -> None:
        rule(self).grid(row=4, columnspan=2, sticky="ew")
        low = ttk.Frame(self, padding=(2 * GAP - 2, GAP))
        low.grid(row=5, columnspan=2, sticky="ew")
        low.columnconfigure(0, weight=1)
        self.entry = tk.Text(
            low,
            height=1,
            width=1,
            wrap="word",
            font=self.theme.body,
            relief="flat",
            borderwidth=0,
            highlightthickness=1,
            padx=10,
            pady=8,
            undo=True,
            maxundo=100,
        )
        self.entry.grid(sticky="ew")
        self.entry.bind("<Return>", lambda _: self.say())
        self.entry.bind("<KP_Enter>", lambda _: self.say())
        self.entry.bind("<Shift-Return>", lambda _: None)
        self.entry.bind("<Tab>", lambda event: self._leave(event, 1))
        for keys in ("<Shift-Tab>", "<ISO_Left_Tab>"):
            self.entry.bind(keys, lambda event: self._leave(event, -1))
        self.entry.bind("<<Modified>>", lambda _: self._typed())
        self.go = ttk.Button(low, text="Send", style="Accent.TButton", command=self.say)
        self.go.grid(row=0, column=1, padx=(GAP, 0), sticky="s")

    # -- what it shows

    @property
    def talk(self) -> Conversation:
        return self.window.state.talk(self.room)

    def fill(self, *, at_end: bool | None = None) -> None:
        """Show the room as it is now."""
        state, talk = self.window.state, self.talk
        self.title.say(self.name(state.title_of(self.room)))
        is_plain = self.room in state.plaintext
        self.badge.grid() if is_plain else self.badge.grid_remove()
        self.fold.grid() if self.window.is_narrow else self.fold.grid_remove()
        rows = rows_of(talk, state.name, date.today(), with_emoji=self.window.with_emoji)  # noqa: DTZ011 - days are those of this place
        self.bubbles.show(rows, at_end=at_end)
        self._fill_about()
        self._fill_banner()
        if not talk.is_loaded and not talk.is_asking and state.lines.get(self.room):
            talk.is_asking = True
            self.window.ask(asks.Older(self.room, None))

    def _fill_about(self) -> None:
        state = self.window.state
        line = state.lines.get(self.room)
        if self.room in state.ends:
            words = "you are not in this room now"
        elif line is None:
            words = "connecting …"
        elif not line:
            words = "connection lost, trying again …"
        elif self.talk.is_asking:
            words = "loading …"
        else:
            kind = "private" if self.room.startswith("~") else "open to everybody"
            how = "not encrypted" if self.room in state.plaintext else "end-to-end encrypted"
            words = f"{kind}, {how}"
        self.about.say(words)

    def _fill_banner(self) -> None:
        state = self.window.state
        changed = sorted(state.changed.get(self.room, ()))
        if self.room in state.ends:
            self._warn(f"You are not in this room now. {state.ends[self.room]}", "Enter")
        elif changed and self.room not in state.plaintext:
            name = self.name(changed[0])
            self._warn(
                f"The key of {name[:60]} changed. Nothing is sent until you compare and accept it.",
                "Compare",
            )
        elif not state.is_my_card:
            self._warn(NOT_MY_CARD, "Keys")
        elif self.talk.has_newer:
            self._warn("You are reading older messages.", "To the newest")
        else:
            self.banner.grid_remove()

    def _warn(self, words: str, act: str) -> None:
        self.alarm.configure(text=words)
        self.act.configure(text=act)
        self.banner.grid()

    def _act(self) -> None:
        state = self.window.state
        changed = sorted(state.changed.get(self.room, ()))
        if self.room in state.ends:
            self.window.ask(asks.Open(self.room, self.room in state.plaintext))
        elif changed and self.room not in state.plaintext:
            self.window.show_person(changed[0], self.room)
        elif not state.is_my_card:
            self.window.show_account()
        else:
            self.talk.clear()
            self.fill(at_end=True)

    def recolour(self) -> None:
        palette = self.theme.palette
        self.entry.configure(
            background=palette.field,
            foreground=palette.text,
            insertbackground=palette.text,
            selectbackground=palette.accent,
            selectforeground=palette.on_accent,
            highlightbackground=palette.line,
            highlightcolor=palette.accent,
        )

    def hear(self, one: News, parts: set[Part]) -> None:
        if parts & {"talk", "connection", "rooms", "members"}:
            self.window.later(self.fill)

    def hear_width(self) -> None:
        self.window.later(self.fill)

    def take_focus(self) -> None:
        self.entry.focus_set()

    # -- what one does

    def say(self) -> str:
        text = self.entry.get("1.0", "end-1c")
        if text.strip():
            said = self.talk.say(text)
            self.window.ask(asks.Send(self.room, said.key, text))
            self.entry.delete("1.0", "end")
            self.entry.edit_reset()
            self.window.state.drafts.pop(self.room, None)
            if self.talk.has_newer:
                self.talk.clear()
            self.fill(at_end=True)
        return "break"

    def ask_older(self) -> None:
        """Ask for what was said before what is shown."""
        talk = self.talk
        if talk.has_older and talk.is_loaded and not talk.is_asking and talk.oldest is not None:
            talk.is_asking = True
            self.window.ask(asks.Older(self.room, talk.oldest))
            self._fill_about()

    def _typed(self) -> None:
        if not self.entry.edit_modified():
            return
        self.entry.edit_modified(False)
        text = self.entry.get("1.0", "end-1c")
        self.window.state.drafts[self.room] = text
        height = min(MOST_TYPED_LINES, 1 + text.count("\n") + len(text) // 90)
        self.entry.configure(height=height)

    def _leave(self, event: "tk.Event[tk.Misc]", way: int) -> str:
        to = event.widget.tk_focusNext() if way > 0 else event.widget.tk_focusPrev()
        if to is not None:
            to.focus_set()
        return "break"

    def _open(self, place: Place) -> None:
        """Send it again, if it was not sent; else show it whole."""
        if place[0] == OUTGOING:
            text = self.talk.take_back(place[1])
            if text is not None:
                said = self.talk.say(text)
                self.window.ask(asks.Send(self.room, said.key, text))
                self.fill(at_end=True)
        elif (message := self._message(place)) is not None:
            self.window.show_message(self.room, message)

    def _copy(self, place: Place) -> None:
        message = self._message(place)
        if message is not None:
            self.clipboard_clear()
            self.clipboard_append(message.text.replace("\0", "␀"))

    def _message(self, place: Place) -> Message | None:
        line = dict(self.talk.lines).get(place)
        return line if isinstance(line, Message) else None
