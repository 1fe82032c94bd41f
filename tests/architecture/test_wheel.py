"""The wheel holds what Ilo reads at run time, and nothing that is only for its makers."""

import json
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

import httpx
import pytest
import yaml

from tests.docs.blocks import blocks_of
from tests.support.ilo_process import ROOT, IloProcess, write_config
from tests.support.wheels import WITHOUT_THIS_TREE, built_wheel, environment_of, run

PARTS = ("spec", "services", "store", "handlers", "relay", "ilo")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree."""
    return built_wheel(ROOT, tmp_path_factory.mktemp("wheel"))


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_the_wheel_holds_every_file_of_the_shipped_folders_and_no_other(wheel: Path) -> None:
    files = {
        str(file.relative_to(ROOT))
        for part in PARTS
        for file in (ROOT / part).rglob("*")
        if file.is_file() and not {"__pycache__", "released", "vectors"} & set(file.parts)
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
        "handlers/pages/static/app/app.js",
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


def test_the_source_archive_holds_the_vectors_for_who_writes_another_client(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="hatchling is not installed (requirements.txt)")
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path))
    [archive] = tmp_path.glob("*.tar.gz")

    with tarfile.open(archive) as files:
        names = {name.partition("/")[2] for name in files.getnames()}

    vectors = {str(file.relative_to(ROOT)) for file in (ROOT / "spec/vectors").iterdir()}
    assert len(vectors) == 6
    assert {*vectors, "docs/envelope.md"} <= names
    assert not [name for name in names if ".venv" in name or "node_modules" in name]


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel, far from this tree; what it depends on is borrowed."""
    return environment_of([wheel], tmp_path_factory.mktemp("installed") / "environment")


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
            for path in ("/", "/docs", "/redoc", "/asyncapi", "/problems", "/openapi.json")
        ]
        code, _ = ilo.terminate()
    finally:
        ilo.kill()

    assert said == expected
    assert pages == [200] * 6
    assert code == 0


def example_of_the_readme() -> tuple[str, str]:
    """Return what people type once Ilo runs, and what it then prints."""
    blocks = blocks_of((ROOT / "README.md").read_text(encoding="utf-8"))
    typed = [block.text for block in blocks if block.language == "sh"]
    shown = [block.text for block in blocks if block.language == "text"]
    return "".join(text for text in typed if not text.startswith("make ")), shown[-1]
