"""What all templates for TypeScript share: how values are written, and which file is a template."""

import json
from collections.abc import Mapping
from pathlib import Path

import jinja2

SUFFIX = ".j2"


def environment(folder: Path) -> jinja2.Environment:
    """Return an environment for the templates in ``folder``."""
    made = jinja2.Environment(  # noqa: S701  # it writes TypeScript: nothing to escape for HTML
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["literal"] = literal
    return made


def literal(value: object) -> str:
    """Return ``value`` as TypeScript code."""
    return json.dumps(value, ensure_ascii=False)


def render_all(
    templates: jinja2.Environment,
    folder: Path,
    facts: Mapping[str, object],
    into: Path,
    renamed: Mapping[str, str] | None = None,
) -> None:
    """Write what becomes of each file in ``folder``: those without the suffix stay as they are."""
    into.mkdir(parents=True, exist_ok=True)
    for file in sorted(folder.iterdir()):
        name = file.name.removesuffix(SUFFIX)
        if name == file.name:
            text = file.read_text(encoding="utf-8")
        else:
            text = templates.get_template(file.name).render(facts).lstrip("\n")
        (into / (renamed or {}).get(name, name)).write_text(text, encoding="utf-8")
