"""How Python says what the contract says, and the package ``ilo_relay`` written from templates."""

import json
import keyword
import re
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import jinja2
from pydantic import BaseModel

from tools.clients.relay.model import Member, RelayContract, Schema
from tools.clients.relay.reader import read_contract
from tools.clients.relay.schemas import pascal

TEMPLATES: Final = Path(__file__).resolve().parents[1] / "templates" / "python" / "ilo_relay"
LINE_LENGTH: Final = 100
PLAIN: Final = {
    "text": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "map": "dict[str, JsonValue]",
}


def write_relay_package(contract: Mapping[str, Any], folder: Path) -> None:
    """Write the files of the package ``ilo_relay`` into ``folder``; nothing else stays there.

    ``contract`` is asyncapi.yaml as loaded. The same contract gives the same bytes.

    Raises:
        UnknownToTheGenerator: the contract says what no template can say.
    """
    model = read_contract(contract)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        if old.is_file():
            old.unlink()
    environment = _environment(model)
    for template in sorted(TEMPLATES.glob("*.j2")):
        name = template.name.removesuffix(".j2").replace("channel.py", f"{model.channel}.py")
        text = environment.get_template(template.name).render(contract=model)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "py.typed").write_bytes(b"")
    settings = ["--isolated", "--quiet", "--line-length", str(LINE_LENGTH)]
    settings += ["--target-version", "py311"]
    ruff = [sys.executable, "-m", "ruff"]
    # Imports that one contract needs and another does not are dropped here.
    fixes = ["--select", "F401,I,RUF022", "--fix"]
    fixes += ["--config", "lint.isort.known-first-party=['ilo_relay']"]
    # An __init__ exports what it imports.
    fixes += ["--per-file-ignores", "__init__.py:F401"]
    subprocess.run([*ruff, "check", *settings, *fixes, str(folder)], check=True)
    subprocess.run([*ruff, "format", *settings, str(folder)], check=True)


def _environment(model: RelayContract) -> jinja2.Environment:
    environment = jinja2.Environment(  # noqa: S701  # it writes Python: nothing to escape for HTML
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        doc=doc,
        pascal=pascal,
        literal=literal,
        python_name=python_name,
        annotation=_Annotations(model).of,
        definition=_Annotations(model).definition,
        field=field,
        plain=plain,
    )
    return environment


def literal(value: object) -> str:
    """Return ``value`` as Python code."""
    if isinstance(value, str):
        # As JSON has it: double quotes, and every script as it is.
        return json.dumps(value, ensure_ascii=False)
    return repr(value)


def doc(text: str, indent: int = 4) -> str:
    """Return ``text`` as the inside of a docstring, wrapped for ``indent`` spaces before it."""
    safe = text.replace("\\", "\\\\").replace('"""', "'''")
    # A quote at the end would end the docstring too early.
    safe = re.sub(r'"\Z', '".', safe)
    width = LINE_LENGTH - indent - len('"""') * 2
    lines = textwrap.wrap(safe, width, break_long_words=False, break_on_hyphens=False)
    return ("\n" + " " * indent).join(lines)


def python_name(name: str) -> str:
    """Return how a member is called in Python; pydantic's own names are taken."""
    taken = keyword.iskeyword(name) or hasattr(BaseModel, name) or name.startswith("model_")
    return f"{name}_" if taken else name


def plain(schema: Schema) -> str:
    """Return the type of an argument: what a caller may give, its bounds aside."""
    if schema.enum:
        return f"Literal[{', '.join(map(literal, schema.enum))}]"
    if schema.items is not None:
        return f"list[{plain(schema.items)}]"
    if schema.kind == "object":
        return str(schema.name)
    return PLAIN[schema.kind]


class _Annotations:
    """The types of members. Nobody drops a frame for a value that a later version added."""

    def __init__(self, model: RelayContract) -> None:
        self._codes = {row.code for row in model.error_codes}

    def of(self, schema: Schema) -> str:
        return schema.name if schema.name is not None else self.definition(schema)

    def definition(self, schema: Schema) -> str:
        """Return what ``schema`` allows, whether it has a name or not."""
        if schema.const is not None:
            return f"Literal[{literal(schema.const)}]"
        if schema.enum:
            known = "ErrorCode" if set(schema.enum) == self._codes else plain(schema)
            return f"{known} | str" if schema.may_grow else known
        if schema.kind == "object":
            return str(schema.name)
        items = schema.items
        inner = PLAIN[schema.kind] if items is None else f"list[{self.of(items)}]"
        bounds = _bounds(schema)
        more = [] if not bounds else [f"Field({', '.join(bounds)})"]
        if schema.max_bytes is not None:
            more.append(f"MaxBytes({schema.max_bytes})")
        return f"Annotated[{inner}, {', '.join(more)}]" if more else inner


def _bounds(schema: Schema) -> list[str]:
    lower, upper = (
        (schema.min_items, schema.max_items)
        if schema.kind == "list"
        else (schema.min_length, schema.max_length)
    )
    named = {
        "min_length": lower,
        "max_length": upper,
        "pattern": schema.pattern,
        "ge": schema.minimum,
        "le": schema.maximum,
    }
    return [f"{name}={literal(bound)}" for name, bound in named.items() if bound is not None]


def field(member: Member) -> str:
    """Return what stands after the type of a member: its default, and what it is besides."""
    parts = [] if member.required else ["default=None"]
    if python_name(member.name) != member.name:
        parts.append(f"alias={literal(member.name)}")
    if member.schema.sensitive:
        parts.append("repr=False")
    if not parts:
        return ""
    return " = None" if parts == ["default=None"] else f" = Field({', '.join(parts)})"
