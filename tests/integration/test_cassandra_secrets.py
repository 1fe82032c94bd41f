"""With Cassandra behind it no secret is in clear in any table, in any statement or in any log.

A real Ilo is shown every secret, rightly and wrongly, with every logger at DEBUG, the driver's
too. The text of a message, which is kept as it is, shows that the search finds what is there.
"""

import asyncio
import base64
import logging
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from services.model import PublicKey, Receipt
from store.cassandra.connection import Connection
from store.cassandra.settings import CassandraSettings
from tests.support.ilo_process import FAULTY, ILO
from tests.support.kept_in_clear import everything, found_in
from tests.support.planted_secrets import (
    MESSAGE,
    NEW_PASSWORD,
    PASSWORD,
    PLANTED,
    Told,
    go_through_relay,
    go_through_rest,
    hits,
    logging_all,
    logs_of,
)
from tests.support.rest import LogRecorder
from tests.support.store_samples import NOON, appending, draft_for, open_room, some_user
from tests.support.system_client import SystemClient
from tests.support.two_stores import TwoStores, two_stores

if TYPE_CHECKING:
    from tests.support.cassandra.keyspaces import Keyspace

TIME_OUT_S = 0.6
PRIVATE = "planted text in a private room"


def config_of(place: "Keyspace") -> dict[str, Any]:
    return {
        "Cassandra_address": list(place.contact_points),
        "Cassandra_port": place.port,
        "Cassandra_keyspace": place.name,
    }


async def go_on(client: SystemClient) -> dict[str, str]:
    """Use a private room, change a password, end sessions, delete an account and a key; return
    the secrets that the API made."""
    rest = client.rest
    made = await client.new_key()
    key = str(made["detail"])
    for name in ("owner", "guest"):
        await client.register(name, key, password=PASSWORD)
    owner, guest = [await client.log_in(n, key, password=PASSWORD) for n in ("owner", "guest")]
    room = (await rest.post("/room", json={}, headers=owner.bearer)).json()["room"]
    invited = await rest.put(f"/room/{room}/member/guest", headers=owner.bearer)
    assert invited.status_code in {200, 201, 204}
    for person in (owner, guest):
        socket, _ = await client.join(person, room)
        await socket.say(PRIVATE)
        await socket.json_of("ack")
    change = {"old_password": PASSWORD, "new_password": NEW_PASSWORD}
    changed = await rest.put("/user/owner/password", json=change, headers=owner.bearer)
    assert changed.is_success, changed.text
    ended = await rest.delete("/session", headers=owner.bearer)
    gone = await rest.delete("/user/guest", headers=guest.bearer)
    revoked = await rest.delete("/key", headers={"Authorization": f"Bearer {made['revoke_token']}"})
    assert [one.is_success for one in (ended, gone, revoked)] == [True] * 3
    return {
        "revoked key": key,
        "its revoke token": str(made["revoke_token"]),
        "ended session": owner.token,
        "session of a deleted account": guest.token,
    }


async def test_no_secret_is_in_clear_in_any_table_statement_log_or_refusal(
    keyspace: "Keyspace", cassandra_session: Any, tmp_path: Path
) -> None:
    told = Told()
    async with logging_all(tmp_path, ILO, config_of(keyspace)) as (ilo, client):
        made = await go_through_rest(client, told)
        await go_through_relay(client, made, told)
        made |= await go_on(client)
    name = made.pop("name")
    secrets = {**made, **PLANTED, "private message": PRIVATE}
    logs = logs_of(ilo)
    kept = await asyncio.to_thread(everything, cassandra_session, keyspace)

    assert hits(secrets, logs) == []
    assert [hit for text in told.refusals if (hit := hits(secrets, text))] == []
    assert found_in(secrets, kept) == ["message", "private message"]
    # There was something to look through.
    assert name.encode() in kept
    assert b"INSERT INTO sessions" in kept
    assert "[cassandra.cluster | DEBUG]" in logs
    assert "[cassandra.connection | DEBUG]" in logs


async def test_secrets_in_a_table_are_found_in_whatever_form(
    bare_keyspace: "Keyspace", cassandra_session: Any
) -> None:
    token = "ilo_s_" + base64.urlsafe_b64encode(bytes(range(32))).decode().rstrip("=")
    key = str(uuid.uuid4())
    secrets = {"token": token, "key": key, "password": PASSWORD}
    planted: dict[str, Sequence[object]] = {
        "token": [token, token[10:40], bytes(range(32)), f"x{bytes(range(32)).hex()}"],
        "key": [key, uuid.UUID(key), key.encode().hex(), key.replace("-", "")],
        "password": [f"is {PASSWORD}!", PASSWORD.encode(), PASSWORD.encode().hex().upper()],
        "password, in base64": [
            base64.b64encode(f"{'x' * before}{PASSWORD}{'y' * after}".encode()).decode()
            for before in range(3)
            for after in range(3)
        ],
    }
    types = {str: "text", bytes: "blob", uuid.UUID: "uuid"}
    name, session = bare_keyspace.name, cassandra_session
    session.execute(f"CREATE TABLE {name}.t (id int PRIMARY KEY, text text, blob blob, uuid uuid)")

    for which, values in planted.items():
        for value in values:
            insert = f"INSERT INTO {name}.t (id, {types[type(value)]}) VALUES (1, %s)"
            session.execute(insert, [value])
            assert found_in(secrets, everything(session, bare_keyspace)) == [
                which.partition(",")[0]
            ], value
            session.execute(f"DELETE FROM {name}.t WHERE id = 1")


async def test_an_ilo_that_tells_all_on_cassandra_is_found_out(
    keyspace: "Keyspace", tmp_path: Path
) -> None:
    program = [*FAULTY, "tells-all"]
    async with logging_all(tmp_path, program, config_of(keyspace)) as (ilo, client):
        made = await go_through_rest(client, Told())
        await go_through_relay(client, made, Told())

    assert {"session token", "ticket"} <= set(hits({**made, "message": MESSAGE}, logs_of(ilo)))


@pytest.fixture
def log() -> Iterator[LogRecorder]:
    """All that the driver and the store log, at every level."""
    recorder = LogRecorder()
    loggers = [logging.getLogger(name) for name in ("cassandra", "store", "asyncio")]
    levels = [one.level for one in loggers]
    for one in loggers:
        one.addHandler(recorder)
        one.setLevel(logging.DEBUG)
    yield recorder
    for one, level in zip(loggers, levels, strict=True):
        one.removeHandler(recorder)
        one.setLevel(level)


@pytest.fixture
async def place(
    log: LogRecorder, keyspace: "Keyspace", monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[TwoStores]:
    monkeypatch.setattr("store.cassandra.connection.REQUEST_TIMEOUT_S", TIME_OUT_S)
    async with two_stores(keyspace, time_out_s=TIME_OUT_S) as made:
        yield made


async def test_what_is_written_is_in_no_log_while_answers_are_late_and_lines_are_cut(
    place: TwoStores, log: LogRecorder
) -> None:
    store, line = place.stores[0], place.lines[0]
    room = await open_room(store)
    ann = replace(some_user("ann"), password_hash=f"hash {PASSWORD}")
    await store.add_user(ann, PublicKey(1, f"key {PRIVATE}", NOON))

    late = appending(store, [draft_for(room, ann, f"{MESSAGE} {n}") for n in range(10)])
    line.proxy.answers.clear()
    await asyncio.sleep(2 * TIME_OUT_S)
    line.proxy.answers.set()
    after_late = await late
    cut = appending(store, [draft_for(room, ann, f"{MESSAGE} {n}") for n in range(10)])
    line.proxy.cut()
    after_cut = await cut
    await place.heal()

    assert any(isinstance(outcome, Receipt) for _, outcome in after_late + after_cut)
    told = [line for line in log.lines for one in (MESSAGE, PASSWORD, PRIVATE) if one in line]
    assert told == []
    assert any("a conditional write has no answer" in line for line in log.lines)
    assert any(line.startswith("cassandra.") for line in log.lines)


def test_the_values_of_a_statement_that_is_logged_are_found(
    log: LogRecorder, keyspace: "Keyspace"
) -> None:
    """The driver shows the values of what it is given to log; it does not log that by itself."""
    connection = Connection.make(
        CassandraSettings(keyspace.contact_points, keyspace.port, keyspace.name)
    )
    try:
        prepared = connection.session.prepare("SELECT user_id FROM user_names WHERE name_key = ?")
        logging.getLogger("cassandra.cluster").debug("sent %s", prepared.bind([MESSAGE]))
    finally:
        connection.close()

    assert any(MESSAGE in line for line in log.lines)
