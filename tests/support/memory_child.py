"""Uses a client's memory and is killed at every statement of SQL in turn; after each kill what was
left is used again, and looked at.

Prints one line for each kill: what is wrong, or nothing. Run as a program, with a folder.
"""

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ilo_client.errors import Refused
from ilo_client.inner import Link
from ilo_client.memory import Memory
from ilo_client.opening import Opened
from ilo_client.outbox import Outbox, Outgoing
from ilo_client.received import Received

ROOM: Final = "tea"
EPOCH: Final = "5f9c1b9e-0000-4000-8000-000000000001"
SAID: Final = 4
"""So many messages are heard, and so many are said."""


@dataclass(frozen=True)
class Relay:
    """What was stored, in a file that no kill takes back."""

    path: Path

    def stored(self) -> list[tuple[str, str, int]]:
        lines = self.path.read_text(encoding="ascii").split("\n") if self.path.exists() else []
        return [(mid, digest, int(seq)) for mid, digest, seq in map(str.split, filter(None, lines))]

    def store(self, form: Outgoing) -> None:
        """Store a message, once."""
        if form.mid not in [mid for mid, _, _ in self.stored()]:
            with self.path.open("a", encoding="ascii") as file:
                file.write(f"{form.mid} {form.digest} {form.seq}\n")


def heard(number: int) -> Opened:
    prev = None if number == 1 else f"digest{number - 1}"
    link = Link("a device of bob's", number, prev)
    return Opened(
        ROOM, "bob", f"mid{number}", ("kid",), link, number, "text", "?", f"digest{number}"
    )


def use(memory: Memory, relay: Relay) -> list[str]:
    """Do all that is not done; return what went wrong."""
    wrong: list[str] = []
    received, outbox = Received(memory, ROOM), Outbox(memory, ROOM)
    received.members_are({"bob": ["kid"]}, (EPOCH, 0))
    cursor = memory.cursor(ROOM)
    for number in range(1 if cursor is None else cursor[1] + 1, SAID + 1):
        try:
            taken = received.take_in(heard(number), (EPOCH, number))
        except Refused as refused:
            wrong.append(f"{number} is refused: {refused.code}")
            continue
        if taken.warnings or not taken.is_new:
            wrong.append(f"{number}: {taken}")
        memory.keep_cursor(ROOM, EPOCH, number)
    for form in outbox.forms()[:1]:
        relay.store(form)
        outbox.stored(form)
    while len(relay.stored()) < SAID:
        link = outbox.next_link()
        form = Outgoing(f"own{link.seq}", "sealed", f"after-{link.prev}", link.seq, EPOCH, 0)
        outbox.put(form)
        relay.store(form)
        outbox.stored(form)
    memory.expel(ROOM, "eve")
    memory.keep_note("card", "unsent")
    received.forget(EPOCH, 2)
    return wrong


def chain(relay: Relay) -> list[str]:
    """Return what is wrong with what was said."""
    expected, digest = [], "None"
    for seq in range(1, SAID + 1):
        digest = f"after-{digest}"
        expected.append((f"own{seq}", digest, seq))
    found = relay.stored()
    return [] if found == expected else [f"said: {found}"]


def killed_at(nth: int, folder: Path) -> bool:
    """Use the memory in ``folder`` in a process that is killed before its ``nth`` statement;
    return whether it had so many."""
    pid = os.fork()
    if pid == 0:
        left = nth

        def count(_: str) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        memory = Memory(folder / "memory.sqlite")
        memory.db.set_trace_callback(count)
        use(memory, Relay(folder / "relay"))
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status)


def main(folder: Path) -> None:
    for nth in range(1, 10_000):
        place = folder / str(nth)
        place.mkdir()
        was_killed = killed_at(nth, place)
        memory, relay = Memory(place / "memory.sqlite"), Relay(place / "relay")
        wrong = [*use(memory, relay), *chain(relay)]
        memory.close()
        if not was_killed:
            return
        sys.stdout.write(f"{nth} {'; '.join(wrong) or 'fine'}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
