"""A display, a server and friends, for tests at a window."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from tests.support.desktop import Desk, at_a_window
from tests.support.display import Display, display
from tests.support.encrypted import steady_ports
from tests.support.friends import Friends, friends_at
from tests.support.ilo_process import IloProcess, running

__all__ = ["display"]

_numbers = count(1)


@pytest.fixture(scope="session")
def ilo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IloProcess]:
    with running(tmp_path_factory.mktemp("ilo"), steady_ports()) as ilo:
        yield ilo


@pytest.fixture
def friends(ilo: IloProcess, tmp_path: Path) -> Iterator[Friends]:
    with friends_at(tmp_path / "friends", ilo.api_url) as found:
        yield found


@pytest.fixture
def sit_down(
    display: Display, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Desk]]:
    """Open a window on the folder of that name; it is closed at the end of the test."""
    with ExitStack() as ends:

        def sit(name: str = "me", **more: str) -> Desk:
            at = at_a_window(display, tmp_path / name, monkeypatch, **more)  # type: ignore[arg-type]
            return ends.enter_context(at)

        yield sit


@pytest.fixture
def desk(sit_down: Callable[..., Desk], ilo: IloProcess) -> Desk:
    """Somebody who has just registered."""
    found = sit_down()
    found.register(ilo.api_url, f"me{next(_numbers)}")
    return found
