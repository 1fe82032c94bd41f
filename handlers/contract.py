"""The REST contract as this door needs it: operations, with references followed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

METHODS: Final = ("get", "head", "post", "put", "delete", "patch")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One declared parameter; ``location`` is path, query or header."""

    name: str
    location: str
    required: bool
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Body:
    """The declared body of a request: one media type, one schema, always required."""

    media_type: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """One declared answer; ``content`` holds a schema for each media type.

    ``problems`` are the slugs of the problems that it can be.
    """

    status: int
    content: Mapping[str, Mapping[str, Any]]
    headers: Mapping[str, Mapping[str, Any]]
    problems: frozenset[str]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. ``method`` is in upper case, ``success`` its one answer below 300."""

    operation_id: str
    tag: str
    method: str
    path: str
    parameters: tuple[Parameter, ...]
    body: Body | None
    replies: Mapping[int, Reply]
    success: Reply


class BadContract(ValueError):
    """The contract says what this door cannot do; names the operation."""


class Contract:
    """``document`` is an OpenAPI 3.0 description with local references.

    Raises:
        BadContract: an operation is none that this door can answer.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.problems: Mapping[str, Mapping[str, Any]] = document["x-problems"]
        self.operations: dict[str, Operation] = {}
        for operation in self._read_operations():
            if operation.operation_id in self.operations:
                raise BadContract(f"the operationId {operation.operation_id} stands twice")
            self.operations[operation.operation_id] = operation

    @property
    def schemas(self) -> Mapping[str, Any]:
        """What references to schemas point into: the part of the document they need."""
        return {"components": {"schemas": self.document["components"]["schemas"]}}

    def _read_operations(self) -> Iterator[Operation]:
        for path, item in self.document["paths"].items():
            shared = item.get("parameters", ())
            for method in METHODS:
                if method in item:
                    yield self._read_operation(path, method, item[method], shared)

    def _read_operation(
        self, path: str, method: str, said: Mapping[str, Any], shared: Any
    ) -> Operation:
        operation_id = said.get("operationId")
        if not operation_id:
            raise BadContract(f"{method.upper()} {path} has no operationId")
        if len(said.get("tags", ())) != 1:
            raise BadContract(f"{operation_id} needs exactly one tag: it names the module")
        replies = {
            int(status): self._read_reply(int(status), reply)
            for status, reply in said["responses"].items()
        }
        successes = [reply for reply in replies.values() if reply.status < 300]
        if len(successes) != 1:
            raise BadContract(f"{operation_id} needs exactly one answer below 300")
        return Operation(
            operation_id=operation_id,
            tag=said["tags"][0],
            method=method.upper(),
            path=path,
            parameters=tuple(
                self._read_parameter(parameter)
                for parameter in (*shared, *said.get("parameters", ()))
            ),
            body=self._read_body(operation_id, said.get("requestBody")),
            replies=replies,
            success=successes[0],
        )

    def _read_parameter(self, said: Mapping[str, Any]) -> Parameter:
        said = self._follow(said)
        return Parameter(said["name"], said["in"], said.get("required", False), said["schema"])

    def _read_body(self, operation_id: str, said: Mapping[str, Any] | None) -> Body | None:
        if said is None:
            return None
        said = self._follow(said)
        if not said.get("required") or len(said["content"]) != 1:
            raise BadContract(f"{operation_id} needs a required body of one media type")
        [(media_type, content)] = said["content"].items()
        return Body(media_type, content["schema"])

    def _read_reply(self, status: int, said: Mapping[str, Any]) -> Reply:
        said = self._follow(said)
        content = {
            media_type: content["schema"] for media_type, content in said.get("content", {}).items()
        }
        headers = {
            name.lower(): self._follow(header)["schema"]
            for name, header in said.get("headers", {}).items()
        }
        problems = frozenset(said.get("x-problems", ()))
        if unknown := problems - self.problems.keys():
            raise BadContract(f"there is no problem {min(unknown)}")
        return Reply(status, content, headers, problems)

    def _follow(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in node:
            found: Any = self.document
            for token in node["$ref"].removeprefix("#/").split("/"):
                found = found[token.replace("~1", "/").replace("~0", "~")]
            node = found
        return node
