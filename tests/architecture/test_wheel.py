"""The wheel holds what Ilo reads at run time, and nothing that is only for its makers."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import httpx
import pytest
import yaml

from tests.docs.blocks import blocks_of
from tests.support.ilo_process import ROOT, IloProcess, write_config

PARTS = ("spec", "services", "store", "handlers", "relay", "ilo")
WITHOUT_THIS_TREE = {"PYTHONPATH": ""}
RUN_S = 60.0


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree, built without a network."""
    pytest.importorskip("hatchling", reason="hatchling is not installed (requirements.txt)")
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    [built] = folder.glob("*.whl")
    return built


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_the_wheel_holds_every_file_of_the_shipped_folders_and_no_other(wheel: Path) -> None:
    files = {
        str(file.relative_to(ROOT))
        for part in PARTS
        for file in (ROOT / part).rglob("*")
        if file.is_file() and not {"__pycache__", "released"} & set(file.parts)
    }

    assert names_in(wheel) == files


@pytest.mark.parametrize(
    "name",
    [
        "spec/openapi.yaml",
        "spec/asyncapi.yaml",
        "spec/config.schema.json",
        "store/sqlite/schema.sql",
        "handlers/pages/static/docs.html",
        "handlers/pages/static/redoc.html",
        "handlers/pages/vendor/redoc/redoc.standalone.js",
        "handlers/pages/vendor/redoc/LICENSE",
        "handlers/pages/vendor/swagger-ui/swagger-ui-bundle.js",
        "handlers/pages/vendor/swagger-ui/swagger-ui.css",
        "handlers/pages/vendor/swagger-ui/LICENSE",
    ],
)
def test_the_wheel_holds_what_is_no_python(wheel: Path, name: str) -> None:
    assert name in names_in(wheel)


@pytest.mark.parametrize("kind", ["tests/", "tools/", "docs/", "generated_clients/"])
def test_the_wheel_holds_nothing_for_its_makers(wheel: Path, kind: str) -> None:
    assert not [name for name in names_in(wheel) if name.startswith(kind)]


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel, far from this tree; what it depends on is borrowed."""
    place = tmp_path_factory.mktemp("installed") / "environment"
    venv.create(place, symlinks=True)
    run(
        *(sys.executable, "-m", "pip", "--python", str(place / "bin/python"), "install"),
        *("--quiet", "--no-deps", "--no-index", "--disable-pip-version-check", str(wheel)),
    )
    # A plain folder behind the environment's own: the .pth files in it are not read, so that
    # the link to this tree is not followed.
    borrowed = sysconfig.get_path("purelib")
    [own] = place.glob("lib/python*/site-packages")
    (own / "borrowed.pth").write_text(f"{borrowed}\n", encoding="utf-8")
    return place


def test_the_installed_ilo_is_the_wheels(installed: Path) -> None:
    shows = "import json, sys, {}; print(json.dumps([[m.__file__ for m in ({},)], sys.path]))"
    parts = ", ".join(PARTS)

    files, path = json.loads(
        run(str(installed / "bin/python"), "-Ic", shows.format(parts, parts), cwd=installed)
    )

    assert len(files) == len(PARTS)
    assert all(Path(file).is_relative_to(installed) for file in files)
    assert ROOT not in [Path(folder).resolve() for folder in path]


def test_one_version_stands_everywhere(wheel: Path, installed: Path) -> None:
    contracts = [
        yaml.safe_load((ROOT / "spec" / name).read_text(encoding="utf-8"))["info"]["version"]
        for name in ("openapi.yaml", "asyncapi.yaml")
    ]
    told = run(str(installed / "bin/ilo"), "--version", cwd=installed)

    assert {wheel.name.split("-")[1], *contracts, told.removeprefix("ilo ").strip()} == {"0.1.0"}


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed (apt: curl)")
def test_ilo_serves_the_example_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    script, expected = example_of_the_readme()
    (tmp_path / ".venv").symlink_to(installed)
    ilo = IloProcess(
        tmp_path / "ilo", program=(str(installed / "bin/ilo"),), environment=WITHOUT_THIS_TREE
    )
    write_config(ilo.folder)

    try:
        ilo.start()
        script = script.replace("http://127.0.0.1:7999", ilo.api_url)
        script = script.replace("ws://127.0.0.1:4000", ilo.relay_url)
        said = run("bash", "-euo", "pipefail", "-c", script, cwd=tmp_path)
        pages = [
            httpx.get(f"{ilo.api_url}{path}", trust_env=False).status_code
            for path in ("/docs", "/redoc", "/asyncapi", "/problems", "/openapi.json")
        ]
        code, _ = ilo.terminate()
    finally:
        ilo.kill()

    assert said == expected
    assert pages == [200] * 5
    assert code == 0


def example_of_the_readme() -> tuple[str, str]:
    """Return what people type once Ilo runs, and what it then prints."""
    blocks = blocks_of((ROOT / "README.md").read_text(encoding="utf-8"))
    typed = [block.text for block in blocks if block.language == "sh"]
    shown = [block.text for block in blocks if block.language == "text"]
    return "".join(text for text in typed if not text.startswith("make ")), shown[-1]


def run(*command: str, cwd: Path = ROOT) -> str:
    """Run ``command`` without this tree on Python's path; return what it prints."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **WITHOUT_THIS_TREE, "no_proxy": "127.0.0.1", "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=RUN_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
