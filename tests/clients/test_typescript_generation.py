"""The generator of the TypeScript clients: what the contracts say comes out, and is typed."""

import copy
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ilo_relay import frames
from ilo_relay.errors import BrokenFrame

from spec import load_asyncapi, load_openapi
from tests.clients.test_relay_generation import ID, MESSAGES, SENT, examples, extended
from tests.support.typescript_clients import MODULES, NODE, PACKAGE
from tools.clients.__main__ import NOT_INSTALLED, OPENAPI_TYPESCRIPT, ROOT, main
from tools.clients.errors import NoGenerator, NotGenerated
from tools.clients.relay.schemas import UnknownToTheGenerator
from tools.clients.relay.typescript import doc, write_relay_sources
from tools.clients.typescript_package import write_typescript_package

RUN_S = 300.0
CONTRACT = load_asyncapi()

pytestmark = pytest.mark.skipif(
    NODE is None or not MODULES.exists() or not OPENAPI_TYPESCRIPT.exists(),
    reason="needs Node.js and what the TypeScript clients need (`make check` installs both)",
)


def node(folder: Path, *arguments: str | Path, given: str = "") -> str:
    """Run Node.js; return what it prints."""
    done = subprocess.run(
        [str(NODE), *map(str, arguments)],
        cwd=folder,
        input=given,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=RUN_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def compiled(folder: Path, project: str) -> str:
    """Compile ``folder`` by a configuration of the package; return what the compiler says."""
    done = subprocess.run(
        [str(NODE), str(MODULES / "typescript" / "bin" / "tsc"), "--project", project],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=RUN_S,
        check=False,
    )
    return done.stdout


@pytest.fixture(scope="module")
def larger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package whose relay's contract has more in it than ours."""
    folder = tmp_path_factory.mktemp("larger")
    for name in ("package.json", "tsconfig.json", "tsconfig.node.json"):
        shutil.copy(PACKAGE / name, folder)
    shutil.copytree(PACKAGE / "rest", folder / "rest")
    (folder / "node_modules").symlink_to(MODULES)
    write_relay_sources(extended(), folder / "relay")
    return folder


USE = f"""
import assert from "node:assert/strict";
import {{ inspect }} from "node:util";

import {{
  CLOSE_CODES, ERROR_MEANINGS, RoomClient,
  type Ack, type Gap, type HistoryOut, type Mute, type PokeOut, type Position, type SearchOut,
}} from "./relay/index.ts";
import {{ PokeInShape, readFrame, valueToSend }} from "./relay/frames.ts";

export async function use(room: RoomClient): Promise<void> {{
  const ack: Ack = await room.sendMessage("x", {{ ifMembers: room.membersVersion }});
  const page: HistoryOut = await room.sendHistory({{ before: ack.seq, limit: 10 }});
  const found: SearchOut = await room.sendSearch("y", {{ limit: 10 }});
  const more: boolean = page.more || found.more;
  const texts: string[] = page.messages.map((message) => message.data.message);
  await room.sendPoke({{ typing: more, texts }});
  for await (const poke of room.only("poke")) {{
    const one: PokeOut = poke;
    console.log(one.sender);
  }}
  for await (const frame of room) {{
    if (frame.type === "gap") {{
      const gap: Gap = frame;
      console.log(gap.to_seq);
    }}
    if (frame.type === "mute") {{
      const mute: Mute = frame;
      console.log(mute.reason === "spam");
    }}
  }}
  const place: Position = room.cursor;
  const missing: readonly string[] = room.missing;
  console.log(place, missing);
}}

const asked: string[] = [];
globalThis.WebSocket = class {{
  constructor(url: string) {{
    asked.push(url);
    throw new Error("nowhere");
  }}
}} as unknown as typeof WebSocket;
const client = new RoomClient("ws://127.0.0.1:1", {{
  room: "chat", token: "t", since: 41, epoch: "{ID}", lang: "el",
}});
await assert.rejects(client.open(), /cannot be shown/);
assert.deepEqual(asked, ["ws://127.0.0.1:1/ws/chat?lang=el&since=41&epoch={ID}"]);

const data = {{ to: null, secret: "s3cret" }};
const poke = valueToSend(PokeInShape, {{ type: "poke", data }}, "");
assert.equal(JSON.stringify(poke), '{{"type":"poke","data":{{"to":null,"secret":"s3cret"}}}}');
assert.ok(!inspect(poke).includes("s3cret"));
assert.deepEqual({{ ...readFrame('{{"type":"mute","reason":"spam","more":1}}') }}, {{
  type: "mute", reason: "spam",
}});
const here = readFrame('{{"type":"weather","warm":1,"class":2,"copy":3}}');
assert.ok(here?.type === "weather" && here.class === 2 && here.copy === 3);
assert.equal(CLOSE_CODES.find(({{ code }}) => code === 4499)?.reconnect, false);
assert.equal(ERROR_MEANINGS.find(({{ code }}) => code === "limit-reached")?.stored, "no");
"""


def test_a_larger_contract_comes_out_whole_and_typed(larger: Path) -> None:
    (larger / "use.ts").write_text(USE, encoding="utf-8")
    project = json.dumps({"extends": "./tsconfig.node.json", "include": ["use.ts"]})
    (larger / "tsconfig.use.json").write_text(project, encoding="utf-8")

    assert compiled(larger, "tsconfig.use.json") == ""
    node(larger, "use.ts")


@pytest.mark.parametrize("project", ["tsconfig.json", "tsconfig.node.json"])
def test_what_is_generated_compiles_strictly_in_browsers_and_in_node(project: str) -> None:
    assert compiled(PACKAGE, project) == ""


def test_what_drives_them_in_the_tests_compiles_too() -> None:
    assert compiled(Path(__file__).parent / "typescript", "tsconfig.json") == ""


MISTAKES = {
    "no such member of a frame": ("message.data.message", "message.data.text"),
    "no such type of a frame": ('frame.type === "mute"', 'frame.type === "mutt"'),
    "no such option": ("limit: 10 });\n  const found", "limits: 10 });\n  const found"),
    "a text for a number": ("ifMembers: room.membersVersion", 'ifMembers: "1"'),
    "no such method": ("room.sendPoke", "room.poke"),
    "a signal that is no JSON": ("typing: more, texts }", "typing: () => more }"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_is_not_in_the_contract_does_not_compile(larger: Path, mistake: str) -> None:
    old, new = MISTAKES[mistake]
    assert USE.count(old) == 1
    (larger / "wrong.ts").write_text(USE.replace(old, new), encoding="utf-8")
    project = json.dumps({"extends": "./tsconfig.node.json", "include": ["wrong.ts"]})
    (larger / "tsconfig.wrong.json").write_text(project, encoding="utf-8")

    assert "wrong.ts(" in compiled(larger, "tsconfig.wrong.json")


def test_the_same_contract_gives_the_same_bytes(tmp_path: Path) -> None:
    write_relay_sources(copy.deepcopy(CONTRACT), tmp_path / "relay")
    written = {file.name: file.read_bytes() for file in (tmp_path / "relay").iterdir()}

    assert written == {file.name: file.read_bytes() for file in (PACKAGE / "relay").iterdir()}
    assert not [name for name, text in written.items() if str(ROOT).encode() in text]


def _another_parameter(contract: dict[str, Any]) -> None:
    channel = contract["channels"]["room"]
    channel["parameters"]["floor"] = copy.deepcopy(channel["parameters"]["room"])


def _another_keyword(contract: dict[str, Any]) -> None:
    contract["components"]["schemas"]["Seq"]["oneOf"] = []


@pytest.mark.parametrize("spoil", [_another_parameter, _another_keyword])
def test_what_it_cannot_say_it_refuses(
    tmp_path: Path, spoil: Callable[[dict[str, Any]], None]
) -> None:
    contract = copy.deepcopy(CONTRACT)
    spoil(contract)

    with pytest.raises(UnknownToTheGenerator):
        write_relay_sources(contract, tmp_path / "relay")


def test_no_comment_of_a_contract_ends_the_comment() -> None:
    assert doc("before */ after").count("*/") == 1


def package_in(folder: Path, openapi: dict[str, Any], generator: Path = OPENAPI_TYPESCRIPT) -> None:
    write_typescript_package(
        ROOT / "spec" / "openapi.yaml",
        openapi,
        CONTRACT,
        license_file=ROOT / "LICENSE",
        generator=generator,
        folder=folder,
    )


def test_an_answer_of_which_nothing_may_be_shown_is_refused(tmp_path: Path) -> None:
    openapi = load_openapi()
    openapi["components"]["schemas"]["Login"]["x-sensitive"] = True

    with pytest.raises(NotGenerated):
        package_in(tmp_path / "package", openapi)


def test_without_its_generator_nothing_is_written_and_a_check_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(NoGenerator):
        package_in(tmp_path / "package", load_openapi(), tmp_path)
    monkeypatch.setattr("tools.clients.__main__.OPENAPI_TYPESCRIPT", tmp_path)

    assert main(["--check"]) == NOT_INSTALLED == 3
    assert "skipped: " in capsys.readouterr().err


def test_package_and_lock_have_the_version_of_the_contracts() -> None:
    version = load_openapi()["info"]["version"]
    package = json.loads((PACKAGE / "package.json").read_text("utf-8"))
    lock = json.loads((PACKAGE / "package-lock.json").read_text("utf-8"))

    assert package["version"] == lock["version"] == lock["packages"][""]["version"] == version
    assert set(package["dependencies"]) == {"openapi-fetch"}


# Both readers, in Python and in TypeScript, are of one mind.

READ = """
import { readFileSync } from "node:fs";
import { readFrame } from "./relay/frames.ts";

const verdicts = JSON.parse(readFileSync(0, "utf8")).map((text) => {
  try {
    return readFrame(text);
  } catch (error) {
    return { place: error.place };
  }
});
console.log(JSON.stringify(verdicts));
"""

WRONG: list[dict[str, Any]] = [
    {"username": "x" * 65},
    {"username": "👋" * 64},
    {"username": "👋" * 65},
    {"username": "é" * 64},
    {"username": ""},
    {"epoch": ID.upper()},
    {"epoch": ID + "\n"},
    {"head": -1},
    {"head": "0"},
    {"head": True},
    {"head": 1.5},
    {"head": 2**53 - 1},
    {"head": 2**53},
    {"expires_at": "2026-02-01T12:00:00Z"},
    {"recovered": 1},
    {"limits": None},
    {"limits": []},
    {"limits": {}},
    {"type": "of another day"},
    {"type": 5},
    {"more": {"and": "more"}},
]
TEXTS = [
    "",
    "[]",
    "null",
    '"welcome"',
    "{",
    '{"type":"message"}',
    '{"type":"__proto__"}',
    '{"type":"toString"}',
    '{"__proto__":{"type":"head","seq":1}}',
]


def test_both_readers_are_of_one_mind(tmp_path: Path) -> None:
    base = MESSAGES["Welcome"]["examples"][0]["payload"]
    sent = [example.values[0] for example in examples(*SENT)]
    texts = [*map(json.dumps, [*sent, *({**base, **wrong} for wrong in WRONG)]), *TEXTS]
    (tmp_path / "relay").symlink_to(PACKAGE / "relay")
    (tmp_path / "read.ts").write_text(READ, encoding="utf-8")
    theirs = json.loads(node(tmp_path, "read.ts", given=json.dumps(texts)))

    ours = [verdict(text) for text in texts]
    assert [text for text, a, b in zip(texts, theirs, ours, strict=True) if a != b] == []
    assert len([one for one in ours if one and "place" in one]) > 20
    assert sent == theirs[: len(sent)]


def verdict(text: str) -> Any:
    try:
        frame = frames.read_frame(text)
    except BrokenFrame as broken:
        return {"place": broken.place}
    return None if frame is None else json.loads(frames.json_of(frame))
