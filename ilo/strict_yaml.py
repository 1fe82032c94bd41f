"""Reads YAML that can be read in one way only: no duplicate keys, aliases, tags or merges.

Errors name the file and the line, never what stands there: it may be a misplaced secret.
"""

import re
import stat
from collections.abc import Hashable
from pathlib import Path
from typing import Final, Protocol

import yaml

from ilo.refusals import ConfigRefused

MAX_FILE_BYTES: Final = 64 * 1024
MAX_DEPTH: Final = 16

# The one written in C where PyYAML was built with it: 64 KiB take the other a second.
_SafeLoader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_MERGE = "tag:yaml.org,2002:merge"
_STRING = "tag:yaml.org,2002:str"
_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _Place(Protocol):
    """A mark of either of PyYAML's parsers; lines count from 0."""

    line: int


class _Fault(Exception):
    """``rule`` is broken at ``mark``."""

    def __init__(self, mark: _Place | None, rule: str) -> None:
        super().__init__(rule)
        self.mark = mark
        self.rule = rule


class _StrictLoader(_SafeLoader):  # type: ignore[misc, valid-type]  # chosen at import
    """Builds what JSON could say, too; a date stays the text that it is."""

    def construct_mapping(
        self, node: yaml.MappingNode, deep: bool = False
    ) -> dict[Hashable, object]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag == _MERGE:
                raise _Fault(key.start_mark, "merge keys (<<) are not allowed")
            if not isinstance(key, yaml.ScalarNode) or key.tag != _STRING:
                raise _Fault(key.start_mark, "a key must be text; put it in quotes")
            if key.value in seen:
                raise _Fault(key.start_mark, f"{shown_key(key.value)}: the key stands there twice")
            seen.add(key.value)
        built: dict[Hashable, object] = super().construct_mapping(node, deep=deep)
        return built


_StrictLoader.add_constructor(_TIMESTAMP, yaml.SafeLoader.construct_yaml_str)


def read_yaml(file: Path) -> object:
    """Return what ``file`` says.

    Raises:
        ConfigRefused: it cannot be read, is empty, larger than 64 KiB or nested deeper than
            16, or breaks a rule of this module.
        FileNotFoundError: there is no such file.
    """
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise ConfigRefused(str(file), ["is not a file"])
        with file.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigRefused(str(file), [f"cannot be read: {error.strerror}"]) from None
    return parse_yaml(content, str(file))


def parse_yaml(content: bytes, file: str) -> object:
    """Return what ``content`` says; raises as `read_yaml` does, naming ``file``."""
    if len(content) > MAX_FILE_BYTES:
        raise ConfigRefused(file, [f"is larger than {MAX_FILE_BYTES} bytes"])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigRefused(f"{file}:{line}", ["is not UTF-8"]) from None

    try:
        _scan(text)
        # Not yaml.load in its unsafe form: the loader is a safe one, made stricter.
        built: object = yaml.load(text, _StrictLoader)  # noqa: S506
    except _Fault as fault:
        raise ConfigRefused(_place(file, fault.mark), [fault.rule]) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = _without_values(error.problem or "")
        raise ConfigRefused(_place(file, mark), [f"is not valid YAML: {problem}"]) from None
    except yaml.YAMLError:
        raise ConfigRefused(file, ["has characters that YAML does not allow"]) from None
    except ValueError:
        raise ConfigRefused(file, ["has a number that cannot be read"]) from None
    if built is None:
        raise ConfigRefused(
            file, ["is empty; without the file the defaults hold, see `ilo config example`"]
        )
    return built


def shown_key(key: str) -> str:
    """Return ``key`` fit for an error line: printable and not long."""
    text = "".join(c if c.isprintable() else "?" for c in key)
    return text if len(text) <= 64 else text[:64] + "..."


def _scan(text: str) -> None:
    """Refuse what must not even be built; the parser under it does not recurse."""
    depth = 0
    for event in yaml.parse(text, _SafeLoader):
        mark = event.start_mark
        if isinstance(event, yaml.AliasEvent):
            raise _Fault(mark, "aliases (*) are not allowed")
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            raise _Fault(mark, "anchors (&) are not allowed")
        if isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent)) and event.tag:
            raise _Fault(mark, "tags (!) are not allowed")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise _Fault(mark, f"is nested deeper than {MAX_DEPTH}")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _place(file: str, mark: _Place | None) -> str:
    return file if mark is None else f"{file}:{mark.line + 1}"


def _without_values(problem: str) -> str:
    """Drop what the parser quotes, but for single characters and names of its own."""
    return re.sub(r"'(?!<)[^']{2,}'", "...", problem)
