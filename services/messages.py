"""What is said in rooms: who said it, when, under which id; and that it is kept."""

import secrets
from collections.abc import Callable, Sequence
from typing import Any

from services.model import Draft, Instant, RoomId, UserId
from services.ports import Appended, Clock, RoomStore

_COUNTER_BYTES = 6

# Half the price of calling the class; once for every message.
_new = tuple[Any, ...].__new__


class MessageIds:
    """New message ids: UUIDs of version 8 (RFC 9562 §5.8), 74 random bits a process and a counter.

    They need to be unique, not secret, and cost a tenth of a random one.
    """

    def __init__(self) -> None:
        head = bytearray(secrets.token_bytes(10))
        head[6] = head[6] & 0x0F | 0x80
        head[8] = head[8] & 0x3F | 0x80
        self._head = bytes(head)
        text = self._head.hex()
        self._head_text = f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-".encode()
        self._count = 0

    def next(self) -> tuple[bytes, bytes]:
        """Return a new id as its 16 bytes and as its text in ASCII."""
        self._count += 1
        tail = self._count.to_bytes(_COUNTER_BYTES, "big")
        return self._head + tail, b"%b%012x" % (self._head_text, self._count)


class Messages:
    """Messages on their way into the store. Sender and time come from here, never from a client."""

    def __init__(self, store: RoomStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._ids = MessageIds()

    def now(self) -> Instant:
        """Return the time that messages said now are stamped with."""
        return self._clock()

    def draft(
        self,
        room_id: RoomId,
        sender: UserId,
        sent_at: Instant,
        id_text: str | None,
        after: int | None,
        text: str,
        connection: object,
    ) -> Draft:
        """Return the message as it will be stored; ``id_text`` is a lower-case UUID or None.

        Its ``origin`` is ``(connection, id as text in ASCII)``.
        """
        if id_text is None:
            message_id, id_ascii = self._ids.next()
        else:
            message_id, id_ascii = bytes.fromhex(id_text.replace("-", "")), id_text.encode()
        origin = connection, id_ascii
        return _new(Draft, (room_id, sender, message_id, sent_at, text, after, origin))

    def append(self, drafts: Sequence[Draft], done: Callable[[Sequence[Appended]], None]) -> None:
        """Store the drafts; see ``RoomStore.append`` for what ``done`` is told."""
        self._store.append(drafts, done)
