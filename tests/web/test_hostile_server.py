"""A server that lies to the page, and what the page says of it; and that it learns nothing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.support.chromium import open_browser
from tests.support.encrypted import company, steady_ports, texts
from tests.support.hostile_ilo import HostileIlo, altered_envelope, hostile_to
from tests.support.ilo_process import IloProcess, running
from tests.support.kept_in_clear import encodings
from tests.support.visitors import visitor

pytestmark = pytest.mark.asyncio(loop_scope="module")

MARKER = "Zephyr-Boreas-Notos-Eurus: meet me at the harbour"
Frame = dict[str, Any]


@pytest.fixture(scope="module")
def ilo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IloProcess]:
    with running(tmp_path_factory.mktemp("ilo"), steady_ports()) as process:
        yield process


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with open_browser() as opened:
        yield opened


def twice(hostile: HostileIlo, frame: Frame) -> list[Frame]:
    return [frame, frame]


def under_another_name(hostile: HostileIlo, frame: Frame) -> list[Frame]:
    return [{**frame, "sender": "mallory"}]


def damaged(hostile: HostileIlo, frame: Frame) -> list[Frame]:
    def alter(envelope: Frame) -> None:
        first = envelope["ciphertext"][0]
        envelope["ciphertext"] = ("A" if first != "A" else "B") + envelope["ciphertext"][1:]

    return [altered_envelope(frame, alter)]


def for_fewer(hostile: HostileIlo, frame: Frame) -> list[Frame]:
    def alter(envelope: Frame) -> None:
        envelope["recipients"] = envelope["recipients"][:-1]

    return [altered_envelope(frame, alter)]


def in_plain(hostile: HostileIlo, frame: Frame) -> list[Frame]:
    return [{**frame, "data": {"message": "I am Bob, believe me"}}]


LIES: dict[str, tuple[Callable[[HostileIlo, Frame], list[Frame]], list[str]]] = {
    # The client of the relay knows the id, and passes it over.
    "twice": (twice, ["hello"]),
    "under another name": (
        under_another_name,
        ["Not shown: it was written under another name"],
    ),
    "damaged": (
        damaged,
        ["Not shown: it cannot be decrypted: it was altered, or is for another key"],
    ),
    "for fewer": (for_fewer, ["Not shown: the list of those it is for was altered"]),
    "in plain": (in_plain, ["Not shown: it is not in the form that it should have"]),
}


@pytest.mark.parametrize("lie", LIES)
async def test_what_the_server_alters_is_not_shown_and_why_is_said(
    browser: Browser, ilo: IloProcess, tmp_path: Path, lie: str
) -> None:
    alter, shown = LIES[lie]
    async with (
        hostile_to(ilo.api_url, ilo.relay_url) as middle,
        company(tmp_path, ilo.api_url) as people,
        visitor(browser, middle.api_url) as ann,
    ):
        await ann.register(f"ann-{lie.replace(' ', '-')}")
        bob = await people.join("bob")
        room = await ann.make_room("lies")
        await ann.invite(bob.username)
        await bob.accept(room)
        bobs = await people.enter(bob, room)
        middle.down = lambda frame: alter(middle, frame) if frame["type"] == "message" else [frame]
        await bobs.send("hello")

        await ann.sees(*shown)


async def test_messages_that_are_left_out_or_swapped_are_warned_of_or_refused(
    browser: Browser, ilo: IloProcess, tmp_path: Path
) -> None:
    async with (
        hostile_to(ilo.api_url, ilo.relay_url) as middle,
        company(tmp_path, ilo.api_url) as people,
        visitor(browser, middle.api_url) as ann,
    ):
        await ann.register("ann-swaps")
        bob = await people.join("bob")
        room = await ann.make_room("swaps")
        await ann.invite(bob.username)
        await bob.accept(room)
        bobs = await people.enter(bob, room)
        await bobs.send("one")
        await ann.sees("one")
        kept: list[Frame] = []

        def swap(frame: Frame) -> list[Frame]:
            if frame["type"] != "message":
                return [frame]
            kept.append(frame)
            return kept[::-1] if len(kept) == 2 else []

        middle.down = swap
        await bobs.send("two")
        await bobs.send("three")
        replayed = "Not shown: it was delivered before, or out of order"
        await ann.sees("one", "three", replayed)
        await expect(ann.page.locator(".bubble .wrong")).to_have_text(
            [" · messages are missing before this one"]
        )
        middle.down = lambda frame: [frame]
        await middle.say({**kept[0], "id": "00000000-0000-4000-8000-000000000000"})

        other = "Not shown: what was signed was meant for another place or for others"
        await ann.sees("one", "three", replayed, other)


async def test_a_swapped_key_is_found_out_by_the_digits(
    browser: Browser, ilo: IloProcess, tmp_path: Path
) -> None:
    async with (
        hostile_to(ilo.api_url, ilo.relay_url) as middle,
        company(tmp_path, ilo.api_url) as people,
        visitor(browser, middle.api_url) as ann,
    ):
        await ann.register("ann-swapped")
        bob, eve = await people.join_all("bob", "eve")
        eves = (await eve.server.user(eve.username)).detail

        def answer(method: str, path: str, told: Any) -> Any:
            if path == f"/user/{bob.username}":
                return {**told, "detail": eves}
            return told

        room = await ann.make_room("swapped")
        await ann.invite(bob.username)
        honest = await ann.compare(bob.username)
        await ann.close_dialog()
        assert honest == await bob.safety_number("ann-swapped")
        middle.answer = answer
        await ann.page.get_by_role("button", name="Members").click()
        await ann.dialog.get_by_role("button", name=f"Compare with {bob.username}").click()

        # Eve's card says that it is Eve's: there is no valid one of Bob's.
        await expect(ann.dialog.get_by_text("shows no valid key")).to_be_visible()
        assert room.startswith("~")


@pytest.mark.parametrize("plaintext", [False, True])
async def test_what_the_page_says_is_nowhere_at_the_server(
    browser: Browser, tmp_path: Path, plaintext: bool
) -> None:
    passed: list[bytes] = []
    with running(tmp_path / "ilo", steady_ports()) as ilo:
        async with (
            hostile_to(ilo.api_url, ilo.relay_url) as middle,
            company(tmp_path / "people", ilo.api_url) as people,
            visitor(browser, middle.api_url) as ann,
        ):

            def noting(frame: Frame) -> list[Frame]:
                passed.append(json.dumps(frame).encode())
                return [frame]

            middle.up = middle.down = noting
            await ann.register("ann-marker")
            bob = await people.join("bob")
            room = await ann.make_room("harbour")
            await ann.invite(bob.username)
            await bob.accept(room)
            bobs = await people.enter(bob, room)
            await ann.say(MARKER)
            assert await texts(bobs, 1) == [MARKER]
            if plaintext:
                # The search finds what is there.
                plain = await people.enter(bob, "plain", plaintext=True)
                await plain.send(MARKER)
            log = ilo.output.text.encode()
        kept = b"\n".join(file.read_bytes() for file in ilo.folder.rglob("*") if file.is_file())

    def is_in(where: bytes) -> bool:
        return any(form in where for form in encodings(MARKER.encode()))

    assert len(passed) > 2
    assert not is_in(b"\n".join(passed))
    assert not is_in(log)
    assert is_in(kept) == plaintext
