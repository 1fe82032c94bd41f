"""The generator of the relay's client: what a contract says comes out, without a change to it."""

import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ilo_relay import frames
from ilo_relay.errors import BrokenFrame, InvalidFrame
from pydantic import BaseModel

from spec import load_asyncapi
from tools.clients.relay import write_relay_package
from tools.clients.relay.schemas import UnknownToTheGenerator

ROOT = Path(__file__).resolve().parents[2]
CONTRACT = load_asyncapi()
MESSAGES: dict[str, Any] = CONTRACT["components"]["messages"]
SENT = tuple(name for name in MESSAGES if not name.endswith("In"))
SCHEMAS = "#/components/schemas"
ID = "0b8f1c9e-6f0e-4a55-9d6b-2f0c7f5f1a11"


def extended() -> dict[str, Any]:
    """Return the contract with client messages, frames and a query that it does not have."""
    contract = copy.deepcopy(CONTRACT)
    channel = contract["channels"]["room"]
    components = contract["components"]

    def ref(name: str) -> dict[str, str]:
        return {"$ref": f"{SCHEMAS}/{name}"}

    def add(name: str, kind: str, members: dict[str, Any], *, closed: bool, needs: str) -> None:
        schema: dict[str, Any] = {
            "title": name,
            "description": f"About {kind}.",
            "type": "object",
            "required": ["type", *needs.split()],
            "properties": {
                "type": {"type": "string", "const": kind, "description": "Which."},
                **members,
            },
        }
        if closed:
            schema["additionalProperties"] = False
        components["schemas"][name] = schema
        message = {"name": kind, "title": name, "summary": f"A {kind}.", "payload": ref(name)}
        if "id" in members:
            message["correlationId"] = {"$ref": "#/components/correlationIds/message_id"}
        components["messages"][name] = message
        channel["messages"][name] = {"$ref": f"#/components/messages/{name}"}

    def operate(operation: str, name: str, *replies: str) -> None:
        at = "#/channels/room/messages/"
        row: dict[str, Any] = {
            "action": operation.partition("_")[0],
            "channel": {"$ref": "#/channels/room"},
            "summary": f"Summary of {operation}.",
            "messages": [{"$ref": at + name}],
        }
        if replies:
            row["reply"] = {"messages": [{"$ref": at + reply} for reply in replies]}
        contract["operations"][operation] = row

    opaque = {"type": "object", "description": "Opaque.", "x-sensitive": True}
    limit = {"type": "integer", "minimum": 1, "maximum": 200, "description": "How many."}
    pages = {"type": "array", "items": ref("MessageOut"), "maxItems": 200, "description": "Them."}
    why = {"type": "string", "enum": ["spam", "noise"], "description": "Why."}
    count = {"type": "integer", "minimum": 0, "description": "How many."}
    add(
        "SearchIn",
        "search",
        {"id": ref("Uuid"), "words": ref("MessageData"), "limit": limit},
        closed=True,
        needs="id words",
    )
    add(
        "SearchOut",
        "search",
        {"id": ref("Uuid"), "messages": pages, "more": {"type": "boolean"}},
        closed=False,
        needs="id messages more",
    )
    add("PokeIn", "poke", {"data": opaque}, closed=True, needs="data")
    add(
        "PokeOut",
        "poke",
        {"sender": ref("Username"), "data": opaque},
        closed=False,
        needs="sender data",
    )
    add("Mute", "mute", {"reason": why, "until": ref("Timestamp")}, closed=False, needs="reason")
    # Names that mean something to Python, or to pydantic.
    add(
        "Weather",
        "weather",
        {"warm": count, "class": count, "copy": count},
        closed=False,
        needs="warm class",
    )
    operate("receive_search", "SearchIn", "SearchOut", "Failure")
    operate("receive_poke", "PokeIn")
    operate("send_poke", "PokeOut")
    operate("send_mute", "Mute")
    operate("send_weather", "Weather")
    query = channel["bindings"]["ws"]["query"]
    query["properties"]["lang"] = {"type": "string", "maxLength": 8, "description": "Of errors."}
    components["schemas"]["Limits"]["required"].append("poke_bytes")
    components["schemas"]["Limits"]["properties"]["poke_bytes"] = count
    channel["x-close-codes"].append(
        {"code": 4499, "reason": "muted", "meaning": "It is too loud.", "reconnect": False}
    )
    components["schemas"]["Failure"]["properties"]["code"]["enum"].append("limit-reached")
    channel["x-error-codes"].append(
        {"code": "limit-reached", "stored": "no", "again": False, "meaning": "Too many."}
    )
    return contract


USE = f'''
import asyncio
from collections.abc import AsyncIterator

from ilo_relay import (
    CLOSE_CODES, ERROR_MEANINGS, Ack, Gap, HistoryOut, Mute, PokeIn, PokeOut, Position, RoomClient,
    SearchOut, Weather,
)
from ilo_relay.frames import frame_to_send, json_of, read_frame


async def use(room: RoomClient) -> None:
    ack: Ack = await room.send_message("x", if_members=room.members_version)
    page: HistoryOut = await room.send_history(before=ack.seq, limit=10)
    found: SearchOut = await room.send_search("y", limit=10)
    more: bool = page.more or found.more
    texts: list[str] = [message.data.message for message in page.messages]
    await room.send_poke({{"typing": more, "texts": [len(text) for text in texts]}})
    pokes: AsyncIterator[PokeOut] = room.pokes()
    async for poke in pokes:
        sender: str = poke.sender
    async for frame in room:
        if isinstance(frame, Gap):
            last: int = frame.to_seq
        if isinstance(frame, Mute):
            why: str = frame.reason
    place: Position = room.cursor
    missing: tuple[str, ...] = room.missing


def clients() -> RoomClient:
    return RoomClient(
        "ws://127.0.0.1:1", room="chat", token="t", since=41, epoch="{ID}", lang="el"
    )


async def main() -> None:
    client = clients()
    for _ in range(2):
        asked = await client._request()
        where = "ws://127.0.0.1:1/ws/chat?lang=el&since=41&epoch={ID}"
        assert asked.url == where, asked.url


asyncio.run(main())
poke = frame_to_send(PokeIn, {{"type": "poke", "data": {{"to": None, "secret": "s3cret"}}}})
assert json_of(poke) == '{{"type":"poke","data":{{"to":null,"secret":"s3cret"}}}}'
assert "s3cret" not in repr(poke)
mute = read_frame('{{"type":"mute","reason":"spam","more":1}}')
assert isinstance(mute, Mute) and mute.reason == "spam"
here = read_frame('{{"type":"weather","warm":1,"class":2,"copy":3}}')
assert isinstance(here, Weather) and (here.class_, here.copy_) == (2, 3)
assert not CLOSE_CODES[4499].reconnect
assert not CLOSE_CODES[4410].reconnect
assert ERROR_MEANINGS["limit-reached"].stored == "no"
'''


def test_a_larger_contract_comes_out_whole_and_typed(tmp_path: Path) -> None:
    write_relay_package(extended(), tmp_path / "ilo_relay")
    (tmp_path / "use.py").write_text(USE, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "MYPYPATH": str(tmp_path)}

    def run(*command: str) -> None:
        done = subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    run("use.py")
    # One cache for all runs: nearly all the time goes into the libraries.
    cache = str(ROOT / ".mypy_cache" / "relay-generation")
    run("-m", "mypy", "--strict", "--cache-dir", cache, "--config-file=", "use.py", "ilo_relay")


def test_the_same_contract_gives_the_same_bytes_and_nothing_else_stays(tmp_path: Path) -> None:
    (tmp_path / "old.py").write_text("of another day", encoding="utf-8")
    write_relay_package(CONTRACT, tmp_path)
    first = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    write_relay_package(copy.deepcopy(CONTRACT), tmp_path)
    second = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    kept = ROOT / "generated_clients" / "python" / "ilo_relay"

    assert first == second
    assert first == {file.name: file.read_bytes() for file in kept.iterdir() if file.is_file()}
    assert not [name for name, text in first.items() if str(ROOT).encode() in text]


def _no_head(contract: dict[str, Any]) -> None:
    contract["components"]["schemas"]["Welcome"]["required"].remove("head")


def _one_of(contract: dict[str, Any]) -> None:
    contract["components"]["schemas"]["Seq"]["oneOf"] = []


def _ghost(contract: dict[str, Any]) -> None:
    contract["components"]["schemas"]["Ack"]["required"].append("ghost")


def _no_reply_id(contract: dict[str, Any]) -> None:
    del contract["components"]["messages"]["Ack"]["correlationId"]


def _two_types(contract: dict[str, Any]) -> None:
    contract["components"]["schemas"]["Head"]["properties"]["type"]["const"] = "ack"


def _no_failure(contract: dict[str, Any]) -> None:
    contract["channels"]["room"]["x-error-codes"].pop()


def _no_since(contract: dict[str, Any]) -> None:
    del contract["channels"]["room"]["bindings"]["ws"]["query"]["properties"]["since"]
    del contract["channels"]["room"]["bindings"]["ws"]["query"]["x-members"]["since"]


def _needed_epoch(contract: dict[str, Any]) -> None:
    contract["channels"]["room"]["bindings"]["ws"]["query"]["required"] = ["epoch"]


def _another_gap(contract: dict[str, Any]) -> None:
    contract["components"]["schemas"]["Gap"]["properties"]["reason"]["enum"].append("other")


def _no_gap(contract: dict[str, Any]) -> None:
    del contract["operations"]["send_gap"]


@pytest.mark.parametrize(
    ("spoil", "place"),
    [
        (_no_since, "bindings/ws/query: clients rely on an optional since"),
        (_needed_epoch, "bindings/ws/query: clients rely on an optional epoch"),
        (_another_gap, "schemas/Gap: the reasons of gaps are ahead, epoch, retention"),
        (_no_gap, r"clients rely on gap\.from_seq"),
        (_no_head, r"welcome\.head"),
        (_one_of, "schemas/Seq: the keyword oneOf"),
        (_ghost, "schemas/Ack: ghost"),
        (_no_reply_id, "receive_message: Ack cannot be told"),
        (_two_types, "two frames of the relay have one type"),
        (_no_failure, "no frame has the x-error-codes"),
    ],
)
def test_what_it_cannot_say_it_refuses(
    tmp_path: Path, spoil: Callable[[dict[str, Any]], None], place: str
) -> None:
    contract = copy.deepcopy(CONTRACT)
    spoil(contract)

    with pytest.raises(UnknownToTheGenerator, match=place):
        write_relay_package(contract, tmp_path / "ilo_relay")

    assert not (tmp_path / "ilo_relay").exists()


def examples(*names: str) -> list[Any]:
    return [
        pytest.param(example["payload"], id=f"{name} {example['name']}")
        for name in names
        for example in MESSAGES[name]["examples"]
    ]


@pytest.mark.parametrize("frame", examples(*SENT))
def test_the_examples_of_the_relay_are_read(frame: dict[str, Any]) -> None:
    read = frames.read_frame(json.dumps(frame))

    assert read is not None
    assert json.loads(frames.json_of(read)) == frame


@pytest.mark.parametrize(
    ("model", "frame"),
    [
        pytest.param(model, *example.values, id=example.id)
        for model in (frames.MessageIn, frames.HistoryIn, frames.SignalIn)
        for example in examples(model.__name__)
    ],
)
def test_the_examples_of_a_client_can_be_sent(
    model: type[BaseModel], frame: dict[str, Any]
) -> None:
    assert json.loads(frames.json_of(frames.frame_to_send(model, frame))) == frame


@pytest.mark.parametrize(
    ("frame", "place"),
    [
        ({"data": {"message": "x"}, "more": 1}, "/more"),
        ({"data": {"message": "x", "more": 1}}, "/data/more"),
        ({"data": {}}, "/data/message"),
        ({}, "/data"),
        ({"type": "other", "data": {"message": "x"}}, "/type"),
        ({"data": {"message": "x" * 262145}}, "/data/message"),
        ({"data": {"message": "é" * 131072 + "x"}}, "/data/message"),
        ({"data": {"message": "x"}, "after": 9007199254740992}, "/after"),
        ({"data": {"message": "x"}, "after": 1.5}, "/after"),
    ],
)
def test_what_a_client_sends_is_closed_and_bounded(frame: dict[str, Any], place: str) -> None:
    with pytest.raises(InvalidFrame) as raised:
        frames.frame_to_send(frames.MessageIn, frame)

    assert raised.value.place == place


@pytest.mark.parametrize("text", ["x" * 262144, "é" * 131072])
def test_a_bound_is_included(text: str) -> None:
    frames.frame_to_send(frames.MessageIn, {"data": {"message": text}})


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("username", "x" * 65),
        ("username", "👋" * 64 + "é"),
        ("username", ""),
        ("epoch", ID.upper()),
        ("epoch", ID + "\n"),
        ("head", -1),
        ("head", "0"),
        ("head", True),
        ("expires_at", "2026-02-01T12:00:00Z"),
        ("limits", None),
    ],
)
def test_what_the_relay_sends_is_held_to_the_contract(member: str, value: object) -> None:
    welcome = {**MESSAGES["Welcome"]["examples"][0]["payload"], member: value}

    with pytest.raises(BrokenFrame) as raised:
        frames.read_frame(json.dumps(welcome))

    assert raised.value.place.startswith(f"/{member}")
