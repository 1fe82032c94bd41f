"""Files with keys: whole or not there, for their owner alone, and read up to a bound."""

import os
import stat
from pathlib import Path

import pytest
from ilo_client import private_files


@pytest.mark.parametrize("may_replace", [True, False])
def test_only_its_owner_may_read_it(tmp_path: Path, may_replace: bool) -> None:
    file = tmp_path / "keys"
    before = os.umask(0)
    try:
        private_files.write(file, "k🔑", may_replace=may_replace)
    finally:
        os.umask(before)

    assert file.read_text("utf-8") == "k🔑"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [*tmp_path.iterdir()] == [file]


def test_what_is_there_is_replaced_only_if_it_may_be(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("old")
    file.chmod(0o644)

    with pytest.raises(FileExistsError):
        private_files.write(file, "new", may_replace=False)
    assert file.read_text() == "old"
    private_files.write(file, "new", may_replace=True)

    assert file.read_text() == "new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_no_link_is_followed_to_another_file(tmp_path: Path) -> None:
    other, link = tmp_path / "other", tmp_path / "keys"
    link.symlink_to(other)

    with pytest.raises(FileExistsError):
        private_files.write(link, "new", may_replace=False)
    private_files.write(link, "new", may_replace=True)

    assert not other.exists()
    assert not link.is_symlink()


@pytest.mark.parametrize("may_replace", [True, False])
def test_what_fails_leaves_nothing_behind(
    tmp_path: Path, may_replace: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(OSError, match="no space left"):
        private_files.write(tmp_path / "keys", "new", may_replace=may_replace)

    assert [*tmp_path.iterdir()] == []


def test_a_file_is_read_up_to_a_bound_and_only_if_it_is_text(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("é" * 5, "utf-8")

    assert private_files.read(file, 10) == "é" * 5
    assert private_files.read(file, 9) is None
    file.write_bytes(b"\xff\xfe")
    assert private_files.read(file, 10) is None
    with pytest.raises(FileNotFoundError):
        private_files.read(tmp_path / "none", 10)
