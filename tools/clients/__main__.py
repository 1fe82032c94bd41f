"""Writes `generated_clients/` from the contracts: `python -m tools.clients`.

With `--check` nothing is written: what would be is compared with what is there, and the
exit code is 1 when a file differs, is missing, or is there without being generated.
Nothing here needs a network, and two runs give the same bytes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from spec import load_asyncapi, load_openapi
from tools.clients.errors import NoGenerator, NotGenerated
from tools.clients.python_distribution import write_python_distribution
from tools.clients.tree import differences, read_tree, write_tree
from tools.clients.typescript_package import write_typescript_package

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = ROOT / "spec"
CLIENTS = ROOT / "generated_clients"
OPENAPI_TYPESCRIPT = ROOT / "tools" / "check" / "node_modules" / "openapi-typescript"

NOT_INSTALLED = 3
"""The exit code when nothing could be written, or compared, for want of a generator."""


def generate() -> dict[str, bytes]:
    """Return what `generated_clients/` holds by the contracts: paths in it, and bytes.

    Raises:
        NotGenerated: a contract says what a generator cannot express.
        NoGenerator: one is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="ilo-clients-") as scratch:
        folder = Path(scratch) / "clients"
        write_python_distribution(
            CONTRACTS / "openapi.yaml",
            load_openapi(),
            load_asyncapi(),
            license_file=ROOT / "LICENSE",
            folder=folder / "python",
        )
        write_typescript_package(
            CONTRACTS / "openapi.yaml",
            load_openapi(),
            load_asyncapi(),
            license_file=ROOT / "LICENSE",
            generator=OPENAPI_TYPESCRIPT,
            folder=folder / "typescript",
        )
        return read_tree(folder)


def main(arguments: list[str] | None = None) -> int:
    """Write or compare; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.clients",
        description=(
            "Write generated_clients/ anew from spec/openapi.yaml and spec/asyncapi.yaml: "
            "one Python distribution with the packages ilo_rest (the REST client) and "
            "ilo_relay (the WebSocket client), and one npm package with the same in TypeScript."
        ),
        epilog=(
            "What is generated is committed, and never edited: change the contract, or the "
            "templates in tools/clients/templates/, and run this again (`make clients`)."
        ),
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="write nothing; name each file that is not as it would be written, and exit "
        "with 1 when there is one",
    )
    options = parser.parse_args(arguments)

    try:
        fresh = generate()
    except NotGenerated as error:
        print(f"generated_clients/ cannot be generated: {error}", file=sys.stderr)
        return 1
    except NoGenerator as error:
        print(f"skipped: {error}", file=sys.stderr)
        return NOT_INSTALLED
    if not options.check:
        changed = write_tree(CLIENTS, fresh)
        print(f"generated_clients/: {len(fresh)} files, {changed} changed")
        return 0
    stale = differences(read_tree(CLIENTS), fresh)
    for line in stale:
        print(f"generated_clients/{line}", file=sys.stderr)
    if stale:
        print("The clients are not what the contracts say: run `make clients`", file=sys.stderr)
        return 1
    print(f"generated_clients/: {len(fresh)} files, all fresh")
    return 0


if __name__ == "__main__":
    sys.exit(main())
