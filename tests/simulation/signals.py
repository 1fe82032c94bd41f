"""What people tell each other that is not kept."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.simulation.client import Client


class Signals:
    """Numbers every signal, and knows who sent which; ``fail`` hears of what is wrong."""

    def __init__(self, fail: Callable[[str], None]) -> None:
        self._fail = fail
        self._sent: list[tuple[str, str]] = []

    def new(self, client: "Client") -> dict[str, Any]:
        self._sent.append((client.room, client.person.name))
        return {"number": len(self._sent) - 1}

    def heard(self, client: "Client", sender: str, data: dict[str, Any]) -> None:
        room, name = self._sent[data["number"]]
        if (room, name) != (client.room, sender):
            self._fail(f"sender: {client.name} got {name}'s signal of {room} from {sender}")
        elif sender == client.person.name:
            self._fail(f"leak: {client.name} got a signal of its own user's")
