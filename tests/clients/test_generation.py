"""What `make clients` writes, how `--check` finds what is stale, and the distribution."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from spec import load_asyncapi, load_openapi
from tests.support.ilo_process import running
from tools.clients.__main__ import CLIENTS, ROOT, generate, main
from tools.clients.credentials import credentials_of_operations
from tools.clients.errors import NotGenerated
from tools.clients.python_distribution import write_python_distribution
from tools.clients.rest_package import write_rest_package
from tools.clients.sensitive import sensitive_members
from tools.clients.tree import differences, read_tree, write_tree

PYTHON = CLIENTS / "python"
PACKAGES = ("ilo_rest", "ilo_relay")
RUN_S = 120.0

Contract = dict[str, Any]


@pytest.fixture(scope="module")
def fresh() -> dict[str, bytes]:
    return generate()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Make a copy of what the generation reads and writes, to be broken."""
    for name in ("spec", "tools/clients", "generated_clients"):
        shutil.copytree(
            ROOT / name,
            tmp_path / name,
            ignore=shutil.ignore_patterns("__pycache__", ".*_cache", "node_modules"),
        )
    (tmp_path / "tools" / "check").symlink_to(ROOT / "tools" / "check")
    shutil.copy(ROOT / "LICENSE", tmp_path)
    return tmp_path


def run_clients(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in ``folder``, which is a copy of this project."""
    return subprocess.run(
        [sys.executable, "-m", "tools.clients", *arguments],
        cwd=folder,
        # Another order of sets than here: it must not matter.
        env={**os.environ, "PYTHONHASHSEED": "57", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=RUN_S,
        check=False,
    )


# Freshness


def test_the_clients_are_what_the_contracts_say(fresh: Mapping[str, bytes]) -> None:
    assert differences(read_tree(CLIENTS), fresh) == []


def test_check_names_each_file_that_is_not_fresh_and_a_run_mends_all(
    copy: Path, fresh: Mapping[str, bytes]
) -> None:
    clients = copy / "generated_clients"
    write_tree(clients, fresh)
    changed = clients / "python/ilo_rest/models/login.py"
    changed.write_bytes(changed.read_bytes().replace(b"repr=False", b"repr=True", 1))
    (clients / "python/ilo_relay/py.typed").unlink()
    (clients / "python/ilo_rest/extra.py").touch()
    (clients / "typescript/relay/memory.ts").write_bytes(b"")
    (clients / "typescript/node_modules").mkdir()
    (clients / "typescript/node_modules/any.js").touch()

    checked = run_clients(copy, "--check")

    assert checked.returncode == 1
    assert checked.stderr.splitlines() == [
        "generated_clients/python/ilo_relay/py.typed: missing",
        "generated_clients/python/ilo_rest/extra.py: extra",
        "generated_clients/python/ilo_rest/models/login.py: different",
        "generated_clients/typescript/relay/memory.ts: different",
        "The clients are not what the contracts say: run `make clients`",
    ]

    written = run_clients(copy)

    assert (written.returncode, written.stdout.split(", ")[1]) == (0, "4 changed\n")
    assert differences(read_tree(clients), fresh) == []


def test_check_finds_a_contract_that_has_changed(copy: Path) -> None:
    for name, old, new in (
        ("openapi.yaml", "version: 0.1.0", "version: 0.2.0"),
        ("asyncapi.yaml", "version: 0.1.0", "version: 0.2.0"),
        ("openapi.yaml", "title: Public Key\n", "title: Public Key\n      x-sensitive: true\n"),
    ):
        contract = copy / "spec" / name
        text = contract.read_text(encoding="utf-8")
        assert text.count(old) == 1
        contract.write_text(text.replace(old, new), encoding="utf-8")

    checked = run_clients(copy, "--check")

    assert checked.returncode == 1
    for path in (
        "python/pyproject.toml",
        "python/ilo_relay/contract.py",
        "python/ilo_rest/models/public_user.py",
        "python/ilo_rest/models/user.py",
        "typescript/package.json",
        "typescript/package-lock.json",
        "typescript/relay/contract.ts",
        "typescript/rest/hidden.ts",
    ):
        assert f"generated_clients/{path}: different\n" in checked.stderr
    assert "run `make clients`" in checked.stderr


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])

    said = capsys.readouterr().out
    assert ended.value.code == 0
    for word in ("--check", "spec/openapi.yaml", "spec/asyncapi.yaml", "make clients"):
        assert word in said


def test_differences_are_told_in_order() -> None:
    old = {"b": b"1", "c": b"1", "d": b"1"}
    new = {"a": b"1", "b": b"1", "c": b"2"}

    assert differences(old, new) == ["a: missing", "c: different", "d: extra"]
    assert differences(new, new) == []


def test_a_tree_is_written_and_nothing_else_stays_but_caches(tmp_path: Path) -> None:
    write_tree(tmp_path, {"kept": b"1", "old/gone": b"1", "ran/gone": b"1"})
    cache = tmp_path / "ran/__pycache__/gone.pyc"
    cache.parent.mkdir()
    cache.touch()

    touched = write_tree(tmp_path, {"kept": b"1", "new/here": b"2"})

    assert touched == 3
    assert read_tree(tmp_path) == {"kept": b"1", "new/here": b"2"}
    assert cache.exists()
    assert not (tmp_path / "old").exists()


# What cannot be generated


def contract_with(**schemas: Any) -> Contract:
    return {"components": {"schemas": schemas}, "paths": {}}


SECRET = {"type": "string", "x-sensitive": True}
TO_SECRET = {"$ref": "#/components/schemas/Secret"}


@pytest.mark.parametrize(
    "member",
    [
        SECRET,
        TO_SECRET,
        {"allOf": [TO_SECRET]},
        {"oneOf": [{"type": "integer"}, TO_SECRET]},
        {"anyOf": [{"type": "integer"}, {"type": "array", "items": TO_SECRET}]},
        {"type": "array", "items": SECRET},
        {"type": "object", "additionalProperties": TO_SECRET},
        {"$ref": "#/components/schemas/Alias"},
        {"$ref": "#/components/schemas/Vault"},
    ],
)
def test_a_mark_is_found_wherever_it_reaches_a_member(member: Contract) -> None:
    vault = {"type": "object", "x-sensitive": True, "properties": {"any": {"type": "string"}}}
    contract = contract_with(
        Secret=SECRET,
        Alias=TO_SECRET,
        Vault=vault,
        Login={"type": "object", "properties": {"token": member, "user": {"type": "string"}}},
    )

    assert sensitive_members(contract) == {"Login": ["token"], "Vault": ["any"]}


def test_an_object_is_not_hidden_for_what_it_hides_itself() -> None:
    inner = {"type": "object", "properties": {"token": TO_SECRET}}
    outer = {"type": "object", "properties": {"inner": {"$ref": "#/components/schemas/Inner"}}}

    contract = contract_with(Secret=SECRET, Inner=inner, Outer=outer)

    assert sensitive_members(contract) == {"Inner": ["token"]}


def test_a_mark_that_would_do_nothing_is_refused_with_its_place() -> None:
    nested = {"type": "object", "properties": {"token": SECRET}}
    inline = contract_with(Login={"type": "object", "properties": {"nested": nested}})
    body = {**contract_with(), "paths": {"/a": {"put": {"requestBody": {"x-sensitive": True}}}}}

    with pytest.raises(NotGenerated, match="#/components/schemas/Login/properties/nested/"):
        sensitive_members(inline)
    with pytest.raises(NotGenerated, match="#/paths/~1a/put/requestBody"):
        sensitive_members(body)


def test_every_mark_of_the_contract_has_an_effect_or_is_an_argument() -> None:
    marked = sum(len(members) for members in sensitive_members(load_openapi()).values())

    assert marked == 12


def with_scheme(contract: Contract) -> None:
    contract["components"]["securitySchemes"]["node"] = {"type": "apiKey", "in": "query"}


def with_two_bearers(contract: Contract) -> None:
    contract["paths"]["/key"]["delete"]["security"] = [{"admin": [], "revoke_token": []}]


@pytest.mark.parametrize("change", [with_scheme, with_two_bearers])
def test_credentials_that_no_client_can_show_are_refused(
    change: Callable[[Contract], None],
) -> None:
    contract = load_openapi()
    change(contract)

    with pytest.raises(NotGenerated):
        credentials_of_operations(contract)


def with_a_content_type(contract: Contract) -> None:
    content = contract["paths"]["/health"]["get"]["responses"]["200"]["content"]
    content["application/x-unknown"] = content.pop("application/json")


def with_a_cookie(contract: Contract) -> None:
    cookie = {"name": "taste", "in": "cookie", "schema": {"type": "string"}}
    contract["paths"]["/health"]["get"]["parameters"] = [cookie]


@pytest.mark.parametrize("change", [with_a_content_type, with_a_cookie])
def test_what_the_generator_cannot_express_stops_it(
    change: Callable[[Contract], None], tmp_path: Path
) -> None:
    contract = load_openapi()
    change(contract)
    file = tmp_path / "openapi.yaml"
    file.write_text(yaml.safe_dump(contract), encoding="utf-8")

    with pytest.raises(NotGenerated, match="openapi-python-client"):
        write_rest_package(file, contract, tmp_path / "ilo_rest")


def test_contracts_of_two_versions_are_refused(tmp_path: Path) -> None:
    asyncapi = load_asyncapi()
    asyncapi["info"]["version"] = "0.2.0"

    with pytest.raises(NotGenerated, match=r"openapi\.yaml has the version .*, asyncapi\.yaml 0"):
        write_python_distribution(
            ROOT / "spec/openapi.yaml",
            load_openapi(),
            asyncapi,
            license_file=ROOT / "LICENSE",
            folder=tmp_path / "python",
        )


# The distribution


def project_table() -> dict[str, Any]:
    text = (PYTHON / "pyproject.toml").read_text(encoding="utf-8")
    table: dict[str, Any] = tomllib.loads(text)["project"]
    return table


def test_both_contracts_and_the_distribution_have_one_version() -> None:
    versions = {load_openapi()["info"]["version"], load_asyncapi()["info"]["version"]}

    assert versions == {project_table()["version"]}


def test_the_distribution_needs_what_its_packages_import() -> None:
    imported: set[str] = set()
    for package in PACKAGES:
        for file in (PYTHON / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_bytes())):
                match node:
                    case ast.Import(names=names):
                        imported.update(alias.name.partition(".")[0] for alias in names)
                    case ast.ImportFrom(module=str(module), level=0):
                        imported.add(module.partition(".")[0])
                    case _:
                        pass
    # It comes with pydantic, in the one version that goes with it.
    others = imported - sys.stdlib_module_names - {*PACKAGES, "pydantic_core"}

    declared = {re.split("[<>=]", need)[0] for need in project_table()["dependencies"]}

    assert declared == others


def test_a_wheel_holds_both_packages_and_says_that_they_are_typed(tmp_path: Path) -> None:
    source = tmp_path / "python"
    shutil.copytree(PYTHON, source, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))

    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel"],
        cwd=source,
        check=True,
        capture_output=True,
        timeout=RUN_S,
    )

    version = project_table()["version"]
    wheel = source / f"dist/ilo_generated_clients-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as opened:
        names = set(opened.namelist())
    modules = {
        path.relative_to(PYTHON).as_posix()
        for package in PACKAGES
        for path in (PYTHON / package).rglob("*.py")
    }
    info = f"ilo_generated_clients-{version}.dist-info"
    assert {*modules, "ilo_rest/py.typed", "ilo_relay/py.typed"} <= names
    assert f"{info}/licenses/LICENSE" in names
    assert {name.partition("/")[0] for name in names} == {*PACKAGES, info}


def test_the_example_of_the_readme_runs(tmp_path: Path) -> None:
    text = (PYTHON / "README.md").read_text(encoding="utf-8")
    [example] = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)

    with running(tmp_path) as ilo:
        program, count = re.subn(r"http://127\.0\.0\.1:7999\b", ilo.api_url, example)
        assert count == 1
        done = subprocess.run(
            [sys.executable, "-"],
            input=program,
            cwd=tmp_path,
            env={**os.environ, "no_proxy": "127.0.0.1", "PYTHONUTF8": "1"},
            capture_output=True,
            encoding="utf-8",
            timeout=RUN_S,
            check=False,
        )

    assert (done.returncode, done.stderr, done.stdout) == (0, "", "ann🍪 says hello?\n")
