"""What a room's conversation shows: a bounded number of lines, in their order, each once.

Plain decisions: no Tk, no clock.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeAlias

from ilo_client import Message, NotShown, Sent

MOST_LINES: Final = 200
"""Older ones are in the history; newer ones, when older ones are shown, too."""
MOST_WARNED: Final = 1000
"""So many warnings are remembered of messages that are not shown now."""

Key: TypeAlias = tuple[int, int]
"""A line's place: a seq, and within it 0 for what has the seq itself."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that happened, between two messages."""

    words: str
    is_alarm: bool = False


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Something that was said here and is not in the room yet."""

    key: int
    text: str = field(repr=False)
    state: Literal["sending", "kept", "failed"] = "sending"
    words: str = ""


Line: TypeAlias = Message | NotShown | Note


class Conversation:
    """One room's. ``lines`` are those that are shown, oldest first; ``outgoing`` follow them."""

    def __init__(self) -> None:
        self._lines: dict[Key, Line] = {}
        self._order: list[Key] = []
        self._warned: OrderedDict[int, Message] = OrderedDict()
        self._notes = 0
        self._next_key = 0
        self.outgoing: list[Outgoing] = []
        self.is_loaded = False
        """Whether the newest page of the history has come."""
        self.has_older = True
        self.has_newer = False
        self.is_asking = False
        """Whether a page of the history is on its way."""

    @property
    def lines(self) -> list[tuple[Key, Line]]:
        return [(key, self._lines[key]) for key in self._order]

    @property
    def oldest(self) -> int | None:
        """The seq of the first message that is shown."""
        return next((seq for seq, part in self._order if part == 0), None)

    @property
    def newest(self) -> int:
        return max((seq for seq, _ in self._order), default=0)

    # -- what comes

    def page(self, before: int | None, messages: Iterable[Message | NotShown]) -> None:
        """A page of the history: the one before a seq, or the newest one."""
        self.is_asking = False
        found = list(messages)
        if before is None:
            if self.has_newer or (found and self.is_loaded and found[0].seq > self.newest + 1):
                self.clear()
            self.is_loaded, self.has_newer = True, False
        elif not found:
            self.has_older = False
        for one in found:
            self._put((one.seq, 0), self._with_warnings(one))
        if any(one.seq == 1 for one in found) or (before is None and not found):
            self.has_older = False
        self._trim(from_below=before is not None)

    def heard(self, one: Message | NotShown) -> bool:
        """A message that came by itself; return whether it is new here."""
        if isinstance(one, Message) and one.warnings:
            self._warned[one.seq] = one
            while len(self._warned) > MOST_WARNED:
                self._warned.popitem(last=False)
        if isinstance(one, Message) and one.is_own:
            self._drop_first_said(one.text)
        if (one.seq, 0) in self._lines:
            if isinstance(one, Message) and one.warnings:
                self._lines[(one.seq, 0)] = one
            return False
        oldest = self.oldest
        if oldest is not None and one.seq < oldest and self.is_loaded:
            # Told again from the beginning: it is in the history.
            self.has_older = True
            return False
        if self.has_newer:
            return True
        self._put((one.seq, 0), one)
        self._trim(from_below=False)
        return True

    def note(self, words: str, *, is_alarm: bool = False) -> None:
        """Something happened now."""
        self._notes += 1
        self._put((self.newest, self._notes), Note(words, is_alarm))
        self._trim(from_below=False)

    def clear(self) -> None:
        """Forget all but what is on its way out: it comes anew from the history."""
        self._lines.clear()
        self._order.clear()
        self.has_older, self.has_newer, self.is_loaded = True, False, False

    # -- what goes out

    def say(self, text: str) -> Outgoing:
        self._next_key += 1
        self.outgoing.append(Outgoing(self._next_key, text))
        return self.outgoing[-1]

    def delivered(
        self, key: int, state: Literal["sent", "kept", "failed"], words: str, sent: Sent | None
    ) -> None:
        """What became of it. Once it is sent, it comes back as a message like any other."""
        for place, one in enumerate(self.outgoing):
            if one.key == key:
                if state == "sent":
                    del self.outgoing[place]
                    if sent is not None and not self.has_newer and self.is_loaded:
                        mine = Message(sent.id, sent.seq, "", sent.sent_at, one.text, is_own=True)
                        self._put((sent.seq, 0), mine)
                        self._trim(from_below=False)
                else:
                    self.outgoing[place] = replace(one, state=state, words=words)
                return

    def take_back(self, key: int) -> str | None:
        """Return the text of what was not sent, which is no more here then."""
        for place, one in enumerate(self.outgoing):
            if one.key == key and one.state == "failed":
                del self.outgoing[place]
                return one.text
        return None

    # -- inside

    def _drop_first_said(self, text: str) -> None:
        # The message may be here before the answer to the one who said it.
        for place, one in enumerate(self.outgoing):
            if one.text == text and one.state != "failed":
                del self.outgoing[place]
                return

    def _with_warnings(self, one: Message | NotShown) -> Message | NotShown:
        warned = self._warned.get(one.seq)
        if warned is not None and isinstance(one, Message) and warned.id == one.id:
            return warned
        return one

    def _put(self, key: Key, line: Line) -> None:
        """Put a line in its place; what is there stays."""
        if key in self._lines:
            return
        self._lines[key] = line
        place = len(self._order)
        while place and self._order[place - 1] > key:
            place -= 1
        self._order.insert(place, key)

    def _trim(self, *, from_below: bool) -> None:
        surplus = len(self._order) - MOST_LINES
        if surplus <= 0:
            return
        if from_below:
            gone, self._order = self._order[-surplus:], self._order[:-surplus]
            self.has_newer = True
        else:
            gone, self._order = self._order[:surplus], self._order[surplus:]
            self.has_older = True
        for key in gone:
            del self._lines[key]
