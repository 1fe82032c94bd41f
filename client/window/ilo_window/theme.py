"""Light and dark: the colours, and how ttk uses them."""

import tkinter as tk
from dataclasses import dataclass
from tkinter import font, ttk
from typing import Any, Final, Literal, TypeAlias

Choice: TypeAlias = Literal["auto", "light", "dark"]
CHOICES: Final[tuple[Choice, ...]] = ("auto", "light", "dark")

FAMILIES: Final = ("Inter", "Cantarell", "Ubuntu", "Noto Sans", "Segoe UI", "DejaVu Sans")
"""The first one that is there is taken."""
_Spec: TypeAlias = list[tuple[str, Any]]

GAP: Final = 8
"""The step of all distances, in pixels."""


@dataclass(frozen=True, slots=True)
class Palette:
    name: str
    window: str
    side: str
    field: str
    line: str
    text: str
    muted: str
    accent: str
    on_accent: str
    accent_hover: str
    soft: str
    hover: str
    own: str
    other: str
    warn: str
    on_warn: str
    danger: str
    on_danger: str
    error: str


LIGHT: Final = Palette(
    name="light",
    window="#f7f9f9",
    side="#eaf0ef",
    field="#ffffff",
    line="#c9d5d3",
    text="#15211f",
    muted="#4d5f5b",
    accent="#00695c",
    on_accent="#ffffff",
    accent_hover="#00564b",
    soft="#cbe3df",
    hover="#dce7e5",
    own="#cfe8e3",
    other="#ffffff",
    warn="#fff1cc",
    on_warn="#5f4300",
    danger="#b3261e",
    on_danger="#ffffff",
    error="#a8201a",
)
DARK: Final = Palette(
    name="dark",
    window="#111a19",
    side="#0b1211",
    field="#1b2826",
    line="#33443f",
    text="#e4efec",
    muted="#9db1ac",
    accent="#5cc4b7",
    on_accent="#00211d",
    accent_hover="#7ad3c8",
    soft="#1d4640",
    hover="#1a2725",
    own="#173f39",
    other="#202e2b",
    warn="#3d3210",
    on_warn="#ffdf8e",
    danger="#ff8a80",
    on_danger="#3b0502",
    error="#ff9d94",
)

PAIRS: Final = (
    ("text", "window"),
    ("text", "side"),
    ("text", "field"),
    ("text", "soft"),
    ("text", "hover"),
    ("text", "own"),
    ("text", "other"),
    ("muted", "window"),
    ("muted", "side"),
    ("muted", "field"),
    ("muted", "own"),
    ("muted", "other"),
    ("muted", "hover"),
    ("accent", "window"),
    ("accent", "side"),
    ("accent", "hover"),
    ("accent", "other"),
    ("on_accent", "accent"),
    ("on_accent", "accent_hover"),
    ("on_warn", "warn"),
    ("on_danger", "danger"),
    ("error", "window"),
    ("error", "own"),
    ("error", "other"),
)
"""Which colour of letters stands on which ground."""


def contrast(one: str, other: str) -> float:
    """Return the contrast of two `#rrggbb`, as WCAG 2 counts it: 1 to 21."""
    bright, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def palette_of(choice: Choice, *, desktop_is_dark: bool) -> Palette:
    if choice == "auto":
        return DARK if desktop_is_dark else LIGHT
    return DARK if choice == "dark" else LIGHT


class Theme:
    """The fonts and the palette of one window."""

    def __init__(self, root: tk.Tk) -> None:
        self.root = root
        self.style = ttk.Style(root)
        there = set(font.families(root))
        family = next((each for each in FAMILIES if each in there), None)
        self.body = _font(root, "IloBody", family, 10)
        self.strong = _font(root, "IloStrong", family, 10, "bold")
        self.small = _font(root, "IloSmall", family, 9)
        self.small_strong = _font(root, "IloSmallStrong", family, 9, "bold")
        self.title = _font(root, "IloTitle", family, 17, "bold")
        self.head = _font(root, "IloHead", family, 12, "bold")
        self.digits = font.Font(root, name="IloDigits", exists=False, font="TkFixedFont")
        self.digits.configure(size=15)
        self.palette = LIGHT
        for palette in (LIGHT, DARK):
            self.style.theme_create(f"ilo-{palette.name}", parent="clam")
        self.use(LIGHT)

    def use(self, palette: Palette) -> None:
        """Take these colours; what is no ttk widget is told by its `recolour`."""
        self.palette = palette
        self.style.theme_use(f"ilo-{palette.name}")
        self._texts(palette)
        self._buttons(palette)
        self._fields(palette)
        self._lists(palette)
        self.root.configure(background=palette.window)
        recolour(self.root)

    def _texts(self, p: Palette) -> None:
        style = self.style
        style.configure(
            ".",
            background=p.window,
            foreground=p.text,
            font=self.body,
            bordercolor=p.line,
            lightcolor=p.window,
            darkcolor=p.window,
            troughcolor=p.side,
            focuscolor=p.accent,
            selectbackground=p.accent,
            selectforeground=p.on_accent,
        )
        grounds = {"": p.window, "Side.": p.side, "Warn.": p.warn, "Field.": p.field}
        for prefix, ground in grounds.items():
            style.configure(f"{prefix}TFrame", background=ground)
            ink = p.on_warn if prefix == "Warn." else p.text
            style.configure(f"{prefix}TLabel", background=ground, foreground=ink)
            muted = p.on_warn if prefix == "Warn." else p.muted
            style.configure(
                f"{prefix}Muted.TLabel", background=ground, foreground=muted, font=self.small
            )
            style.configure(f"{prefix}Strong.TLabel", background=ground, font=self.strong)
        style.configure("Title.TLabel", font=self.title)
        style.configure("Head.TLabel", font=self.head)
        style.configure("Side.Head.TLabel", font=self.head, background=p.side)
        style.configure("Field.TLabel", background=p.window, font=self.small_strong)
        style.configure("Error.TLabel", foreground=p.error, font=self.small)
        style.configure("Good.TLabel", foreground=p.accent, font=self.small)
        style.configure("Digits.TLabel", font=self.digits)
        style.configure("Line.TFrame", background=p.line)
        style.configure(
            "Badge.TLabel",
            background=p.warn,
            foreground=p.on_warn,
            font=self.small_strong,
            padding=(GAP, 2),
        )

    def _buttons(self, p: Palette) -> None:
        looks = {
            "TButton": (p.field, p.text, p.hover, p.line),
            "Accent.TButton": (p.accent, p.on_accent, p.accent_hover, p.accent),
            "Danger.TButton": (p.danger, p.on_danger, p.danger, p.danger),
            "Ghost.TButton": (p.window, p.accent, p.hover, p.window),
            "Side.Ghost.TButton": (p.side, p.accent, p.hover, p.side),
            "Tab.TButton": (p.window, p.text, p.hover, p.window),
            "Chosen.Tab.TButton": (p.soft, p.text, p.soft, p.soft),
        }
        for name, (ground, ink, hover, line) in looks.items():
            self.style.configure(
                name,
                background=ground,
                foreground=ink,
                bordercolor=line,
                lightcolor=ground,
                darkcolor=ground,
                relief="solid",
                borderwidth=1,
                padding=(12, 6),
                font=self.strong if "Ghost" not in name else self.body,
                anchor="center",
                width=0,
            )
            self.style.map(
                name,
                background=[("disabled", p.side), ("pressed", hover), ("active", hover)],
                foreground=[("disabled", p.muted)],
                bordercolor=[("disabled", p.line), ("focus", p.text), ("active", line)],
                lightcolor=[("disabled", p.side), ("focus", p.text), ("active", hover)],
                darkcolor=[("disabled", p.side), ("focus", p.text), ("active", hover)],
            )
        self.style.configure("Ghost.TButton", padding=(8, 6))
        self.style.configure("Side.Ghost.TButton", padding=(8, 6))
        self.style.configure("Tab.TButton", padding=(8, 6), font=self.body)

    def _fields(self, p: Palette) -> None:
        style = self.style
        style.configure(
            "TEntry",
            fieldbackground=p.field,
            foreground=p.text,
            insertcolor=p.text,
            bordercolor=p.line,
            lightcolor=p.field,
            darkcolor=p.field,
            padding=6,
        )
        style.map(
            "TEntry",
            bordercolor=[("invalid", p.error), ("focus", p.accent)],
            lightcolor=[("invalid", p.error), ("focus", p.accent)],
            darkcolor=[("invalid", p.error), ("focus", p.accent)],
            fieldbackground=[("disabled", p.side)],
            foreground=[("disabled", p.muted)],
        )
        for name in ("TCheckbutton", "TRadiobutton"):
            style.configure(
                name,
                background=p.window,
                foreground=p.text,
                indicatorbackground=p.field,
                indicatorforeground=p.accent,
                upperbordercolor=p.muted,
                lowerbordercolor=p.muted,
                indicatormargin=(0, 2, 8, 2),
                padding=2,
            )
            style.map(
                name,
                background=[("active", p.window), ("focus", p.hover)],
                indicatorbackground=[("pressed", p.soft), ("selected", p.field)],
            )
        style.configure(
            "TProgressbar",
            background=p.accent,
            troughcolor=p.side,
            bordercolor=p.side,
            lightcolor=p.accent,
            darkcolor=p.accent,
            thickness=4,
        )

    def _lists(self, p: Palette) -> None:
        style = self.style
        height = self.body.metrics("linespace") + 16
        for name, ground in (("Treeview", p.window), ("Side.Treeview", p.side)):
            style.configure(
                name,
                background=ground,
                fieldbackground=ground,
                foreground=p.text,
                rowheight=height,
                borderwidth=0,
                bordercolor=ground,
                lightcolor=ground,
                darkcolor=ground,
                relief="flat",
                font=self.body,
                indent=0,
            )
            style.map(
                name,
                background=[("selected", p.soft)],
                foreground=[("selected", p.text)],
                bordercolor=[("focus", p.accent)],
            )
            style.configure(f"{name}.Item", padding=(10, 0, 4, 0))
            text: _Spec = [("Treeitem.text", {"sticky": "nswe"})]
            style.layout(f"{name}.Item", [("Treeitem.padding", _whole(text))])
        thumb: _Spec = [("Vertical.Scrollbar.thumb", {"expand": True, "sticky": "nswe"})]
        style.layout("Vertical.TScrollbar", [("Vertical.Scrollbar.trough", _whole(thumb))])
        style.configure(
            "Vertical.TScrollbar",
            background=p.line,
            troughcolor=p.window,
            bordercolor=p.window,
            lightcolor=p.line,
            darkcolor=p.line,
            width=10,
            arrowsize=10,
            gripcount=0,
        )
        style.map("Vertical.TScrollbar", background=[("active", p.muted), ("disabled", p.window)])


def _whole(children: _Spec) -> Any:
    return {"sticky": "nswe", "children": children}


def recolour(widget: tk.Misc) -> None:
    """Tell all under ``widget`` that the colours are others."""
    own = getattr(widget, "recolour", None)
    if own is not None:
        own()
    for child in widget.winfo_children():
        recolour(child)


def _font(
    root: tk.Tk,
    name: str,
    family: str | None,
    size: int,
    weight: Literal["normal", "bold"] = "normal",
) -> font.Font:
    found = font.Font(root, name=name, exists=False, font="TkDefaultFont")
    found.configure(size=size, weight=weight)
    if family is not None:
        found.configure(family=family)
    return found
