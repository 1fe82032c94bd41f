"""One's keys and sessions."""

import tkinter as tk
from tkinter import filedialog, ttk
from typing import TYPE_CHECKING

from ilo_window import asks
from ilo_window.news import Done, Failed, News, Progress
from ilo_window.state import Part
from ilo_window.theme import GAP
from ilo_window.views.page import Page, Twice
from ilo_window.views.sign_in import WAITS
from ilo_window.widgets import Field

if TYPE_CHECKING:
    from ilo_window.window import Window


class Account(Page):
    def __init__(self, master: tk.Misc, window: "Window") -> None:
        super().__init__(master, window, "Keys and sessions", window.leave_page)
        self.answers()
        self.section("Backup")
        self.words(
            "Without your keys nobody can read what was said, not even you. A backup is a file"
            " with all of them, locked with a passphrase of its own."
        )
        self.path = Field(self.body, "File", hint="A new one: what is there is not overwritten.")
        choose = ttk.Button(self.path, text="Choose …", style="Ghost.TButton", command=self._choose)
        choose.grid(row=1, column=1, padx=(4, 0))
        self.secret = Field(self.body, "Passphrase of the backup", is_secret=True)
        self.secret.entry.bind("<Return>", lambda _: self._back_up())
        self.back_up = ttk.Button(
            self.body, text="Write the backup", style="Accent.TButton", command=self._back_up
        )
        for widget in (self.path, self.secret, self.back_up):
            widget.grid(sticky="ew", pady=(0, GAP))
        self.section("New encryption key")
        self.words(
            "What is said from now on is encrypted for a new key. Nobody has to compare anything:"
            " who you are stays. Make a new backup afterwards."
        )
        self.passphrase = Field(self.body, "Passphrase of this folder", is_secret=True)
        self.passphrase.entry.bind("<Return>", lambda _: self._rotate())
        self.rotate = ttk.Button(self.body, text="Make a new key", command=self._rotate)
        for widget in (self.passphrase, self.rotate):
            widget.grid(sticky="ew", pady=(0, GAP))
        self.section("Sessions")
        self.elsewhere = Twice(
            self.body, "Log out everywhere else", "Really log out elsewhere", self._elsewhere
        )
        self.log_out = Twice(self.body, "Log out here", "Really log out", self._log_out)
        for widget in (self.elsewhere, self.log_out):
            widget.grid(sticky="ew", pady=(0, GAP))

    def take_focus(self) -> None:
        self.path.entry.focus_set()

    def hear(self, one: News, parts: set[Part]) -> None:
        super().hear(one, parts)
        if isinstance(one, Progress) and self.waits is not None:
            self.told.say(WAITS.get(one.words, one.words))

    def done(self, one: Done) -> None:
        match one.ask:
            case asks.BackUp(path):
                self.told.say(f"The backup is in {path}.")
                self.secret.value.set("")
            case asks.Rotate():
                self.told.say("You have a new encryption key.")
                self.passphrase.value.set("")
            case _:
                self.told.say("All other sessions are over.")

    def failed(self, one: Failed) -> None:
        self.told.say("")
        if one.problem.field == "passphrase":
            self.passphrase.is_wrong(one.problem.words)
        elif one.problem.field == "path":
            self.path.is_wrong(one.problem.words)
        else:
            super().failed(one)

    def _choose(self) -> None:
        path = filedialog.asksaveasfilename(parent=self, title="The backup")
        if path:
            self.path.value.set(path)

    def _back_up(self) -> None:
        path, secret = self.path.value.get().strip(), self.secret.value.get()
        for field, value in ((self.path, path), (self.secret, secret)):
            if not value:
                field.is_wrong("This is missing.")
                return
        self.told.say("")
        self.ask(asks.BackUp(path, secret))

    def _rotate(self) -> None:
        passphrase = self.passphrase.value.get()
        if passphrase:
            self.ask(asks.Rotate(passphrase))
        else:
            self.passphrase.is_wrong("This is missing.")

    def _elsewhere(self) -> None:
        self.ask(asks.LogOutElsewhere())

    def _log_out(self) -> None:
        self.ask(asks.LogOut())
