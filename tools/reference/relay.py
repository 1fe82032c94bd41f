"""The WebSocket contract as a Markdown reference."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from tools.reference.document import Document, NotRendered, Part
from tools.reference.front import credential, credential_sections, front_sections
from tools.reference.markup import code, heading, json_block, link, listed, table, text_block
from tools.reference.schemas import (
    bounds_in_words,
    member_table,
    schema_sections,
    type_in_words,
)

Section = Callable[[Document], Iterator[str]]

_LISTS: Final = ("x-refusals", "x-close-codes", "x-error-codes", "x-unknown-codes")


def relay_reference(contract: Mapping[str, Any]) -> str:
    """Return the reference of an AsyncAPI 3.1 ``contract`` with one channel.

    It is written from the server's side, as the contract is: `receive` is what a client sends.

    Raises:
        NotRendered: it holds what no section shows.
    """
    document = Document(contract)
    document.root.only(
        *("asyncapi", "id", "info", "defaultContentType"),
        *("servers", "channels", "operations", "components"),
    )
    document.child(document.root, "components").only(
        "securitySchemes", "messages", "correlationIds", "schemas"
    )
    blocks = [block for section in SECTIONS for block in section(document)]
    return "\n\n".join(filter(None, blocks)) + "\n"


def the_channel(document: Document) -> Part:
    """Return the one channel.

    Raises:
        NotRendered: there are others, or none.
    """
    channels = [channel for _, channel in document.children(document.root, "channels")]
    if len(channels) != 1:
        raise NotRendered("#/channels", ["any number of channels but one"])
    return channels[0]


def _front(document: Document) -> Iterator[str]:
    yield from front_sections(document, "Relay reference")
    root = document.root
    yield listed(
        [
            f"Contract: AsyncAPI {root.text('asyncapi')}, {code(root.text('id'))}",
            f"Content of every frame: {code(root.text('defaultContentType'))}",
        ]
    )
    yield heading(2, "Servers", "servers")
    rows: list[list[str]] = []
    for name, server in document.children(root, "servers"):
        server.only("host", "protocol", "description", "variables", "security")
        said = [server.text("description")]
        for key, variable in document.children(server, "variables"):
            variable.only("description", "default")
            default = code(variable.text("default"))
            said.append(f"{code('{' + key + '}')}: {variable.text('description')} {default}")
        rows.append(
            [
                name,
                code(f"{server.text('protocol')}://{server.text('host')}"),
                ", or ".join(
                    credential(document.follow(Part(f"{server.place}/security/{at}", way)).name)
                    for at, way in enumerate(server.node["security"])
                ),
                " ".join(said),
            ]
        )
    yield table(("Server", "Address", "Credential", "Meaning"), rows)


def _handshake(document: Document) -> Iterator[str]:
    channel = the_channel(document)
    channel.only(
        *("address", "title", "description", "servers", "parameters", "messages", "bindings"),
        *("x-subprotocols", *_LISTS),
    )
    bindings = document.unfollowed(channel, "bindings")
    bindings.only("ws")
    binding = document.child(bindings, "ws")
    binding.only("bindingVersion", "method", "query", "headers")
    yield heading(2, "Handshake", "handshake")
    yield f"**{channel.text('title')}.** {channel.text('description')}"
    yield text_block(f"{binding.text('method')} {channel.text('address')}")
    servers = [
        document.follow(Part(f"{channel.place}/servers/{at}", said)).name
        for at, said in enumerate(channel.node["servers"])
    ]
    yield listed(
        [
            f"Subprotocols: {', '.join(code(name) for name in channel.node['x-subprotocols'])}",
            f"Servers: {', '.join(link(name, 'servers') for name in servers)}",
        ]
    )
    yield heading(3, "Parameters of the address", "parameters")
    rows: list[list[str]] = []
    for name, parameter in document.children(channel, "parameters"):
        parameter.only("description", "examples", "x-schema")
        schema = document.unfollowed(parameter, "x-schema")
        shown = ", ".join(code(value) for value in parameter.node.get("examples", ()))
        meaning = parameter.text("description") + (f" Example: {shown}" if shown else "")
        rows.append(
            [
                code(name),
                type_in_words(document, schema),
                bounds_in_words(document, schema),
                meaning,
            ]
        )
    yield table(("Parameter", "Type", "Bounds", "Meaning"), rows)
    yield heading(3, "Query", "query")
    query = document.unfollowed(binding, "query")
    if bounds := bounds_in_words(document, query):
        yield f"Bounds: {bounds}."
    yield member_table(document, query)
    yield heading(3, "Headers", "headers")
    yield member_table(document, document.unfollowed(binding, "headers"))


def _refusals(document: Document) -> Iterator[str]:
    yield heading(2, "Refused handshakes", "refusals")
    yield from _listed_codes(
        document,
        "x-refusals",
        {"status": "Status", "reason": "Reason", "meaning": "Meaning", "reconnect": "Reconnect"},
        anchor="reason",
    )


def _from_the_client(document: Document) -> Iterator[str]:
    yield heading(2, "Frames from the client", "frames-from-the-client")
    yield from _operations(document, "receive")


def _from_the_relay(document: Document) -> Iterator[str]:
    yield heading(2, "Frames from the relay", "frames-from-the-relay")
    yield from _operations(document, "send")
    sent = {
        message.place
        for operation in _all_operations(document)
        for message in _messages(document, operation)
    }
    replies: dict[str, list[str]] = {}
    for operation in _all_operations(document):
        for message in _replies(document, operation):
            replies.setdefault(message.place, []).append(_operation_link(operation))
    for place, answered in replies.items():
        if place not in sent:
            message = document.at(place)
            yield heading(3, message.text("title"), f"reply-{message.name}")
            yield f"The reply to: {', '.join(answered)}."
            yield from _message(document, message)
    for message in document.components("messages"):
        if message.place not in {*sent, *replies}:
            raise NotRendered(message.place, ["a message of no operation"])


def _operations(document: Document, action: str) -> Iterator[str]:
    for operation in _all_operations(document):
        operation.only(
            *("action", "title", "summary", "description", "channel", "tags", "messages", "reply")
        )
        if operation.node["action"] != action:
            continue
        yield heading(3, operation.text("title"), f"operation-{operation.name}")
        yield _both(operation.text("summary"), operation.text("description"))
        facts = [f"Operation: {code(operation.name)}"]
        known = {tag["name"]: tag["description"] for tag in document.root.node["info"]["tags"]}
        for tag in operation.node["tags"]:
            facts.append(f"Subject: {tag['name']}. {known[tag['name']]}")
        if replies := list(_replies(document, operation)):
            document.child(operation, "reply").only("channel", "messages")
            facts.append(f"Answered by: {', or '.join(map(_message_link, replies))}")
        yield listed(facts)
        for message in _messages(document, operation):
            yield from _message(document, message)


def _message(document: Document, message: Part) -> Iterator[str]:
    message.only(
        *("name", "title", "summary", "contentType", "correlationId", "payload", "examples")
    )
    yield heading(4, f"{code(message.text('name'))}: {message.text('title')}", _anchor(message))
    payload = document.unfollowed(message, "payload")
    yield _both(message.text("summary"), document.follow(payload).text("description"))
    content_type = code(message.text("contentType"))
    facts = [f"Payload: {type_in_words(document, payload)}, as {content_type}"]
    if "correlationId" in message.node:
        correlation = document.child(message, "correlationId")
        correlation.only("description", "location")
        facts.append(
            f"Told apart by {code(correlation.text('location'))}: {correlation.text('description')}"
        )
    yield listed(facts)
    yield member_table(document, payload)
    for at, said in enumerate(message.node.get("examples", ())):
        example = Part(f"{message.place}/examples/{at}", said)
        example.only("name", "summary", "payload")
        yield f"Example {code(example.text('name'))}. {example.text('summary')}:"
        yield json_block(example.node["payload"])


def _close_codes(document: Document) -> Iterator[str]:
    yield heading(2, "Close codes", "close-codes")
    yield from _listed_codes(
        document,
        "x-close-codes",
        {"code": "Code", "reason": "Reason", "meaning": "Meaning", "reconnect": "Reconnect"},
        anchor="code",
    )
    yield _unknown(document, "x-close-codes", {"reconnect": "Reconnect"})


def _error_codes(document: Document) -> Iterator[str]:
    yield heading(2, "Error codes", "error-codes")
    yield from _listed_codes(
        document,
        "x-error-codes",
        {"code": "Code", "meaning": "Meaning", "stored": "Stored", "again": "Send it again"},
        anchor="code",
    )
    yield _unknown(document, "x-error-codes", {"stored": "Stored", "again": "Send it again"})


def _unknown(document: Document, table_name: str, words: Mapping[str, str]) -> str:
    """Return what a client does about a code that ``table_name`` has not."""
    said: Mapping[str, Any] = the_channel(document).node["x-unknown-codes"][table_name]
    place = f"{the_channel(document).place}/x-unknown-codes/{table_name}"
    Part(place, said).only(*words)
    texts = [f"{words[key].lower()}: {_yes_or_no(value)}" for key, value in said.items()]
    return f"A code that a client does not know: {', '.join(texts)}."


def _yes_or_no(value: object) -> str:
    return str(value) if not isinstance(value, bool) else "yes" if value else "no"


def _listed_codes(
    document: Document, name: str, columns: Mapping[str, str], *, anchor: str
) -> Iterator[str]:
    """Yield the table of a list of the channel; ``anchor`` is the member that names a row."""
    rows: list[list[str]] = []
    kind = name.removeprefix("x-").removesuffix("s")
    for at, said in enumerate(the_channel(document).node[name]):
        Part(f"{the_channel(document).place}/{name}/{at}", said).only(*columns)
        row: list[str] = []
        for key in columns:
            value = said[key]
            is_plain = isinstance(value, bool) or key in ("meaning", "stored")
            text = _yes_or_no(value) if is_plain else code(value)
            row.append(f"{text}{{#{kind}-{value}}}" if key == anchor else text)
        rows.append(row)
    yield table(tuple(columns.values()), rows)


def _both(summary: str, description: str) -> str:
    """Return what the two say, once where they say the same."""
    return description if description.startswith(summary) else f"{summary} {description}"


def _all_operations(document: Document) -> Iterator[Part]:
    for _, operation in document.children(document.root, "operations"):
        yield operation


def _messages(document: Document, operation: Part) -> Iterator[Part]:
    for at, said in enumerate(operation.node.get("messages", ())):
        yield document.follow(Part(f"{operation.place}/messages/{at}", said))


def _replies(document: Document, operation: Part) -> Iterator[Part]:
    if "reply" in operation.node:
        yield from _messages(document, document.child(operation, "reply"))


def _anchor(message: Part) -> str:
    return f"message-{message.name}"


def _message_link(message: Part) -> str:
    return link(code(message.text("name")), _anchor(message))


def _operation_link(operation: Part) -> str:
    return link(operation.text("title"), f"operation-{operation.name}")


SECTIONS: tuple[Section, ...] = (
    _front,
    _handshake,
    _refusals,
    credential_sections,
    _from_the_client,
    _from_the_relay,
    _close_codes,
    _error_codes,
    schema_sections,
)
