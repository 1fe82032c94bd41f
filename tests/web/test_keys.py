"""Keys of the page: they cannot be taken out, and a backup opens in every client."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from ilo_client import Ilo, Refused, backup
from playwright.async_api import Browser, expect

from tests.support.chat import Chatter, Done, chatter
from tests.support.encrypted import (
    PASSPHRASE,
    PASSWORD,
    calm_until,
    company,
    texts,
)
from tests.support.ilo_process import IloProcess
from tests.support.visitors import visitor

pytestmark = pytest.mark.asyncio(loop_scope="module")

ANOTHER = "another passphrase than before"
ALARMS = ".wrong, .not-shown, .warned, .alarm, [role=alert]"

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
        await expect(page.rooms).to_be_visible(timeout=120_000)
        await page.rooms.locator(".room").click()
        await page.is_connected()

        await page.sees("before the page")
        await page.say("from the page")
        assert await texts(bobs, 2) == ["before the page", "from the page"]
        assert page.complained() == []


async def test_a_backup_of_the_page_opens_in_ilo_chat_and_nobody_is_warned(
    browser: Browser, ilo: IloProcess, tmp_path: Path
) -> None:
    async with company(tmp_path, ilo.api_url) as people, visitor(browser, ilo.api_url) as ann:
        await ann.register("ann-moves")
        bob = await people.join("bob")
        room = await ann.make_room("moving")
        await ann.invite(bob.username)
        await bob.accept(room)
        bobs = await people.enter(bob, room)
        await bob.verify("ann-moves")
        await bobs.send("to the page")
        await ann.say("from the page")
        await ann.sees("to the page", "from the page")
        digits = await ann.compare(bob.username)
        await ann.close_dialog()
        file = await ann.save_backup(tmp_path)
        secrets = {"ILO_PASSWORD": PASSWORD, "ILO_PASSPHRASE": ANOTHER}
        moved = Chatter("ann-moves", tmp_path / "moved", ilo.api_url, secrets)

        def restore(phrase: str) -> Done:
            more = {"ILO_BACKUP_PASSPHRASE": phrase}
            return moved.json("keys", "restore", ilo.api_url, file, more=more)

        wrong = await asyncio.to_thread(restore, "not the phrase")
        assert wrong.refused().error["code"] == "passphrase"
        (await asyncio.to_thread(restore, PASSPHRASE)).fine()
        read = await asyncio.to_thread(moved.json, "history", room)
        (await asyncio.to_thread(moved.run, "send", room, "from ilo-chat")).fine()
        person = await asyncio.to_thread(moved.json, "person", bob.username)

        assert [each["text"] for each in read.fine().objects] == ["to the page", "from the page"]
        assert person.fine().object["safety_number"] == digits
        await ann.sees("to the page", "from the page", "from ilo-chat")
        heard = await calm_until(bobs, "from ilo-chat")
        assert heard == ["to the page", "from the page", "from ilo-chat"]
        assert (await bob.person("ann-moves")).state == "verified"
        assert await bob.safety_number("ann-moves") == digits
        await expect(ann.page.locator(ALARMS).filter(visible=True)).to_have_count(0)
        assert ann.complained() == []


async def test_a_backup_of_ilo_chat_opens_in_the_page_and_nobody_is_warned(
    browser: Browser, ilo: IloProcess, tmp_path: Path
) -> None:
    async with company(tmp_path, ilo.api_url) as people, visitor(browser, ilo.api_url) as page:
        bob = await people.join("bob")
        chad = chatter(tmp_path, ilo.api_url, "chad")
        await asyncio.to_thread(chad.register)
        room = await bob.create_room("tea")
        await bob.invite(room, chad.name)
        (await asyncio.to_thread(chad.run, "accept", room)).fine()
        bobs = await people.enter(bob, room)
        await bob.verify(chad.name)
        await bobs.send("to ilo-chat")
        (await asyncio.to_thread(chad.run, "send", room, "from ilo-chat")).fine()
        person = await asyncio.to_thread(chad.json, "person", bob.username)
        file = tmp_path / "chad.backup"
        more = {"ILO_BACKUP_PASSPHRASE": "a phrase for the move"}
        (await asyncio.to_thread(chad.json, "keys", "backup", file, more=more)).fine()
        await page.restore(file, "not the phrase")
        await expect(page.page.get_by_text("The passphrase is wrong.")).to_be_visible()
        await page.restore(file, "a phrase for the move")
        await expect(page.rooms).to_be_visible(timeout=120_000)
        await page.rooms.locator(".room").click()
        await page.is_connected()

        await page.sees("to ilo-chat", "from ilo-chat")
        await page.say("from the page")
        heard = await calm_until(bobs, "from the page")
        assert heard == ["to ilo-chat", "from ilo-chat", "from the page"]
        digits = person.fine().object["safety_number"]
        assert await page.compare(bob.username) == digits == await bob.safety_number(chad.name)
        assert (await bob.person(chad.name)).state == "verified"
        await expect(page.page.locator(ALARMS).filter(visible=True)).to_have_count(0)
        assert page.complained() == []


async def test_after_another_passphrase_the_old_one_opens_nothing_new(
    browser: Browser, ilo: IloProcess, tmp_path: Path
) -> None:
    async with visitor(browser, ilo.api_url) as ann, visitor(browser, ilo.api_url) as again:
        await ann.register("ann-locks")
        await ann.page.get_by_role("button", name="Account").click()
        await ann.dialog.get_by_text("Change the passphrase").first.click()
        await ann.dialog.get_by_label("Passphrase of now").fill("not the phrase")
        await ann.dialog.get_by_label("New passphrase").fill(ANOTHER)
        change = ann.dialog.get_by_role("button", name="Change the passphrase")
        await change.click()
        await expect(ann.dialog.get_by_text("The passphrase is wrong.")).to_be_visible()
        await ann.dialog.get_by_label("Passphrase of now").fill(PASSPHRASE)
        await change.click()
        changed = ann.dialog.get_by_text("The passphrase was changed")
        await expect(changed).to_be_visible(timeout=120_000)
        await ann.dialog.get_by_text("Make a new key").first.click()
        await ann.dialog.get_by_label("Passphrase of the backup").fill(PASSPHRASE)
        await ann.dialog.get_by_role("button", name="Make a new key").click()
        await expect(ann.dialog.get_by_text("The passphrase is wrong.")).to_be_visible()
        await ann.close_dialog()
        file = await ann.save_backup(tmp_path)

        await again.restore(file, PASSPHRASE)
        await expect(again.page.get_by_text("The passphrase is wrong.")).to_be_visible()
        await again.restore(file, ANOTHER)
        await expect(again.rooms).to_be_visible(timeout=120_000)
        with pytest.raises(Refused, match="passphrase"):
            backup.unlock(file.read_text("utf-8"), PASSPHRASE)
        assert backup.unlock(file.read_text("utf-8"), ANOTHER).username == "ann-locks"
        assert await ann.page.evaluate(TAKE_KEYS, "ann-locks") == ["InvalidAccessError"] * 4
        assert ann.complained() == []


async def test_who_logs_out_elsewhere_stays_and_all_others_say_that_they_are_out(
    browser: Browser, ilo: IloProcess, tmp_path: Path
) -> None:
    async with visitor(browser, ilo.api_url) as ann, visitor(browser, ilo.api_url) as other:
        await ann.register("ann-stays")
        await ann.come_into("staying")
        file = await ann.save_backup(tmp_path)
        moved = Chatter("ann-stays", tmp_path / "moved", ilo.api_url)
        more = {"ILO_BACKUP_PASSPHRASE": PASSPHRASE}
        restore = ("keys", "restore", ilo.api_url, file)
        (await asyncio.to_thread(moved.json, *restore, more=more)).fine()
        await other.restore(file)
        await expect(other.rooms).to_be_visible(timeout=120_000)
        await other.rooms.get_by_role("button", name="staying").click()
        await other.is_connected()
        with moved.talking("staying") as talking:
            talking.say("here I am, too")
            await ann.sees("here I am, too")
            await ann.page.get_by_role("button", name="Account").click()
            await ann.dialog.get_by_role("button", name="Log out elsewhere").click()
            await expect(ann.dialog.get_by_text("All other sessions are over.")).to_be_visible()
            await ann.close_dialog()

            await expect(other.page.get_by_text("The session is over: log in")).to_be_visible()
            ended = await asyncio.to_thread(talking.end)
        assert ended.refused().error["code"] == "session-ended"
        await ann.say("I am still here")
        await ann.sees("here I am, too", "I am still here")
        await ann.is_connected()
        assert ann.complained() == []


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
        digits = await ann.compare(bob.username)
        await ann.close_dialog()
        await bob.verify("ann-turns")
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
        await ann.say("signed as before")
        heard = await calm_until(bobs, "signed as before")
        assert heard == ["for the old key", "for the new key", "signed as before"]
        kept = backup.unlock((await ann.save_backup(tmp_path)).read_text("utf-8"), PASSPHRASE)
        assert len(kept.pairs.encryption) == 2
        assert (await bob.person("ann-turns")).state == "verified"
        assert await ann.compare(bob.username) == digits == await bob.safety_number("ann-turns")
        await expect(ann.page.locator(ALARMS).filter(visible=True)).to_have_count(0)
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
