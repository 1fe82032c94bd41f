"""The two wheels of the clients hold what they need, and do what their page shows."""

import json
import zipfile
from pathlib import Path

import pytest

from tests.docs.blocks import Block, blocks_of
from tests.support.ilo_process import ROOT, running
from tests.support.wheels import built_wheel, environment_of, run

PACKAGES = ("ilo_client", "ilo_chat", "ilo_window", "ilo_rest", "ilo_relay")
PAGE = ROOT / "docs" / "first-encrypted-message.md"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return [
        built_wheel(ROOT / source, tmp_path_factory.mktemp("wheel"))
        for source in ("generated_clients/python", "client")
    ]


@pytest.fixture(scope="module")
def installed(wheels: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environment_of(wheels, tmp_path_factory.mktemp("installed") / "environment")


def test_the_wheels_hold_every_file_of_their_packages_and_no_other(wheels: list[Path]) -> None:
    folders = [
        *(ROOT / "client").rglob("ilo_*"),
        *(ROOT / "generated_clients/python").glob("ilo_*"),
    ]
    files = {
        str(file.relative_to(folder.parent))
        for folder in folders
        if folder.is_dir()
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }

    held = [
        name
        for wheel in wheels
        for name in zipfile.ZipFile(wheel).namelist()
        if ".dist-info/" not in name
    ]

    assert sorted(held) == sorted(files)
    assert {name.partition("/")[0] for name in held} == set(PACKAGES)


def test_the_installed_clients_are_the_wheels(installed: Path) -> None:
    listed = ", ".join(PACKAGES)
    shows = f"import json, {listed}; print(json.dumps([m.__file__ for m in ({listed},)]))"

    files = json.loads(run(str(installed / "bin/python"), "-Ic", shows, cwd=installed))

    assert len(files) == len(PACKAGES)
    assert all(Path(file).is_relative_to(installed) for file in files)


def test_the_chat_tells_the_version_of_its_wheel(wheels: list[Path], installed: Path) -> None:
    told = run(str(installed / "bin/ilo-chat"), "--version", cwd=installed)

    assert {wheel.name.split("-")[1] for wheel in wheels} == {
        told.removeprefix("ilo-chat ").strip()
    }


def test_the_first_encrypted_message_is_said_with_the_wheels(
    installed: Path, tmp_path: Path
) -> None:
    blocks = blocks_of(PAGE.read_text(encoding="utf-8"))
    scripts = [block for block in blocks if block.title is not None]
    work = tmp_path / "work"
    work.mkdir()

    with running(tmp_path / "ilo") as ilo:
        for script in scripts:
            assert script.title is not None
            text = script.text.replace("http://127.0.0.1:7999", ilo.api_url)
            (work / script.title).write_text(text, encoding="utf-8")
        said = {
            script.title: run(str(installed / "bin/python"), str(script.title), cwd=work)
            for script in scripts
        }

    assert said["encrypted.py"].splitlines()[-1] == "fay🦊 says Hello, Gus 👋"
    assert said["again.py"] == shown_by(blocks, "python again.py")
    assert said["blind.py"] == shown_by(blocks, "python blind.py")


def shown_by(blocks: list[Block], command: str) -> str:
    """Return what the page shows behind ``command``."""
    [place] = [nth for nth, block in enumerate(blocks) if block.text == f"{command}\n"]
    return blocks[place + 1].text
