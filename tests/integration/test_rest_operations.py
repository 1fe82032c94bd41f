"""Every operation over real sockets: each declared answer, compared with the contract."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator

import pytest

from services.errors import StorageFull, StoreUnavailable
from services.introspection import answer_to
from services.limits import Rates
from spec import load_openapi
from tests.support.memory_store import MemoryStore
from tests.support.rest import (
    ADMIN_SECRET,
    IN_PROCESS_SECRET,
    NODE_SECRET,
    PASSWORD,
    RELAY_URL,
    Answer,
    RestDoor,
    open_rest,
    user,
    with_settings,
)

UNKNOWN_KEY = "00000000-0000-4000-8000-000000000000"
UNKNOWN_TOKEN = "ilo_s_" + "A" * 43
NEW_PASSWORD = "MyOtherSecurePassword58!"
NONCE = "3q2-7wABCDEFGHIJKLMNOP"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
async def door() -> AsyncIterator[RestDoor]:
    async with open_rest() as opened:
        yield opened


async def ask_potion(
    door: RestDoor, token: str, kind: str = "session", *, secret: str = NODE_SECRET
) -> Answer:
    raw = f"token={token}&token_type_hint={kind}&nonce={NONCE}".encode()
    return await door.request("POST", "/potion", raw=raw, token=secret, content_type=FORM)


# Keys


async def test_anyone_makes_a_key_where_issuance_is_open(door: RestDoor) -> None:
    answer = await door.request("POST", "/key")

    assert answer.status == 201
    assert answer.headers["cache-control"] == "no-store"
    assert set(answer.json()) == {"detail", "revoke_token"}


async def test_a_wrong_bearer_makes_a_key_like_anyone(door: RestDoor) -> None:
    assert (await door.request("POST", "/key", token="wrong")).status == 201


async def test_only_the_admin_makes_keys_where_issuance_is_admin() -> None:
    async with open_rest(issuance="admin") as door:
        for token in (None, "wrong", NODE_SECRET, ADMIN_SECRET[:-1]):
            refused = await door.request("POST", "/key", token=token)
            assert (refused.status, refused.problem) == (401, "admin-only")
            assert refused.headers["www-authenticate"] == "Bearer"

        assert (await door.request("POST", "/key", token=ADMIN_SECRET)).status == 201


async def test_nobody_is_the_admin_without_a_secret() -> None:
    settings = with_settings(admin_secret=None)
    async with open_rest(issuance="admin", settings=settings) as door:
        for token in (None, "", "None", ADMIN_SECRET):
            assert (await door.request("POST", "/key", token=token)).status == 401


async def test_too_many_keys_from_one_source_are_refused_but_not_to_the_admin() -> None:
    async with open_rest(rates=Rates(keys_per_source_and_hour=2)) as door:
        statuses = [(await door.request("POST", "/key")).status for _ in range(3)]
        refused = await door.request("POST", "/key")

        assert statuses == [201, 201, 429]
        assert refused.problem == "too-many-tries"
        assert 1 <= int(refused.headers["retry-after"]) <= 3600
        assert (await door.request("POST", "/key", token=ADMIN_SECRET)).status == 201


async def test_a_revoke_token_ends_its_key_and_sessions_once(door: RestDoor) -> None:
    made = (await door.request("POST", "/key")).json()
    await door.register("ann", api_key=made["detail"])
    token = await door.log_in("ann", made["detail"])
    revoke_token = made["revoke_token"]

    first = await door.request("DELETE", "/key", token=revoke_token)
    second = await door.request("DELETE", "/key", token=revoke_token)
    door.clock.advance(3)

    assert first.status == 200
    assert (second.status, second.problem) == (401, "unknown-revoke-token")
    assert (await door.request("GET", "/session", token=token)).status == 401


async def test_the_admin_revokes_a_key_by_its_header(door: RestDoor) -> None:
    key = await door.make_key()
    header = {"Ilo-Api-Key": key}

    assert (await door.request("DELETE", "/key", token=ADMIN_SECRET)).problem == "invalid-input"
    done = await door.request("DELETE", "/key", token=ADMIN_SECRET, headers=header)
    again = await door.request("DELETE", "/key", token=ADMIN_SECRET, headers=header)

    assert done.status == 200
    assert (again.status, again.problem) == (404, "api-key-not-found")


@pytest.mark.parametrize("token", [None, "", "ilo_r_short", "ilo_r_" + "A" * 86, NODE_SECRET])
async def test_a_key_is_not_revoked_without_its_token(door: RestDoor, token: str | None) -> None:
    key = await door.make_key()

    refused = await door.request("DELETE", "/key", token=token, headers={"Ilo-Api-Key": key})

    assert (refused.status, refused.problem) == (401, "unknown-revoke-token")


async def test_a_bad_key_header_is_named(door: RestDoor) -> None:
    refused = await door.request(
        "DELETE", "/key", token=ADMIN_SECRET, headers={"Ilo-Api-Key": "no"}
    )

    assert refused.problem == "invalid-input"
    assert refused.json()["errors"][0]["in"] == "header"
    assert refused.json()["errors"][0]["pointer"] == "/Ilo-Api-Key"


# Users


@pytest.mark.parametrize("name", ["cookielover57-", "Ζωή", "🦊", "Łukasz Ż"])
async def test_a_user_registers_logs_in_and_is_found(door: RestDoor, name: str) -> None:
    key = await door.make_key()
    path = "/user/" + "".join(f"%{byte:02X}" for byte in name.encode())

    made = await door.request("POST", "/user", user(name, key))
    token = await door.log_in(name, key)
    found = await door.request("GET", path, token=token)
    asked = await door.request("HEAD", path, token=token)

    assert (made.status, made.json()) == (201, {"detail": f"Successfully created {name}"})
    assert found.json() == {
        "detail": "XzKSzgiX2qoPySbe5T4TSK2018V...",
        "username": name,
        "key_version": 1,
        "created_at": "2026-01-02T12:00:00.000Z",
    }
    assert (asked.status, asked.body) == (200, b"")


async def test_a_login_answers_token_expiry_and_relay(door: RestDoor) -> None:
    key = await door.register("ann")

    answer = await door.request(
        "PUT", "/user", {"username": "ann", "password": PASSWORD, "api_key": key}
    )

    value = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert value["detail"] == "Successful Login for ann"
    assert re.fullmatch(r"ilo_s_[A-Za-z0-9_-]{43}", value["token"])
    assert value["expires_at"] == "2026-02-01T12:00:00.000Z"
    assert value["relay_url"] == RELAY_URL


async def test_unknown_user_wrong_password_and_bad_key_get_one_answer(door: RestDoor) -> None:
    key = await door.register("ann")
    tries = [
        {"username": "nobody", "password": PASSWORD, "api_key": key},
        {"username": "ann", "password": "wrong", "api_key": key},
        {"username": "ann", "password": PASSWORD, "api_key": UNKNOWN_KEY},
    ]

    answers = [await door.request("PUT", "/user", body) for body in tries]

    assert {answer.status for answer in answers} == {401}
    assert {answer.problem for answer in answers} == {"bad-credentials"}
    bodies = [{**answer.json(), "instance": ""} for answer in answers]
    headers = [{**answer.headers, "x-request-id": "", "date": ""} for answer in answers]
    assert bodies[0] == bodies[1] == bodies[2]
    assert headers[0] == headers[1] == headers[2]


async def test_guessing_is_slowed_down(door: RestDoor) -> None:
    key = await door.register("ann")
    body = {"username": "ann", "password": "wrong", "api_key": key}

    statuses = [(await door.request("PUT", "/user", body)).status for _ in range(11)]
    right = await door.request("PUT", "/user", {**body, "password": PASSWORD})

    assert statuses == [401] * 10 + [429]
    assert (right.status, right.problem) == (429, "too-many-tries")
    assert int(right.headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    ("change", "status", "problem", "pointer"),
    [
        ({"password": "short"}, 400, "invalid-input", "/password"),
        ({"username": "a/b"}, 400, "invalid-input", "/username"),
        ({"username": "a" * 65}, 400, "invalid-input", "/username"),
        ({"username": "\u202eann"}, 400, "invalid-input", "/username"),
        ({"public_key": "a" * 16385}, 400, "invalid-input", "/public_key"),
        ({"public_key": "é" * 8193}, 400, "invalid-input", "/public_key"),
        ({"password": "é" * 513 + "A1!"}, 400, "invalid-input", "/password"),
        ({"public_key": ""}, 400, "invalid-input", "/public_key"),
        ({"api_key": "no"}, 400, "invalid-input", "/api_key"),
        ({"api_key": UNKNOWN_KEY + "\n"}, 400, "invalid-input", "/api_key"),
        ({"extra/~": 1}, 400, "invalid-input", "/extra~1~0"),
        ({"api_key": UNKNOWN_KEY}, 401, "unknown-api-key", None),
        (
            {"public_key": "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----"},
            400,
            "invalid-input",
            "/public_key",
        ),
    ],
)
async def test_a_registration_against_a_rule_is_refused_with_its_place(
    door: RestDoor, change: dict[str, object], status: int, problem: str, pointer: str | None
) -> None:
    body = {**user("ann", await door.make_key()), **change}

    refused = await door.request("POST", "/user", body)

    assert (refused.status, refused.problem) == (status, problem)
    if pointer is not None:
        fault = refused.json()["errors"][0]
        assert (fault["in"], fault["pointer"]) == ("body", pointer)
        assert fault["schema"].startswith("#/components/schemas/")


@pytest.mark.parametrize("ascii_only", [True, False], ids=["escaped", "UTF-8"])
async def test_bytes_are_counted_however_they_are_written(door: RestDoor, ascii_only: bool) -> None:
    key = await door.make_key()

    for size, rules in ((512, []), (513, ["x-max-bytes"])):
        body = {"username": "ann", "password": "é" * size, "api_key": key}
        raw = json.dumps(body, ensure_ascii=ascii_only).encode()
        answer = await door.request("PUT", "/user", raw=raw)
        assert [fault["rule"] for fault in answer.json().get("errors", [])] == rules


async def test_a_name_is_taken_for_good_and_in_every_spelling(door: RestDoor) -> None:
    key = await door.register("ann")
    token = await door.log_in("ann", key)
    assert (await door.request("DELETE", "/user/ann", token=token)).status == 200

    for name in ("ann", "ANN", "Ann"):
        refused = await door.request("POST", "/user", user(name, key))
        assert (refused.status, refused.problem) == (409, "name-taken")


async def test_a_missing_user_is_not_found(door: RestDoor) -> None:
    token = await door.join("ann")

    for name in ("bob", "ANN"):
        assert (await door.request("GET", f"/user/{name}", token=token)).problem == "user-not-found"
        head = await door.request("HEAD", f"/user/{name}", token=token)
        assert (head.status, head.body) == (404, b"")


async def test_only_oneself_changes_ones_account_whether_it_exists_or_not(door: RestDoor) -> None:
    token = await door.join("ann")
    await door.register("bob")
    passwords = {"old_password": PASSWORD, "new_password": NEW_PASSWORD}

    for name in ("bob", "nobody", "ANN"):
        for method, path, body in (
            ("PUT", f"/user/{name}/password", passwords),
            ("PUT", f"/user/{name}/public_key", {"public_key": "k", "if_version": 1}),
            ("DELETE", f"/user/{name}", None),
        ):
            refused = await door.request(method, path, body, token=token)
            assert (refused.status, refused.problem) == (403, "not-yourself")


async def test_a_new_password_ends_the_other_sessions(door: RestDoor) -> None:
    key = await door.register("ann")
    mine, other = await door.log_in("ann", key), await door.log_in("ann", key)
    path = "/user/ann/password"
    body = {"old_password": PASSWORD, "new_password": NEW_PASSWORD}

    wrong = await door.request("PUT", path, {**body, "old_password": "no"}, token=mine)
    weak = await door.request("PUT", path, {**body, "new_password": "weak"}, token=mine)
    done = await door.request("PUT", path, body, token=mine)

    assert (wrong.status, wrong.problem) == (403, "wrong-password")
    assert weak.json()["errors"][0]["pointer"] == "/new_password"
    assert done.status == 200
    assert (await door.request("GET", "/session", token=mine)).status == 200
    assert (await door.request("GET", "/session", token=other)).problem == "not-logged-in"
    await door.log_in("ann", key, password=NEW_PASSWORD)


async def test_old_passwords_cannot_be_guessed_with_a_session(door: RestDoor) -> None:
    token = await door.join("ann")
    body = {"old_password": "no", "new_password": NEW_PASSWORD}

    statuses = [
        (await door.request("PUT", "/user/ann/password", body, token=token)).status
        for _ in range(11)
    ]

    assert statuses == [403] * 10 + [429]


async def test_a_public_key_is_replaced_by_who_has_seen_the_newest(door: RestDoor) -> None:
    token = await door.join("ann")
    body = {"public_key": "second", "if_version": 1}

    first = await door.request("PUT", "/user/ann/public_key", body, token=token)
    second = await door.request("PUT", "/user/ann/public_key", body, token=token)
    found = await door.request("GET", "/user/ann", token=token)

    assert (first.status, first.json()["key_version"]) == (200, 2)
    assert (second.status, second.problem) == (409, "key-version-conflict")
    assert (found.json()["detail"], found.json()["key_version"]) == ("second", 2)


async def test_an_account_is_deleted_within_five_minutes_of_a_login(door: RestDoor) -> None:
    key = await door.register("ann")
    token = await door.log_in("ann", key)
    door.clock.advance(301)

    late = await door.request("DELETE", "/user/ann", token=token)
    again = await door.log_in("ann", key)
    done = await door.request("DELETE", "/user/ann", token=again)

    assert (late.status, late.problem) == (403, "log-in-again")
    assert done.status == 200
    assert (await door.request("GET", "/session", token=again)).status == 401


# Sessions


async def test_a_session_tells_who_and_until_when(door: RestDoor) -> None:
    token = await door.join("ann")

    value = (await door.request("GET", "/session", token=token)).json()

    assert value == {
        "detail": "Logged in as ann",
        "username": "ann",
        "created_at": "2026-01-02T12:00:00.000Z",
        "expires_at": "2026-02-01T12:00:00.000Z",
        "relay_url": RELAY_URL,
    }


async def test_sessions_end_here_elsewhere_and_by_time(door: RestDoor) -> None:
    key = await door.register("ann")
    first, second, third = [await door.log_in("ann", key) for _ in range(3)]

    assert (await door.request("DELETE", "/session", token=first)).status == 200
    assert (await door.request("GET", "/session", token=first)).status == 401
    assert (await door.request("DELETE", "/session/others", token=second)).status == 200
    assert (await door.request("GET", "/session", token=third)).status == 401
    assert (await door.request("GET", "/session", token=second)).status == 200
    door.clock.advance(30 * 24 * 3600)
    assert (await door.request("GET", "/session", token=second)).status == 401


AUTHORIZATIONS = [
    None,
    "Bearer",
    "Bearer ",
    "Basic dXNlcjpwYXNz",
    f"Bearer {UNKNOWN_TOKEN}",
    "Bearer ilo_t_" + "A" * 43,
    "Bearer " + "x" * 600,
    "Bearer caf\xe9",
    f"Bearer {ADMIN_SECRET}",
]


@pytest.mark.parametrize("authorization", AUTHORIZATIONS)
async def test_every_operation_with_a_session_refuses_what_is_none(
    door: RestDoor, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    asked = 0
    for path, item in load_openapi()["paths"].items():
        for method in ("get", "head", "post", "put", "delete"):
            if item.get(method, {}).get("security") != [{"session": []}]:
                continue
            answer = await door.request(
                method.upper(), path.format(username="ann", room="tea"), headers=headers
            )
            assert answer.status == 401, (method, path)
            assert answer.headers["www-authenticate"] == "Bearer"
            asked += 1
    assert asked == 16


async def test_two_authorizations_are_none(door: RestDoor) -> None:
    token = await door.join("ann")
    line = f"Authorization: Bearer {token}\r\n"

    answer = await door.send(f"GET /session HTTP/1.1\r\nHost: x\r\n{line * 2}\r\n".encode())

    assert answer.status == 401


# Potion


async def test_a_relay_is_told_whose_token_it_is(door: RestDoor) -> None:
    token = await door.join("ann")

    answer = await ask_potion(door, token)

    value = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert value.pop("sub")
    assert value.pop("sid")
    assert value == {
        "active": True,
        "username": "ann",
        "exp": 1_769_947_200,
        "answer_to": answer_to(NONCE, token),
    }


async def test_a_ticket_is_used_up_by_the_question(door: RestDoor) -> None:
    token = await door.join("ann")
    made = await door.request("POST", "/ticket", token=token)
    ticket = made.json()["ticket"]

    answers = [
        (await ask_potion(door, ticket, "session")).json(),
        (await ask_potion(door, token, "ticket")).json(),
        (await ask_potion(door, ticket, "ticket")).json(),
        (await ask_potion(door, ticket, "ticket")).json(),
    ]

    assert made.headers["cache-control"] == "no-store"
    assert [answer["active"] for answer in answers] == [False, False, True, False]
    assert answers[0] == {"active": False}


@pytest.mark.parametrize("token", ["x", "%F0%9F%A6%8A", UNKNOWN_TOKEN, "a" * 512])
async def test_a_token_that_is_nobodys_is_inactive(door: RestDoor, token: str) -> None:
    assert (await ask_potion(door, token)).json() == {"active": False}


async def test_both_node_secrets_are_good_and_no_other(door: RestDoor) -> None:
    for secret in (NODE_SECRET, "the-node-secret-before-0123456789"):
        assert (await ask_potion(door, "x", secret=secret)).status == 200
    # That of the process counts inside the process alone, never over a socket.
    for secret in ("", "x", ADMIN_SECRET, IN_PROCESS_SECRET, NODE_SECRET[:-1], UNKNOWN_TOKEN):
        refused = await ask_potion(door, "x", secret=secret)
        assert (refused.status, refused.problem) == (401, "not-a-relay")


@pytest.mark.parametrize(
    ("allowed", "status"),
    [("127.0.0.1", 200), ("192.0.2.1", 401), ("::", 200), (None, 200)],
)
async def test_a_relay_asks_from_the_allowed_address(allowed: str | None, status: int) -> None:
    async with open_rest(settings=with_settings(allowed_relay_host=allowed)) as door:
        assert (await ask_potion(door, "x")).status == status


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", "invalid-input"),
        (b"token=x&token_type_hint=session", "invalid-input"),
        (b"token=x&token_type_hint=other&nonce=" + NONCE.encode(), "invalid-input"),
        (b"token=x&token_type_hint=session&nonce=short", "invalid-input"),
        (b"token=x&token=x&token_type_hint=session&nonce=" + NONCE.encode(), "bad-request"),
        (b"token=%FF&token_type_hint=session&nonce=" + NONCE.encode(), "bad-request"),
        (b"token=%00&token_type_hint=session&nonce=" + NONCE.encode(), "bad-request"),
        (b"token=%zz&token_type_hint=session&nonce=" + NONCE.encode(), "bad-request"),
        (
            b"token=" + b"a" * 513 + b"&token_type_hint=session&nonce=" + NONCE.encode(),
            "invalid-input",
        ),
        (
            b"token=" + b"%C3%A9" * 257 + b"&token_type_hint=session&nonce=" + NONCE.encode(),
            "invalid-input",
        ),
        (b"&".join(b"%d=1" % number for number in range(100)), "bad-request"),
        (b"token=x&extra=1&token_type_hint=session&nonce=" + NONCE.encode(), "invalid-input"),
    ],
)
async def test_a_question_against_the_contract_is_refused(
    door: RestDoor, raw: bytes, problem: str
) -> None:
    refused = await door.request("POST", "/potion", raw=raw, token=NODE_SECRET, content_type=FORM)

    assert (refused.status, refused.problem) == (400, problem)


# Health


async def test_health_and_readiness(door: RestDoor) -> None:
    assert (await door.request("GET", "/health")).json() == {"detail": "alive"}
    assert (await door.request("GET", "/ready")).json() == {"detail": "ready"}
    door.reasons.append("the store does not answer")

    refused = await door.request("GET", "/ready")

    assert (refused.status, refused.problem) == (503, "not-ready")
    assert refused.json()["reasons"] == ["the store does not answer"]
    assert refused.headers["retry-after"] == "1"
    assert (await door.request("GET", "/health")).status == 200


@pytest.mark.parametrize(
    ("failure", "problem"),
    [(StoreUnavailable(), "store-unavailable"), (StorageFull(), "storage-full")],
)
async def test_a_store_that_fails_gives_503_everywhere(
    failure: StoreUnavailable | StorageFull, problem: str
) -> None:
    store = MemoryStore()
    async with open_rest(store=store) as door:
        key = await door.register("ann")
        token = await door.log_in("ann", key)
        made = (await door.request("POST", "/key")).json()
        store.failure = failure
        door.clock.advance(3)  # what is remembered of the session is forgotten

        answers = [
            await door.request("POST", "/key"),
            await door.request("DELETE", "/key", token=made["revoke_token"]),
            await door.request("POST", "/user", user("bob", key)),
            await door.request(
                "PUT", "/user", {"username": "ann", "password": "x", "api_key": key}
            ),
            await door.request("GET", "/user/ann", token=token),
            await door.request("DELETE", "/session", token=token),
            await ask_potion(door, token),
        ]
        head = await door.request("HEAD", "/user/ann", token=token)

    assert {(answer.status, answer.problem) for answer in answers} == {(503, problem)}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers)
    assert (head.status, head.body) == (503, b"")
