"""The contracts as they were released: `spec/released/<version>/`, one folder a version."""

import re
from pathlib import Path
from typing import Final

from tools.contracts.documents import Document, read_document

OPENAPI: Final = "openapi.yaml"
ASYNCAPI: Final = "asyncapi.yaml"
_VERSION: Final = re.compile(r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)")


class NotReleased(Exception):
    """There is no release to read, or none can be made; the text says why."""


def newest_release(spec: Path) -> Path:
    """Return the folder of the newest version under ``spec``/released.

    Raises:
        NotReleased: there is none.
    """
    released = spec / "released"
    folders = [folder for folder in released.glob("*") if _VERSION.fullmatch(folder.name)]
    if not folders:
        raise NotReleased(f"{released} is empty: python -m tools.contracts.release")
    return max(folders, key=lambda folder: tuple(map(int, folder.name.split("."))))


def read_both(folder: Path) -> tuple[Document, Document]:
    """Return the REST contract and the relay's in ``folder``.

    Raises:
        NoContract, OSError: one is missing or broken.
    """
    return read_document(folder / OPENAPI), read_document(folder / ASYNCAPI)


def version_of(openapi: Document, asyncapi: Document) -> str:
    """Return the version of both contracts.

    Raises:
        NotReleased: they differ, or it is not of the form 1.2.3.
    """
    version, other = openapi.root["info"]["version"], asyncapi.root["info"]["version"]
    if version != other:
        raise NotReleased(f"{openapi.file} is {version}, {asyncapi.file} is {other}")
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise NotReleased(f"{openapi.file}: {version} is no version like 1.2.3")
    return version
