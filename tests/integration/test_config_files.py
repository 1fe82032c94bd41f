"""The files that explain the configuration say what the schema says."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ilo.config_example import example_config
from ilo.config_schema import config_schema, resolved
from ilo.settings import Settings, load_settings

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"

WORDS = {
    "string": "text",
    "integer": "whole number",
    "boolean": "true or false",
    "array": "list",
    "object": "mapping",
}


def allowed(rules: Mapping[str, Any]) -> str:
    if "enum" in rules:
        return " or ".join(f"`{word}`" for word in rules["enum"])
    types = [rules["type"]] if isinstance(rules["type"], str) else rules["type"]
    bounds = f", {rules['minimum']} to {rules['maximum']}" if "minimum" in rules else ""
    return " or ".join(WORDS[name] for name in types) + bounds


def rows(properties: Mapping[str, Any], before: str = "") -> Iterator[str]:
    """Yield each key of the schema as a row of the page's table."""
    for key, reference in properties.items():
        rules = resolved(reference)
        default = "see below" if "properties" in rules else "none"
        if "default" in rules:
            default = f"`{json.dumps(rules['default'])}`"
        cells = (f"`{before}{key}`", rules["description"], allowed(rules), default)
        yield f"| {' | '.join(cells)} |"
        yield from rows(rules.get("properties", {}), f"{key}.")


def test_the_page_has_each_key_with_the_schemas_meaning_bounds_and_default() -> None:
    table = re.search(
        r"\| key \| meaning \| allowed \| default \|\n\| --- .*\n((?:\|.*\n)+)",
        PAGE.read_text(encoding="utf-8"),
    )

    assert table is not None
    assert table[1].splitlines() == list(rows(config_schema()["properties"]))


def test_the_examples_of_the_page_are_right(tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)

    assert blocks
    for block in blocks:
        # The certificate it names is not on this machine.
        text = re.sub(r"tls_\w+: .*\n", "", block) + "behind_tls_proxy: true\n"
        (tmp_path / "general_config.yaml").write_text(text)
        assert load_settings(tmp_path).api_listen.port == 7999


def test_the_printed_example_says_what_the_defaults_say(tmp_path: Path) -> None:
    (tmp_path / "general_config.yaml").write_text(example_config())

    settings = load_settings(tmp_path)

    assert settings == replace(
        Settings(), data_dir=tmp_path / "ilo-data", folder=tmp_path, source=settings.source
    )


def test_the_printed_example_has_every_key_of_this_version_with_its_meaning() -> None:
    text = example_config()
    prose = " ".join(line.strip().removeprefix("#").strip() for line in text.splitlines())

    for key, reference in config_schema()["properties"].items():
        rules = resolved(reference)
        assert re.search(rf"^(# )?{key}:", text, re.MULTILINE)
        for inner in (rules, *rules.get("properties", {}).values()):
            assert inner["description"] in prose


def test_an_example_that_is_uncommented_is_right_too(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "ilo", "cert", "--folder", tmp_path, "--force"],
        capture_output=True,
        timeout=180,
        check=True,
    )
    text = re.sub(r"^# (\w+: [\"\[])", r"\1", example_config(), flags=re.MULTILINE)
    (tmp_path / "general_config.yaml").write_text(text)

    settings = load_settings(tmp_path)

    assert settings.tls is not None
    assert settings.api_url == "https://chat.example.org:7999"
    assert settings.relay_url == "wss://chat.example.org:4000"
    assert settings.node_secret_files == (Path("/etc/ilo/node_secret"),)
