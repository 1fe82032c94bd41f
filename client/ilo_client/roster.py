"""Who is in a room, by the server's word, and for whom of them this person encrypts."""

from collections.abc import Mapping
from dataclasses import dataclass

from ilo_rest.models import Room as RoomModel

from ilo_client.keys import EncryptionKey
from ilo_client.memory import Memory
from ilo_client.pins import Pin, Pins


@dataclass(frozen=True, slots=True)
class Roster:
    """The members of one ``version`` of a room, other than oneself in ``pins``.

    ``unreachable`` have no valid card, ``changed`` another key than the pinned one; ``expelled``
    are listed although this person has removed them.
    """

    version: int
    members: tuple[str, ...]
    pins: Mapping[str, Pin]
    unreachable: tuple[str, ...]
    changed: tuple[str, ...]
    expelled: tuple[str, ...]

    @property
    def readers(self) -> frozenset[str]:
        """Everybody for whom this person encrypts, but oneself."""
        return frozenset(self.pins)

    def encryption_keys(self) -> tuple[EncryptionKey, ...]:
        """Return the keys to encrypt with: for everybody who may read, but oneself."""
        return tuple({pin.encryption.kid: pin.encryption for pin in self.pins.values()}.values())

    def kids(self) -> dict[str, frozenset[str]]:
        """Return the ids of all keys of everybody who may read, by name."""
        return {name: pin.kids for name, pin in self.pins.items()}


def roster_of(room: RoomModel, me: str, pins: Pins, memory: Memory) -> Roster:
    """Return the roster that the server's answer makes, after pinning whoever is new."""
    joined = [each for each in room.members if each.state == "joined"]
    banned = memory.expelled(room.room)
    others = [each for each in joined if each.username != me and each.username not in banned]
    seen = pins.see_all((each.username, each.public_key) for each in others)
    return Roster(
        room.members_version,
        tuple(each.username for each in joined),
        seen,
        tuple(each.username for each in others if each.username not in seen),
        tuple(name for name, pin in seen.items() if pin.is_changed),
        tuple(each.username for each in joined if each.username in banned),
    )
