"""Asks each operation of the REST contract with everything right but what a test changes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from handlers.contract import Contract, Operation
from handlers.keys import KEY_HEADER
from handlers.validation import FORM
from services.limits import Rates
from services.ports import Store
from spec import load_openapi
from tests.support.rest import ADMIN_SECRET, NODE_SECRET, PASSWORD, Answer, RestDoor, open_rest

CONTRACT: Final = Contract(load_openapi())
SCHEMAS: Final = CONTRACT.schemas["components"]["schemas"]
# Many requests come from one address.
RATES: Final = Rates(
    keys_per_source_and_hour=10_000,
    login_failures_per_account_and_source=10_000,
    login_failures_per_account=10_000,
    login_failures_per_source=10_000,
)


def schema_of(said: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in said:
        said = SCHEMAS[said["$ref"].rpartition("/")[2]]
    return said


@dataclass(slots=True)
class Question:
    """A request that is right in all its parts, until a test changes one."""

    method: str
    path: str
    token: str | None
    headers: dict[str, str]
    raw: bytes | None
    content_type: str | None


class Asker:
    """Somebody new for each question. ``door`` is the running API."""

    def __init__(self, door: RestDoor, api_key: str) -> None:
        self.door = door
        self._api_key = api_key
        self._people = 0

    async def prepare(
        self, operation: Operation, changes: Mapping[tuple[str, str], Any] | None = None
    ) -> Question:
        """Return a question; ``changes`` are values by location and name, None leaves one out."""
        self._people += 1
        name = f"person {self._people}"
        await self.door.register(name, api_key=self._api_key)
        token = await self._token(operation, name)
        given: dict[tuple[str, str], Any] = {("path", "username"): name}
        if "{room}" in operation.path:
            given["path", "room"] = await self.door.make_room(token or "")
        if operation.operation_id == "put_member":
            # An invitation; everybody may go by themselves.
            given["path", "username"] = f"{name}'s friend"
            await self.door.register(f"{name}'s friend", api_key=self._api_key)
        if any(parameter.name == KEY_HEADER for parameter in operation.parameters):
            # Of its own: it ends.
            given["header", KEY_HEADER] = await self.door.make_key()
        given.update(changes or {})
        body = self._body(operation, name)
        body.update({member: given[place, member] for place, member in given if place == "body"})
        return Question(
            method=operation.method,
            path=_target(operation, given),
            token=token,
            headers={
                parameter.name: given["header", parameter.name]
                for parameter in operation.parameters
                if parameter.location == "header"
            },
            raw=_written(operation, body),
            content_type=operation.body.media_type if operation.body else None,
        )

    async def send(self, question: Question) -> Answer:
        return await self.door.request(
            question.method,
            question.path,
            raw=question.raw,
            token=question.token,
            headers=question.headers,
            content_type=question.content_type,
        )

    async def ask(
        self, operation: Operation, changes: Mapping[tuple[str, str], Any] | None = None
    ) -> Answer:
        return await self.send(await self.prepare(operation, changes))

    async def _token(self, operation: Operation, name: str) -> str | None:
        match operation.operation_id:
            case "create_user" | "login_user":
                return None
            case "delete_key":
                return ADMIN_SECRET
            case "introspect" | "check_sessions":
                return NODE_SECRET
            case _:
                return await self.door.log_in(name, self._api_key)

    def _body(self, operation: Operation, name: str) -> dict[str, Any]:
        """Return a valid body: the members' examples, but what has to be one's own."""
        if operation.body is None:
            return {}
        members = schema_of(operation.body.schema)["properties"]
        body = {member: schema_of(said)["example"] for member, said in members.items()}
        own: dict[str, Any] = {
            "create_user": {"username": f"{name} again", "api_key": self._api_key},
            "login_user": {"username": name, "password": PASSWORD, "api_key": self._api_key},
            "update_password": {"old_password": PASSWORD},
        }
        return {**body, **own.get(operation.operation_id, {})}


def _target(operation: Operation, given: Mapping[tuple[str, str], Any]) -> str:
    path = operation.path
    query = {name: value for (place, name), value in given.items() if place == "query"}
    for (place, name), value in given.items():
        if place == "path":
            path = path.replace(f"{{{name}}}", quote(value, safe=""))
    return f"{path}?{urlencode(query)}" if query else path


def _written(operation: Operation, body: Mapping[str, Any]) -> bytes | None:
    if operation.body is None:
        return None
    said = {member: value for member, value in body.items() if value is not None}
    return (urlencode(said) if operation.body.media_type == FORM else json.dumps(said)).encode()


@asynccontextmanager
async def open_asker(
    *, store: Store | None = None, expect_violations: bool = False
) -> AsyncIterator[Asker]:
    """Serve the API in this process, and ask it."""
    async with open_rest(rates=RATES, store=store, expect_violations=expect_violations) as door:
        yield Asker(door, await door.make_key())
