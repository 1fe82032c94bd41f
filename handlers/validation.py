"""Reads and checks requests against the contract, compiled once for each operation.

Whatever a client sends, what leaves here fits the contract, or the request is refused with
the place and the rule, never the value.
"""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from connexion.middleware.abstract import RoutedAPI, RoutedMiddleware
from connexion.operations import AbstractOperation

from handlers.asgi import ASGIApp, Receive, Scope, Send, header_values
from handlers.call import call_of
from handlers.contract import BadContract, Body, Contract, Operation, Parameter
from handlers.problems import Refusal, bad_request, invalid_input
from handlers.schemas import Fault, Schema, pointer_to
from handlers.stages import stage_of
from services.limits import Limits
from services.strict_json import NotStrictJson, parse_strict

FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"
MAX_FIELDS: Final = 32

_BAD_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_INTEGER: Final = re.compile(r"0|-?[1-9][0-9]{0,18}")


class ClientGone(Exception):
    """The client left before its request was whole: there is nobody to answer."""


class CompiledValidation:
    """One operation's checks, made at start."""

    def __init__(
        self, next_app: ASGIApp, operation: Operation, contract: Contract, limits: Limits
    ) -> None:
        self._next_app = next_app
        self._path = _parameters(operation, "path", contract)
        self._query = _parameters(operation, "query", contract)
        self._headers = _parameters(operation, "header", contract)
        self._body = BodyReader(operation.body, contract, limits) if operation.body else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = call_of(scope)
        for parameter in self._path:
            parameter.check(call.path[parameter.name])
        query_string: bytes = scope.get("query_string", b"")
        if query_string or self._query:
            call.query = self._read_query(query_string)
        if self._headers:
            call.headers = self._read_headers(scope)
        if self._body is not None:
            call.body = await self._body.read(scope, receive)
        await self._next_app(scope, receive, send)

    def _read_query(self, query_string: bytes) -> dict[str, Any]:
        given = parse_form(query_string, "query")
        declared = {parameter.name: parameter for parameter in self._query}
        for name in given:
            if name not in declared:
                detail = "the contract has no such parameter"
                raise invalid_input(
                    Fault("query", pointer_to([name]), "additionalProperties", detail)
                )
        return {
            name: value
            for name, parameter in declared.items()
            if (value := parameter.read(given.get(name))) is not None
        }

    def _read_headers(self, scope: Scope) -> dict[str, Any]:
        read = {}
        for parameter in self._headers:
            name = parameter.name.lower()
            values = header_values(scope, name.encode("ascii"))
            if len(values) > 1:
                raise bad_request(f"the header {parameter.name} stands twice")
            value = parameter.read(values[0].decode("latin-1") if values else None)
            if value is not None:
                read[name] = value
        return read


class ParameterReader:
    """Reads one parameter from its text; ``integer`` and ``string`` are the types it knows."""

    def __init__(self, parameter: Parameter, contract: Contract) -> None:
        self.name = parameter.name
        self._location = parameter.location
        self._required = parameter.required
        self._schema = Schema(contract, parameter.schema)
        if "$ref" not in parameter.schema:
            # A refusal names the place of the rule in the contract.
            raise BadContract(f"the schema of the parameter {self.name} has no name")
        name = parameter.schema["$ref"].split("/")[-1]
        said = contract.schemas["components"]["schemas"][name]
        self._type = said.get("type")
        self._default = said.get("default")
        if self._type not in ("string", "integer"):
            raise BadContract(f"the parameter {self.name} is no string and no integer")

    def read(self, text: str | None) -> Any:
        """Return the value, the default when it is left out; None when there is no default."""
        if text is None:
            if self._required:
                raise invalid_input(self._fault("required"))
            return self._default
        if self._type == "string":
            return self.check(text)
        if not _INTEGER.fullmatch(text):
            raise invalid_input(self._fault("type"))
        return self.check(int(text))

    def check(self, value: Any) -> Any:
        is_ascii = not isinstance(value, str) or value.isascii()
        if not self._schema.fits(value, is_ascii=is_ascii):
            pointer = pointer_to([self.name])
            raise invalid_input(*self._schema.faults(value, self._location, pointer))
        return value

    def _fault(self, rule: str) -> Fault:
        return Fault(self._location, pointer_to([self.name]), rule)


class BodyReader:
    """Reads one operation's body: at most ``limits.body_bytes``, one media type, UTF-8."""

    def __init__(self, body: Body, contract: Contract, limits: Limits) -> None:
        if body.media_type not in (JSON, FORM):
            raise BadContract(f"bodies of the type {body.media_type} are not supported")
        self._media_type = body.media_type
        self._usual_type = body.media_type.encode("ascii")
        self._schema = Schema(contract, body.schema)
        self._max_bytes = limits.body_bytes
        self._max_depth = limits.json_depth

    async def read(self, scope: Scope, receive: Receive) -> Mapping[str, Any]:
        """Return the body, which fits the contract.

        Raises:
            Refusal: 400, 413 or 415.
            ClientGone: the rest of the body will never come.
        """
        self._check_headers(scope)
        raw = await self._receive(receive)
        if self._media_type == FORM:
            value: Any = parse_form(raw, "body")
            is_ascii = all(map(str.isascii, value.values()))
        else:
            value = self._parse_json(raw)
            # Without an escape, a text of ASCII has only strings of ASCII.
            is_ascii = raw.isascii() and b"\\u" not in raw
        if not self._schema.fits(value, is_ascii=is_ascii):
            raise invalid_input(*self._schema.faults(value, "body"))
        fitting: Mapping[str, Any] = value
        return fitting

    def _check_headers(self, scope: Scope) -> None:
        types = 0
        for name, value in scope["headers"]:
            if name == b"content-type":
                types += 1
                if value != self._usual_type and not self._is_media_type(value):
                    raise self._unsupported()
            elif name == b"content-encoding":
                if value.strip().lower() != b"identity":
                    raise self._unsupported()
            elif name == b"content-length" and int(value) > self._max_bytes:
                raise self._too_large()
        if types != 1:
            raise self._unsupported()

    def _is_media_type(self, value: bytes) -> bool:
        media_type, *parameters = value.decode("latin-1").lower().split(";")
        if media_type.strip() != self._media_type:
            return False
        charsets = ("charset=utf-8", 'charset="utf-8"')
        return not parameters or (len(parameters) == 1 and parameters[0].strip() in charsets)

    async def _receive(self, receive: Receive) -> bytes:
        event = await receive()
        if event["type"] == "http.request" and not event.get("more_body"):
            raw: bytes = event.get("body", b"")
            if len(raw) > self._max_bytes:
                raise self._too_large()
            return raw
        parts: list[bytes] = []
        size = 0
        while True:
            if event["type"] != "http.request":
                raise ClientGone
            parts.append(event.get("body", b""))
            size += len(parts[-1])
            if size > self._max_bytes:
                raise self._too_large()
            if not event.get("more_body"):
                return b"".join(parts)
            event = await receive()

    def _parse_json(self, raw: bytes) -> Any:
        try:
            return parse_strict(raw, max_depth=self._max_depth)
        except NotStrictJson as error:
            pointer = error.pointer if len(error.pointer) <= 512 else ""
            fault = Fault("body", pointer, error.rule, error.detail[:1024])
            detail = f"the body is not JSON as it is taken here: {error.detail}"
        # Outside: what is refused keeps nothing of the error and its frames.
        raise bad_request(detail, fault)

    def _unsupported(self) -> Refusal:
        detail = f"the body has to be {self._media_type} in UTF-8, without an encoding"
        return Refusal("unsupported-media-type", detail)

    def _too_large(self) -> Refusal:
        return Refusal("too-large", f"the body is larger than {self._max_bytes} bytes")


def parse_form(raw: bytes, location: str) -> dict[str, str]:
    """Return the fields of a form or a query string, each name once.

    Raises:
        Refusal: 400.
    """
    if not raw:
        return {}
    pairs = raw.split(b"&", MAX_FIELDS)
    if len(pairs) > MAX_FIELDS:
        raise bad_request(f"the {location} has more than {MAX_FIELDS} fields")
    if _BAD_ESCAPE.search(raw):
        raise bad_request(f"the {location} has a % that begins no escape")
    fields: dict[str, str] = {}
    for pair in pairs:
        name, _, value = (_form_text(part, location) for part in pair.partition(b"="))
        if name in fields:
            raise bad_request(f"a field of the {location} stands twice")
        fields[name] = value
    return fields


def _form_text(part: bytes, location: str) -> str:
    try:
        text = unquote_to_bytes(part.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError:
        raise bad_request(f"the {location} is not UTF-8") from None
    if "\0" in text:
        raise bad_request(f"the {location} holds U+0000")
    return text


def _parameters(
    operation: Operation, location: str, contract: Contract
) -> tuple[ParameterReader, ...]:
    return tuple(
        ParameterReader(parameter, contract)
        for parameter in operation.parameters
        if parameter.location == location
    )


class CompiledValidationAPI(RoutedAPI[CompiledValidation]):
    def __init__(self, *args: Any, contract: Contract, limits: Limits, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._contract = contract
        self._limits = limits
        self.add_paths()

    def make_operation(self, operation: AbstractOperation) -> CompiledValidation:
        name = operation.operation_id
        return CompiledValidation(
            stage_of(self.next_app, name),
            self._contract.operations[name],
            self._contract,
            self._limits,
        )


class CompiledValidationMiddleware(RoutedMiddleware[CompiledValidationAPI]):
    """Takes the place of Connexion's validation, which builds its validators per request."""

    api_cls = CompiledValidationAPI
