"""One message, whole, to read and to copy from."""

import tkinter as tk
from tkinter import ttk
from typing import TYPE_CHECKING

from ilo_client import Message

from ilo_window.letters import shown
from ilo_window.theme import GAP
from ilo_window.views.page import View
from ilo_window.widgets import Elided, Wrapped, rule
from ilo_window.words import time_of, warning_words

if TYPE_CHECKING:
    from ilo_window.window import Window


class Whole(View):
    def __init__(self, master: tk.Misc, window: "Window", room: str, message: Message) -> None:
        super().__init__(master, window)
        self._room = room
        self.columnconfigure(0, weight=1)
        self.rowconfigure(3, weight=1)
        head = ttk.Frame(self, padding=(GAP, GAP))
        head.grid(sticky="ew", columnspan=2)
        head.columnconfigure(1, weight=1)
        back = ttk.Button(head, text="‹ Back", style="Ghost.TButton", command=self.go_back)
        back.grid()
        who = window.state.name if message.is_own else message.sender
        title = f"{self.name(who)}, {time_of(message.sent_at)}"
        Elided(head, self.theme.head, title, style="Head.TLabel").grid(
            row=0, column=1, sticky="ew", padx=(GAP, 0)
        )
        rule(self).grid(row=1, columnspan=2, sticky="ew")
        wrong = Wrapped(self, style="Error.TLabel")
        wrong.grid(row=2, columnspan=2, sticky="ew", padx=2 * GAP)
        words = warning_words(message.warnings)
        wrong.say(words[:1].upper() + words[1:])
        self.text = tk.Text(
            self,
            wrap="word",
            width=1,
            height=1,
            font=self.theme.body,
            relief="flat",
            borderwidth=0,
            highlightthickness=2,
            padx=2 * GAP,
            pady=2 * GAP,
        )
        self.text.insert("1.0", shown(message.text, with_emoji=window.with_emoji))
        self.text.configure(state="disabled")
        self.text.grid(row=3, sticky="nsew")
        bar = ttk.Scrollbar(self, command=self.text.yview, takefocus=0)
        bar.grid(row=3, column=1, sticky="ns")
        self.text.configure(yscrollcommand=bar.set)
        self.recolour()

    def recolour(self) -> None:
        palette = self.theme.palette
        self.text.configure(
            background=palette.window,
            foreground=palette.text,
            selectbackground=palette.accent,
            selectforeground=palette.on_accent,
            highlightbackground=palette.window,
            highlightcolor=palette.accent,
        )

    def take_focus(self) -> None:
        self.text.focus_set()

    def go_back(self) -> bool:
        self.window.open_room(self._room)
        return True
