"""The window's own thread does nothing that takes long: no keys, no disk, no network."""

import asyncio
import importlib
import threading
from pathlib import Path
from typing import Any

import pytest
from ilo_client import Message
from ilo_window import asks, news
from ilo_window.conversation import MOST_LINES

from tests.support.desktop import Desk
from tests.support.encrypted import PASSPHRASE

SLOW = (
    "ilo_client.ilo.make_key_pairs",
    "ilo_client.keyfile.lock",
    "ilo_client.keyfile.unlock",
    "ilo_client.keys._make_decryption_key",
    "ilo_client.backup.lock",
    "ilo_client.people.safety_number",
    "ilo_client.sending.seal",
    "ilo_client.reading.open_envelope",
    "ilo_client.home.Home._read",
    "ilo_client.home.Home._write",
    "ilo_client.memory.Memory.transaction",
    "ilo_client.memory.Memory.reading",
    "ilo_window.worker.Home",
    "ilo_window.worker._write_new",
)


def test_slow_work_is_never_done_in_the_thread_of_the_window(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    done: dict[str, set[str]] = {"beside": set(), "in the window": set()}

    def watch(place: str) -> None:
        parts = place.split(".")
        owner: Any = importlib.import_module(".".join(parts[:2]))
        for part in parts[2:-1]:
            owner = getattr(owner, part)
        work = getattr(owner, parts[-1])

        def watched(*given: Any, **named: Any) -> Any:
            is_beside = threading.current_thread() is not threading.main_thread()
            done["beside" if is_beside else "in the window"].add(place)
            return work(*given, **named)

        monkeypatch.setattr(owner, parts[-1], watched)

    for place in SLOW:
        watch(place)
    desk: Desk = request.getfixturevalue("desk")
    desk.join("slow-and-steady")
    desk.say("hello")
    desk.until_said("hello")
    desk.window.ask(asks.Rotate(PASSPHRASE))
    ilo = desk.window._worker._ilo
    assert ilo is not None
    desk.until(lambda: len(ilo.pairs.encryption) == 2, "a new key")
    desk.window.ask(asks.BackUp(str(tmp_path / "backup"), "of the backup"))
    desk.until((tmp_path / "backup").exists, "a backup")

    assert done["in the window"] == set()
    assert set(SLOW) - done["beside"] == {"ilo_client.people.safety_number"}
    # What is watched for would be seen: here it is done in the thread of the window.
    assert ilo.home.session() is not None
    assert done["in the window"] == {"ilo_client.home.Home._read"}


def test_a_flood_of_messages_leaves_turns_to_the_window_and_is_drawn_in_bounds(desk: Desk) -> None:
    page = desk.join("flood")
    window, painted = desk.window, 0
    paint = page.bubbles._paint

    def counted(row: Any, top: int) -> int:
        nonlocal painted
        painted += 1
        return paint(row, top)

    page.bubbles._paint = counted  # type: ignore[method-assign]
    at = "2026-01-02T12:00:00.000Z"
    flood = 5000
    for seq in range(1, flood + 1):
        window._worker._tell(news.Happened("flood", Message(f"id{seq}", seq, "bob", at, "words")))

    window._poll()
    assert window._worker._news.qsize() > 0, "one turn took all of it"
    desk.until_said("words", room="flood")
    desk.until(lambda: max(key for key, _ in page.talk.lines)[0] == flood, "the last one")
    desk.settle()

    assert len(page.talk.lines) == MOST_LINES
    assert page.bubbles.is_whole
    assert len(page.bubbles.find_all()) < 5 * MOST_LINES
    assert painted < 2 * flood


def test_the_loop_of_the_worker_is_not_the_window_s(desk: Desk) -> None:
    worker = desk.window._worker

    async def where() -> int | None:
        return threading.get_ident()

    found = desk.wait(asyncio.run_coroutine_threadsafe(where(), worker._loop))
    assert found != threading.get_ident()
