"""The ways in: log in, register, restore a backup; and, where a session is, unlock it."""

import tkinter as tk
from tkinter import filedialog, ttk
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from ilo_window import asks
from ilo_window.news import Failed, Folder, News, Progress
from ilo_window.state import Part
from ilo_window.theme import GAP
from ilo_window.views.page import View
from ilo_window.widgets import Field, Scrolled, Wrapped

if TYPE_CHECKING:
    from ilo_window.window import Window

Mode: TypeAlias = Literal["log in", "register", "restore"]

MODES: Final[tuple[Mode, ...]] = ("log in", "register", "restore")
TABS: Final[dict[Mode, str]] = {"log in": "Log in", "register": "Register", "restore": "Restore"}
DOES: Final[dict[Mode, str]] = {
    "log in": "Log in",
    "register": "Make keys and register",
    "restore": "Restore and log in",
}
LOCKS: Final = "Locks your keys on this computer; the server never sees it. Nobody can reset it."
RULES: Final = (
    "8 characters or more, with an upper-case and a lower-case letter, a digit and a sign."
)
WAITS: Final[dict[str, str]] = {
    "making keys": "Making your keys: this may take some seconds …",
    "locking the keys": "Locking your keys with the passphrase …",
    "unlocking the keys": "Unlocking your keys …",
    "opening the backup": "Opening the backup: this takes a moment …",
    "registering": "Registering …",
    "logging in": "Logging in …",
    "telling the server": "Telling the server …",
}


class WayIn(View):
    """A form in the middle, with a button and what happens under it."""

    def __init__(self, master: tk.Misc, window: "Window") -> None:
        super().__init__(master, window)
        self.columnconfigure(0, weight=1)
        self.rowconfigure(0, weight=1)
        scrolled = Scrolled(self, self.theme)
        scrolled.grid(sticky="nsew")
        self.form = scrolled.inside
        top = ttk.Frame(self.form)
        top.grid(sticky="ew", pady=(2 * GAP, GAP))
        top.columnconfigure(0, weight=1)
        ttk.Label(top, text="Ilo", style="Title.TLabel").grid(sticky="w")
        window.menu_button(top, style="Ghost.TButton").grid(row=0, column=1)
        self.waits: asks.WayIn | None = None
        self.fields: dict[str, Field] = {}
        self.wrong = Wrapped(self.form, style="Error.TLabel")
        self.progress = Wrapped(self.form, style="Muted.TLabel")
        self.bar = ttk.Progressbar(self.form, mode="indeterminate")
        self.go = ttk.Button(self.form, style="Accent.TButton", command=self.submit)

    def field(self, name: str, label: str, *, is_secret: bool = False, hint: str = "") -> Field:
        made = Field(self.form, label, is_secret=is_secret, hint=hint)
        made.grid(sticky="ew", pady=(0, GAP + 4))
        made.entry.bind("<Return>", lambda _: self.submit())
        self.fields[name] = made
        return made

    def put_end(self) -> None:
        """Put the button, and the places for words, under the fields."""
        self.wrong.grid(sticky="ew", pady=(0, GAP))
        self.go.grid(sticky="ew", pady=(GAP // 2, GAP))
        self.bar.grid(sticky="ew")
        self.progress.grid(sticky="ew", pady=(GAP // 2, 0))
        self.wrong.say("")
        self.progress.say("")
        self.bar.grid_remove()

    def missing(self, names: tuple[str, ...]) -> bool:
        """Say which of the fields are empty, and return whether any is."""
        empty = [self.fields[name] for name in names if not self.fields[name].value.get()]
        for field in empty:
            field.is_wrong("This is missing.")
        if empty:
            empty[0].entry.focus_set()
        return bool(empty)

    def submit(self) -> None:
        """Ask, if all is there and nothing is asked yet."""
        if self.waits is not None:
            return
        self.wrong.say("")
        ask = self.wanted()
        if ask is not None:
            self.waits = ask
            self.go.state(["disabled"])
            self.progress.say("Asking the server …")
            self.bar.grid()
            self.bar.start(40)
            self.window.ask(ask)

    def wanted(self) -> asks.WayIn | None:
        """Return what to ask for; None when something is missing."""
        raise NotImplementedError

    def hear(self, one: News, parts: set[Part]) -> None:
        if isinstance(one, Progress) and self.waits is not None:
            self.progress.say(WAITS.get(one.words, one.words))
        elif isinstance(one, Failed) and one.ask == self.waits:
            self.waits = None
            self.go.state(["!disabled"])
            self.bar.stop()
            self.bar.grid_remove()
            self.progress.say("")
            self.failed(one)

    def failed(self, one: Failed) -> None:
        field = self.fields.get(one.problem.field)
        if field is not None and field.winfo_ismapped():
            field.is_wrong(one.problem.words)
            field.entry.focus_set()
        else:
            self.wrong.say(one.problem.words)


class SignIn(WayIn):
    def __init__(self, master: tk.Misc, window: "Window", folder: Folder, server: str) -> None:
        super().__init__(master, window)
        Wrapped(
            self.form, "Rooms that only those who are in them can read.", style="Muted.TLabel"
        ).grid(sticky="ew", pady=(0, 2 * GAP))
        tabs = ttk.Frame(self.form)
        tabs.grid(sticky="ew", pady=(0, 2 * GAP))
        self.tabs: dict[Mode, ttk.Button] = {}
        for place, mode in enumerate(MODES):
            tabs.columnconfigure(place, weight=1, uniform="tab")
            tab = ttk.Button(tabs, text=TABS[mode], command=lambda mode=mode: self.turn_to(mode))  # type: ignore[misc]
            tab.grid(row=0, column=place, sticky="ew", padx=(0 if place == 0 else 4, 0))
            self.tabs[mode] = tab
        self.field("server", "Server", hint="The address of its API, https://chat.example for one.")
        self.field("name", "Name")
        path = self.field("backup", "Backup file")
        choose = ttk.Button(path, text="Choose …", style="Ghost.TButton", command=self._choose)
        choose.grid(row=1, column=1, padx=(4, 0))
        self.field("backup passphrase", "Passphrase of the backup", is_secret=True)
        self.field("password", "Password", is_secret=True, hint=RULES)
        self.field("passphrase", "Passphrase", is_secret=True, hint=LOCKS)
        self.new_keys = tk.BooleanVar(self)
        self.anew = ttk.Checkbutton(self.form, text="Make new keys", variable=self.new_keys)
        self.anew.grid(sticky="w", pady=(0, GAP))
        self.put_end()
        self.fields["server"].value.set(folder.server or server)
        self.fields["name"].value.set(folder.name or "")
        self.mode: Mode = "log in"
        self.turn_to("log in" if folder.name else "register")
        if folder.problem is not None:
            self.wrong.say(folder.problem.words)

    def turn_to(self, mode: Mode) -> None:
        self.mode = mode
        for each, tab in self.tabs.items():
            tab.configure(style="Chosen.Tab.TButton" if each == mode else "Tab.TButton")
        is_restore = mode == "restore"
        for name in ("backup", "backup passphrase"):
            self.fields[name].grid() if is_restore else self.fields[name].grid_remove()
        self.fields["name"].grid_remove() if is_restore else self.fields["name"].grid()
        self.fields["password"].hint(RULES if mode == "register" else "")
        self.anew.grid_remove()
        self.new_keys.set(False)
        self.go.configure(text=DOES[mode])
        self.wrong.say("")
        for field in self.fields.values():
            field.is_wrong("")

    def take_focus(self) -> None:
        names = ("server", "name", "password")
        empty = [name for name in names if not self.fields[name].value.get()]
        self.fields[empty[0] if empty else "password"].entry.focus_set()

    def wanted(self) -> asks.WayIn | None:
        value = {name: field.value.get() for name, field in self.fields.items()}
        server = address(value["server"])
        password, passphrase = value["password"], value["passphrase"]
        if self.mode == "restore":
            if self.missing(("server", "backup", "backup passphrase", "password", "passphrase")):
                return None
            path = value["backup"].strip()
            return asks.Restore(server, path, value["backup passphrase"], password, passphrase)
        if self.missing(("server", "name", "password", "passphrase")):
            return None
        name = value["name"].strip()
        if self.mode == "register":
            return asks.Register(server, name, password, passphrase)
        return asks.LogIn(server, name, password, passphrase, self.new_keys.get())

    def failed(self, one: Failed) -> None:
        if one.problem.can_make_keys:
            self.anew.grid()
        if one.problem.field == "path":
            self.fields["backup"].is_wrong(one.problem.words)
        elif isinstance(one.ask, asks.Restore) and one.problem.field == "passphrase":
            self.fields["backup passphrase"].is_wrong(one.problem.words)
        else:
            super().failed(one)

    def _choose(self) -> None:
        path = filedialog.askopenfilename(parent=self, title="The backup")
        if path:
            self.fields["backup"].value.set(path)


class Unlock(WayIn):
    """The folder has a session: the passphrase is enough."""

    def __init__(self, master: tk.Misc, window: "Window", folder: Folder) -> None:
        super().__init__(master, window)
        who = self.name(folder.name or "")
        Wrapped(self.form, f"Welcome back, {who}.", style="Head.TLabel").grid(sticky="ew")
        Wrapped(self.form, folder.server or "", style="Muted.TLabel").grid(
            sticky="ew", pady=(0, 2 * GAP)
        )
        self.field("passphrase", "Passphrase", is_secret=True, hint=LOCKS)
        self.put_end()
        self.go.configure(text="Unlock")
        self.other = ttk.Button(
            self.form,
            text="Log in with the password",
            style="Ghost.TButton",
            command=lambda: window.show_sign_in(folder),
        )
        self.other.grid(pady=(GAP, 0))

    def take_focus(self) -> None:
        self.fields["passphrase"].entry.focus_set()

    def wanted(self) -> asks.WayIn | None:
        if self.missing(("passphrase",)):
            return None
        return asks.Unlock(self.fields["passphrase"].value.get())


def address(typed: str) -> str:
    """Return the URL that was meant: without a scheme, TLS; on this machine, none."""
    url = typed.strip().rstrip("/")
    if "://" in url or not url:
        return url
    host = url.partition("/")[0].partition(":")[0]
    return f"http://{url}" if host in ("localhost", "127.0.0.1") else f"https://{url}"
