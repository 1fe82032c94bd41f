"""The frame gate: what breaks clients of a released `asyncapi.yaml`.

What clients send may only be widened. What the relay sends may only be narrowed, or gain
members and whole frames: clients ignore those that they do not know. A frame is known by its
sender and its ``type``, whatever the contract calls it.
"""

from collections.abc import Iterator
from typing import Any, Final

from tools.contracts.breaks import Break
from tools.contracts.defaults import changed_defaults
from tools.contracts.documents import follow
from tools.contracts.schemas import Sender, messages
from tools.contracts.witness import Gap, gaps

Tree = dict[str, Any]

# What a client decides by, in each table.
_REFUSALS: Final = "x-refusals"
_CLOSE_CODES: Final = "x-close-codes"
_ERROR_CODES: Final = "x-error-codes"
_UNKNOWN_CODES: Final = "x-unknown-codes"
_SENDS: Final[dict[Sender, str]] = {"client": "client", "server": "relay"}


def frame_breaks(old: Tree, new: Tree) -> list[Break]:
    """Return what ``new`` breaks of ``old``, each once; both are whole contracts.

    Raises:
        LookupError: a reference leads nowhere.
    """
    found = [*_server_breaks(old, new), *_channel_breaks(old, new)]
    for sender in _SENDS:
        found += _sent_breaks(old, new, sender)
    found += _reply_breaks(old, new)
    return list(dict.fromkeys(found))


def _frames(tree: Tree, sender: Sender) -> dict[str, Tree]:
    """Return the messages of ``sender`` by their ``type`` on the wire."""
    return {_type_of(tree, message): message for _, message in messages(tree, sender)}


def _type_of(tree: Tree, message: Tree) -> str:
    payload, _ = follow(tree, message["payload"], "")
    kind = payload.get("properties", {}).get("type", {}).get("const")
    return str(kind if kind is not None else message.get("name"))


def _sent_breaks(old: Tree, new: Tree, sender: Sender) -> Iterator[Break]:
    who = _SENDS[sender]
    before, after = _frames(old, sender), _frames(new, sender)
    for kind, message in before.items():
        if kind not in after:
            yield Break(f"{who} {kind} removed", f"the {who} sends this frame no more")
            continue
        now = after[kind]
        for gap in _payload_gaps(old, message, new, now, sender):
            verb = "may send what the new contract refuses"
            if sender == "server":
                verb = "may now send what the old contract refuses"
            rule = f"{who} {kind} {gap.pointer or '/'} {gap.rule}"
            yield Break(rule, f"{gap.text}: the {who} {verb}", gap.witness)
        if sender == "client":
            for name in changed_defaults(old, message["payload"], new, now["payload"]):
                text = "means something else when it is left out"
                yield Break(f"{who} {kind} /{name} default", text)
        if _correlation(old, message) not in {None, _correlation(new, now)}:
            yield Break(f"{who} {kind} correlation", "answers are matched by another member")


def _payload_gaps(old: Tree, before: Tree, new: Tree, after: Tree, sender: Sender) -> list[Gap]:
    if sender == "client":
        return gaps(old, before["payload"], new, after["payload"], "")
    return gaps(new, after["payload"], _with_open_lists(old), before["payload"], "")


def _with_open_lists(node: Any) -> Any:
    """Return ``node`` where lists that may grow, as clients know, are no bounds."""
    if isinstance(node, dict):
        is_open = node.get("x-open") is True
        return {
            name: _with_open_lists(value)
            for name, value in node.items()
            if not (is_open and name == "enum")
        }
    return [_with_open_lists(part) for part in node] if isinstance(node, list) else node


def _correlation(tree: Tree, message: Tree) -> Any:
    if "correlationId" not in message:
        return None
    return follow(tree, message["correlationId"], "")[0].get("location")


def _reply_breaks(old: Tree, new: Tree) -> Iterator[Break]:
    before, after = _replies(old), _replies(new)
    for kind, answers in before.items():
        for answer in sorted(answers - after.get(kind, answers)):
            yield Break(f"reply {kind} {answer} removed", "a client may wait for it in vain")
        for answer in sorted(after.get(kind, answers) - answers):
            yield Break(f"reply {kind} {answer} added", "a client does not know it for an answer")


def _replies(tree: Tree) -> dict[str, set[str]]:
    """Return the types that answer each frame of a client, by that frame's type."""
    found: dict[str, set[str]] = {}
    for operation in tree.get("operations", {}).values():
        if operation["action"] != "receive":
            continue
        answers = {
            _type_of(tree, follow(tree, reference, "")[0])
            for reference in operation.get("reply", {}).get("messages", [])
        }
        for reference in operation["messages"]:
            found.setdefault(_type_of(tree, follow(tree, reference, "")[0]), set()).update(answers)
    return found


def _server_breaks(old: Tree, new: Tree) -> Iterator[Break]:
    for name, server in old.get("servers", {}).items():
        place = f"server {name}"
        now = new.get("servers", {}).get(name)
        if now is None:
            yield Break(f"{place} removed", "there is no such server any more")
            continue
        for member in ("protocol", "pathname"):
            if server.get(member) != now.get(member):
                yield Break(f"{place} {member}", f"has another {member}")
        accepted = [_scheme(new, reference) for reference in now.get("security", [])]
        for reference in server.get("security", []):
            if accepted and _scheme(old, reference) not in accepted:
                scheme = str(reference.get("$ref", "")).rpartition("/")[2]
                yield Break(f"{place} security {scheme}", "this credential is accepted no more")
        if accepted and not server.get("security"):
            yield Break(f"{place} security", "a credential is needed now")


def _scheme(tree: Tree, reference: Any) -> Tree:
    scheme, _ = follow(tree, reference, "")
    return {name: value for name, value in scheme.items() if name != "description"}


def _channel_breaks(old: Tree, new: Tree) -> Iterator[Break]:
    by_address = {channel.get("address"): channel for channel in new.get("channels", {}).values()}
    for channel in old.get("channels", {}).values():
        address = channel["address"]
        now = by_address.get(address)
        if now is None:
            yield Break(f"channel {address} removed", "nothing answers at this address any more")
            continue
        yield from _parameter_breaks(old, channel, new, now)
        for name in channel.get("x-subprotocols", []):
            if name not in now.get("x-subprotocols", []):
                yield Break(f"channel {address} subprotocol {name}", "is spoken no more")
        yield from _handshake_breaks(old, channel, new, now)
        yield from _refusal_breaks(channel, now)
        yield from _policy_breaks(channel, now, _CLOSE_CODES, "close-code", ("reconnect",))
        yield from _policy_breaks(channel, now, _ERROR_CODES, "error-code", ("stored", "again"))


def _parameter_breaks(old: Tree, before: Tree, new: Tree, after: Tree) -> Iterator[Break]:
    for name, parameter in before.get("parameters", {}).items():
        place = f"channel {before['address']} parameter {name}"
        now = after.get("parameters", {}).get(name, {})
        if "x-schema" in now and "x-schema" in parameter:
            for gap in gaps(old, parameter["x-schema"], new, now["x-schema"], ""):
                text = "admits less than the old contract"
                yield Break(f"{place} {gap.rule}", text, gap.witness)


def _handshake_breaks(old: Tree, before: Tree, new: Tree, after: Tree) -> Iterator[Break]:
    was, now = _handshake(before), _handshake(after)
    place = f"channel {before['address']} handshake"
    if was.get("method") != now.get("method"):
        yield Break(f"{place} method", "has another method")
    # What a client does not send cannot break a rule, so only the old headers are asked about.
    headers = {**was.get("headers", {"type": "object"}), "additionalProperties": False}
    required = {"type": "object", **now.get("headers", {})}
    for gap in gaps(old, headers, new, required, ""):
        yield Break(f"{place} {gap.pointer} {gap.rule}", "is refused now", gap.witness)


def _handshake(channel: Tree) -> Tree:
    binding: Tree = channel.get("bindings", {}).get("ws", {})
    return binding


def _refusal_breaks(before: Tree, after: Tree) -> Iterator[Break]:
    was, now = _by_status(before), _by_status(after)
    for status, reconnects in now.items():
        place = f"refusal {status}"
        if status not in was:
            yield Break(f"{place} added", "clients do not know whether to try again")
        elif not reconnects <= was[status]:
            yield Break(f"{place} reconnect", "says something else of trying again")


def _by_status(channel: Tree) -> dict[int, set[bool]]:
    found: dict[int, set[bool]] = {}
    for row in channel.get(_REFUSALS, []):
        found.setdefault(row["status"], set()).add(row["reconnect"])
    return found


def _policy_breaks(
    before: Tree, after: Tree, table: str, place: str, columns: tuple[str, ...]
) -> Iterator[Break]:
    """Yield what clients would do wrong: a code they do not know, or one that says otherwise.

    A new code is fine where the old contract told clients what to do about unknown ones.
    """
    was = {row["code"]: row for row in before.get(table, [])}
    told = before.get(_UNKNOWN_CODES, {}).get(table)
    now_told = after.get(_UNKNOWN_CODES, {}).get(table)
    if told is not None and told != now_told:
        yield Break(f"{place} unknown", "says something else of codes that clients do not know")
    for row in after.get(table, []):
        code = row["code"]
        if code not in was and told is None:
            yield Break(f"{place} {code} added", "clients do not know what to do about it")
        if code not in was:
            continue
        for column in columns:
            if row.get(column) != was[code].get(column):
                text = f"says {row.get(column)!r}, said {was[code].get(column)!r}"
                yield Break(f"{place} {code} {column}", text)
