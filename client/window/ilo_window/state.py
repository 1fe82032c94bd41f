"""What the window knows: what the worker told it, and what this person typed. No Tk."""

from dataclasses import replace
from typing import Literal, TypeAlias

from ilo_client import Back, Change, Gap, MemberInfo, Message, NotShown, Presence, Typing

from ilo_window import news
from ilo_window.conversation import Conversation
from ilo_window.words import change_words, gap_words

Part: TypeAlias = Literal["rooms", "talk", "members", "connection"]


class State:
    """`take` is told everything, and returns which parts of the window look different now."""

    def __init__(self, name: str, server: str) -> None:
        self.name = name
        self.server = server
        self.is_my_card = True
        """Whether the server shows the key of this person that is here."""
        self.current: str | None = None
        """The room that is looked at."""
        self.entries: dict[str, news.RoomEntry] = {}
        self.members: dict[str, tuple[MemberInfo, ...]] = {}
        self.drafts: dict[str, str] = {}
        self.answers = True
        """Whether the server did, the last time."""
        self.lines: dict[str, bool] = {}
        """Of each open room whether its line is there."""
        self.ends: dict[str, str] = {}
        """Of each room that was closed by the relay, why."""
        self.plaintext: set[str] = set()
        self.changed: dict[str, set[str]] = {}
        """Of each room whose key changed and was not accepted."""
        self._talks: dict[str, Conversation] = {}
        self._unread: dict[str, int] = {}
        """Of each room that was open: messages that came since it was looked at."""

    def talk(self, room: str) -> Conversation:
        return self._talks.setdefault(room, Conversation())

    # -- rooms

    def look_at(self, room: str | None) -> None:
        self.current = room
        if room is not None and room in self._unread:
            self._unread[room] = 0

    def unread(self, room: str) -> int:
        if room == self.current:
            return 0
        if room in self._unread:
            return self._unread[room]
        entry = self.entries.get(room)
        if entry is None or entry.read is None:
            return 0
        return max(0, entry.head - entry.read)

    @property
    def joined(self) -> list[news.RoomEntry]:
        found = [entry for entry in self.entries.values() if not entry.is_invitation]
        return sorted(found, key=lambda entry: (entry.is_private, title(entry).casefold()))

    @property
    def invitations(self) -> list[news.RoomEntry]:
        found = [entry for entry in self.entries.values() if entry.is_invitation]
        return sorted(found, key=lambda entry: ((entry.owner or "").casefold(), entry.name))

    def title_of(self, room: str) -> str:
        entry = self.entries.get(room)
        return title(entry) if entry is not None else room_words(room)

    def is_mine(self, room: str) -> bool:
        entry = self.entries.get(room)
        return entry is not None and entry.is_private and entry.owner == self.name

    # -- news

    def take(self, one: news.News) -> set[Part]:
        match one:
            case news.Rooms(rooms):
                self.entries = {room.name: room for room in rooms}
                return {"rooms", "talk"}
            case news.ServerAnswers(yes):
                changed, self.answers = self.answers != yes, yes
                return {"connection"} if changed else set()
            case news.Opening(room, is_plaintext):
                self._opening(room, is_plaintext)
                return {"talk", "rooms"}
            case news.Line(room, is_there):
                self.lines[room] = is_there
                return {"connection"}
            case news.Ended(room, words):
                return self._ended(room, words)
            case news.Page(room, before, messages):
                self.talk(room).page(before, messages)
                return {"talk"}
            case news.Happened(room, event):
                return self._happened(room, event)
            case news.Delivery():
                talk = self.talk(one.room)
                talk.delivered(one.key, one.state, one.words, one.sent)
                self.changed.setdefault(one.room, set()).update(one.changed)
                return {"talk"}
            case news.MembersAre(room, members):
                self._members_are(room, members)
                return {"members", "talk"}
            case news.Number(person):
                if person.state != "changed":
                    for names in self.changed.values():
                        names.discard(person.name)
                return {"talk"}
            case news.Failed():
                return {"talk"} if self._failed(one) else set()
            case _:
                return set()

    def _failed(self, one: news.Failed) -> bool:
        room = getattr(one.ask, "room", None)
        if room in self._talks and self._talks[room].is_asking:
            self._talks[room].is_asking = False
            return True
        return False

    def _opening(self, room: str, is_plaintext: bool) -> None:
        self.ends.pop(room, None)
        if is_plaintext != (room in self.plaintext):
            self.talk(room).clear()
            self.plaintext ^= {room}
        self._unread.setdefault(room, 0)
        talk = self.talk(room)
        talk.is_asking = not talk.is_loaded
        if room not in self.entries:
            is_private = room.startswith("~")
            entry = news.RoomEntry(room, None, is_private, False, None, 0, 0, is_plaintext)
            self.entries[room] = entry
        else:
            self.entries[room] = replace(self.entries[room], is_plaintext=is_plaintext)

    def _ended(self, room: str, words: str) -> set[Part]:
        self.lines.pop(room, None)
        self._unread.pop(room, None)
        talk = self.talk(room)
        talk.is_asking = False
        # Where it goes on nobody knows: the next time it comes from the history.
        talk.clear()
        if words:
            self.ends[room] = words
        return {"connection", "talk"}

    def _happened(self, room: str, event: object) -> set[Part]:
        talk = self.talk(room)
        match event:
            case Message() | NotShown():
                if talk.heard(event) and not (isinstance(event, Message) and event.is_own):
                    self._unread[room] = self._unread.get(room, 0) + (room != self.current)
                return {"talk", "rooms"}
            case Gap(reason=reason):
                if reason == "epoch":
                    talk.clear()
                talk.note(gap_words(reason), is_alarm=True)
                return {"talk"}
            case Change(kind=kind, name=name):
                if kind == "key-changed":
                    self.changed.setdefault(room, set()).add(name)
                talk.note(
                    change_words(kind, name), is_alarm=kind in ("key-changed", "still-listed")
                )
                return {"talk", "members"}
            case Back():
                return {"connection"}
            case Typing() | Presence():
                return set()
            case _:
                return set()

    def _members_are(self, room: str, members: tuple[MemberInfo, ...]) -> None:
        self.members[room] = members
        changed = {each.name for each in members if each.person.state == "changed"}
        self.changed[room] = changed - {self.name}


def title(entry: news.RoomEntry) -> str:
    return entry.label or room_words(entry.name)


def room_words(room: str) -> str:
    """Return what to call a room that has no label: of a random name its beginning."""
    return f"private {room[1:7]}" if room.startswith("~") else room
