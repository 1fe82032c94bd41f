"""How what comes out of a room's relay is opened: shown, or refused with its reason."""

from collections.abc import Callable

from ilo_relay import MessageOut

from ilo_client.errors import Refused
from ilo_client.events import Message, NotShown, Warning_
from ilo_client.keys import IdentityKey, KeyPairs
from ilo_client.memory import Memory
from ilo_client.opening import Opened, open_envelope
from ilo_client.pins import Pins
from ilo_client.received import Received


class Reading:
    """Reads one room. Nothing here awaits, and all of it may take milliseconds."""

    def __init__(
        self,
        room: str,
        username: str,
        pairs: Callable[[], KeyPairs],
        memory: Memory,
        pins: Pins,
        *,
        plaintext: bool,
    ) -> None:
        self.received = Received(memory, room)
        self._room = room
        self._username = username
        self._pairs = pairs
        self._pins = pins
        self._plaintext = plaintext

    def live(self, frame: MessageOut, epoch: str) -> tuple[Message | None, frozenset[str]]:
        """Return what a message says that came in its order; None: it was shown already. And the
        ids of keys that it is encrypted for, and that belong to no member known here.

        Raises:
            Refused: it cannot be shown.
        """
        try:
            opened = self._open(frame, self._identity(frame.sender))
        except Refused as refused:
            if self._is_plain(refused):
                return self._plain(frame), frozenset()
            raise
        place = (epoch, frame.seq)
        taken = self.received.take_in(opened, place)
        mine = {pair.public.kid for pair in self._pairs().encryption}
        strangers = self.received.strangers(set(opened.to_kids) - mine, place)
        shown = self._shown(frame, opened, taken.warnings) if taken.is_new else None
        return shown, strangers

    def page(self, frames: list[MessageOut], epoch: str) -> list[Message | NotShown]:
        """Return what a page of the history says."""
        found: list[Message | NotShown] = []
        seen: set[tuple[str, str]] = set()
        for frame in frames:
            try:
                if (frame.sender, frame.id) in seen:
                    raise Refused("replay")
                seen.add((frame.sender, frame.id))
                found.append(self._of_history(frame, epoch))
            except Refused as refused:
                found.append(not_shown(frame, refused))
        return found

    def _of_history(self, frame: MessageOut, epoch: str) -> Message:
        # Long ago it may have been signed with a key that was given up since.
        keys = [self._identity(frame.sender), *self._pins.former(frame.sender)]
        for nth, key in enumerate(keys, 1):
            try:
                opened = self._open(frame, key)
            except Refused as refused:
                if self._is_plain(refused):
                    return self._plain(frame)
                if refused.code == "key-changed" and nth < len(keys):
                    continue
                raise
            break
        self.received.look_back(opened, (epoch, frame.seq))
        return self._shown(frame, opened, ())

    def _open(self, frame: MessageOut, key: IdentityKey | None) -> Opened:
        if frame.room != self._room:
            raise Refused("room")
        opened = open_envelope(
            frame.data.message,
            room=self._room,
            sender=frame.sender,
            pairs=self._pairs(),
            pin=lambda _: key,
        )
        if opened.mid != frame.id:
            raise Refused("binding")
        return opened

    def _identity(self, sender: str) -> IdentityKey | None:
        if sender == self._username:
            return self._pairs().identity.public
        return self._pins.identity(sender)

    def _is_plain(self, refused: Refused) -> bool:
        return self._plaintext and refused.code == "format"

    def _plain(self, frame: MessageOut) -> Message:
        return Message(
            frame.id,
            frame.seq,
            frame.sender,
            frame.sent_at,
            frame.data.message,
            is_own=frame.sender == self._username,
            is_plaintext=True,
        )

    def _shown(self, frame: MessageOut, opened: Opened, warnings: tuple[Warning_, ...]) -> Message:
        return Message(
            frame.id,
            frame.seq,
            frame.sender,
            frame.sent_at,
            opened.body,
            opened.type,
            is_own=frame.sender == self._username,
            warnings=warnings,
        )


def not_shown(frame: MessageOut, refused: Refused) -> NotShown:
    return NotShown(frame.seq, frame.sender, refused.code, str(refused))
