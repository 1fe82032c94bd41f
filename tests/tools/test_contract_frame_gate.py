"""The frame gate sees what breaks clients of the relay, shows a frame, and lets the rest pass."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from spec import load_asyncapi
from tools.contracts.breaks import Break
from tools.contracts.frame_gate import frame_breaks
from tools.contracts.schemas import Sender, messages, validator
from tools.contracts.witness import NO_WITNESS

OLD = load_asyncapi()
Tree = dict[str, Any]
Change = Callable[[Tree], object]
CLOSED = {"additionalProperties": False}


def schemas(root: Tree) -> Tree:
    found: Tree = root["components"]["schemas"]
    return found


def members(root: Tree, name: str) -> Tree:
    found: Tree = schemas(root)[name]["properties"]
    return found


def room(root: Tree) -> Tree:
    found: Tree = root["channels"]["room"]
    return found


def row(root: Tree, table: str, code: Any) -> Tree:
    found: Tree = next(each for each in room(root)[table] if code in each.values())
    return found


def send(root: Tree, name: str, action: str = "send") -> None:
    """Make the relay send, or receive, one more kind of frame, ``name``."""
    kind = {"type": "string", "const": name}
    schemas(root)[name] = {"type": "object", "required": ["type"], "properties": {"type": kind}}
    payload = {"$ref": f"#/components/schemas/{name}"}
    root["components"]["messages"][name] = {"name": name, "payload": payload}
    room(root)["messages"][name] = {"$ref": f"#/components/messages/{name}"}
    root["operations"][f"send_{name}"] = {
        "action": action,
        "channel": {"$ref": "#/channels/room"},
        "messages": [{"$ref": f"#/channels/room/messages/{name}"}],
    }


# A change of a schema: what a client sends and the new contract refuses, or the relay now sends
# and the old contract refuses. The id of the break, which begins with the sender and the type.
FRAMES: list[tuple[str, Change]] = [
    ("client message /id required", lambda r: schemas(r)["MessageIn"]["required"].append("id")),
    ("client message /after unknown", lambda r: members(r, "MessageIn").pop("after")),
    ("client message /data/message wider",
     lambda r: members(r, "MessageData")["message"].update({"maxLength": 262143})),
    ("client message /data/message wider",
     lambda r: members(r, "MessageData")["message"].update({"x-max-bytes": 262143})),
    ("client message /data/message wider",
     lambda r: members(r, "MessageData")["message"].update({"minLength": 1})),
    ("client message /data/message wider",
     lambda r: members(r, "MessageData")["message"].update({"pattern": "^[!-~]*$"})),
    ("client message /data/message wider",
     lambda r: members(r, "MessageData").update({"message": {"type": "object", **CLOSED}})),
    ("client message /after wider", lambda r: members(r, "MessageIn").update(
        {"after": {"type": "integer", "minimum": 1, "maximum": 9007199254740991}})),
    ("client message /after wider", lambda r: members(r, "MessageIn").update(
        {"after": {"type": "integer", "minimum": 0, "maximum": 9007199254740990}})),
    ("client message /id wider", lambda r: members(r, "MessageIn").update(
        {"id": {**schemas(r)["Uuid"], "pattern": "^[1-9a-f-]{36}$"}})),
    ("client message /data/nonce required", lambda r: [
        members(r, "MessageData").update({"nonce": {"type": "string", "maxLength": 9}}),
        schemas(r)["MessageData"]["required"].append("nonce")]),
    ("relay welcome /limits/json_depth wider",
     lambda r: members(r, "Limits")["json_depth"].update({"minimum": 1})),
    ("relay welcome /limits/frame_bytes wider",
     lambda r: members(r, "Limits")["frame_bytes"].pop("maximum")),
    ("relay welcome /limits/frames_burst required",
     lambda r: schemas(r)["Limits"]["required"].remove("frames_burst")),
    ("relay welcome /username wider", lambda r: members(r, "Welcome").update(
        {"username": {**schemas(r)["Username"], "x-max-bytes": 300, "maxLength": 100}})),
    ("relay welcome /expires_at wider",
     lambda r: members(r, "Welcome").update({"expires_at": {"type": "integer"}})),
    ("relay message /seq required", lambda r: schemas(r)["MessageOut"]["required"].remove("seq")),
    ("relay message /sender undescribed", lambda r: [
        members(r, "MessageOut").pop("sender"),
        schemas(r)["MessageOut"]["required"].remove("sender")]),
    ("relay ack /seq wider", lambda r: members(r, "Ack").update(
        {"seq": {"$ref": "#/components/schemas/Cursor"}})),
    ("relay error /path undescribed", lambda r: members(r, "Failure").pop("path")),
    ("relay error /detail wider", lambda r: members(r, "Failure")["detail"].update(
        {"maxLength": 1025})),
    ("relay error /retry_after wider",
     lambda r: members(r, "Failure")["retry_after"].update({"type": ["number", "null"]})),
    ("relay head /seq wider",
     lambda r: members(r, "Head").update({"seq": {"type": "integer", "minimum": -1}})),
]  # fmt: skip

# A change of the rest: no frame can show it.
OTHERS: list[tuple[str, Change]] = [
    ("relay head removed", lambda r: r["operations"].pop("send_head")),
    ("client message removed", lambda r: r["operations"].pop("receive_message")),
    ("client message /type default", lambda r: members(r, "MessageIn")["type"].pop("default")),
    ("relay ack correlation",
     lambda r: r["components"]["messages"]["Ack"].pop("correlationId")),
    ("reply message ack removed",
     lambda r: r["operations"]["receive_message"]["reply"]["messages"].pop(0)),
    ("reply message head added",
     lambda r: r["operations"]["receive_message"]["reply"]["messages"].append(
         {"$ref": "#/channels/room/messages/Head"})),
    ("channel /ws/{room} removed", lambda r: room(r).update({"address": "/v2/{room}"})),
    ("channel /ws/{room} subprotocol ilo.v1", lambda r: room(r)["x-subprotocols"].clear()),
    ("channel /ws/{room} handshake method",
     lambda r: room(r)["bindings"]["ws"].update({"method": "POST"})),
    ("channel /ws/{room} handshake /Ilo-App required",
     lambda r: room(r)["bindings"]["ws"]["headers"].update({"required": ["Ilo-App"]})),
    ("close-code 1003 reconnect",
     lambda r: row(r, "x-close-codes", 1003).update({"reconnect": True})),
    ("close-code unknown", lambda r: room(r)["x-unknown-codes"]["x-close-codes"].update(
        {"reconnect": False})),
    ("error-code unknown", lambda r: room(r)["x-unknown-codes"].pop("x-error-codes")),
    ("error-code rate again", lambda r: row(r, "x-error-codes", "rate").update({"again": False})),
    ("error-code unavailable stored",
     lambda r: row(r, "x-error-codes", "unavailable").update({"stored": "no"})),
    ("refusal 403 reconnect",
     lambda r: row(r, "x-refusals", "wrong-origin").update({"reconnect": True})),
    ("refusal 402 added", lambda r: room(r)["x-refusals"].append(
        {"status": 402, "reason": "pay", "meaning": "Pay.", "reconnect": False})),
    ("server public security ticket", lambda r: r["servers"]["public"]["security"].pop()),
    ("server local security session",
     lambda r: r["components"]["securitySchemes"]["session"].update({"scheme": "basic"})),
    ("server public protocol", lambda r: r["servers"]["public"].update({"protocol": "ws"})),
    ("server public removed", lambda r: r["servers"].pop("public")),
]  # fmt: skip


def new_error_code(root: Tree) -> None:
    members(root, "Failure")["code"]["enum"].append("teapot")
    room(root)["x-error-codes"].append(
        {"code": "teapot", "stored": "no", "again": False, "meaning": "Tea."}
    )


def new_close_code(root: Tree) -> None:
    room(root)["x-close-codes"].append(
        {"code": 1012, "reason": "restart", "meaning": "A restart.", "reconnect": True}
    )


COMPATIBLE: dict[str, Change] = {
    "a client may say more": lambda r: members(r, "MessageIn").update({"data": {
        **schemas(r)["MessageData"],
        "properties": {"message": {"type": "string", "maxLength": 300000}}}}),
    "a member of a client's frame is new": lambda r: members(r, "MessageIn").update(
        {"if_urgent": {"type": "integer", "minimum": 0, "maximum": 9}}),
    "a member of a client's frame may be left out": lambda r: schemas(r)["MessageIn"].update(
        {"required": []}),
    "a client's number may be larger": lambda r: members(r, "MessageIn").update(
        {"after": {"type": "integer", "minimum": -1, "maximum": 9007199254740991}}),
    "a client's frame is new": lambda r: send(r, "wave", action="receive"),
    "a relay's frame is new": lambda r: send(r, "weather"),
    "a member of a relay's frame is new": lambda r: members(r, "Ack").update(
        {"node": {"type": "string"}}),
    "a member of a relay's frame is always there": lambda r: schemas(r)["Failure"][
        "required"].append("path"),
    "the relay says less": lambda r: members(r, "Failure")["detail"].update({"maxLength": 512}),
    "the relay has fewer error codes": lambda r: [
        members(r, "Failure")["code"]["enum"].remove("too-big"),
        room(r)["x-error-codes"].pop(1)],
    "a code of an error is new": new_error_code,
    "a code of a close is new": new_close_code,
    "the relay closes less": lambda r: room(r)["x-close-codes"].pop(),
    "the relay refuses less": lambda r: room(r)["x-refusals"].pop(),
    "a refusal has a second reason": lambda r: room(r)["x-refusals"].append(
        {"status": 403, "reason": "banned", "meaning": "Banned.", "reconnect": False}),
    "texts are better": lambda r: [
        schemas(r)["Ack"].update({"title": "A", "description": "B"}),
        members(r, "MessageData")["message"].update({"examples": ["c"]})],
    "a reference is written out": lambda r: members(r, "Ack").update(
        {"seq": {**schemas(r)["Seq"]}}),
    "a schema has another name": lambda r: [
        schemas(r).update({"Acknowledged": schemas(r).pop("Ack")}),
        r["components"]["messages"]["Ack"].update(
            {"payload": {"$ref": "#/components/schemas/Acknowledged"}})],
    "private rooms have names": lambda r: room(r)["parameters"]["room"].update(
        {"x-schema": {**schemas(r)["RoomName"],
                      "pattern": "^(~[A-Za-z0-9_-]{22}|[A-Za-z0-9][A-Za-z0-9._-]{0,63})$"}}),
    "a server has a third credential": lambda r: [
        r["components"]["securitySchemes"].update({"cert": {"type": "X509"}}),
        r["servers"]["public"]["security"].append({"$ref": "#/components/securitySchemes/cert"})],
    "a handshake may have another header": lambda r: room(r)["bindings"]["ws"]["headers"][
        "properties"].update({"Ilo-App": {"type": "string"}}),
    "a second subprotocol is spoken": lambda r: room(r)["x-subprotocols"].append("ilo.v2"),
}  # fmt: skip


def changed(change: Change) -> Tree:
    new = copy.deepcopy(OLD)
    change(new)
    assert new != OLD
    return new


def judge(root: Tree, sender: Sender, kind: str) -> Callable[[Any], bool]:
    for _, message in messages(root, sender):
        if message["name"] == kind:
            return validator(root, message["payload"]).is_valid
    raise AssertionError(kind)


@pytest.mark.parametrize(
    ("id_", "change"), FRAMES, ids=[f"{n}-{f[0]}" for n, f in enumerate(FRAMES)]
)
def test_a_frame_shows_what_breaks(id_: str, change: Change) -> None:
    new = changed(change)

    found = [broken for broken in frame_breaks(OLD, new) if broken.id == id_]

    assert len(found) == 1
    who, kind, *_ = id_.split()
    sender: Sender = "client" if who == "client" else "server"
    admits, refuses = (OLD, new) if sender == "client" else (new, OLD)
    assert judge(admits, sender, kind)(found[0].witness)
    assert not judge(refuses, sender, kind)(found[0].witness)
    assert "witness: {" in str(found[0])
    assert len(str(found[0])) < 1200


@pytest.mark.parametrize(("id_", "change"), OTHERS, ids=[each[0] for each in OTHERS])
def test_what_no_frame_shows_breaks_too(id_: str, change: Change) -> None:
    assert id_ in {broken.id for broken in frame_breaks(OLD, changed(change))}


@pytest.mark.parametrize("change", COMPATIBLE.values(), ids=COMPATIBLE.keys())
def test_what_lets_nobody_down_passes(change: Change) -> None:
    assert frame_breaks(OLD, changed(change)) == []


def test_a_room_name_that_is_taken_no_more_is_shown() -> None:
    def change(root: Tree) -> None:
        schemas(root)["RoomName"]["pattern"] = "^[a-z0-9][a-z0-9._-]{0,63}$"

    found = frame_breaks(OLD, changed(change))

    assert [broken.id for broken in found] == ["channel /ws/{room} parameter room wider"]
    assert found[0].witness == "A"


def test_a_new_code_breaks_clients_that_were_not_told_of_unknown_ones() -> None:
    old = copy.deepcopy(OLD)
    room(old).pop("x-unknown-codes")
    members(old, "Failure")["code"].pop("x-open")
    new = copy.deepcopy(old)
    new_error_code(new)
    new_close_code(new)

    found = {broken.id for broken in frame_breaks(old, new)}

    assert found == {"relay error /code wider", "error-code teapot added", "close-code 1012 added"}


def test_what_goes_both_ways_may_not_even_be_widened() -> None:
    def change(root: Tree) -> None:
        members(root, "MessageData")["message"].update({"maxLength": 262145, "x-max-bytes": 262145})

    found = frame_breaks(OLD, changed(change))

    by_id = {broken.id: broken.witness for broken in found}
    assert by_id.keys() == {
        "relay message /data/message wider",
        "relay history /messages/0/data/message wider",
    }
    assert len(by_id["relay message /data/message wider"]["data"]["message"]) == 262145


def test_what_cannot_be_decided_counts_as_broken() -> None:
    def change(root: Tree) -> None:
        pattern = schemas(root)["Timestamp"]["pattern"].replace("[0-9]{4}", "\\d{4}")
        members(root, "Ack")["sent_at"] = {**schemas(root)["Timestamp"], "pattern": pattern}

    found = frame_breaks(OLD, changed(change))

    assert found == [Break("relay ack /sent_at unproven", found[0].text)]
    assert found[0].witness is NO_WITNESS


def test_each_break_of_many_has_its_own_frame() -> None:
    def change(root: Tree) -> None:
        schemas(root)["MessageIn"]["required"].append("id")
        members(root, "MessageData")["message"]["maxLength"] = 10
        members(root, "MessageIn").pop("after")

    found = {broken.id: broken.witness for broken in frame_breaks(OLD, changed(change))}

    assert found.keys() >= {
        "client message /id required",
        "client message /data/message wider",
        "client message /after unknown",
    }
    assert len(found["client message /data/message wider"]["data"]["message"]) == 11
    assert "after" in found["client message /after unknown"]


def test_a_contract_breaks_nothing_of_itself() -> None:
    assert frame_breaks(OLD, load_asyncapi()) == []
