"""What the page says is nowhere at the server: not in its files or tables, not in its logs, and on
no wire; and no secret of the page's stands where secrets are found. What is said in plain beside it
is in all those places but the logs, which shows that the search finds what is there."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.async_api import Page, Request, WebSocket, expect

from tests.support.chromium import open_browser
from tests.support.encrypted import PASSPHRASE, PASSWORD, company, texts
from tests.support.hostile_ilo import hostile_to
from tests.support.ilo_process import IloProcess
from tests.support.kept_in_clear import encodings, everything
from tests.support.planted_secrets import hits, logging_all, logs_of
from tests.support.visitors import visitor

if TYPE_CHECKING:
    from tests.support.cassandra.keyspaces import Keyspace

SEALED = "Zephyr-Boreas-Notos-Eurus: meet me at the harbour"
PLAIN = "Aquilo-Favonius-Auster-Vulturnus: everybody may know"


@dataclass
class Wires:
    """All that a page says and hears, as it is before TLS, and what it prints."""

    urls: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    up: list[str] = field(default_factory=list)
    down: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("request", self._on_request)
        page.on("websocket", self._on_websocket)
        page.on("console", lambda message: self.console.append(message.text))
        page.on("pageerror", lambda error: self.console.append(str(error)))

    def _on_request(self, request: Request) -> None:
        self.urls.append(request.url)
        self.asked.append(request.post_data or "")

    def _on_websocket(self, socket: WebSocket) -> None:
        self.urls.append(socket.url)
        socket.on("framesent", lambda text: self.up.append(str(text)))
        socket.on("framereceived", lambda text: self.down.append(str(text)))

    def on_answer(self, method: str, path: str, answer: Any) -> Any:
        self.answers.append(json.dumps(answer))
        return answer

    def found(self, text: str) -> set[str]:
        """Return on which of the wires ``text`` is, in any form."""
        ways = {name: "\n".join(getattr(self, name)) for name in ("asked", "answers", "up", "down")}
        return {name for name, passed in ways.items() if is_in(text, passed.encode())}

    def secrets(self) -> dict[str, str]:
        """Return what the server gave the page to come in with."""
        found: dict[str, str] = {"password": PASSWORD, "passphrase": PASSPHRASE}
        for answer in map(json.loads, self.answers):
            if not isinstance(answer, dict):
                continue
            for name in ("token", "ticket", "revoke_token"):
                if name in answer:
                    found[name] = answer[name]
            if "revoke_token" in answer:
                found["API key"] = answer["detail"]
        return found


def is_in(text: str, kept: bytes) -> bool:
    return any(form in kept for form in encodings(text.encode()))


async def talk(ilo: IloProcess, folder: Path) -> Wires:
    """Let the page say one thing, sealed, and hear another one, plain; return what passed."""
    wires = Wires()
    async with (
        open_browser() as browser,
        hostile_to(ilo.api_url, ilo.relay_url) as middle,
        company(folder, ilo.api_url) as people,
        visitor(browser, middle.api_url) as ann,
    ):
        middle.answer = wires.on_answer
        wires.watch(ann.page)
        await ann.register("ann")
        bob = await people.join("bob")
        room = await ann.make_room("harbour")
        await ann.invite(bob.username)
        await bob.accept(room)
        bobs = await people.enter(bob, room)
        await ann.say(SEALED)
        assert await texts(bobs, 1) == [SEALED]
        await ann.page.reload()
        await ann.is_connected()
        # It comes out of the history now.
        await ann.sees(SEALED)
        await ann.come_into("plain")
        plain = await people.enter(bob, "plain", plaintext=True)
        await plain.send(PLAIN)
        await expect(ann.page.get_by_text("Not shown: it is not in the form")).to_be_visible()
        await ann.log_out()
        await expect(ann.page.get_by_text("You are logged out.")).to_be_visible()
        wires.urls.append(ann.page.url)
    assert any('"history"' in frame for frame in wires.down)
    assert any('"message"' in frame for frame in wires.up)
    return wires


def files(ilo: IloProcess) -> bytes:
    """Return all files in the server's folder, the store's and the logs."""
    found = [path for path in ilo.folder.rglob("*") if path.is_file()]
    assert len(found) > 3
    return b"\n".join(path.read_bytes() for path in found)


def nothing_is_found(wires: Wires, ilo: IloProcess) -> None:
    """Hold that what is sealed is on no wire and in no log, and secrets where nobody looks."""
    assert (wires.found(SEALED), wires.found(PLAIN)) == (set(), {"down"})
    logs = logs_of(ilo)
    assert "DEBUG" in logs
    assert not is_in(SEALED, logs.encode())
    secrets = wires.secrets()
    assert {*secrets} == {"password", "passphrase", "token", "ticket", "revoke_token", "API key"}
    places = {"URLs": wires.urls, "console": wires.console, "logs": [logs]}
    found = {place: hits(secrets, "\n".join(lines)) for place, lines in places.items()}
    assert found == {"URLs": [], "console": [], "logs": []}
    # It never leaves the page.
    assert wires.found(PASSPHRASE) == set()
    assert wires.found(PASSWORD) == {"asked"}


async def test_what_the_page_says_is_in_no_file_of_the_server(tmp_path: Path) -> None:
    (tmp_path / "ilo").mkdir()
    async with logging_all(tmp_path / "ilo") as (ilo, _):
        wires = await talk(ilo, tmp_path / "people")
        while_running = files(ilo)

    for kept in (while_running, files(ilo)):
        assert (is_in(SEALED, kept), is_in(PLAIN, kept)) == (False, True)
    nothing_is_found(wires, ilo)


async def test_what_the_page_says_is_not_in_cassandra(
    keyspace: Keyspace, cassandra_session: Any, tmp_path: Path
) -> None:
    config = {
        "Cassandra_address": list(keyspace.contact_points),
        "Cassandra_port": keyspace.port,
        "Cassandra_keyspace": keyspace.name,
    }
    (tmp_path / "ilo").mkdir()
    async with logging_all(tmp_path / "ilo", config=config) as (ilo, _):
        wires = await talk(ilo, tmp_path / "people")

    kept = await asyncio.to_thread(everything, cassandra_session, keyspace)
    assert (is_in(SEALED, kept), is_in(PLAIN, kept)) == (False, True)
    assert b"INSERT INTO" in kept
    nothing_is_found(wires, ilo)


async def test_a_secret_in_an_address_or_on_the_console_is_found(tmp_path: Path) -> None:
    (tmp_path / "ilo").mkdir()
    async with logging_all(tmp_path / "ilo") as (ilo, _):
        wires = Wires()
        async with open_browser() as browser, visitor(browser, ilo.api_url) as ann:
            wires.watch(ann.page)
            await ann.page.evaluate(
                "secret => { console.log(secret); return fetch(`/user/nobody?of=${secret}`); }",
                PASSWORD,
            )

    assert hits(wires.secrets(), "\n".join(wires.console)) == ["password"]
    assert hits(wires.secrets(), "\n".join(wires.urls)) == ["password"]
