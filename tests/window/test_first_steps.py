"""The ways into the window, at a real server: register, log in, unlock, restore; and out again."""

import asyncio
import stat
from collections.abc import Callable
from pathlib import Path

from ilo_window import asks
from ilo_window.views.account import Account
from ilo_window.views.sign_in import SignIn, Unlock

from tests.support.desktop import Desk
from tests.support.encrypted import PASSPHRASE, PASSWORD
from tests.support.ilo_process import IloProcess

Sit = Callable[..., Desk]


def test_who_registers_is_told_what_takes_so_long_and_is_in(sit_down: Sit, ilo: IloProcess) -> None:
    desk = sit_down(server=ilo.api_url)
    view = desk.sign_in()
    assert view.mode == "register"
    assert view.fields["server"].value.get() == ilo.api_url
    told: set[str] = set()
    say = view.progress.say

    def note(text: str) -> None:
        told.add(text)
        say(text)

    view.progress.say = note  # type: ignore[method-assign]

    desk.register(ilo.api_url, "ada of the window")

    assert desk.me == "ada of the window"
    assert any("Making your keys" in words for words in told)
    assert any("Locking your keys" in words for words in told)
    assert "ada of the window" in desk.told()


def test_what_is_wrong_is_said_next_to_it(sit_down: Sit, ilo: IloProcess) -> None:
    desk = sit_down(server=ilo.api_url)
    view = desk.sign_in()

    desk.submit(view)
    assert view.fields["name"].wrong == view.fields["password"].wrong == "This is missing."
    assert view.fields["server"].wrong == ""
    desk.type(view.fields["name"].entry, "somebody")
    assert view.fields["name"].wrong == ""
    desk.type(view.fields["password"].entry, "short")
    desk.type(view.fields["passphrase"].entry, PASSPHRASE)
    desk.submit(view)
    desk.until(lambda: view.fields["password"].wrong, "the password is refused")
    assert "lacks" in view.fields["password"].wrong
    assert view.waits is None

    desk.fill(view.fields["server"].entry, "127.0.0.1:9")
    desk.submit(view)
    desk.until(lambda: view.fields["server"].wrong, "the server is not there")
    assert "does not answer" in view.fields["server"].wrong

    desk.fill(view.fields["server"].entry, ilo.api_url)
    desk.click(view.tabs["log in"])
    desk.fill(view.fields["password"].entry, PASSWORD)
    desk.submit(view)
    desk.until(lambda: view.fields["password"].wrong, "the login is refused")
    assert "wrong" in view.fields["password"].wrong


def test_a_password_is_seen_only_when_that_is_asked_for(sit_down: Sit) -> None:
    desk = sit_down()
    field = desk.sign_in().fields["password"]
    assert field.reveal is not None
    desk.type(field.entry, "Secret!1")
    assert str(field.entry.cget("show")) == "•"

    desk.press("<Return>", field.reveal)
    assert str(field.entry.cget("show")) == ""
    desk.press("<Return>", field.reveal)
    assert str(field.entry.cget("show")) == "•"


def test_who_was_in_needs_only_the_passphrase(sit_down: Sit, ilo: IloProcess) -> None:
    first = sit_down("folder")
    first.register(ilo.api_url, "bob of the window")
    first.window.close()
    first.close()

    desk = sit_down("folder")
    desk.until(lambda: isinstance(desk.window.view, Unlock), "the passphrase is asked for")
    view = desk.window.view
    assert isinstance(view, Unlock)
    assert "bob of the window" in desk.told()
    desk.type(view.fields["passphrase"].entry, "wrong")
    desk.press("<Return>")
    desk.until(lambda: view.fields["passphrase"].wrong, "it is refused")
    assert view.fields["passphrase"].wrong == "The passphrase is wrong."
    view.fields["passphrase"].value.set("")
    desk.unlock()

    assert desk.me == "bob of the window"


def test_who_logs_out_logs_in_with_the_password_and_the_same_keys(desk: Desk) -> None:
    me = desk.me
    ilo = desk.window._worker._ilo
    assert ilo is not None
    kid = ilo.pairs.identity.public.kid
    desk.press("<Control-k>")
    page = desk.page
    assert isinstance(page, Account)

    desk.press("<Return>", page.log_out)
    assert desk.window.main is not None
    desk.press("<Return>", page.log_out)
    view = desk.sign_in()

    assert (view.mode, view.fields["name"].value.get()) == ("log in", me)
    assert "logged out" in desk.told()
    desk.type(view.fields["password"].entry, PASSWORD)
    desk.type(view.fields["passphrase"].entry, PASSPHRASE)
    desk.submit(view)
    desk.until_in()
    again = desk.window._worker._ilo
    assert again is not None
    assert again.pairs.identity.public.kid == kid


def test_a_session_that_is_ended_elsewhere_leads_back_to_the_login(
    desk: Desk, sit_down: Sit, ilo: IloProcess
) -> None:
    me = desk.me
    worker = desk.window._worker
    assert worker._ilo is not None

    async def end_it() -> None:
        assert worker._ilo is not None
        await worker._ilo.server.log_out(elsewhere=False)

    desk.wait(asyncio.run_coroutine_threadsafe(end_it(), worker._loop))
    desk.window.ask(asks.Refresh())

    view = desk.sign_in()
    assert "log in again" in desk.told()
    assert view.fields["name"].value.get() == me


def test_a_backup_opens_the_door_in_another_folder(
    desk: Desk, sit_down: Sit, ilo: IloProcess, tmp_path: Path
) -> None:
    me, file = desk.me, tmp_path / "keys.backup"
    desk.press("<Control-k>")
    page = desk.page
    assert isinstance(page, Account)
    desk.type(page.path.entry, str(file))
    desk.press("<Return>", page.back_up)
    assert page.secret.wrong == "This is missing."
    desk.type(page.secret.entry, "of the backup")
    desk.press("<Return>")
    desk.until(lambda: "The backup is in" in desk.told(), "the backup is written")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept = file.read_text()
    desk.type(page.secret.entry, "of the backup")
    desk.press("<Return>")
    desk.until(lambda: page.path.wrong, "nothing is overwritten")
    assert file.read_text() == kept

    other = sit_down("elsewhere", server=ilo.api_url)
    view = other.sign_in()
    other.click(view.tabs["restore"])
    other.type(view.fields["backup"].entry, str(file))
    other.type(view.fields["backup passphrase"].entry, "not it")
    other.type(view.fields["password"].entry, PASSWORD)
    other.type(view.fields["passphrase"].entry, PASSPHRASE)
    other.submit(view)
    other.until(lambda: view.fields["backup passphrase"].wrong, "it is refused")
    other.fill(view.fields["backup passphrase"].entry, "of the backup")
    other.submit(view)
    other.until_in()
    assert other.me == me


def test_who_has_keys_elsewhere_may_make_new_ones(
    desk: Desk, sit_down: Sit, ilo: IloProcess
) -> None:
    other = sit_down("elsewhere", server=ilo.api_url)
    view = other.sign_in()
    other.click(view.tabs["log in"])
    other.type(view.fields["name"].entry, desk.me)
    other.type(view.fields["password"].entry, PASSWORD)
    other.type(view.fields["passphrase"].entry, PASSPHRASE)
    other.submit(view)
    other.until(lambda: view.anew.winfo_ismapped(), "new keys are offered")
    assert "will be warned" in other.told()

    other.press("<space>", view.anew)
    other.submit(view)
    other.until_in()
    assert other.me == desk.me


def test_a_new_encryption_key_needs_the_passphrase(desk: Desk) -> None:
    ilo = desk.window._worker._ilo
    assert ilo is not None
    before = ilo.pairs.encryption
    desk.press("<Control-k>")
    page = desk.page
    assert isinstance(page, Account)
    desk.type(page.passphrase.entry, "wrong")
    desk.press("<Return>")
    desk.until(lambda: page.passphrase.wrong, "it is refused")
    desk.fill(page.passphrase.entry, PASSPHRASE)
    desk.press("<Return>")
    desk.until(lambda: "new encryption key" in desk.told(), "a new key")

    assert ilo.pairs.encryption[1:] == before


def test_a_folder_that_cannot_be_used_is_said(sit_down: Sit, tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("")

    desk = sit_down("a file")

    view = desk.sign_in()
    assert view.wrong.cget("text")
    assert isinstance(view, SignIn)
