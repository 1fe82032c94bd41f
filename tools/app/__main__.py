"""Bundles ``web/src`` into ``handlers/pages/static/app/``: a part of `make pages`.

With ``--check`` it writes nothing, and ends with 1, naming the files, when the folder is not
what the sources make; with 3 when esbuild is not installed.
"""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
WEB: Final = ROOT / "web"
BUILT: Final = ROOT / "handlers" / "pages" / "static" / "app"
ESBUILD: Final = WEB / "node_modules" / ".bin" / "esbuild"
SKIPPED: Final = 3

# Whose code is in the bundle, and where they say under which terms.
LICENSES: Final = {
    "jose": "node_modules/jose/LICENSE.md",
    "openapi-fetch": "node_modules/openapi-fetch/LICENSE",
}


class NotBundled(Exception):
    """The sources do not make a page; the text is what esbuild says."""


def bundled() -> dict[str, bytes]:
    """Return the files of the folder, by name.

    Raises:
        NotBundled: esbuild refuses the sources.
    """
    with TemporaryDirectory() as folder:
        built = Path(folder)
        _bundle(["src/app.ts", "--bundle", "--format=esm"], built / "app.js")
        _bundle(["src/style.css"], built / "style.css")
        found = {file.name: file.read_bytes() for file in built.iterdir()}
    texts = [
        f"{name}\n\n{(WEB / path).read_text('utf-8').strip()}\n" for name, path in LICENSES.items()
    ]
    return {
        **found,
        "app.js.LICENSE.txt": "\n".join(texts).encode(),
        "index.html": (WEB / "src" / "index.html").read_bytes(),
    }


def _bundle(words: list[str], file: Path) -> None:
    options = [
        "--minify",
        "--charset=utf8",
        "--legal-comments=none",
        "--log-level=warning",
        "--target=es2024",
        "--tsconfig=tsconfig.json",
    ]
    done = subprocess.run(
        [ESBUILD, *words, *options, f"--outfile={file}"],
        cwd=WEB,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode != 0 or done.stderr:
        raise NotBundled(done.stderr)


def differences(folder: Path, files: Mapping[str, bytes]) -> list[str]:
    """Return one line for each file of ``folder`` that is missing, stale or not known."""
    found = {file.name for file in folder.iterdir()} if folder.is_dir() else set()
    lines = [f"{name}: missing" for name in files.keys() - found]
    lines += [f"{name}: belongs to no page" for name in found - files.keys()]
    lines += [
        f"{name}: stale"
        for name in files.keys() & found
        if (folder / name).read_bytes() != files[name]
    ]
    return sorted(lines)


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make ``folder`` hold ``files`` and nothing else."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.app", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    parser.add_argument("--folder", type=Path, default=BUILT, help="where the page is")
    told = parser.parse_args()
    if not ESBUILD.exists():
        sys.stderr.write("skipped: esbuild is not installed in web/\n")
        return SKIPPED
    try:
        files = bundled()
    except NotBundled as error:
        sys.stderr.write(f"app: {error}\n")
        return 1
    if not told.check:
        write(told.folder, files)
        return 0
    lines = differences(told.folder, files)
    sys.stderr.writelines(f"{told.folder.name}/{line}\n" for line in lines)
    if lines:
        sys.stderr.write("run make pages\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
