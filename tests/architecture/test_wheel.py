"""The wheel holds what Ilo reads at run time, and nothing that is only for its makers."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("spec", "services", "store", "handlers", "relay", "ilo")


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
        if file.is_file() and "__pycache__" not in file.parts
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


def test_ilo_runs_from_the_wheel_alone(wheel: Path, tmp_path: Path) -> None:
    """Not from this tree: the contracts and pages are found where the wheel has put them."""
    place = tmp_path / "place"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place)
    reads = (
        "import spec, handlers.pages, store.sqlite.database as d, ilo.cli, sys\n"
        "spec.load_openapi(), spec.load_asyncapi(), spec.load_config_schema()\n"
        "assert all(m.__file__.startswith(sys.argv[1]) for m in (spec, d, ilo.cli))\n"
        "print('ok')"
    )

    done = subprocess.run(
        [sys.executable, "-c", reads, str(place)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(place)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.returncode) == ("ok\n", 0), done.stderr
