"""The REST client, `ilo_rest`: openapi-python-client with our templates."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools.clients.credentials import credentials_of_operations
from tools.clients.errors import NotGenerated
from tools.clients.sensitive import sensitive_members

PACKAGE = "ilo_rest"
TEMPLATES = Path(__file__).parent / "templates" / "python" / "rest"

# A few seconds, many times over.
GENERATION_TIMEOUT_S = 300.0

# `--isolated`: no configuration near the scratch folder may change what is written.
_CONFIG = {
    "package_name_override": PACKAGE,
    "literal_enums": True,
    "post_hooks": [
        "ruff check . --isolated --no-cache --fix --select F401,I --line-length 100",
        "ruff format . --isolated --no-cache --line-length 100",
    ],
}


def write_rest_package(contract_file: Path, contract: Mapping[str, Any], folder: Path) -> None:
    """Write the package that calls the operations of ``contract`` to ``folder``, which is new.

    ``contract_file`` holds the same contract.

    Raises:
        NotGenerated: the contract cannot be expressed, or the generator complains.
    """
    with tempfile.TemporaryDirectory(prefix="ilo-rest-client-") as scratch:
        templates = Path(scratch) / "templates"
        shutil.copytree(TEMPLATES, templates)
        (templates / "contract.jinja").write_text(_facts(contract), encoding="utf-8")
        config = Path(scratch) / "config.json"
        config.write_text(json.dumps(_CONFIG), encoding="utf-8")
        _generate(contract_file, config, templates, folder)
    (folder / "py.typed").touch()


def _facts(contract: Mapping[str, Any]) -> str:
    """Return the template that tells the others what the generator does not pass on."""
    schemes: Mapping[str, Any] = contract["components"]["securitySchemes"]
    facts: dict[str, object] = {
        "sensitive": {
            f"/components/schemas/{name}": members
            for name, members in sensitive_members(contract).items()
        },
        "constants": {
            f"/components/schemas/{name}": members
            for name, members in _boolean_constants(contract).items()
        },
        "credentials": {
            name: credentials._asdict()
            for name, credentials in credentials_of_operations(contract).items()
        },
        "bearers": {name: scheme["description"] for name, scheme in schemes.items()},
    }
    return "".join(f"{{% set {name} = {value!r} %}}\n" for name, value in facts.items())


def _boolean_constants(contract: Mapping[str, Any]) -> dict[str, dict[str, bool]]:
    """Return the members that are always true, or always false.

    They tell alternatives apart, and the generator takes them for any boolean.
    """
    constants: dict[str, dict[str, bool]] = {}
    for name, schema in contract["components"]["schemas"].items():
        for member, value in schema.get("properties", {}).items():
            if value.get("enum") in ([True], [False]) and value.get("type") == "boolean":
                constants.setdefault(name, {})[member] = value["enum"][0]
    return constants


def _generate(contract_file: Path, config: Path, templates: Path, folder: Path) -> None:
    # Its last steps call `ruff`, which lies beside this interpreter.
    beside_python = str(Path(sys.executable).parent)
    environment = {
        **os.environ,
        "PATH": beside_python + os.pathsep + os.environ.get("PATH", ""),
        "PYTHONHASHSEED": "0",
        "NO_COLOR": "1",
    }
    command = [sys.executable, "-m", "openapi_python_client", "generate"]
    command += ["--path", str(contract_file), "--config", str(config)]
    command += ["--custom-template-path", str(templates), "--output-path", str(folder)]
    command += ["--meta", "none", "--fail-on-warning"]
    try:
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=GENERATION_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NotGenerated("openapi-python-client does not come to an end") from None
    if done.returncode != 0:
        raise NotGenerated(f"openapi-python-client:\n{done.stdout}")
