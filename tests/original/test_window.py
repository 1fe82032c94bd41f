"""The original's reference client, a window made with Tkinter: register a user, connect to a room,
change rooms."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.original.documents import PASSWORD, USERNAME
from tests.support.desktop import at_a_window
from tests.support.display import Display, display
from tests.support.encrypted import PASSPHRASE
from tests.support.ilo_process import IloProcess, running

__all__ = ["display"]


@pytest.fixture
def ilo(tmp_path: Path) -> Iterator[IloProcess]:
    with running(tmp_path / "ilo") as ilo:
        yield ilo


def test_o18_a_window_registers_a_user_connects_to_a_room_and_changes_rooms(
    display: Display, ilo: IloProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with at_a_window(display, tmp_path / "home", monkeypatch) as desk:
        view = desk.sign_in()
        desk.click(view.tabs["register"])
        for name, text in (("server", ilo.api_url), ("name", USERNAME), ("password", PASSWORD)):
            desk.type(view.fields[name].entry, text)
        desk.type(view.fields["passphrase"].entry, PASSPHRASE)
        desk.submit(view)
        desk.until_in()
        assert desk.me == USERNAME

        desk.join("tea")
        desk.say("Hello tea!")
        desk.until_said("Hello tea!")
        desk.join("coffee")
        desk.say("Hello coffee!")
        desk.until_said("Hello coffee!")
        desk.choose("tea")
        desk.arrive("tea")

        assert desk.said() == ["Hello tea!"]
        assert desk.talk().title.whole == "tea"
