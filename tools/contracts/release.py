"""Keeps the two contracts as released: a copy in `spec/released/<version>/`.

    python -m tools.contracts.release

The gates compare with the newest one from then on. What is released is never overwritten.
"""

import shutil
import sys
from pathlib import Path

from tools.contracts.documents import NoContract
from tools.contracts.released import ASYNCAPI, OPENAPI, NotReleased, read_both, version_of

ROOT = Path(__file__).resolve().parents[2]


def release(spec: Path) -> Path:
    """Copy both contracts of ``spec`` into a new folder of their version, and return it.

    Raises:
        NotReleased: the versions differ, or this one is released already.
        NoContract, OSError: a contract cannot be read, or the copy not be written.
    """
    version = version_of(*read_both(spec))
    folder = spec / "released" / version
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise NotReleased(f"{version} is released already, and stays as it is") from None
    for name in (OPENAPI, ASYNCAPI):
        shutil.copyfile(spec / name, folder / name)
    return folder


def main() -> int:
    """Release the contracts of this project; return the exit code."""
    try:
        folder = release(ROOT / "spec")
    except (NotReleased, NoContract) as why:
        print(why)
        return 1
    print(f"released: {folder.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
