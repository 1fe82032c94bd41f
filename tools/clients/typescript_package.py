"""The npm package `ilo-generated-clients`: both clients in TypeScript, and what installs them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tools.clients.credentials import credentials_of_operations
from tools.clients.errors import NoGenerator, NotGenerated
from tools.clients.relay.schemas import UnknownToTheGenerator
from tools.clients.relay.typescript import write_relay_sources
from tools.clients.typescript_templates import environment, render_all
from tools.contracts.documents import at, operations

TEMPLATES: Final = Path(__file__).parent / "templates" / "typescript"
BEARER: Final = "session"
"""The bearer that a client shows by itself; the others are given with a call."""

# A second, many times over.
GENERATION_TIMEOUT_S: Final = 300.0
_OPTIONS: Final = ("--root-types", "--root-types-no-schema-prefix")


def write_typescript_package(
    openapi_file: Path,
    openapi: Mapping[str, Any],
    asyncapi: Mapping[str, Any],
    *,
    license_file: Path,
    generator: Path,
    folder: Path,
) -> None:
    """Write the package to ``folder``, which is new. ``openapi_file`` holds ``openapi``.

    ``generator`` is the folder of openapi-typescript.

    Raises:
        NotGenerated: a contract cannot be expressed.
        NoGenerator: openapi-typescript, or Node.js, is not installed.
    """
    version = openapi["info"]["version"]
    credentials = credentials_of_operations(openapi)
    rows = [
        {
            "method": method.upper(),
            "path": path,
            "summary": operation["summary"],
            "bearers": credentials[operation["operationId"]].bearers,
            "is_needed": credentials[operation["operationId"]].is_needed,
        }
        for _, method, path, operation in operations(openapi)
    ]
    facts = {
        "version": version,
        "operations": rows,
        "bearers": [f"{row['method']} {row['path']}" for row in rows if BEARER in row["bearers"]],
        "sensitive": _sensitive_places(openapi),
    }
    for part, place in (("package", folder), ("rest", folder / "rest")):
        render_all(environment(TEMPLATES / part), TEMPLATES / part, facts, place)
    for name in ("package.json", "package-lock.json"):
        _set_version(folder / name, version)
    shutil.copyfile(license_file, folder / "LICENSE")
    _write_types(openapi_file, generator, folder / "rest" / "schema.ts")
    try:
        write_relay_sources(asyncapi, folder / "relay")
    except UnknownToTheGenerator as unknown:
        raise NotGenerated(f"asyncapi.yaml: {unknown}") from unknown


def _set_version(file: Path, version: str) -> None:
    """Let a file of npm say the contract's version; the lock says it twice."""
    content = json.loads(file.read_text(encoding="utf-8"))
    content["version"] = version
    if "packages" in content:
        content["packages"][""]["version"] = version
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_types(contract_file: Path, generator: Path, file: Path) -> None:
    """Write the types of the REST contract, by openapi-typescript."""
    node = Path(sys.executable).with_name("node")
    program = shutil.which("node") if not node.exists() else str(node)
    command = generator / "bin" / "cli.js"
    if program is None or not command.exists():
        raise NoGenerator("no Node.js, or no openapi-typescript: `make check` installs both")
    with tempfile.TemporaryDirectory(prefix="ilo-rest-types-") as nowhere:
        # Away from here: a configuration in the folder would change what is written.
        done = subprocess.run(
            [program, str(command), str(contract_file), "--output", str(file), *_OPTIONS],
            cwd=nowhere,
            env={**os.environ, "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=GENERATION_TIMEOUT_S,
            check=False,
        )
    if done.returncode != 0:
        raise NotGenerated(f"openapi-typescript:\n{done.stdout}")


def _sensitive_places(openapi: Mapping[str, Any]) -> dict[str, list[list[str]]]:
    """Return where the answers of each operation hold what must not be shown, as steps."""
    found: dict[str, list[list[str]]] = {}
    for _, method, path, operation in operations(openapi):
        places = [
            list(place)
            for status, response in operation["responses"].items()
            if str(status).startswith("2")
            for media in _followed(openapi, response).get("content", {}).values()
            for place in _places(openapi, media["schema"], ())
        ]
        if places:
            found[f"{method.upper()} {path}"] = places
    return found


def _followed(openapi: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in node:
        node = at(openapi, node["$ref"])
    return node


def _places(
    openapi: Mapping[str, Any], schema: Mapping[str, Any], steps: tuple[str, ...]
) -> Iterator[tuple[str, ...]]:
    schema = _followed(openapi, schema)
    if schema.get("x-sensitive") is True:
        if not steps:
            raise NotGenerated("an answer of which nothing may be shown")
        yield steps
        return
    for choice in ("allOf", "anyOf", "oneOf"):
        for one in schema.get(choice, ()):
            yield from _places(openapi, one, steps)
    for name, member in schema.get("properties", {}).items():
        yield from _places(openapi, member, (*steps, name))
    if "items" in schema:
        yield from _places(openapi, schema["items"], (*steps, "*"))
