"""Secrets come from a file, the environment or a prompt, and go nowhere else."""

import threading
from argparse import Namespace
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest
from ilo_chat.problems import CommandRefused
from ilo_chat.secrets import PASSWORD as KIND
from ilo_chat.secrets import given_secret

from tests.support.chat import Chatter, chatter, private_room
from tests.support.encrypted import PASSPHRASE, PASSWORD
from tests.support.ilo_process import IloProcess


class Watch:
    """What every process of ours was started with, looked at while the block runs."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _look(self) -> None:
        me = psutil.Process()
        while not self._is_over.wait(0.02):
            for child in me.children(recursive=True):
                try:
                    self.seen.add(" ".join(child.cmdline()))
                except psutil.Error:
                    continue


def test_no_secret_is_in_an_argument_an_output_or_a_log(ilo: IloProcess, tmp_path: Path) -> None:
    files = {}
    for option, secret in (
        ("--password-file", PASSWORD),
        ("--passphrase-file", PASSPHRASE),
        ("--backup-passphrase-file", "Backup-57 secret"),
    ):
        files[option] = tmp_path / option.strip("-")
        files[option].write_text(secret + "\n")
    ann = chatter(tmp_path, ilo.api_url, "ann")
    ann.secrets = {}

    def given(*options: str) -> list[str | Path]:
        return [word for option in options for word in (option, files[option])]

    with Watch() as watch:
        done = [
            ann.run_anew(
                "register",
                ilo.api_url,
                ann.name,
                *given("--password-file", "--passphrase-file"),
            ).fine(),
            ann.run_anew(
                "keys",
                "backup",
                tmp_path / "backup",
                *given("--backup-passphrase-file", "--passphrase-file"),
            ).fine(),
            ann.run_anew("rooms", "--passphrase-file", files["--password-file"]).refused(),
            ann.run_anew("logout").fine(),
        ]

    token = ann.home.joinpath("session.json").read_text("utf-8")
    secrets = [PASSWORD, PASSPHRASE, "Backup-57 secret"]
    written = [one.out + one.err for one in done] + [ilo.output.text, *watch.seen, token]
    assert any("register" in line for line in watch.seen)
    for secret in secrets:
        assert not any(secret in text for text in written)
        for file in [tmp_path / "backup", *ann.home.rglob("*")]:
            assert file.is_dir() or secret.encode() not in file.read_bytes()


def test_without_any_of_the_three_ways_each_is_named(ilo: IloProcess, tmp_path: Path) -> None:
    nobody = Chatter("nobody", tmp_path / "nobody", ilo.api_url, {})

    error = nobody.json("register", ilo.api_url, "nobody").refused().error

    assert error["code"] == "no-secret"
    for way in ("terminal", "--password-file", "$ILO_PASSWORD"):
        assert way in error["detail"]


def test_what_was_said_is_in_no_file_of_the_folder(ilo: IloProcess, tmp_path: Path) -> None:
    bob = chatter(tmp_path, ilo.api_url, "bob").register()
    private_room(bob, label="quiet")

    bob.run("send", "quiet", given="a marker 5f1c").fine()
    assert "a marker 5f1c" in bob.run("history", "quiet").fine().out

    files = [*bob.home.rglob("*"), *ilo.folder.rglob("*")]
    assert len(files) > 5
    assert not any(b"marker 5f1c" in file.read_bytes() for file in files if file.is_file())


def test_one_newline_at_the_end_of_a_file_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret"
    monkeypatch.setenv("ILO_PASSWORD", "from the environment")

    found = {}
    for text in (b"a b", b"a b\n", b"a b\r\n", b"a b\n\n", b" a b \n"):
        file.write_bytes(text)
        found[text] = given_secret(Namespace(password_file=file), KIND)

    assert [*found.values()] == ["a b", "a b", "a b", "a b\n", " a b "]
    assert given_secret(Namespace(password_file=None), KIND) == "from the environment"
    for text in (b"", b"\n", b"\xff\xfe", b"x" * 70_000):
        file.write_bytes(text)
        with pytest.raises(CommandRefused) as refused:
            given_secret(Namespace(password_file=file), KIND)
        assert "xx" not in str(refused.value)
