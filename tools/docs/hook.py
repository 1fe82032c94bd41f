"""What MkDocs asks while it builds the site: the pages that are made, not written.

The two references come from the contracts, the command line from `ilo --help`, and the
changelog from the project's folder. None of them lies in `docs/`.
"""

import contextlib
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from ilo import cli
from spec import load_asyncapi, load_openapi
from tools.reference import NotRendered, relay_reference, rest_reference

ROOT: Final = Path(__file__).parents[2]
HELP_COLUMNS: Final = "80"

# What the tests of the examples read; nothing for readers.
_MARK: Final = re.compile(
    r"^<!-- (?:not run|only shown|exit code|frame|body): .* -->\n", re.MULTILINE
)
_INTO_DOCS: Final = re.compile(r"(\]\()docs/")
_COMMANDS: Final = re.compile(r"^  COMMAND\n((?:    .*\n)+)", re.MULTILINE)
_COMMAND: Final = re.compile(r"^    ([a-z]+) ", re.MULTILINE)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put every decision into the navigation, in the order of their numbers."""
    decisions = (ROOT / "docs" / "decisions").glob("[0-9]*.md")
    assert config.nav is not None  # noqa: S101  # mkdocs.yml has one
    [section] = [item["Decisions"] for item in config.nav if "Decisions" in item]
    section.extend(f"decisions/{file.name}" for file in sorted(decisions))
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    try:
        for name, content in _made():
            files.append(File.generated(config, name, content=content))
    except NotRendered as error:
        raise PluginError(str(error)) from None
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    return _MARK.sub("", markdown)


def _made() -> Iterator[tuple[str, str]]:
    yield "reference/rest.md", _reference(rest_reference(load_openapi()), "openapi.yaml")
    yield "reference/relay.md", _reference(relay_reference(load_asyncapi()), "asyncapi.yaml")
    for contract in ("openapi.yaml", "asyncapi.yaml"):
        yield f"reference/{contract}", (ROOT / "spec" / contract).read_text("utf-8")
    yield "reference/command-line.md", command_line()
    yield "changelog.md", _INTO_DOCS.sub(r"\1", (ROOT / "CHANGELOG.md").read_text("utf-8"))


def _reference(text: str, contract: str) -> str:
    """Return ``text`` with the place of the contract behind its heading."""
    heading, _, rest = text.partition("\n")
    return f"{heading}\n\nMade from the contract, which can be [downloaded]({contract}).\n{rest}"


def command_line() -> str:
    """Return a page of what `ilo` and each of its commands say with `--help`."""
    parts = [
        "# Command line",
        "What `ilo` and each of its commands say with `--help`.",
    ]
    for command in _commands(("ilo",)):
        parts += [f"## {' '.join(command)}", f"```text\n{_help(command)}```"]
    return "\n\n".join(parts) + "\n"


def _commands(command: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Return ``command`` and all below it, as its help lists them."""
    yield command
    listed = _COMMANDS.search(_help(command))
    for name in _COMMAND.findall(listed[1]) if listed else ():
        yield from _commands((*command, name))


def _help(command: tuple[str, ...]) -> str:
    printed = io.StringIO()
    columns = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = HELP_COLUMNS
    try:
        with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
            cli.main([*command[1:], "--help"])
    finally:
        if columns is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = columns
    return printed.getvalue()
