"""The contracts, as data: REST, WebSocket and configuration. Everything else follows them."""

from importlib import resources
from typing import Any, Final

import yaml

# The C parser is several times faster, and not part of every build of PyYAML.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_TIMESTAMP: Final = "tag:yaml.org,2002:timestamp"


class _Loader(_SafeLoader):  # type: ignore[misc]  # which of the two is known at run time
    """Reads YAML as JSON would mean it: what looks like a date stays a string."""

    yaml_implicit_resolvers = {  # noqa: RUF012  # PyYAML's own name, never changed
        first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
        for first, resolvers in _SafeLoader.yaml_implicit_resolvers.items()
    }


def load_openapi() -> dict[str, Any]:
    """Return the contract of the REST door, references unresolved; a new copy each time."""
    return _load("openapi.yaml")


def load_asyncapi() -> dict[str, Any]:
    """Return the contract of the WebSocket door, references unresolved; a new copy each time."""
    return _load("asyncapi.yaml")


def load_config_schema() -> dict[str, Any]:
    """Return the JSON Schema of ``general_config.yaml``; a new copy each time."""
    return _load("config.schema.json")


def parse(text: str) -> Any:
    """Return what the YAML of a contract says; what looks like a date is a string.

    Raises:
        yaml.YAMLError: the text is no YAML.
    """
    return yaml.load(text, _Loader)  # noqa: S506  # a safe loader


def _load(name: str) -> dict[str, Any]:
    # JSON is YAML, but for tabs, which are not used here.
    document: dict[str, Any] = parse((resources.files("spec") / name).read_text("utf-8"))
    return document
