"""Takes the pictures of docs/window.md: ``python -m tests.window.pictures docs/assets``."""

import sys
import tempfile
from pathlib import Path

import pytest
from ilo_client import Message, Person
from ilo_window import news
from ilo_window.views.person import Person as PersonPage

from tests.support.desktop import Desk, at_a_window
from tests.support.display import running_display
from tests.support.ilo_process import running

TALK = (
    ("Ωρίων", "Good morning! Who brings the cookies today? 🍪"),
    ("Ωρίων", "And somebody should think of the tea."),
    ("", "I do, they are in the oven. Ten minutes."),
    ("dalia", "Keep two for me, I am on the train and it is late as ever."),
    ("", "Two it is 🍵"),
)


def set_scene(desk: Desk) -> None:
    for label in ("Book club", "Tea at four"):
        desk.make_room(label)
    tea = desk.talk().room
    desk.join("gardening")
    desk.choose(tea)
    desk.arrive(tea)
    me, state = desk.me, desk.window.state
    messages = tuple(
        Message(
            f"id{seq}",
            seq,
            sender or me,
            f"2026-05-04T08:{30 + seq}:00.000Z",
            text,
            is_own=not sender,
        )
        for seq, (sender, text) in enumerate(TALK, 1)
    )
    desk.window._hear(news.Page(tea, None, messages))
    state._unread["gardening"] = 3
    desk.window.later(desk.talk().fill)
    main = desk.window.main
    assert main is not None
    desk.window.later(main.rooms.fill)
    desk.settle()


def main() -> int:
    into = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        folder = Path(name)
        patch.setenv("TZ", "UTC")
        (folder / "display").mkdir()
        with (
            running(folder / "ilo") as ilo,
            running_display(folder / "display") as display,
            at_a_window(display, folder / "me", patch) as desk,
        ):
            desk.register(ilo.api_url, "ada🍪")
            set_scene(desk)
            desk.size(900, 560)
            desk.picture(into / "window.png")
            digits = "".join(f"{(number * 7919 + 104729) % 100000:05}" for number in range(12))
            desk.window.show_person("dalia", desk.talk().room)
            desk.settle()
            desk.window._hear(news.Number(Person("dalia", "seen", "k"), "k", digits))
            assert isinstance(desk.page, PersonPage)
            desk.page.wrong.say("")
            desk.window.choice.set("dark")
            desk.window.use_theme()
            desk.size(480, 480)
            desk.picture(into / "window-compare.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
