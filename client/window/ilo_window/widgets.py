"""What ttk does not have: labels that wrap or are cut, fields, a form that scrolls."""

import tkinter as tk
from collections.abc import Callable, Iterator
from tkinter import font, ttk
from typing import Final, Protocol, runtime_checkable

from ilo_window.letters import elided
from ilo_window.theme import GAP, Theme

NARROWEST: Final = 40


class Wrapped(ttk.Label):
    """Text in as many lines as its width takes."""

    def __init__(self, master: tk.Misc, text: str = "", *, style: str = "TLabel") -> None:
        super().__init__(master, text=text, style=style, wraplength=200, justify="left")
        self._is_away = False
        self.bind("<Configure>", self._fit)

    def _fit(self, event: "tk.Event[tk.Misc]") -> None:
        # A little less: what it asks for has its own border around that.
        width = max(NARROWEST, event.width - 6)
        if int(str(self.cget("wraplength"))) != width:
            self.configure(wraplength=width)

    def say(self, text: str) -> None:
        """Show ``text``; without one, take no room."""
        self.configure(text=text)
        if text and self._is_away:
            self._is_away = False
            self.grid()
        elif not text and self.winfo_manager() == "grid":
            self._is_away = True
            self.grid_remove()


class Elided(ttk.Label):
    """Text in one line, cut with an ellipsis where its width ends; it asks for no width."""

    def __init__(
        self, master: tk.Misc, face: font.Font, text: str = "", *, style: str = "TLabel"
    ) -> None:
        super().__init__(master, style=style, width=1)
        self._face = face
        self.whole = ""
        self.bind("<Configure>", lambda _: self._fit())
        self.say(text)

    def say(self, text: str) -> None:
        self.whole = text
        self._fit()

    def _fit(self) -> None:
        room = max(NARROWEST, self.winfo_width() - 4)
        self.configure(text=elided(self.whole, room, self._face.measure))


class Field(ttk.Frame):
    """A label, an entry under it, and what is wrong with it under that."""

    def __init__(
        self, master: tk.Misc, label: str, *, is_secret: bool = False, hint: str = ""
    ) -> None:
        super().__init__(master)
        self.columnconfigure(0, weight=1)
        self.value = tk.StringVar(self)
        ttk.Label(self, text=label, style="Field.TLabel").grid(sticky="w")
        self.entry = ttk.Entry(self, textvariable=self.value, width=8)
        self.entry.grid(row=1, sticky="ew", pady=(2, 0))
        self.reveal: ttk.Button | None = None
        if is_secret:
            self.entry.configure(show="•")
            self.reveal = ttk.Button(self, text="Show", style="Ghost.TButton", command=self._turn)
            self.reveal.grid(row=1, column=1, padx=(4, 0))
        self._hint = Wrapped(self, hint, style="Muted.TLabel")
        self._hint.grid(row=2, columnspan=2, sticky="ew", pady=(2, 0))
        self._wrong = Wrapped(self, style="Error.TLabel")
        self._wrong.grid(row=3, columnspan=2, sticky="ew", pady=(2, 0))
        self._hint.say(hint)
        self._wrong.say("")
        self.value.trace_add("write", lambda *_: self.is_wrong(""))

    def is_wrong(self, words: str) -> None:
        """Say what is wrong, next to it; nothing is with no words."""
        if str(self._wrong.cget("text")) != words:
            self._wrong.say(words)
        self.entry.state(["invalid" if words else "!invalid"])

    def hint(self, words: str) -> None:
        self._hint.say(words)

    @property
    def wrong(self) -> str:
        return str(self._wrong.cget("text"))

    def _turn(self) -> None:
        is_hidden = bool(str(self.entry.cget("show")))
        self.entry.configure(show="" if is_hidden else "•")
        if self.reveal is not None:
            self.reveal.configure(text="Hide" if is_hidden else "Show")


class HidingBar(ttk.Scrollbar):
    """A scroll bar that is in its place only while there is something to scroll."""

    def __init__(self, master: tk.Misc, command: Callable[..., tuple[float, float] | None]) -> None:
        super().__init__(master, command=command, takefocus=0)

    def set(self, first: float | str, last: float | str) -> None:
        super().set(first, last)
        if float(first) <= 0 and float(last) >= 1:
            self.grid_remove()
        else:
            self.grid()


class Scrolled(ttk.Frame):
    """``inside`` in a window of its own height; ``widest`` is how wide it gets, in the middle."""

    def __init__(self, master: tk.Misc, theme: Theme, *, widest: int = 460) -> None:
        super().__init__(master)
        self._theme = theme
        self._widest = widest
        self.columnconfigure(0, weight=1)
        self.rowconfigure(0, weight=1)
        self.canvas = tk.Canvas(self, highlightthickness=0, borderwidth=0, takefocus=0, width=1)
        self.canvas.grid(sticky="nsew")
        bar = HidingBar(self, self.canvas.yview)
        bar.grid(row=0, column=1, sticky="ns")
        self.canvas.configure(yscrollcommand=bar.set)
        self.inside = ttk.Frame(self.canvas, padding=(2 * GAP, 2 * GAP))
        self.inside.columnconfigure(0, weight=1)
        self._item = self.canvas.create_window(0, 0, window=self.inside, anchor="n")
        self.canvas.bind("<Configure>", lambda _: self._fit())
        self.inside.bind("<Configure>", lambda _: self._fit())
        self.recolour()

    def recolour(self) -> None:
        self.canvas.configure(background=self._theme.palette.window)

    def _fit(self) -> None:
        width = self.canvas.winfo_width()
        self.canvas.itemconfigure(self._item, width=min(width, self._widest))
        self.canvas.coords(self._item, width // 2, 0)
        height = max(self.inside.winfo_reqheight(), self.canvas.winfo_height())
        self.canvas.configure(scrollregion=(0, 0, width, height))

    def turn_wheel(self, steps: int) -> None:
        if self.inside.winfo_reqheight() > self.canvas.winfo_height():
            self.canvas.yview_scroll(steps, "units")

    def see(self, widget: tk.Misc) -> None:
        """Bring what is inside into sight."""
        top = widget.winfo_rooty() - self.inside.winfo_rooty()
        bottom, height = top + widget.winfo_height(), self.canvas.winfo_height()
        whole = max(1, self.inside.winfo_reqheight())
        seen = self.canvas.canvasy(0)
        if top < seen:
            self.canvas.yview_moveto(max(0, top - 3 * GAP) / whole)
        elif bottom > seen + height:
            self.canvas.yview_moveto((bottom + 3 * GAP - height) / whole)


@runtime_checkable
class TurnsWheel(Protocol):
    def turn_wheel(self, steps: int) -> None: ...


def watch(root: tk.Tk) -> None:
    """Let the wheel turn what is under it, and what gets the focus be in sight."""

    def turned(event: "tk.Event[tk.Misc]") -> None:
        steps = {4: -3, 5: 3}.get(event.num if isinstance(event.num, int) else 0, 0)
        if not steps and event.delta:
            steps = -3 if event.delta > 0 else 3
        for widget in _with_parents(event.widget):
            if isinstance(widget, TurnsWheel):
                widget.turn_wheel(steps)
                return

    def focused(event: "tk.Event[tk.Misc]") -> None:
        for widget in _with_parents(event.widget):
            if isinstance(widget, Scrolled) and widget is not event.widget:
                widget.see(event.widget)

    for name in ("<Button-4>", "<Button-5>", "<MouseWheel>"):
        root.bind_all(name, turned)
    root.bind_all("<FocusIn>", focused)


def _with_parents(widget: object) -> Iterator[tk.Misc]:
    # Of a widget that is not Python's, a menu's or a list's, Tk gives the name only.
    while isinstance(widget, tk.Misc):
        yield widget
        widget = widget.master


def rule(master: tk.Misc, *, is_upright: bool = False) -> ttk.Frame:
    """Return a hair line."""
    line = ttk.Frame(master, style="Line.TFrame")
    line.configure(width=1) if is_upright else line.configure(height=1)
    return line
