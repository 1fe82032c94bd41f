"""Writes ``handlers/pages/built/`` from the contracts: `make pages`.

With ``--check`` it writes nothing, and ends with 1, naming the files, when the folder is not
what the contracts make.
"""

import argparse
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from spec import load_asyncapi, load_openapi
from tools.reference.document import NotRendered
from tools.reference.site import built_pages

BUILT: Final = Path(__file__).resolve().parents[2] / "handlers" / "pages" / "built"


def differences(folder: Path, pages: Mapping[str, str]) -> list[str]:
    """Return one line for each file of ``folder`` that is missing, stale or not known."""
    found = {f.relative_to(folder).as_posix() for f in folder.rglob("*") if f.is_file()}
    lines = [f"{name}: missing" for name in pages.keys() - found]
    lines += [f"{name}: belongs to no page" for name in found - pages.keys()]
    lines += [
        f"{name}: stale"
        for name in pages.keys() & found
        if (folder / name).read_text("utf-8") != pages[name]
    ]
    return sorted(lines)


def write(folder: Path, pages: Mapping[str, str]) -> None:
    """Make ``folder`` hold ``pages`` and nothing else."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, text in pages.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.reference", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    parser.add_argument("--folder", type=Path, default=BUILT, help="where the pages are")
    told = parser.parse_args()
    try:
        pages = built_pages(load_openapi(), load_asyncapi())
    except NotRendered as error:
        sys.stderr.write(f"reference: {error}\n")
        return 1
    if not told.check:
        write(told.folder, pages)
        return 0
    lines = differences(told.folder, pages)
    sys.stderr.writelines(f"{told.folder.name}/{line}\n" for line in lines)
    if lines:
        sys.stderr.write("run make pages\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
