"""The contracts as others read them: stock generators of npm make clients that compile and work.

Nothing here is ours but ``stock/main.ts``, which calls what was generated.
"""

import json
import subprocess
import sys
from pathlib import Path
from shutil import copy, which
from typing import Any

import pytest

from spec import load_asyncapi
from tests.support.ilo_process import ROOT, running

MODULES = ROOT / "tools" / "check" / "node_modules"
HERE = Path(__file__).parent / "stock"
TIMEOUT_S = 300.0

# As a careful application sets it.
TSCONFIG = {
    "compilerOptions": {
        "strict": True,
        "noUncheckedIndexedAccess": True,
        "noImplicitReturns": True,
        "target": "es2022",
        "module": "commonjs",
        "skipLibCheck": True,
        "lib": ["es2023", "dom", "dom.iterable"],
        "types": ["node"],
        "typeRoots": [str(MODULES / "@types")],
        "outDir": "out",
    },
    "include": ["*.ts", "rest"],
}

BESIDE_PYTHON = Path(sys.executable).with_name("node")
# The one of the environment before the machine's: that is the version the tools are for.
NODE = str(BESIDE_PYTHON) if BESIDE_PYTHON.exists() else which("node")

pytestmark = pytest.mark.skipif(
    NODE is None or not MODULES.exists(),
    reason="needs Node.js and tools/check/node_modules (`make check` installs both)",
)


def node(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(NODE), *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=TIMEOUT_S,
        check=False,
    )


def frames_schema(contract: dict[str, Any]) -> dict[str, Any]:
    """Return the frames as one JSON Schema, as the generator wants them."""
    schemas = json.dumps(contract["components"]["schemas"])
    definitions = json.loads(schemas.replace("#/components/schemas/", "#/definitions/"))
    messages = contract["components"]["messages"].values()
    frames = [message["payload"]["$ref"].rpartition("/")[2] for message in messages]
    for name in frames:
        # Of what the relay sends, members that are not named may be there: not in the type.
        definitions[name]["additionalProperties"] = False
    return {
        "title": "Frame",
        "oneOf": [{"$ref": f"#/definitions/{name}"} for name in frames],
        "definitions": definitions,
    }


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the generators made of both contracts, and our calls of it."""
    folder = tmp_path_factory.mktemp("stock")
    made = node(
        folder,
        MODULES / "@hey-api" / "openapi-ts" / "bin" / "run.js",
        *("--input", ROOT / "spec" / "openapi.yaml"),
        *("--output", "rest", "--client", "@hey-api/client-fetch", "--no-log-file"),
    )
    assert made.returncode == 0, made.stdout + made.stderr
    schema = folder / "frames.json"
    schema.write_text(json.dumps(frames_schema(load_asyncapi())), encoding="utf-8")
    made = node(
        folder,
        MODULES / "json-schema-to-typescript" / "dist" / "src" / "cli.js",
        *("--input", schema, "--output", "frames.ts"),
    )
    assert made.returncode == 0, made.stdout + made.stderr
    (folder / "tsconfig.json").write_text(json.dumps(TSCONFIG), encoding="utf-8")
    copy(HERE / "main.ts", folder)
    return folder


def compiled(folder: Path) -> str:
    """Compile the folder; return what the compiler says, nothing when it is content."""
    return node(folder, MODULES / "typescript" / "bin" / "tsc", "--project", folder).stdout


def test_generated_clients_compile_strictly_and_talk(generated: Path, tmp_path: Path) -> None:
    assert compiled(generated) == ""

    with running(tmp_path) as ilo:
        told = node(generated, "out/main.js", ilo.api_url, "stock")
    assert told.returncode == 0, told.stdout + told.stderr
    assert json.loads(told.stdout) == {
        "refused": "/problems/name-taken",
        "public_key": "public key of Ωρίων",
        "frames": ["ack", "message", "welcome"],
        "sender": "Ωρίων 🍪",
        "said": "γειά 👋",
    }


MISTAKES = {
    "no_such_member_of_a_frame": ("message?.sender", "message?.from"),
    "no_such_member_of_an_answer": ("key.detail", "key.key"),
    "a_missing_member": (
        "public_key, api_key }, throwOnError: true",
        "api_key }, throwOnError: true",
    ),
    "a_wrong_type": ('data: { message: "γειά 👋" }', "data: { message: 3 }"),
}


def test_what_is_not_in_the_contracts_does_not_compile(generated: Path, tmp_path: Path) -> None:
    text = (HERE / "main.ts").read_text("utf-8")
    for name in ("rest", "frames.ts", "tsconfig.json"):
        (tmp_path / name).symlink_to(generated / name)
    for name, (old, new) in MISTAKES.items():
        assert text.count(old) == 1
        (tmp_path / f"{name}.ts").write_text(text.replace(old, new), encoding="utf-8")
    faulty = {
        line.partition(".ts(")[0] for line in compiled(tmp_path).splitlines() if line[0] != " "
    }
    assert faulty == set(MISTAKES)
