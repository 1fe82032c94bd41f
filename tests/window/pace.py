"""How long the window does not react, while much goes on: ``python -m tests.window.pace``.

A timer of 10 ms runs in the window; the longest time between two of its ticks is what a person
could feel.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ilo_window import asks

from tests.support.desktop import Desk, at_a_window
from tests.support.display import running_display
from tests.support.encrypted import PASSPHRASE, PASSWORD, steady_ports
from tests.support.friends import friends_at
from tests.support.ilo_process import running

TICK_MS = 10
IDLE_S = 3.0
PATIENCE_S = 300.0


class Pace:
    """Counts the ticks of a window."""

    def __init__(self, desk: Desk) -> None:
        self._root = desk.root
        self._last = time.perf_counter()
        self.gaps: list[float] = []
        self._tick()

    def _tick(self) -> None:
        now = time.perf_counter()
        self.gaps.append(1000 * (now - self._last))
        self._last = now
        self._next = self._root.after(TICK_MS, self._tick)

    def stop(self) -> None:
        self._root.after_cancel(self._next)


@contextmanager
def measured(desk: Desk, what: str) -> Iterator[Pace]:
    pace = Pace(desk)
    desk.turn()
    pace.gaps.clear()
    begin = time.perf_counter()
    yield pace
    took = time.perf_counter() - begin
    pace.stop()
    gaps = sorted(pace.gaps)
    late = gaps[int(len(gaps) * 0.99)]
    sys.stdout.write(
        f"{what:46} {took:6.1f} s  longest {gaps[-1]:6.1f} ms  99 % {late:5.1f} ms"
        f"  ticks {len(gaps)}\n"
    )


def until(desk: Desk, is_so: Callable[[], object]) -> None:
    """As a main loop does: nothing but events."""
    end = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < end, "it did not happen"
        desk.root.tk.dooneevent(0)


def main() -> int:
    amount = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        folder = Path(name)
        (folder / "display").mkdir()
        with (
            running(folder / "ilo", steady_ports()) as ilo,
            running_display(folder / "display") as display,
            friends_at(folder / "friends", ilo.api_url) as friends,
        ):
            sys.stdout.write(f"load {os.getloadavg()[0]:.1f}, {amount} messages\n")
            bob = friends.do(friends.people.join("bob"))
            room = friends.do(friends.people.enter(bob, "pace"))
            with at_a_window(display, folder / "me", patch, server=ilo.api_url) as desk:
                view = desk.sign_in()
                begin = time.monotonic()
                with measured(desk, "idle"):
                    until(desk, lambda: time.monotonic() - begin > IDLE_S)
                for field, text in (("name", "me"), ("password", PASSWORD)):
                    desk.type(view.fields[field].entry, text)
                desk.type(view.fields["passphrase"].entry, PASSPHRASE)
                with measured(desk, "keys made, locked, registered, in"):
                    view.submit()
                    until(desk, lambda: desk.window.state.answers and desk.window.main)
                desk.join("warm-up")
                desk.choose_here("warm-up")

                async def talk() -> None:
                    for number in range(amount):
                        await room.send(f"message {number}, with some words to read in it")

                friends.do(talk())
                state = desk.window.state
                with measured(desk, f"a room with {amount} messages is opened"):
                    desk.window.open_room("pace")
                    until(desk, lambda: amount in seqs(desk, "pace") and state.lines.get("pace"))
                    until(desk, Sometimes(lambda: read(desk) >= amount))
                page = desk.talk()
                with measured(desk, "ten pages of its history"):
                    for _ in range(10):
                        page.ask_older()
                        until(desk, lambda: not page.talk.is_asking)
                page.talk.clear()
                page.fill(at_end=True)
                with measured(desk, f"{amount} messages come while it is looked at"):
                    friends.begin(talk())
                    until(desk, lambda: 2 * amount in seqs(desk, "pace"))
                with measured(desk, "ten changes of its width, and of the colours"):
                    for nth in range(10):
                        desk.root.geometry(f"{600 + 60 * nth}x700")
                        desk.window.choice.set(("light", "dark")[nth % 2])
                        desk.window.use_theme()
                        begin = time.monotonic()
                        until(desk, lambda: time.monotonic() - begin > 0.3)  # noqa: B023
                with measured(desk, "a new encryption key"):
                    ilo_me = desk.window._worker._ilo
                    assert ilo_me is not None
                    desk.window.ask(asks.Rotate(PASSPHRASE))
                    until(desk, lambda: len(ilo_me.pairs.encryption) == 2)
    return 0


class Sometimes:
    """Asks what takes time only now and then, so that asking is not what is measured."""

    def __init__(self, is_so: Callable[[], bool]) -> None:
        self._is_so = is_so
        self._asked_at_s = time.monotonic()

    def __call__(self) -> bool:
        if time.monotonic() - self._asked_at_s < 1.0:
            return False
        self._asked_at_s = time.monotonic()
        return self._is_so()


def seqs(desk: Desk, room: str) -> set[int]:
    return {key[0] for key, _ in desk.window.state.talk(room).lines}


def read(desk: Desk) -> int:
    """Return how far the library says the room was read."""
    ilo = desk.window._worker._ilo
    cursor = None if ilo is None else ilo.memory.cursor("pace")
    return 0 if cursor is None else cursor[1]


if __name__ == "__main__":
    sys.exit(main())
