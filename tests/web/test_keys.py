"""Keys of the page: they cannot be taken out, and a backup opens in every client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from ilo_client import Ilo, backup
from playwright.async_api import Browser, expect

from tests.support.chromium import open_browser
from tests.support.encrypted import PASSPHRASE, PASSWORD, company, steady_ports, texts
from tests.support.ilo_process import IloProcess, running
from tests.support.visitors import visitor

pytestmark = pytest.mark.asyncio(loop_scope="module")

# What a script in the page could do with everything that is kept there.
TAKE_KEYS = """async (name) => {
  const db = await new Promise((resolve, reject) => {
    const opening = indexedDB.open(`ilo/${name}`);
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
  const notes = await new Promise((resolve) => {
    const asking = db.transaction("notes").objectStore("notes").getAll();
    asking.onsuccess = () => resolve(asking.result);
  });
  db.close();
  const { value } = notes.find((note) => note.name === "keys");
  const found = [];
  for (const pair of [value.identity, ...value.encryption]) {
    for (const form of ["jwk", "pkcs8"]) {
      try {
        await crypto.subtle.exportKey(form, pair.private);
        found.push("taken");
      } catch (error) {
        found.push(error.name);
      }
    }
  }
  return found;
}"""


@pytest.fixture(scope="module")
def ilo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IloProcess]:
    with running(tmp_path_factory.mktemp("ilo"), steady_ports()) as process:
        yield process


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with open_browser() as opened:
        yield opened


async def test_a_backup_of_the_page_opens_in_the_python_library_and_its_keys_read_the_room(
    browser: Browser, ilo: IloProcess, tmp_path: Path
) -> None:
    async with visitor(browser, ilo.api_url) as ann:
        await ann.register("ann-saves")
        room = await ann.make_room("saved")
        await ann.say("before the backup")
        await ann.sees("before the backup")
        file = await ann.save_backup(tmp_path)
        assert await ann.page.evaluate(TAKE_KEYS, "ann-saves") == ["InvalidAccessError"] * 4
        assert ann.complained() == []

        text = file.read_text("utf-8")
        assert backup.unlock(text, PASSPHRASE).username == "ann-saves"
        restored = await Ilo.restore(
            ilo.api_url, text, PASSPHRASE, PASSWORD, home=tmp_path / "home", passphrase="another"
        )
        async with restored, restored.room(room) as again:
            assert await texts(again, 1) == ["before the backup"]
            await again.send("from the second device")
            await ann.sees("before the backup", "from the second device")


async def test_a_backup_of_the_python_library_opens_in_the_page_and_its_keys_read_the_room(
    browser: Browser, ilo: IloProcess, tmp_path: Path
) -> None:
    async with company(tmp_path, ilo.api_url) as people, visitor(browser, ilo.api_url) as page:
        bob = await people.join("bob")
        room = await people.private_room(bob)
        bobs = await people.enter(bob, room)
        await bobs.send("before the page")
        file = tmp_path / "bob.backup"
        file.write_text(await bob.backup("a phrase for the move"), "utf-8")
        await page.restore(file, "not the phrase")
        await expect(page.page.get_by_text("The passphrase is wrong.")).to_be_visible()
        await page.restore(file, "a phrase for the move")
        await expect(page.rooms).to_be_visible(timeout=60_000)
        await page.rooms.locator(".room").click()
        await page.is_connected()

        await page.sees("before the page")
        await page.say("from the page")
        assert await texts(bobs, 2) == ["before the page", "from the page"]
        assert page.complained() == []


async def test_a_new_key_opens_what_follows_and_the_old_one_what_was_before(
    browser: Browser, ilo: IloProcess, tmp_path: Path
) -> None:
    async with company(tmp_path, ilo.api_url) as people, visitor(browser, ilo.api_url) as ann:
        await ann.register("ann-turns")
        bob = await people.join("bob")
        room = await ann.make_room("turning")
        await ann.invite(bob.username)
        await bob.accept(room)
        bobs = await people.enter(bob, room)
        await bobs.send("for the old key")
        await ann.sees("for the old key")
        await ann.page.get_by_role("button", name="Account").click()
        await ann.dialog.get_by_text("Make a new key").first.click()
        await ann.dialog.get_by_label("Passphrase of the backup").fill(PASSPHRASE)
        await ann.dialog.get_by_role("button", name="Make a new key").click()
        done = ann.dialog.get_by_text("Others use the new key from now on")
        await expect(done).to_be_visible(timeout=120_000)
        await ann.close_dialog()
        await bobs.send("for the new key")
        await ann.page.reload()
        await ann.is_connected()

        await ann.sees("for the old key", "for the new key")
        kept = backup.unlock((await ann.save_backup(tmp_path)).read_text("utf-8"), PASSPHRASE)
        assert len(kept.pairs.encryption) == 2
        assert (await bob.person("ann-turns")).state == "seen"
        assert ann.complained() == []


async def test_who_logs_out_comes_back_to_their_keys(browser: Browser, ilo: IloProcess) -> None:
    async with visitor(browser, ilo.api_url) as ann:
        await ann.register("ann-returns")
        await ann.come_into("returning")
        await ann.say("before the logout")
        await ann.sees("before the logout")
        await ann.log_out()
        await ann.log_in("ann-returns")
        await ann.is_connected()

        await ann.sees("before the logout")
        assert ann.complained() == []
