"""Does what a page shows, block by block, and compares with what it says comes out."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import yaml

from ilo.refusals import ConfigRefused
from ilo.settings import read_settings
from spec import load_asyncapi, load_openapi
from tests.docs.blocks import BadPage, Block, blocks_of
from tests.docs.servers import Servers, starts_a_server
from tests.docs.shell import BlockFailed, Shell
from tests.support.ilo_process import ROOT, IloProcess

ANYTHING: Final = "…"
"""In what a page shows: any text within the line; alone on a line, any lines."""

NODE_MODULES: Final = ROOT / "tools" / "check" / "node_modules"
_INSTALL: Final = re.compile(r"python -m pip install((?: \./\S+)+)\n")
_NPM_CI: Final = re.compile(r"npm ci --prefix (\./\S+)\n")
_TLS_FILES: Final = ("tls_certificate", "tls_key")
_CONTRACTS: Final = {"frame": load_asyncapi, "body": load_openapi}


def run_page(page: str, folder: Path, shared: Callable[[], IloProcess]) -> None:
    """Do what ``page`` shows, in the empty ``folder``.

    Raises:
        BadPage: something in it is not so.
    """
    blocks = [block for block in blocks_of(page) if block.mark != "not run"]
    work, scripts = folder / "page", folder / "scripts"
    work.mkdir()
    scripts.mkdir()
    # As in the project's own folder.
    (work / ".venv").symlink_to(sys.prefix)
    (work / "node_modules").symlink_to(NODE_MODULES)
    for name in ("client", "examples", "generated_clients", "spec"):
        (work / name).symlink_to(ROOT / name)
    environment = _environment(work)
    servers = Servers(work, environment, shared if _can_share(blocks) else None)
    try:
        with Shell(work, scripts, environment) as shell:
            _Run(work, shell, servers).all(blocks)
    finally:
        servers.stop_all()


class _Run:
    def __init__(self, folder: Path, shell: Shell, servers: Servers) -> None:
        self._folder = folder
        self._shell = shell
        self._servers = servers
        self._printed: str | None = None
        """By the block before, when it is a run one."""

    def all(self, blocks: list[Block]) -> None:
        files = [block for block in blocks if block.title is not None]
        for number, block in enumerate(blocks):
            try:
                self._one(block)
            except (BlockFailed, AssertionError) as error:
                raise BadPage(block.line, str(error)) from None
            following = blocks[number + 1] if number + 1 < len(blocks) else None
            shows = following is not None and _is_output(following)
            if self._printed and self._printed.strip() and not shows:
                raise BadPage(block.line, f"what it prints is not shown:\n{self._printed}")
            if shows and self._printed is None:
                assert following is not None
                raise BadPage(following.line, "shows what comes out of no block")
        scripts = "".join(block.text for block in blocks if block.language == "sh")
        for block in files:
            assert block.title is not None
            if block.language != "yaml" and Path(block.title).name not in scripts:
                raise BadPage(block.line, f"{block.title} is never used")

    def _one(self, block: Block) -> None:
        printed, self._printed = self._printed, None
        if block.title is not None:
            self._write(block.title, block.text)
        if block.mark in _CONTRACTS:
            _check_against_contract(block)
        elif block.mark == "only shown":
            _require(block.language == "text", block, "what is only shown is text")
        elif _is_output(block):
            assert printed is not None
            _compare(block, printed)
        elif block.language == "yaml":
            self._check_config(block)
        elif block.language == "sh":
            self._printed = self._run(block)
        elif block.language == "python" and block.title is None:
            self._write(".block.py", block.text)
            self._printed = self._shown(self._shell.run("python .block.py"))
        else:
            _require(block.title is not None, block, f"{block.language}: what is it for?")

    def _run(self, block: Block) -> str:
        if _is_server(block):
            return self._shown(self._servers.start(block.text))
        commands = block.text.splitlines()
        if all(command.startswith("make ") for command in commands):
            for command in commands:
                _check_make(command)
            return ""
        if install := _INSTALL.fullmatch(block.text):
            # Their folders on the path do for here: nothing is fetched, nothing changes.
            for name in install[1].split():
                package = ROOT / name
                _require((package / "pyproject.toml").is_file(), block, "there is no such package")
                self._shell.run(f'export PYTHONPATH="$PYTHONPATH:{package}"')
            return ""
        if npm_ci := _NPM_CI.fullmatch(block.text):
            # `make check` has done so: nothing is fetched.
            package = ROOT / npm_ci[1]
            _require((package / "package-lock.json").is_file(), block, "there is no such package")
            return ""
        ends = f"\n{block.text}".rpartition("\n")[0].rpartition("\n")[2] + "\n"
        alone = block.mark == "exit code" or not starts_a_server(ends)
        _require(alone, block, "a server that is started stands in a block of its own")
        code = int(block.about) if block.mark == "exit code" else 0
        script = self._servers.with_real_ports(block.text)
        return self._shown(self._shell.run(script, exit_code=code))

    def _shown(self, printed: str) -> str:
        return self._servers.with_shown_ports(printed)

    def _write(self, name: str, text: str) -> None:
        file = self._folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self._servers.with_real_ports(text), encoding="utf-8")

    def _check_config(self, block: Block) -> None:
        """Let the real loaders read it, where the page puts it."""
        title = block.title or "general_config.yaml.part"
        if block.title is None:
            self._write(title, block.text)
        file = self._folder / title
        try:
            if Path(title).name.startswith("logging"):
                _check_logging_apart(file)
            else:
                config = yaml.safe_load(block.text)
                _require(isinstance(config, dict), block, "is no mapping")
                read_settings(self._with_certificate(file, config))
        except ConfigRefused as refused:
            raise BadPage(block.line, "\n".join(refused.lines)) from None

    def _with_certificate(self, file: Path, config: Mapping[str, Any]) -> Path:
        """Return ``file``, or one like it whose certificate is there: it is the operator's own."""
        text = file.read_text("utf-8")
        absent = [key for key in _TLS_FILES if not (file.parent / config.get(key, "")).exists()]
        for key in absent:
            made = (
                self._folder
                / ".certificate"
                / ("localhost.crt" if key[4] == "c" else "localhost.key")
            )
            if not made.exists():
                made.parent.mkdir(exist_ok=True)
                self._shell.run("ilo cert --force --folder .certificate")
            text = text.replace(f'"{config[key]}"', f'"{made}"')
        file = file.with_name(f"{file.name}.read")
        file.write_text(text, encoding="utf-8")
        return file


def _can_share(blocks: list[Block]) -> bool:
    """Tell whether the page starts no server, or one with nothing but defaults."""
    started = [block.text for block in blocks if _is_server(block)]
    configured = any((block.title or "").endswith(".yaml") for block in blocks)
    return not started or (started in (["make run\n"], ["ilo serve\n"]) and not configured)


def _is_server(block: Block) -> bool:
    return block.language == "sh" and block.mark == "" and starts_a_server(block.text)


def _is_output(block: Block) -> bool:
    return block.language in ("text", "json") and block.mark == "" and block.title is None


def _require(fine: bool, block: Block, why: str) -> None:
    if not fine:
        raise BadPage(block.line, why)


def _check_make(command: str) -> None:
    done = subprocess.run(
        ["make", "--dry-run", *command.split()[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _check_logging_apart(file: Path) -> None:
    """In a process of its own: the check makes the logging of its process another."""
    done = subprocess.run(
        [sys.executable, "-m", "ilo", "config", "check", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ConfigRefused(str(file), [done.stderr])


def _compare(block: Block, printed: str) -> None:
    if block.language == "json":
        _require(
            _fits(json.loads(block.text), json.loads(printed)), block, f"printed was:\n{printed}"
        )
        return
    lines = [line.rstrip() for line in printed.strip("\n").splitlines()]
    shown = block.text.rstrip().splitlines()
    _require(_lines_fit(shown, lines), block, f"printed was:\n{printed}")


def _lines_fit(shown: list[str], printed: list[str]) -> bool:
    if not shown:
        return not printed
    first, *others = shown
    if first.strip() == ANYTHING:
        return any(_lines_fit(others, printed[start:]) for start in range(len(printed) + 1))
    return bool(printed) and _text_fits(first, printed[0]) and _lines_fit(others, printed[1:])


def _text_fits(shown: str, printed: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, shown.split(ANYTHING))), printed) is not None


def _fits(shown: Any, printed: Any) -> bool:
    """Tell whether both are the same, where ``shown`` does not leave it open."""
    match shown:
        case str() if ANYTHING in shown and isinstance(printed, str):
            return _text_fits(shown, printed)
        case dict() if isinstance(printed, dict):
            return shown.keys() == printed.keys() and all(
                _fits(value, printed[key]) for key, value in shown.items()
            )
        case list() if isinstance(printed, list):
            return len(shown) == len(printed) and all(map(_fits, shown, printed))
        case _:
            return type(shown) is type(printed) and bool(shown == printed)


def _check_against_contract(block: Block) -> None:
    _require(block.language == "json", block, "a frame or a body is json")
    try:
        value = json.loads(block.text)
    except ValueError as error:
        raise BadPage(block.line, str(error)) from None
    names, validator = _schema(block.mark, block.about)
    _require(block.about in names, block, f"the contract has no schema {block.about}")
    assert validator is not None
    problem = next(iter(validator.iter_errors(value)), None)
    _require(problem is None, block, str(problem))


@cache
def _schema(kind: str, name: str) -> tuple[frozenset[str], jsonschema_rs.Validator | None]:
    schemas = _CONTRACTS[kind]()["components"]["schemas"]
    validator = None
    if name in schemas:
        whole = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}
        validator = jsonschema_rs.Draft202012Validator(whole)
    return frozenset(schemas), validator


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ILO_")}
    environment = Path(sys.executable).parent
    return {
        **kept,
        "PATH": f"{environment}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PYTHONUTF8": "1",
        "HOME": str(folder),
        "COLUMNS": "80",
        "no_proxy": "127.0.0.1,localhost",
        "npm_config_offline": "true",
        "npm_config_update_notifier": "false",
    }


def missing_tools(page: str) -> list[str]:
    """Return what ``page`` needs and this machine has not."""
    missing = [
        name
        for name in ("curl", "make")
        if re.search(rf"^ *{name} |\({name} ", page, re.MULTILINE) and shutil.which(name) is None
    ]
    if re.search(r"^npx ", page, re.MULTILINE) and not NODE_MODULES.is_dir():
        missing.append("the Node.js tools (make check)")
    for folder in re.findall(r"^npm ci --prefix (\S+)$", page, re.MULTILINE):
        if not (ROOT / folder / "node_modules").is_dir():
            missing.append(f"what {folder} needs (make check)")
    return missing
