"""Writes a commented `general_config.yaml` from `spec/config.schema.json`."""

import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ilo.config_schema import config_schema, resolved

WIDTH: Final = 88

_HEAD = """\
Ilo's general_config.yaml: every key with its default. A key that is commented out has none,
or one that depends on others. What is left out keeps its default.
"""


def example_config() -> str:
    """Return a whole file; it says what the defaults say."""
    lines = list(_comment(_HEAD, ""))
    for key, rules in config_schema()["properties"].items():
        lines += ["", *_entry(key, resolved(rules), "")]
    return "\n".join(lines) + "\n"


def _entry(key: str, rules: Mapping[str, Any], indent: str) -> Iterator[str]:
    yield from _comment(f"{rules['description']} {_range(rules)}".strip(), indent)
    if "properties" in rules:
        yield f"{indent}{key}:"
        for name, inner in rules["properties"].items():
            yield from _entry(name, resolved(inner), indent + "  ")
    elif "default" in rules:
        yield f"{indent}{key}: {json.dumps(rules['default'])}"
    else:
        yield f"{indent}# {key}: {json.dumps(rules['examples'][0])}"


def _range(rules: Mapping[str, Any]) -> str:
    return f"{rules['minimum']} to {rules['maximum']}." if "minimum" in rules else ""


def _comment(text: str, indent: str) -> Iterator[str]:
    yield from textwrap.wrap(
        text, WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# "
    )
