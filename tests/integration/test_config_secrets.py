"""The node secret and the admin credential: made once, kept from others, never shown."""

import pickle
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from ilo.refusals import CommandRefused
from ilo.secrets import Secret, admin_secret, admin_secret_place, node_secrets
from ilo.settings import Settings

GOOD = "a-secret-of-thirty-two-characters"
OTHER = "another-secret-of-32-characters-"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "deep" / "data")


def write(file: Path, text: str, mode: int = 0o600) -> Path:
    file.write_text(text)
    file.chmod(mode)
    return file


def test_both_are_made_at_the_first_start_and_stay(settings: Settings) -> None:
    admin = admin_secret(settings, {}).reveal()
    (node,) = node_secrets(settings, {})

    assert admin_secret(settings, {}).reveal() == admin
    assert node_secrets(settings, {})[0].reveal() == node.reveal()
    assert admin.startswith("ilo_a_")
    assert len(admin) == len("ilo_a_") + 43  # 256 bits as base64url
    assert node.reveal().removeprefix("ilo_n_") != admin.removeprefix("ilo_a_")
    assert stat.S_IMODE(settings.data_dir.stat().st_mode) == 0o700
    assert {file.name for file in settings.data_dir.iterdir()} == {
        "node_secret",
        "admin_secret",
    }
    for file in settings.data_dir.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_of_many_that_start_at_once_all_get_the_same(settings: Settings) -> None:
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda _: admin_secret(settings, {}).reveal(), range(64)))

    assert len(set(made)) == 1
    assert [file.name for file in settings.data_dir.iterdir()] == ["admin_secret"]


def test_a_secret_does_not_show_itself() -> None:
    secret = Secret.random("a")

    assert secret.reveal() not in f"{secret} {secret!r} {[secret]} {vars(Secret)}"
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_a_secret_matches_itself_only() -> None:
    secret = Secret(GOOD)

    assert secret.matches(GOOD)
    for other in ("", GOOD[:-1], GOOD + "x", "é", "\ud800"):
        assert not secret.matches(other)


def test_files_of_the_operators_are_read(settings: Settings, tmp_path: Path) -> None:
    first, second = write(tmp_path / "new", GOOD + "\n"), write(tmp_path / "old", OTHER)
    named = replace(settings, node_secret_files=(first, second), admin_secret_file=second)

    assert [secret.reveal() for secret in node_secrets(named, {})] == [GOOD, OTHER]
    assert admin_secret(named, {}).reveal() == OTHER
    assert admin_secret_place(named, {}) == str(second)
    assert not settings.data_dir.exists()


def test_the_environment_is_read(settings: Settings) -> None:
    environment = {"ILO_NODE_SECRET": f"{GOOD} {OTHER}", "ILO_ADMIN_SECRET": OTHER}

    assert [one.reveal() for one in node_secrets(settings, environment)] == [GOOD, OTHER]
    assert admin_secret(settings, environment).reveal() == OTHER
    assert "ILO_ADMIN_SECRET" in admin_secret_place(settings, environment)
    assert not settings.data_dir.exists()


def test_file_and_environment_together_are_refused(settings: Settings, tmp_path: Path) -> None:
    file = write(tmp_path / "secret", GOOD)
    named = replace(settings, node_secret_files=(file,), admin_secret_file=file)

    with pytest.raises(CommandRefused, match="node_secret_file is set too"):
        node_secrets(named, {"ILO_NODE_SECRET": GOOD})
    with pytest.raises(CommandRefused, match="admin_secret_file is set too"):
        admin_secret(named, {"ILO_ADMIN_SECRET": GOOD})


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610])
def test_a_secret_that_others_may_use_is_refused(
    settings: Settings, tmp_path: Path, mode: int
) -> None:
    file = write(tmp_path / "secret", GOOD, mode)

    with pytest.raises(CommandRefused, match=rf"chmod 600 {file}"):
        admin_secret(replace(settings, admin_secret_file=file), {})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "short",
        "x" * 31,
        "x" * 5000,
        "a space in between is not one",
        "é" * 32,
        GOOD + "\n" + OTHER,
    ],
)
def test_a_text_that_is_no_secret_is_refused_and_not_shown(
    settings: Settings, tmp_path: Path, text: str
) -> None:
    file = write(tmp_path / "secret", text)

    with pytest.raises(CommandRefused) as from_file:
        admin_secret(replace(settings, admin_secret_file=file), {})
    with pytest.raises(CommandRefused) as from_environment:
        admin_secret(settings, {"ILO_ADMIN_SECRET": text})

    assert str(from_file.value).startswith(f"{file}: must be 32 to 512")
    assert str(from_environment.value).startswith("ILO_ADMIN_SECRET: must be 32 to 512")
    for refusal in (from_file, from_environment):
        assert not text.strip() or text.strip() not in str(refusal.value)


def test_a_missing_file_and_three_secrets_are_refused(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(CommandRefused, match="cannot be read: No such file"):
        admin_secret(replace(settings, admin_secret_file=tmp_path / "none"), {})
    with pytest.raises(CommandRefused, match="cannot be read: No such file"):
        admin_secret(settings, {}, make=False)
    with pytest.raises(CommandRefused, match="ILO_NODE_SECRET: must be one secret, or two"):
        node_secrets(settings, {"ILO_NODE_SECRET": f"{GOOD} {OTHER} {GOOD}"})


def test_a_folder_that_others_may_write_in_is_refused(settings: Settings) -> None:
    settings.data_dir.mkdir(parents=True)
    settings.data_dir.chmod(0o777)

    with pytest.raises(CommandRefused, match=f"chmod 700 {settings.data_dir}"):
        admin_secret(settings, {})
