"""Planted secrets: whatever is logged at every level, and whatever is refused, shows none."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest

from handlers.app import create_api
from handlers.call import CALL, Call
from ilo.work_pool import ThreadWorkPool
from services.accounts import Accounts
from tests.support.memory_store import MemoryStore
from tests.support.rest import (
    IN_PROCESS_SECRET,
    NODE_SECRET,
    SETTINGS,
    Clock,
    LogRecorder,
    RestDoor,
    make_services,
    open_rest,
    serving,
    user,
)

MARK = "PlantedSecret7"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def log() -> Iterator[LogRecorder]:
    recorder = LogRecorder()
    root = logging.getLogger()
    names = [name for name in logging.root.manager.loggerDict if name != "asyncio"]
    levels = {name: logging.getLogger(name).level for name in names}
    root_level = root.level
    root.addHandler(recorder)
    root.setLevel(logging.DEBUG)
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield recorder
    root.removeHandler(recorder)
    root.setLevel(root_level)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
async def door(log: LogRecorder) -> AsyncIterator[RestDoor]:
    async with open_rest() as opened:
        yield opened


async def test_planted_secrets_are_in_no_log_and_no_refusal(
    door: RestDoor, log: LogRecorder
) -> None:
    password = f"{MARK}-Aa1!"
    made = (await door.request("POST", "/key")).json()
    key = made["detail"]
    await door.register("ann", api_key=key, password=password)
    token = await door.log_in("ann", key, password=password)
    ticket = (await door.request("POST", "/ticket", token=token)).json()["ticket"]
    body = {**user("bob", key), "password": password, "public_key": MARK}
    potion = f"token={token}&token_type_hint=session&nonce={MARK}{'a' * 22}".encode()
    secrets = (MARK, token, ticket, key, made["revoke_token"], NODE_SECRET, IN_PROCESS_SECRET)

    answers = [
        await door.request("POST", "/user", {**body, "api_key": MARK}),
        await door.request("POST", "/user", {**body, "username": 5}),
        await door.request("POST", "/user", {**body, "password": MARK}),
        await door.request("POST", "/user", {**body, "password": MARK * 200}),
        await door.request("POST", "/user", [MARK]),
        await door.request("POST", "/user", raw=f'{{"password": "{MARK}", bad'.encode()),
        await door.request("POST", "/user", raw=f'{{"password": "{MARK}\\ud800"}}'.encode()),
        await door.request("POST", "/user", raw=f'{{"a": "{MARK}", "a": "x"}}'.encode()),
        await door.request("PUT", "/user", {"username": "ann", "password": MARK, "api_key": key}),
        await door.request("GET", "/session", token=MARK),
        await door.request("GET", f"/session?token={token}", token=token),
        await door.request("GET", "/session", headers={"Cookie": MARK}),
        await door.request("GET", "/nope", token=token),
        await door.request("DELETE", "/key", token=f"ilo_r_{MARK}"),
        await door.request("DELETE", "/key", token="admin", headers={"Ilo-Api-Key": key}),
        await door.request("POST", "/potion", raw=potion, token=MARK, content_type=FORM),
        await door.request("POST", "/potion", raw=potion, token=NODE_SECRET),
        await door.request(
            "POST", "/potion", raw=b"token=" + potion, token=NODE_SECRET, content_type=FORM
        ),
        await door.request(
            "PUT",
            "/user/ann/password",
            {"old_password": MARK, "new_password": f"{MARK}-Bb2!"},
            token=token,
        ),
        await door.request("POST", f"/user?password={MARK}", body),
        await door.send(f"GET /user/{MARK}\xff HTTP/1.1\r\n\r\n".encode("latin-1")),
        await door.send(f"{MARK} / HTTP/1.1\r\n\r\n".encode()),
    ]
    assert (await door.request("DELETE", "/key", token=made["revoke_token"])).status == 200

    assert {400, 401, 403, 404, 415} <= {answer.status for answer in answers}
    shown = [
        secret
        for answer in answers
        for secret in secrets
        if answer.status >= 400 and secret.encode() in answer.body
    ]
    logged = [line for line in log.lines for secret in secrets if secret in line]
    assert (shown, logged) == ([], [])
    # The recorder does see what is logged: the audit lines of all of this.
    assert any("logged in" in line for line in log.lines)
    assert any("refused login_user as bad-credentials" in line for line in log.lines)


class FailingAccounts(Accounts):
    """Fails like a bug would: with everything it knows in the text of the error."""

    async def register(self, **given: Any) -> None:
        local_copy = given["password"]
        try:
            raise KeyError(local_copy)
        except KeyError as error:
            raise ValueError(f"cannot register {given}") from error


async def test_a_bug_is_a_500_with_its_place_in_the_log_and_no_value(log: LogRecorder) -> None:
    pool = ThreadWorkPool(1)
    store, clock = MemoryStore(), Clock()
    services = make_services(store, clock, pool, [])
    failing = FailingAccounts.__new__(FailingAccounts)
    api = create_api(replace(services, accounts=failing), SETTINGS)
    try:
        async with serving(api) as port:
            door = RestDoor(port, api, store, clock)
            body = {**user("ann", await door.make_key()), "password": MARK}
            answer = await door.request("POST", "/user", body)
            alive = await door.request("GET", "/health")
    finally:
        pool.close()

    assert (answer.status, answer.problem) == (500, "internal")
    assert MARK not in answer.body.decode()
    assert "Traceback" not in answer.body.decode()
    errors = [line for line in log.lines if " ERROR " in line]
    assert len(errors) == 1
    assert answer.headers["x-request-id"] in errors[0]
    assert "builtins.ValueError" in errors[0]
    assert "builtins.KeyError" in errors[0]
    assert "in register" in errors[0]
    assert [line for line in log.lines if MARK in line] == []
    assert alive.status == 200
    assert api.guard is not None
    assert api.guard.violations == ["create_user 500: a fault"]


async def test_names_cannot_forge_lines_of_the_log(door: RestDoor, log: LogRecorder) -> None:
    key = await door.make_key()
    forged = "ann\r\nuser INFO logged in: who=eve\u2028\u202e x"
    body = {"username": forged, "password": "x", "api_key": key}

    assert (await door.request("PUT", "/user", body)).status == 401

    lines = [line for line in log.lines if "refused login_user" in line]
    assert len(lines) == 1
    message = lines[0].partition(" {")[0]
    assert not set(message) & set("\r\n\u2028\u202e")
    assert "who=ann\\r\\nuser\\x20INFO" in message


async def in_process(api: Any, secret: str, client: Any) -> int:
    """Ask ``/potion`` as the relay of the same process does; return the status."""
    body = b"token=x&token_type_hint=session&nonce=3q2-7wABCDEFGHIJKLMNOP"
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/potion",
        "raw_path": b"/potion",
        "query_string": b"",
        "client": client,
        "headers": [
            (b"authorization", b"Bearer " + secret.encode()),
            (b"content-type", FORM.encode()),
        ],
        # What a server that shares it between requests would leave there.
        "extensions": {"connexion_context": {"user": "eve"}, CALL: "a stranger's"},
    }
    events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    await api(scope, receive, events.put)
    assert scope["extensions"] == {"connexion_context": {"user": "eve"}, CALL: "a stranger's"}
    return int((await events.get())["status"])


async def test_the_secret_of_the_process_counts_inside_the_process_alone(
    door: RestDoor,
) -> None:
    asked = [
        await in_process(door.api, IN_PROCESS_SECRET, None),
        await in_process(door.api, NODE_SECRET, None),
        await in_process(door.api, "", None),
        await in_process(door.api, IN_PROCESS_SECRET, ("127.0.0.1", 1)),
        await in_process(door.api, NODE_SECRET, ("127.0.0.1", 1)),
        await in_process(door.api, NODE_SECRET, ("::ffff:127.0.0.1", 1)),
        await in_process(door.api, NODE_SECRET, ("no address", 1)),
    ]

    assert asked == [200, 401, 401, 401, 200, 200, 401]


def test_settings_and_calls_show_no_secret() -> None:
    call = Call({"headers": [(b"authorization", MARK.encode())]}, "id", None, SETTINGS, None)  # type: ignore[arg-type]  # looked at by nobody

    assert NODE_SECRET not in repr(SETTINGS)
    assert IN_PROCESS_SECRET not in repr(SETTINGS)
    assert SETTINGS.admin_secret is not None
    assert SETTINGS.admin_secret not in repr(SETTINGS)
    assert MARK not in repr(call)
