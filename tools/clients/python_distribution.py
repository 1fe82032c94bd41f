"""The Python distribution `ilo-generated-clients`: both packages, and what installs them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tools.clients.credentials import credentials_of_operations
from tools.clients.errors import NotGenerated
from tools.clients.relay import write_relay_package
from tools.clients.relay.schemas import UnknownToTheGenerator
from tools.clients.rest_package import write_rest_package
from tools.contracts.documents import operations

TEMPLATES = Path(__file__).parent / "templates" / "python" / "package"


def write_python_distribution(
    openapi_file: Path,
    openapi: Mapping[str, Any],
    asyncapi: Mapping[str, Any],
    *,
    license_file: Path,
    folder: Path,
) -> None:
    """Write the distribution to ``folder``, which is new. ``openapi_file`` holds ``openapi``.

    Raises:
        NotGenerated: a contract cannot be expressed, or the two have not one version.
    """
    version = openapi["info"]["version"]
    if asyncapi["info"]["version"] != version:
        raise NotGenerated(
            f"openapi.yaml has the version {version}, asyncapi.yaml {asyncapi['info']['version']}"
        )
    folder.mkdir(parents=True)
    # Autoescaping is for HTML; these are TOML and Markdown.
    templates = Environment(  # noqa: S701
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    facts = {"version": version, "operations": _operations(openapi)}
    for name in ("pyproject.toml", "README.md"):
        text = templates.get_template(f"{name}.jinja").render(facts)
        (folder / name).write_text(text, encoding="utf-8")
    shutil.copyfile(license_file, folder / "LICENSE")
    write_rest_package(openapi_file, openapi, folder / "ilo_rest")
    try:
        write_relay_package(asyncapi, folder / "ilo_relay")
    except UnknownToTheGenerator as unknown:
        raise NotGenerated(f"asyncapi.yaml: {unknown}") from unknown


def _operations(openapi: Mapping[str, Any]) -> list[dict[str, object]]:
    """Return a row for each operation, in the contract's order."""
    credentials = credentials_of_operations(openapi)
    return [
        {
            "method": method,
            "path": path,
            "summary": operation["summary"],
            "module": f"ilo_rest.api.{operation['tags'][0]}.{operation['operationId']}",
            "bearers": credentials[operation["operationId"]].bearers,
            "is_needed": credentials[operation["operationId"]].is_needed,
        }
        for _, method, path, operation in operations(openapi)
    ]
