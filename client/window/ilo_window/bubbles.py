"""The conversation on a canvas: a bubble a message, drawn anew only where something changed."""

import tkinter as tk
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ilo_window.letters import elided
from ilo_window.rows import Place, Row
from ilo_window.theme import Theme

EDGE: Final = 14
PAD_X: Final = 12
PAD_Y: Final = 8
RADIUS: Final = 20
WIDEST: Final = 640
STEP_ROWS: Final = 25
"""So many rows are drawn above the others before events have a turn."""
NEAR: Final = 4
"""Pixels from the end that still are the end."""


@dataclass(slots=True)
class _Drawn:
    row: Row
    top: int
    bottom: int

    @property
    def tag(self) -> str:
        return f"row:{self.row.place[0]}:{self.row.place[1]}"


class Bubbles(tk.Canvas):
    """Shows rows. ``on_top`` is called when the beginning is in sight, ``on_open`` with the place
    of what is opened, ``on_end`` when it is scrolled to the end."""

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        *,
        on_top: Callable[[], None],
        on_open: Callable[[Place], None],
        on_copy: Callable[[Place], None],
    ) -> None:
        super().__init__(master, highlightthickness=2, borderwidth=0, width=1, height=1)
        self.configure(takefocus=1, yscrollincrement=1)
        self._theme = theme
        self._on_top, self._on_open, self._on_copy = on_top, on_open, on_copy
        self._rows: list[Row] = []
        self._drawn: list[_Drawn] = []
        self._job: str | None = None
        self._width = 0
        self._height = 0
        self.chosen: Place | None = None
        self.bar_moved: Callable[[float, float], None] = lambda first, last: None
        self.configure(yscrollcommand=self._scrolled)
        self.bind("<Configure>", lambda _: self._resized())
        self.bind("<Button-1>", self._clicked)
        self.bind("<Double-Button-1>", lambda _: self._open())
        self.bind("<Return>", lambda _: self._open())
        self.bind("<<Copy>>", lambda _: self._copy())
        for key, step in (("<Up>", -1), ("<Down>", 1)):
            self.bind(key, lambda _, step=step: self._step(step))  # type: ignore[misc]
        for key, way in (("<Prior>", -1), ("<Next>", 1)):
            self.bind(key, lambda _, way=way: self.yview_scroll(way, "pages"))  # type: ignore[misc]
        self.bind("<Home>", lambda _: self.yview_moveto(0))
        self.bind("<End>", lambda _: self.to_end())
        self.recolour()

    # -- what others call

    def show(self, rows: list[Row], *, at_end: bool | None = None) -> None:
        """Show ``rows``; stay at the end when it was there, or as ``at_end`` says."""
        if rows == self._rows and at_end is None:
            return
        self._rows = rows
        self._draw(self.is_at_end if at_end is None else at_end)

    def to_end(self) -> None:
        self.yview_moveto(1)

    @property
    def is_at_end(self) -> bool:
        return not self._drawn or self.canvasy(self._height) >= self._bottom - NEAR

    @property
    def is_whole(self) -> bool:
        """Whether all rows are drawn."""
        return len(self._drawn) == len(self._rows)

    def recolour(self) -> None:
        palette = self._theme.palette
        self.configure(
            background=palette.window,
            highlightbackground=palette.window,
            highlightcolor=palette.accent,
        )
        self._anew(self.is_at_end)

    def turn_wheel(self, steps: int) -> None:
        self.yview_scroll(steps * 20, "units")

    # -- drawing

    @property
    def _top(self) -> int:
        return self._drawn[0].top if self._drawn else 0

    @property
    def _bottom(self) -> int:
        return self._drawn[-1].bottom if self._drawn else 0

    def _resized(self) -> None:
        # By the size that it had: what takes room under it does not move what is read.
        at_end = self.is_at_end
        self._height = self.winfo_height()
        if self.winfo_width() != self._width:
            self._width = self.winfo_width()
            self._anew(at_end)
        else:
            self._bounds(at_end)

    def _anew(self, at_end: bool) -> None:
        self.delete("all")
        self._drawn = []
        if self._width > 1:
            self._draw(at_end)

    def _draw(self, at_end: bool) -> None:
        if self._width <= 1:
            return
        if self._job is not None:
            self.after_cancel(self._job)
            self._job = None
        first, kept, begin = _common(self._drawn, self._rows)
        for gone in (*self._drawn[:first], *self._drawn[first + kept :]):
            self.delete(gone.tag)
        self._drawn = self._drawn[first : first + kept]
        if kept:
            for row in self._rows[begin + kept :]:
                self._drawn.append(self._below(row))
        else:
            begin = len(self._rows)
        self._above(begin, at_end)

    def _above(self, begin: int, at_end: bool) -> None:
        """Draw what stands before the row ``begin``, upwards, some now and some later."""
        self._job = None
        until = max(0, begin - STEP_ROWS)
        for row in reversed(self._rows[until:begin]):
            self._drawn.insert(0, self._over(row))
        self._bounds(at_end)
        if until:
            self._job = self.after(1, self._above, until, self.is_at_end)

    def _bounds(self, at_end: bool) -> None:
        seen = self.canvasy(0)
        bottom = self._bottom + PAD_Y
        top = min(self._top, bottom - self.winfo_height())
        self.configure(scrollregion=(0, top, self._width, bottom))
        self.yview_moveto(1 if at_end else (seen - top) / max(1, bottom - top))

    def _below(self, row: Row) -> _Drawn:
        top = self._bottom
        return _Drawn(row, top, top + self._paint(row, top))

    def _over(self, row: Row) -> _Drawn:
        bottom = self._top
        height = self._paint(row, bottom)
        drawn = _Drawn(row, bottom - height, bottom)
        self.move(drawn.tag, 0, -height)
        return drawn

    def _paint(self, row: Row, top: int) -> int:
        """Draw a row at ``top``; return its height."""
        if row.side == "middle":
            return self._paint_note(row, top)
        return self._paint_bubble(row, top)

    def _paint_note(self, row: Row, top: int) -> int:
        palette, theme, tag = self._theme.palette, self._theme, _tag(row)
        ink = palette.on_warn if row.is_alarm else palette.muted
        item = self.create_text(
            self._width // 2,
            top + 10,
            text=row.text,
            anchor="n",
            justify="center",
            width=max(80, self._width - 4 * EDGE),
            font=theme.small_strong if row.tone == "day" or row.is_alarm else theme.small,
            fill=ink,
            tags=(tag,),
        )
        left, up, right, down = self.bbox(item)
        if row.is_alarm:
            box = (left - 10, up - 5, right + 10, down + 5)
            self._round(box, palette.warn, palette.warn, (tag,))
            self.tag_raise(item)
        return down - top + 10

    def _paint_bubble(self, row: Row, top: int) -> int:
        palette, theme, tag = self._theme.palette, self._theme, _tag(row)
        widest = max(80, min(WIDEST, (self._width - 2 * EDGE) * 4 // 5))
        inner = widest - 2 * PAD_X
        x, y = EDGE + PAD_X, top + 4 + PAD_Y
        right = x
        parts: list[int] = []
        wrong = row.tone == "wrong"
        pieces = (
            (row.head, theme.small_strong, palette.accent),
            (row.text, theme.body, palette.muted if wrong else palette.text),
            (row.foot, theme.small, palette.error if row.is_alarm else palette.muted),
        )
        for nth, (text, face, ink) in enumerate(pieces):
            if not text:
                continue
            said = elided(text, inner, face.measure) if nth == 0 else text
            if nth == 2:
                y += 2
            part = self.create_text(
                x, y, text=said, anchor="nw", width=inner, font=face, fill=ink, tags=(tag,)
            )
            box = self.bbox(part)
            parts.append(part)
            y, right = box[3], max(right, box[2])
        bottom = y + PAD_Y
        outer = (EDGE, top + 4, right + PAD_X, bottom)
        if row.side == "right":
            shift = self._width - EDGE - outer[2]
            for part in parts:
                self.move(part, shift, 0)
            outer = (outer[0] + shift, outer[1], outer[2] + shift, outer[3])
        ground = palette.own if row.side == "right" else palette.other
        edge = palette.error if row.is_alarm else ground if row.side == "right" else palette.line
        if row.place == self.chosen:
            edge = palette.accent
        self._round(outer, ground, edge, (tag, f"edge{tag}"), is_dashed=wrong)
        for part in parts:
            self.tag_raise(part)
        return bottom - top + 4

    def _round(
        self,
        box: tuple[int, int, int, int],
        ground: str,
        edge: str,
        tags: tuple[str, ...],
        *,
        is_dashed: bool = False,
    ) -> None:
        left, up, right, down = box
        r = min(RADIUS, (right - left) // 2, (down - up) // 2)
        points = (
            (left + r, up), (left + r, up), (right - r, up), (right - r, up),
            (right, up), (right, up + r), (right, up + r),
            (right, down - r), (right, down - r), (right, down),
            (right - r, down), (right - r, down), (left + r, down), (left + r, down),
            (left, down), (left, down - r), (left, down - r),
            (left, up + r), (left, up + r), (left, up),
        )  # fmt: skip
        self.create_polygon(
            [number for point in points for number in point],
            smooth=True,
            fill=ground,
            outline=edge,
            dash=(4, 3) if is_dashed else "",
            tags=tags,
        )

    # -- moving and choosing

    def _scrolled(self, first: float | str, last: float | str) -> None:
        self.bar_moved(float(first), float(last))
        if self._drawn and self.is_whole and self.canvasy(0) <= self._top + NEAR:
            self._on_top()

    def _clicked(self, event: "tk.Event[tk.Misc]") -> None:
        self.focus_set()
        y = self.canvasy(event.y)
        for drawn in self._drawn:
            if drawn.top <= y < drawn.bottom:
                if drawn.row.side != "middle":
                    self._choose(drawn)
                    if drawn.row.can_retry or drawn.row.is_cut:
                        self._open()
                return

    def _step(self, step: int) -> str:
        those = [drawn for drawn in self._drawn if drawn.row.side != "middle"]
        if those:
            places = [drawn.row.place for drawn in those]
            here = places.index(self.chosen) if self.chosen in places else None
            if here is None:
                to = len(those) - 1
            else:
                to = max(0, min(len(those) - 1, here + step))
                if step < 0 and here == 0:
                    self._on_top()
            self._choose(those[to])
        return "break"

    def _choose(self, drawn: _Drawn) -> None:
        before, self.chosen = self.chosen, drawn.row.place
        for one in self._drawn:
            if one.row.place in (before, self.chosen):
                self.delete(one.tag)
                self._paint(one.row, one.top)
        seen, height = self.canvasy(0), self.winfo_height()
        if drawn.top < seen:
            self.yview_scroll(int(drawn.top - seen), "units")
        elif drawn.bottom > seen + height:
            self.yview_scroll(int(drawn.bottom - seen - height) + 1, "units")

    def _copy(self) -> None:
        if self.chosen is not None:
            self._on_copy(self.chosen)

    def _open(self) -> str:
        if self.chosen is not None:
            self._on_open(self.chosen)
        return "break"


def _tag(row: Row) -> str:
    return f"row:{row.place[0]}:{row.place[1]}"


def _common(drawn: list[_Drawn], rows: list[Row]) -> tuple[int, int, int]:
    """Return the longest run of rows that are drawn already: where it begins in ``drawn``, how
    long it is, and where it begins in ``rows``."""
    places = {row.place: number for number, row in enumerate(rows)}
    best = (0, 0, 0)
    first = 0
    while first < len(drawn):
        begin = places.get(drawn[first].row.place, len(rows))
        kept = 0
        while (
            first + kept < len(drawn)
            and begin + kept < len(rows)
            and drawn[first + kept].row == rows[begin + kept]
        ):
            kept += 1
        if kept > best[1]:
            best = (first, kept, begin)
        first += max(1, kept)
    return best
