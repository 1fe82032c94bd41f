#!/usr/bin/env python3
"""Fetches the built files that the offline pages load, and proves that they are unchanged.

``vendor.py`` writes ``handlers/pages/vendor/`` anew; ``vendor.py --check`` writes nothing
and ends with 1, naming the files, when the folder is not what the pinned packages hold.
Both need npm and its registry. A package whose sha512 is not the pinned one is refused
before it is unpacked.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

VENDOR = Path(__file__).resolve().parents[2] / "handlers" / "pages" / "vendor"
NPM_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class Patch:
    """One exact replacement; ``old`` must occur exactly once, else the package is new."""

    file: str
    old: bytes
    new: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Package:
    """A pinned npm package; ``files`` maps our names to the package's."""

    folder: str
    name: str
    version: str
    integrity: str
    licence: str
    files: dict[str, str]
    patches: tuple[Patch, ...] = ()


# ReDoc stays on 2.x: 3.x sends usage data to its maker unless told not to, and takes its
# icons from a CDN. The 2.x line has neither, and is half the size.
PACKAGES = (
    Package(
        folder="swagger-ui",
        name="swagger-ui-dist",
        version="5.35.0",
        integrity=(
            "sha512-U06rpMtW9V3XPGOBeamTUSr0Z09jMX4IJuANpE/EZbAhw0G8CgwrzU4YmXkn"
            "/h0wCDNsXdGarTNNHC3sU8yVUQ=="
        ),
        licence="Apache-2.0",
        files={
            "LICENSE": "LICENSE",
            "NOTICE": "NOTICE",
            "swagger-ui-bundle.js": "swagger-ui-bundle.js",
            "swagger-ui-bundle.js.LICENSE.txt": "swagger-ui-bundle.js.LICENSE.txt",
            "swagger-ui.css": "swagger-ui.css",
        },
        patches=(
            Patch(
                file="swagger-ui.css",
                old=b"\n/*# sourceMappingURL=swagger-ui.css.map*/",
                new=b"",
                reason="names a source map that is not kept here",
            ),
        ),
    ),
    Package(
        folder="redoc",
        name="redoc",
        version="2.5.4",
        integrity=(
            "sha512-M6jWhG1qoBnH6TFmzJnstyCZ87HmOY/UzDm78mHiYihEdlV/YcS9ogOo1NlE"
            "lnJMeLsyxHFe2yFc4sNjHTrABQ=="
        ),
        licence="MIT",
        files={
            "LICENSE": "LICENSE",
            "redoc.standalone.js": "bundles/redoc.standalone.js",
            "redoc.standalone.js.LICENSE.txt": "bundles/redoc.standalone.js.LICENSE.txt",
        },
        patches=(
            Patch(
                file="redoc.standalone.js",
                old=(
                    b'n.createElement("img",{alt:"redocly logo",onError:()=>t(!1),'
                    b'src:"https://cdn.redoc.ly/redoc/logo-mini.svg"})'
                ),
                new=b"null",
                reason="loads a logo from a CDN, and no option turns it off",
            ),
            Patch(
                file="redoc.standalone.js",
                old=b"\n//# sourceMappingURL=redoc.standalone.js.map",
                new=b"",
                reason="names a source map that is not kept here",
            ),
        ),
    ),
)


class VendorError(Exception):
    """A package is not what it is pinned to be; nothing was written."""


def fetch(package: Package, folder: Path) -> Path:
    """Return the package's archive inside ``folder``, its sha512 verified."""
    done = subprocess.run(
        ["npm", "pack", f"{package.name}@{package.version}", "--silent"],
        cwd=folder,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=NPM_TIMEOUT_S,
    )
    archive = folder / done.stdout.split()[-1]
    digest = hashlib.sha512(archive.read_bytes()).digest()
    found = "sha512-" + base64.b64encode(digest).decode()
    if found != package.integrity:
        raise VendorError(f"{package.name} {package.version}: sha512 is {found}")
    return archive


def wanted(package: Package, archive: Path) -> dict[str, bytes]:
    """Return every file that belongs in the package's folder, patched, by name."""
    files: dict[str, bytes] = {}
    with tarfile.open(archive) as tar:
        for ours, theirs in package.files.items():
            member = tar.extractfile(f"package/{theirs}")
            if member is None:
                raise VendorError(f"{package.name}: {theirs} is no file")
            files[ours] = member.read()
    for patch in package.patches:
        count = files[patch.file].count(patch.old)
        if count != 1:
            raise VendorError(
                f"{package.name}: what is patched in {patch.file} occurs {count} times"
            )
        files[patch.file] = files[patch.file].replace(patch.old, patch.new)
    changes = [f"changed {patch.file}: {patch.reason}\n" for patch in package.patches]
    head = f"{package.name} {package.version} ({package.licence})\n"
    files["VERSION"] = (head + "".join(changes)).encode()
    return files


def differences(folder: Path, files: dict[str, bytes]) -> list[str]:
    """Return one line for each file of ``folder`` that is missing, changed or not known."""
    found = {f.relative_to(folder).as_posix() for f in folder.rglob("*") if f.is_file()}
    lines = [f"{name}: missing" for name in files.keys() - found]
    lines += [f"{name}: not from the package" for name in found - files.keys()]
    lines += [
        f"{name}: changed"
        for name in files.keys() & found
        if (folder / name).read_bytes() != files[name]
    ]
    return [f"{folder.name}/{line}" for line in sorted(lines)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    check: bool = parser.parse_args().check

    with tempfile.TemporaryDirectory() as scratch:
        contents = {p.folder: wanted(p, fetch(p, Path(scratch))) for p in PACKAGES}

    if check:
        known = {p.folder for p in PACKAGES}
        strangers = [f.name for f in VENDOR.iterdir() if f.name not in known]
        lines = [f"{name}: not known" for name in sorted(strangers)]
        for name, files in contents.items():
            lines += differences(VENDOR / name, files)
        sys.stderr.writelines(f"{line}\n" for line in lines)
        return 1 if lines else 0

    shutil.rmtree(VENDOR, ignore_errors=True)
    for name, files in contents.items():
        folder = VENDOR / name
        folder.mkdir(parents=True)
        for file, body in files.items():
            (folder / file).write_bytes(body)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except VendorError as error:
        sys.exit(f"vendor: {error}")
