"""The references hold all that the contracts say, and the pages made of them are fresh."""

import copy
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any

import markdown  # type: ignore[import-untyped]  # it has no types of its own
import pytest

from spec import load_asyncapi, load_openapi
from tools.reference import NotRendered, relay, relay_reference, rest, rest_reference
from tools.reference.advice import ADVICE
from tools.reference.document import Document
from tools.reference.problems import all_problems

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "handlers" / "pages" / "built"
CONTRACTS = {
    "rest": (load_openapi, rest_reference),
    "relay": (load_asyncapi, relay_reference),
}
METHODS = ("get", "head", "post", "put", "delete", "patch")
PROSE = ("description", "summary", "meaning")
BOUNDS = ("minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems", "x-max-bytes")

Missing = list[str]


def one_line(text: str) -> str:
    return " ".join(text.replace("\\|", "|").split())


def objects(node: Any, place: str = "#") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every object of a contract with its place, examples left out."""
    if isinstance(node, dict):
        yield place, node
        for name, value in node.items():
            if name not in ("example", "examples"):
                yield from objects(value, f"{place}/{name}")
    elif isinstance(node, list):
        for at, value in enumerate(node):
            yield from objects(value, f"{place}/{at}")


def sayings(contract: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield every sentence, pattern and bound of a contract, as the reference words it."""
    for place, node in objects(contract):
        for name in PROSE:
            if isinstance(node.get(name), str):
                yield f"{place}/{name}", one_line(node[name])
        for name, said in node.get("x-members", {}).items():
            yield f"{place}/x-members/{name}", one_line(said)
        if isinstance(node.get("pattern"), str):
            yield f"{place}/pattern", f"`{node['pattern']}`"
        for name in BOUNDS:
            if isinstance(node.get(name), int):
                yield f"{place}/{name}", f"{node[name]:,}"
        if isinstance(node.get("enum"), list):
            for value in node["enum"]:
                word = value if isinstance(value, str) else str(value).lower()
                yield f"{place}/enum", f"`{word}`"


def section(text: str, anchor: str) -> str:
    """Return what stands under the heading of ``anchor``; empty when there is none."""
    found = re.search(rf"^(#+) [^\n]*\{{#{re.escape(anchor)}\}}$", text, re.MULTILINE)
    if found is None:
        return ""
    rest_of_it = text[found.end() :]
    end = re.search(rf"^#{{1,{len(found[1])}}} ", rest_of_it, re.MULTILINE)
    return rest_of_it[: end.start()] if end else rest_of_it


def rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("| ")]


def follow(contract: Mapping[str, Any], node: Any) -> Any:
    while "$ref" in node:
        found: Any = contract
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        node = found
    return node


def missing_members(text: str, place: str, schema: Mapping[str, Any]) -> Missing:
    """Return what a member table lacks: names, and whether they are required."""
    lacking: Missing = []
    for name in schema.get("properties", {}):
        need = "yes" if name in schema.get("required", ()) else "no"
        if not any(re.match(rf"\| `{name}` \| [^|]+ \| {need} \|", row) for row in rows(text)):
            lacking.append(f"{place}: member {name}")
    return lacking


def missing_from_rest(contract: Mapping[str, Any], text: str) -> Missing:
    """Return what the reference lacks, each operation and schema sought in its own section."""
    lacking: Missing = []
    for path, item in contract["paths"].items():
        for method in (name for name in item if name in METHODS):
            said = item[method]
            name = said["operationId"]
            part = section(text, f"operation-{name}")
            wanted = [f"{method.upper()} {path}\n", f"`{name}`", said["summary"]]
            wanted += [one_line(said["description"])]
            for way in said["security"]:
                wanted += [f"#security-{scheme}" for scheme in way] or ["anyone"]
            for parameter in [*item.get("parameters", ()), *said.get("parameters", ())]:
                wanted.append(f"| `{follow(contract, parameter)['name']}` |")
            contents = [follow(contract, said.get("requestBody", {})).get("content", {})]
            for status, answer in said["responses"].items():
                answer = follow(contract, answer)
                row = next((r for r in rows(part) if r.startswith(f"| `{status}` |")), "")
                for word in [answer["description"], *answer["headers"]]:
                    if word not in row:
                        lacking.append(f"{name}: {status}: {word}")
                wanted += [f"(#problem-{slug})" for slug in answer.get("x-problems", ())]
                wanted += [f"| {link} |" for link in answer.get("links", ())]
                if status.startswith("2"):
                    contents.append(answer.get("content", {}))
            for content in contents:
                for media_type, media in content.items():
                    wanted.append(f"`{media_type}`")
                    schema = follow(contract, media["schema"])
                    lacking += missing_members(part, name, schema)
                    if not re.search(r"^Example", part, re.MULTILINE):
                        lacking.append(f"{name}: no example")
            spaced = one_line(part) + part + text.split(f"{{#operation-{name}}}")[0][-200:]
            lacking += [f"{name}: {word}" for word in wanted if word not in spaced]
    for slug, problem in contract["x-problems"].items():
        words = [f"`{slug}`{{#problem-{slug}}}", f"`{problem['status']}`", problem["title"]]
        words += [problem["meaning"], *(f"`{name}`" for name in problem.get("members", ()))]
        if not any(all(word in row for word in words) for row in rows(section(text, "problems"))):
            lacking.append(f"problem {slug}")
    for name in contract["components"]["headers"]:
        if f"{{#header-{name}}}" not in text:
            lacking.append(f"header {name}")
    for name, answer in contract["components"]["responses"].items():
        part = section(text, f"answer-{name}")
        if answer["description"] not in part or "Example" not in part:
            lacking.append(f"answer {name}")
    return lacking


def missing_from_relay(contract: Mapping[str, Any], text: str) -> Missing:
    lacking: Missing = []
    [channel] = contract["channels"].values()
    handshake = section(text, "handshake")
    wanted = [channel["address"], *(f"`{name}`" for name in channel["x-subprotocols"])]
    wanted += [f"| `{name}` |" for name in channel["parameters"]]
    lacking += [f"handshake: {word}" for word in wanted if word not in handshake]
    lacking += missing_members(handshake, "handshake", channel["bindings"]["ws"]["headers"])
    for name, anchor in {
        "x-refusals": "refusals",
        "x-close-codes": "close-codes",
        "x-error-codes": "error-codes",
    }.items():
        for said in channel[name]:
            words = [f"`{value}`" for key, value in said.items() if key in ("code", "reason")]
            words += [said["meaning"], *([f"`{said['status']}`"] if "status" in said else [])]
            for key in ("reconnect", "again"):
                if key in said:
                    words.append("| yes |" if said[key] else "| no |")
            if "stored" in said:
                words.append(f"| {said['stored']} |")
            if not any(all(word in row for word in words) for row in rows(section(text, anchor))):
                lacking.append(f"{name}: {said.get('code', said.get('reason'))}")
    for name, operation in contract["operations"].items():
        part = section(text, f"operation-{name}")
        if f"`{name}`" not in part or one_line(operation["description"]) not in one_line(part):
            lacking.append(f"operation {name}")
        for reply in operation.get("reply", {}).get("messages", ()):
            if f"(#message-{reply['$ref'].rpartition('/')[2]})" not in part:
                lacking.append(f"operation {name}: reply {reply['$ref']}")
    for name, message in contract["components"]["messages"].items():
        part = section(text, f"message-{name}")
        lacking += missing_members(part, name, follow(contract, message["payload"]))
        for example in message["examples"]:
            if f"`{example['name']}`" not in part or example["summary"] not in part:
                lacking.append(f"message {name}: example {example['name']}")
    return lacking


def missing(kind: str, contract: Mapping[str, Any], text: str) -> Missing:
    """Return what ``contract`` says and ``text`` does not."""
    line = one_line(text)
    lacking = [f"{place}: {said}" for place, said in sayings(contract) if said not in line]
    for name, schema in contract["components"]["schemas"].items():
        part = section(text, f"schema-{name}")
        if schema["description"] not in one_line(part):
            lacking.append(f"schema {name}")
        lacking += missing_members(part, name, schema)
    for name in contract["components"]["securitySchemes"]:
        if f"`{name}`{{#security-{name}}}" not in text:
            lacking.append(f"credential {name}")
    own = missing_from_rest if kind == "rest" else missing_from_relay
    return lacking + own(contract, text)


@cache
def loaded(kind: str) -> dict[str, Any]:
    """Return the contract; whoever changes it takes a copy."""
    load, _ = CONTRACTS[kind]
    return load()


def reference(kind: str) -> tuple[dict[str, Any], str]:
    _, render = CONTRACTS[kind]
    return loaded(kind), render(loaded(kind))


@pytest.mark.parametrize("kind", CONTRACTS)
def test_nothing_that_a_contract_says_is_missing_from_its_reference(kind: str) -> None:
    contract, text = reference(kind)

    assert missing(kind, contract, text) == []


@pytest.mark.parametrize(
    ("kind", "at"),
    [
        *(("rest", at) for at in range(len(rest.SECTIONS))),
        *(("relay", at) for at in range(len(relay.SECTIONS))),
    ],
)
def test_a_section_that_is_left_out_is_missed(
    kind: str, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test above."""
    module = rest if kind == "rest" else relay
    left: list[Any] = list(module.SECTIONS)
    del left[at]
    monkeypatch.setattr(module, "SECTIONS", tuple(left))
    contract, text = reference(kind)

    assert missing(kind, contract, text) != []


@pytest.mark.parametrize("kind", CONTRACTS)
def test_every_line_that_is_left_out_of_a_table_is_missed(kind: str) -> None:
    """The control of the control: each row of every table but the overview is needed."""
    contract, text = reference(kind)
    overview = rows(section(text, "operations"))
    lines = text.splitlines()
    needed = [
        at
        for at, line in enumerate(lines)
        if line.startswith("| `") and line not in overview and "{#" not in line
    ]
    # Every seventh: enough to meet every kind of table.
    for at in needed[::7]:
        assert missing(kind, contract, "\n".join([*lines[:at], *lines[at + 1 :]])) != [], lines[at]


@pytest.mark.parametrize("kind", CONTRACTS)
def test_every_link_of_a_reference_leads_to_one_place(kind: str) -> None:
    _, text = reference(kind)
    anchors = re.findall(r"\{#([^}]+)\}", text)

    assert len(anchors) == len(set(anchors))
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) - set(anchors) == set()


@pytest.mark.parametrize("kind", CONTRACTS)
def test_a_reader_of_the_html_sees_what_the_markdown_says(kind: str) -> None:
    """A table cell that Markdown would cut off, or a code span that it takes apart, is noticed."""
    contract, text = reference(kind)
    html = markdown.markdown(text, extensions=["tables", "fenced_code", "attr_list", "toc"])
    seen = one_line(unescape(re.sub(r"<[^>]+>", "", html)))
    for place, said in sayings(contract):
        plain = said.replace("**", "").replace("`", "")
        assert plain in seen, place
    ids = re.findall(r' id="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"\{#([^}]+)\}", text)) <= set(ids)


def add(node: dict[str, Any], name: str, value: Any) -> None:
    node[name] = value


REST_ADDITIONS: dict[str, Callable[[dict[str, Any]], None]] = {
    "#": lambda c: add(c, "x-new", 1),
    "#/info": lambda c: add(c["info"], "termsOfService", "https://ilo.invalid/"),
    "#/paths/~1key/post": lambda c: add(c["paths"]["/key"]["post"], "deprecated", True),
    "#/paths/~1key/post/responses/201": lambda c: add(
        c["paths"]["/key"]["post"]["responses"]["201"], "x-new", 1
    ),
    "#/components/responses/BadRequest": lambda c: add(
        c["components"]["responses"]["BadRequest"], "x-new", 1
    ),
    "#/components/schemas/Username": lambda c: add(
        c["components"]["schemas"]["Username"], "multipleOf", 2
    ),
    "#/components/headers/RequestId": lambda c: add(
        c["components"]["headers"]["RequestId"], "deprecated", True
    ),
    "#/components/parameters/Username": lambda c: add(
        c["components"]["parameters"]["Username"], "style", "simple"
    ),
    "#/components/securitySchemes/node": lambda c: add(
        c["components"]["securitySchemes"]["node"], "bearerFormat", "x"
    ),
    "#/x-problems/internal": lambda c: add(c["x-problems"]["internal"], "x-new", 1),
    "#/components": lambda c: add(c["components"], "callbacks", {}),
    "#/components/schemas/User": lambda c: c["components"]["schemas"]["User"]["required"].append(
        "shoe_size"
    ),
    "#/paths/~1key": lambda c: add(c["paths"]["/key"], "x-new", 1),
}
RELAY_ADDITIONS: dict[str, Callable[[dict[str, Any]], None]] = {
    "#": lambda c: add(c, "x-new", 1),
    "#/channels/room": lambda c: add(c["channels"]["room"], "tags", []),
    "#/channels": lambda c: add(c["channels"], "lobby", {"address": "/lobby"}),
    "#/channels/room/bindings/ws": lambda c: add(
        c["channels"]["room"]["bindings"]["ws"], "x-new", 1
    ),
    "#/channels/room/x-close-codes/0": lambda c: add(
        c["channels"]["room"]["x-close-codes"][0], "since", "0.2.0"
    ),
    "#/operations/send_head": lambda c: add(c["operations"]["send_head"], "security", []),
    "#/components/messages/Head": lambda c: add(c["components"]["messages"]["Head"], "tags", []),
    "#/components/messages/Stray": lambda c: add(
        c["components"]["messages"], "Stray", c["components"]["messages"]["Head"]
    ),
    "#/components/schemas/Head/properties/type": lambda c: add(
        c["components"]["schemas"]["Head"]["properties"]["type"], "contentEncoding", "base64"
    ),
}


@pytest.mark.parametrize(
    ("kind", "place"),
    [*(("rest", place) for place in REST_ADDITIONS), *(("relay", p) for p in RELAY_ADDITIONS)],
)
def test_what_no_section_knows_is_refused_and_its_place_named(kind: str, place: str) -> None:
    _, render = CONTRACTS[kind]
    contract = copy.deepcopy(loaded(kind))
    additions = REST_ADDITIONS if kind == "rest" else RELAY_ADDITIONS
    additions[place](contract)

    with pytest.raises(NotRendered) as refused:
        render(contract)

    assert refused.value.place == place


def test_a_problem_without_advice_is_refused() -> None:
    contract = copy.deepcopy(loaded("rest"))
    contract["x-problems"]["brand-new"] = {"status": 400, "title": "New", "meaning": "New."}

    with pytest.raises(NotRendered, match="brand-new"):
        all_problems(Document(contract), Document(loaded("relay")))


def test_advice_for_no_problem_is_refused() -> None:
    contract = copy.deepcopy(loaded("rest"))
    del contract["x-problems"]["internal"]

    assert "internal" in ADVICE
    with pytest.raises(NotRendered, match="internal"):
        all_problems(Document(contract), Document(loaded("relay")))


def run(*arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "tools.reference", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_pages_in_the_tree_are_what_the_contracts_make() -> None:
    assert run("--check") == (0, "")


def test_stale_missing_and_strange_pages_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "built"
    assert run("--folder", str(folder)) == (0, "")
    page = folder / "asyncapi.html"
    page.write_text(page.read_text("utf-8") + "x", encoding="utf-8")
    (folder / "problems" / "internal.html").unlink()
    (folder / "problems" / "other.html").write_text("x", encoding="utf-8")

    code, said = run("--check", "--folder", str(folder))

    assert code == 1
    assert said.splitlines() == [
        "built/asyncapi.html: stale",
        "built/problems/internal.html: missing",
        "built/problems/other.html: belongs to no page",
        "run make pages",
    ]
