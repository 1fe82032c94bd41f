"""asyncapi.yaml, as loaded, to what a client has to know of it."""

import re
from collections.abc import Mapping
from typing import Any, Final

from tools.clients.relay.model import (
    Argument,
    CloseCode,
    ErrorCode,
    Event,
    Frame,
    Member,
    Refusal,
    RelayContract,
    Request,
    Schema,
    UnknownCodes,
)
from tools.clients.relay.schemas import Schemas, UnknownToTheGenerator, one_line
from tools.contracts.documents import at, steps_of

CORRELATION: Final = re.compile(r"\$message\.payload#/(\w+)\Z")
CURSOR: Final = "after"
"""The member, a ``Cursor``, by which a client tells the newest seq that it has seen."""
RELIED_ON: Final = {
    "welcome": ("username", "epoch", "head", "members_version", "limits"),
    "message": ("id", "seq", "sender"),
    "ack": ("id", "seq"),
    "gap": ("from_seq", "to_seq", "reason"),
    "head": ("seq",),
    "member": ("members_version",),
    "error": ("code", "detail"),
}
"""What the clients' code reads, whatever else the contract says."""
GAPS_RELIED_ON: Final = {"retention", "epoch", "ahead"}
QUERY_RELIED_ON: Final = ("since", "epoch")
LIMITS_RELIED_ON: Final = ("frame_bytes", "unacked_messages")


def read_contract(contract: Mapping[str, Any]) -> RelayContract:
    """Return the model of ``contract``.

    Raises:
        UnknownToTheGenerator: the contract says what no template can say.
    """
    return _Reader(contract).read()


class _Reader:
    def __init__(self, contract: Mapping[str, Any]) -> None:
        self._contract = contract
        self._schemas = Schemas(contract)
        channels: Mapping[str, Any] = contract["channels"]
        if len(channels) != 1:
            raise UnknownToTheGenerator("#/channels: more than one")
        ((self._channel_name, self._channel),) = channels.items()

    def read(self) -> RelayContract:
        channel = self._channel
        parameters = tuple(
            self._parameter(name, node) for name, node in channel.get("parameters", {}).items()
        )
        error_codes = tuple(ErrorCode(**row) for row in channel["x-error-codes"])
        operations: Mapping[str, Any] = self._contract["operations"]
        received = [(name, op) for name, op in operations.items() if op["action"] == "receive"]
        sent = [op for op in operations.values() if op["action"] == "send"]
        events = tuple(
            Event(one_line(op["summary"]), one_line(op.get("description", "")), frame)
            for op in sent
            for frame in self._frames(op["messages"])
        )
        replies = [
            frame
            for _, op in received
            for frame in self._frames(op.get("reply", {}).get("messages", ()))
        ]
        frames = {frame.name: frame for frame in (*(event.frame for event in events), *replies)}
        by_type = {frame.type: frame for frame in frames.values()}
        if len(by_type) != len(frames):
            raise UnknownToTheGenerator("two frames of the relay have one type")
        failure = _failure(frames.values(), error_codes)
        limits = self._limits(by_type)
        _see_that_gaps_are_known(by_type["gap"])
        requests = tuple(self._request(name, op, failure, limits) for name, op in received)
        return RelayContract(
            title=self._contract["info"]["title"],
            version=self._contract["info"]["version"],
            channel=self._channel_name,
            address=channel["address"],
            parameters=parameters,
            query=self._query(),
            subprotocols=tuple(channel.get("x-subprotocols", ())),
            ticket_prefix=self._ticket_prefix(),
            schemas=self._schemas.named,
            requests=requests,
            events=events,
            frames=tuple(frames.values()),
            failure=failure,
            close_codes=tuple(CloseCode(**row) for row in channel["x-close-codes"]),
            refusals=tuple(Refusal(**row) for row in channel["x-refusals"]),
            error_codes=error_codes,
            unknown_codes=self._unknown_codes(),
        )

    def _unknown_codes(self) -> UnknownCodes:
        said = self._channel["x-unknown-codes"]
        return UnknownCodes(**said["x-close-codes"], **said["x-error-codes"])

    # -- the handshake

    def _parameter(self, name: str, node: Mapping[str, Any]) -> Member:
        place = f"#/channels/{self._channel_name}/parameters/{name}"
        schema = self._schemas.at(node["x-schema"], f"{place}/x-schema")
        return Member(name, schema, True, one_line(node["description"]))

    def _query(self) -> tuple[Member, ...]:
        node: Mapping[str, Any] = self._channel["bindings"]["ws"].get("query", {})
        place = f"#/channels/{self._channel_name}/bindings/ws/query"
        members = self._schemas.members(node, place)
        for member in members:
            if member.schema.kind not in ("text", "integer"):
                at = f"{place}/properties/{member.name}"
                raise UnknownToTheGenerator(f"{at}: neither a string nor an integer")
        for name in QUERY_RELIED_ON:
            if not [member for member in members if member.name == name and not member.required]:
                raise UnknownToTheGenerator(f"{place}: clients rely on an optional {name}")
        return members

    def _ticket_prefix(self) -> str:
        """Return what stands before a ticket among the subprotocols."""
        for scheme in self._contract["components"]["securitySchemes"].values():
            if scheme.get("name") == "Sec-WebSocket-Protocol" and "x-prefix" in scheme:
                return str(scheme["x-prefix"])
        raise UnknownToTheGenerator("#/components/securitySchemes: no x-prefix of tickets")

    # -- frames

    def _at(self, node: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        """Follow references to their end; return the last word of the last one, and its node."""
        name = ""
        while "$ref" in node:
            reference = str(node["$ref"])
            name, node = steps_of(reference)[-1], at(self._contract, reference)
        return name, node

    def _frames(self, nodes: Any) -> list[Frame]:
        return [self._frame(node) for node in nodes]

    def _frame(self, reference: Mapping[str, Any]) -> Frame:
        name, node = self._at(reference)
        place = f"#/components/messages/{name}"
        schema = self._schemas.at(node["payload"], f"{place}/payload")
        if schema.kind != "object" or schema.name is None:
            raise UnknownToTheGenerator(f"{place}: a payload that is no named object")
        kind = schema.member("type")
        if kind is None or kind.schema.const is None:
            raise UnknownToTheGenerator(f"{place}: a frame without a constant type")
        return Frame(
            name=name,
            type=kind.schema.const,
            title=node.get("title", name),
            summary=one_line(node.get("summary", "")),
            schema=schema,
            correlation=self._correlation(node, schema, place),
        )

    def _correlation(self, node: Mapping[str, Any], schema: Schema, place: str) -> str | None:
        if "correlationId" not in node:
            return None
        _, correlation = self._at(node["correlationId"])
        found = CORRELATION.match(correlation["location"])
        if found is None or schema.member(found[1]) is None:
            raise UnknownToTheGenerator(f"{place}: the correlation id is no member of its payload")
        return found[1]

    def _request(
        self, operation: str, op: Mapping[str, Any], failure: Frame, limits: Schema
    ) -> Request:
        place = f"#/operations/{operation}"
        frames = self._frames(op["messages"])
        if len(frames) != 1:
            raise UnknownToTheGenerator(f"{place}: more than one message")
        (frame,) = frames
        answers = self._frames(op.get("reply", {}).get("messages", ()))
        replies = tuple(answer for answer in answers if answer.name != failure.name)
        for answer in (frame, *answers):
            if answers and answer.correlation != failure.correlation:
                raise UnknownToTheGenerator(f"{place}: {answer.name} cannot be told by an id")
        cursor = frame.schema.member(CURSOR)
        return Request(
            name=operation.removeprefix("receive_"),
            summary=one_line(op["summary"]),
            description=one_line(op.get("description", "")),
            frame=frame,
            arguments=_arguments(frame, limits),
            replies=replies,
            cursor=CURSOR if cursor is not None and cursor.schema.name == "Cursor" else None,
        )

    def _limits(self, by_type: Mapping[str, Frame]) -> Schema:
        """Return the schema of the welcome's limits, and see that what clients rely on is there."""
        for kind, names in RELIED_ON.items():
            for name in names:
                member = by_type[kind].schema.member(name) if kind in by_type else None
                if member is None or not member.required:
                    raise UnknownToTheGenerator(f"clients rely on {kind}.{name}: it is not there")
        (limits,) = (row for row in by_type["welcome"].schema.members if row.name == "limits")
        for name in LIMITS_RELIED_ON:
            member = limits.schema.member(name)
            if member is None or not member.required:
                raise UnknownToTheGenerator(f"clients rely on limits.{name}: it is not there")
        return limits.schema


def _failure(frames: Any, error_codes: tuple[ErrorCode, ...]) -> Frame:
    """Return the frame whose ``code`` is one of the error codes."""
    codes = {row.code for row in error_codes}
    for frame in frames:
        code = frame.schema.member("code")
        if code is not None and set(code.schema.enum) == codes:
            found: Frame = frame
            return found
    raise UnknownToTheGenerator("no frame has the x-error-codes in its member code")


def _see_that_gaps_are_known(gap: Frame) -> None:
    reason = gap.schema.member("reason")
    if reason is None or set(reason.schema.enum) != GAPS_RELIED_ON:
        known = ", ".join(sorted(GAPS_RELIED_ON))
        raise UnknownToTheGenerator(f"{gap.schema.place}: the reasons of gaps are {known}")


def _arguments(frame: Frame, limits: Schema) -> tuple[Argument, ...]:
    """Return what the caller gives, the required first; the type gives itself."""
    members = [member for member in frame.schema.members if member.name != "type"]
    names = {member.name for member in members}
    arguments = []
    for member in sorted(members, key=lambda member: not member.required):
        inner = None
        if member.schema.kind == "object" and member.required and len(member.schema.members) == 1:
            (only,) = member.schema.members
            if only.required and only.name not in names - {member.name}:
                inner = only
        bounded = (inner or member).schema
        bound = limits.member(f"{frame.type}_bytes")
        # The text that is said, or all of what is opaque.
        is_bounded = bounded.kind == ("map" if inner is None else "text")
        limit = bound.name if bound is not None and is_bounded else None
        required = member.required and member.name != frame.correlation
        arguments.append(Argument(member, inner, limit, required))
    return tuple(arguments)
