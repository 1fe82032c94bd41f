"""What the relay said is stored, and what of it a new epoch does not have."""

from ilo_relay.frames import Ack, Gap
from ilo_relay.memory import Newest


class Acked:
    """The newest ``bound`` messages of one client that were acknowledged, by their ids."""

    def __init__(self, bound: int) -> None:
        self._stored: Newest[str, int] = Newest(bound)
        self._doubtful: Newest[str, int] = Newest(bound)
        self._missing: Newest[str, int] = Newest(bound)

    @property
    def missing(self) -> tuple[str, ...]:
        """The ids of those that were acknowledged in an older epoch and have not come since."""
        return tuple(id for id, _ in self._missing.items())

    def acked(self, ack: Ack) -> None:
        """It is stored, in the epoch of this connection."""
        self._stored.add(ack.id, ack.seq)
        self.came(ack.id)

    def in_another_epoch(self) -> None:
        """The relay is in another epoch; what is missing there its gap will tell."""
        for id, seq in self._stored.items():
            self._doubtful.add(id, seq)
        self._stored.clear()

    def begins_at(self, gap: Gap) -> None:
        """The new epoch begins with ``gap.from_seq``: what was before it is not in question."""
        for id, seq in self._doubtful.items():
            if seq >= gap.from_seq:
                self._missing.add(id, seq)
        self._doubtful.clear()

    def came(self, id: str) -> None:
        """A message of this client is there."""
        self._doubtful.drop(id)
        self._missing.drop(id)
