"""The generated REST client against the running REST door, and what it must never show."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import importlib
import re
import ssl
import traceback
import typing
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import attrs
import httpx
import ilo_rest.models
import pytest
from ilo_rest import AuthenticatedClient, Client
from ilo_rest.api.health import get_health, get_ready
from ilo_rest.api.keys import create_key, delete_key
from ilo_rest.api.potion import check_sessions, introspect
from ilo_rest.api.rooms import (
    create_room,
    delete_member,
    delete_room,
    get_room,
    list_messages,
    list_rooms,
    put_member,
)
from ilo_rest.api.sessions import (
    create_ticket,
    delete_other_sessions,
    delete_session,
    get_session,
)
from ilo_rest.api.users import (
    create_user,
    delete_user,
    get_user,
    head_user,
    login_user,
    update_password,
    update_public_key,
)
from ilo_rest.errors import UnexpectedAnswer, UnexpectedStatus, UnreadableAnswer
from ilo_rest.models import (
    ActiveToken,
    Credentials,
    Done,
    EndedSessions,
    InactiveToken,
    KeyVersion,
    Login,
    MadeRoom,
    MemberPlace,
    MessageList,
    NewKey,
    NewRoom,
    NotReady,
    PasswordChange,
    Problem,
    PublicKeyChange,
    PublicUser,
    Question,
    Room,
    RoomList,
    SessionsQuestion,
    SessionState,
    StoredData,
    Ticket,
    User,
)
from ilo_rest.types import Response, path_segment

from spec import load_openapi
from tests.support.rest import (
    ADMIN_SECRET,
    NODE_SECRET,
    PASSWORD,
    RELAY_URL,
    RestDoor,
    open_rest,
)

METHODS = ("get", "put", "post", "delete", "head")
NONCE = "3q2-7wABCDEFGHIJKLMNOP"
NEW_PASSWORD = "MyOtherSecurePassword58!"
UNKNOWN_TOKEN = "ilo_s_" + "A" * 43
# Stands for any secret.
MARKER = "marker-5f0c2e7a"


@pytest.fixture
async def door() -> AsyncIterator[RestDoor]:
    async with open_rest() as opened:
        yield opened


@asynccontextmanager
async def client_of(door: RestDoor, **httpx_args: Any) -> AsyncIterator[Client]:
    """Yield a client of ``door`` that heeds no proxy of this machine."""
    async with make_client(f"http://127.0.0.1:{door.port}", **httpx_args) as client:
        yield client


def make_client(url: str, **httpx_args: Any) -> Client:
    # No TLS here, so nobody to trust: to load whom to is most of what a client takes to open.
    return Client(
        url,
        verify_ssl=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        httpx_args={"trust_env": False, **httpx_args},
    )


async def make_account(client: Client, username: str) -> str:
    """Make an account with a key of its own; return the key."""
    key = await create_key.asyncio(client=client)
    assert isinstance(key, NewKey)
    account = User(username=username, password=PASSWORD, public_key="k", api_key=key.detail)
    assert isinstance(await create_user.asyncio(client=client, body=account), Done)
    return key.detail


async def log_in(client: Client, username: str, api_key: str) -> str:
    """Log in; return the token."""
    body = Credentials(username=username, password=PASSWORD, api_key=api_key)
    login = await login_user.asyncio(client=client, body=body)
    assert isinstance(login, Login)
    return login.token


def assert_refused(answer: object, status: int, problem: str) -> Problem:
    assert isinstance(answer, Problem)
    assert (answer.status, answer.type_) == (status, f"/problems/{problem}")
    return answer


def operations() -> dict[str, tuple[str, str, Mapping[str, Any]]]:
    """Return each operation of the contract: its method, its path and itself, by its id."""
    return {
        operation["operationId"]: (method.upper(), path, operation)
        for path, item in load_openapi()["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


# Every operation


async def test_every_operation_of_the_contract_succeeds(door: RestDoor) -> None:
    succeeded: set[tuple[str, str]] = set()

    async def record(answer: httpx.Response) -> None:
        if answer.is_success:
            succeeded.add((answer.request.method, answer.request.url.path))

    async with client_of(door, event_hooks={"response": [record]}) as client:
        await call_everything(client)

    never = {
        name
        for name, (method, path, _) in operations().items()
        if not any(
            method == called and re.fullmatch(re.sub(r"\{[a-z]+\}", "[^/]+", path), at) is not None
            for called, at in succeeded
        )
    }
    assert len(operations()) == 24
    assert never == set()


async def call_everything(client: Client) -> None:
    """Use an account from the first operation to the last."""
    assert await get_health.asyncio(client=client) == Done(detail="alive")
    assert await get_ready.asyncio(client=client) == Done(detail="ready")
    key = await create_key.asyncio(client=client)
    assert isinstance(key, NewKey)
    account = User(username="ann", password=PASSWORD, public_key="first", api_key=key.detail)
    assert isinstance(await create_user.asyncio(client=client, body=account), Done)
    elsewhere = client.with_bearer(await log_in(client, "ann", key.detail))

    async with client.with_bearer(await log_in(client, "ann", key.detail)) as ann, elsewhere:
        session = await get_session.asyncio(client=ann)
        assert isinstance(session, SessionState)
        assert (session.username, session.relay_url) == ("ann", RELAY_URL)
        assert (session.expires_at - session.created_at).days == 30

        change = PublicKeyChange(public_key="second", if_version=1)
        changed = await update_public_key.asyncio("ann", client=ann, body=change)
        assert isinstance(changed, KeyVersion)
        found = await get_user.asyncio("ann", client=ann)
        assert isinstance(found, PublicUser)
        assert (found.detail, found.key_version) == ("second", changed.key_version)
        assert await head_user.asyncio("ann", client=ann) is HTTPStatus.OK

        ticket = await create_ticket.asyncio(client=ann)
        assert isinstance(ticket, Ticket)
        await ask_whose(client, ticket.ticket)

        assert isinstance(await delete_other_sessions.asyncio(client=ann), Done)
        ended = await get_session.asyncio(client=elsewhere)
        assert_refused(ended, 401, "not-logged-in")

        passwords = PasswordChange(old_password=PASSWORD, new_password=NEW_PASSWORD)
        assert isinstance(await update_password.asyncio("ann", client=ann, body=passwords), Done)
        assert isinstance(await delete_user.asyncio("ann", client=ann), Done)

    await make_account(client, "bob")
    bobs_key = await make_account(client, "carol")
    async with client.with_bearer(await log_in(client, "carol", bobs_key)) as carol:
        assert isinstance(await delete_session.asyncio(client=carol), Done)
    await use_rooms(client)
    async with client.with_bearer(key.revoke_token) as owner:
        assert isinstance(await delete_key.asyncio(client=owner), Done)


async def use_rooms(client: Client) -> None:
    """Make rooms, let somebody in, look around, and go."""
    dans, eves = [await make_account(client, name) for name in ("dan", "eve")]
    async with (
        client.with_bearer(await log_in(client, "dan", dans)) as dan,
        client.with_bearer(await log_in(client, "eve", eves)) as eve,
    ):
        made = await create_room.asyncio(client=dan, body=NewRoom(history="all"))
        assert isinstance(made, MadeRoom)
        nowhere = await get_room.asyncio(made.room, client=eve)
        assert_refused(nowhere, 404, "room-not-found")
        invited = await put_member.asyncio(made.room, "eve", client=dan)
        joined = await put_member.asyncio(made.room, "eve", client=eve)
        assert (invited, joined) == (MemberPlace(state="invited"), MemberPlace(state="joined"))
        refused = await delete_room.asyncio(made.room, client=eve)
        assert_refused(refused, 403, "not-the-owner")

        room = await get_room.asyncio(made.room, client=eve)
        assert isinstance(room, Room)
        assert [(member.username, member.state) for member in room.members] == [
            ("dan", "joined"),
            ("eve", "joined"),
        ]
        assert (room.kind, room.owner, room.history) == ("private", "dan", "all")
        page = await get_room.asyncio(made.room, client=eve, after="dan", limit=1)
        assert isinstance(page, Room)
        assert [member.username for member in page.members] == ["eve"]
        messages = await list_messages.asyncio(made.room, client=eve, after=0, limit=200)
        assert isinstance(messages, MessageList)
        assert (messages.messages, messages.more, messages.floor) == ([], False, 1)

        other = await create_room.asyncio(client=dan, body=NewRoom())
        assert isinstance(other, MadeRoom)
        first = await list_rooms.asyncio(client=dan, limit=1)
        assert isinstance(first, RoomList)
        second = await list_rooms.asyncio(client=dan, limit=1, after=first.rooms[0].room)
        assert isinstance(second, RoomList)
        assert (first.more, second.more) == (True, False)
        assert {first.rooms[0].room, second.rooms[0].room} == {made.room, other.room}

        assert isinstance(await delete_member.asyncio(made.room, "eve", client=dan), Done)
        assert isinstance(await delete_room.asyncio(made.room, client=dan), Done)
    question = SessionsQuestion(sids=["0" * 32])
    async with client.with_bearer(NODE_SECRET) as relay:
        ended = await check_sessions.asyncio(client=relay, body=question)
    assert ended == EndedSessions(ended=["0" * 32])


def test_what_was_said_is_shown_by_no_repr() -> None:
    said = StoredData(message=MARKER)

    assert said.to_dict() == {"message": MARKER}
    assert MARKER not in repr(said)


async def ask_whose(client: Client, ticket: str) -> None:
    """Ask as a relay does: the first time it is ann's, and then it is used up."""
    question = Question(token=ticket, token_type_hint="ticket", nonce=NONCE)
    async with client.with_bearer(NODE_SECRET) as relay:
        active = await introspect.asyncio(client=relay, body=question)
        used_up = await introspect.asyncio(client=relay, body=question)
    assert isinstance(active, ActiveToken)
    assert isinstance(used_up, InactiveToken)
    digest = hashlib.sha256(f"{NONCE}.{ticket}".encode()).digest()
    assert active.username == "ann"
    assert active.answer_to == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


async def test_without_an_event_loop_it_is_the_same(door: RestDoor) -> None:
    def use(url: str) -> None:
        with make_client(url) as client:
            key = create_key.sync(client=client)
            assert isinstance(key, NewKey)
            account = User(username="ann", password=PASSWORD, public_key="k", api_key=key.detail)
            assert isinstance(create_user.sync(client=client, body=account), Done)
            body = Credentials(username="ann", password=PASSWORD, api_key=key.detail)
            login = login_user.sync(client=client, body=body)
            assert isinstance(login, Login)
            with client.with_bearer(login.token) as ann:
                assert head_user.sync("ann", client=ann) is HTTPStatus.OK
                assert head_user.sync("nobody", client=ann) is HTTPStatus.NOT_FOUND
                answer = get_user.sync_detailed("nobody", client=ann)
            assert answer.status_code is HTTPStatus.NOT_FOUND
            problem = assert_refused(answer.parsed, 404, "user-not-found")
            assert problem.instance == f"urn:uuid:{answer.headers['x-request-id']}"

    await asyncio.to_thread(use, f"http://127.0.0.1:{door.port}")


@pytest.mark.parametrize("style", ["sync", "asyncio", "sync_detailed", "asyncio_detailed"])
def test_an_operation_takes_the_client_that_the_contract_asks_for(style: str) -> None:
    for name, (_, _, operation) in operations().items():
        module = importlib.import_module(f"ilo_rest.api.{operation['tags'][0]}.{name}")
        needs_bearer = operation["security"] != [] and {} not in operation["security"]

        taken = typing.get_type_hints(getattr(module, style))["client"]

        assert taken is (AuthenticatedClient if needs_bearer else Client), name
        for bearer in (bearer for choice in operation["security"] for bearer in choice):
            assert f"- `{bearer}`: " in module.sync.__doc__


# Refusals


async def test_refusals_are_returned_as_problems(door: RestDoor) -> None:
    async with client_of(door) as client:
        key = await make_account(client, "ann")
        taken = User(username="ANN", password=PASSWORD, public_key="k", api_key=key)
        wrong = Credentials(username="ann", password="wrong", api_key=key)
        conflict = PublicKeyChange(public_key="second", if_version=7)
        token = await log_in(client, "ann", key)
        async with (
            client.with_bearer(token) as ann,
            client.with_bearer(UNKNOWN_TOKEN) as nobody,
        ):
            assert_refused(await create_user.asyncio(client=client, body=taken), 409, "name-taken")
            assert_refused(
                await login_user.asyncio(client=client, body=wrong), 401, "bad-credentials"
            )
            assert_refused(await get_session.asyncio(client=nobody), 401, "not-logged-in")
            assert_refused(await get_user.asyncio("bob", client=ann), 404, "user-not-found")
            assert_refused(await delete_user.asyncio("bob", client=ann), 403, "not-yourself")
            assert_refused(
                await update_public_key.asyncio("ann", client=ann, body=conflict),
                409,
                "key-version-conflict",
            )
            assert await head_user.asyncio("bob", client=ann) is HTTPStatus.NOT_FOUND
            assert await head_user.asyncio("ann", client=nobody) is HTTPStatus.UNAUTHORIZED


async def test_a_broken_rule_has_its_place(door: RestDoor) -> None:
    async with client_of(door) as client:
        key = await create_key.asyncio(client=client)
        assert isinstance(key, NewKey)
        weak = User(username="ann", password="weak", public_key="k", api_key=key.detail)

        problem = assert_refused(
            await create_user.asyncio(client=client, body=weak), 400, "invalid-input"
        )

    assert [(error.in_, error.pointer) for error in problem.errors or []] == [("body", "/password")]


async def test_a_refusal_without_places_has_no_errors(door: RestDoor) -> None:
    async with client_of(door) as client, client.with_bearer(UNKNOWN_TOKEN) as nobody:
        problem = assert_refused(await get_session.asyncio(client=nobody), 401, "not-logged-in")

    assert not problem.errors
    assert "errors" not in problem.to_dict()


async def test_what_is_missing_for_readiness_is_told(door: RestDoor) -> None:
    door.reasons.append("the store does not answer")

    async with client_of(door) as client:
        answer = await get_ready.asyncio_detailed(client=client)

    assert isinstance(answer.parsed, NotReady)
    assert answer.parsed.reasons == ["the store does not answer"]
    assert int(answer.headers["retry-after"]) >= 1


async def test_only_the_admin_makes_keys_where_the_operator_says_so() -> None:
    async with open_rest(issuance="admin") as door, client_of(door) as client:
        assert_refused(await create_key.asyncio(client=client), 401, "admin-only")
        async with client.with_bearer(ADMIN_SECRET) as admin:
            key = await create_key.asyncio(client=admin)
            assert isinstance(key, NewKey)
            assert isinstance(await delete_key.asyncio(client=admin, ilo_api_key=key.detail), Done)
            again = await delete_key.asyncio(client=admin, ilo_api_key=key.detail)
            assert_refused(again, 404, "api-key-not-found")


# Names in paths


async def test_a_name_reaches_the_server_as_it_is(door: RestDoor) -> None:
    async with client_of(door) as client:
        token = await log_in(client, "ann", await make_account(client, "ann"))
        async with client.with_bearer(token) as ann:
            for name in ("ann🍪", "Ωρίων", "Łukasz Ż", "a+b&c=d;e@f:g", "...ann"):
                await make_account(client, name)

                found = await get_user.asyncio(name, client=ann)

                assert isinstance(found, PublicUser)
                assert found.username == name
                assert await head_user.asyncio(name, client=ann) is HTTPStatus.OK


async def test_a_name_does_not_change_the_path(door: RestDoor) -> None:
    async with client_of(door) as client:
        token = await log_in(client, "ann", await make_account(client, "ann"))
        async with client.with_bearer(token) as ann:
            for name in (".", "..", "a/b", "../session", "a?b", "a#b", "a%2Fb"):
                answer = await get_user.asyncio(name, client=ann)

                # The operation was asked; a path that is none answers `not-found`.
                assert_refused(answer, 404, "user-not-found")


@pytest.mark.parametrize(
    ("name", "segment"),
    [
        ("ann🍪", "ann%F0%9F%8D%AA"),
        ("Ωρίων", "%CE%A9%CF%81%CE%AF%CF%89%CE%BD"),
        ("a b/c", "a%20b%2Fc"),
        ("..", "%2E%2E"),
        ("\ud800", "%ED%A0%80"),
        ("a.b", "a.b"),
    ],
)
def test_a_segment_is_percent_encoded_utf_8(name: str, segment: str) -> None:
    assert path_segment(name) == segment


# What is never shown


def is_sensitive(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> bool:
    if "$ref" in schema:
        return is_sensitive(schemas[schema["$ref"].rsplit("/", 1)[1]], schemas)
    return schema.get("x-sensitive") is True


def models_and_members() -> list[tuple[type[Any], dict[str, bool]]]:
    """Return each generated model, and for each of its members if the contract marks it."""
    schemas = load_openapi()["components"]["schemas"]
    models = [getattr(ilo_rest.models, name) for name in ilo_rest.models.__all__]
    return [
        (
            model,
            {
                name: is_sensitive(member, schemas)
                for name, member in schemas[model.__name__]["properties"].items()
            },
        )
        for model in models
        if isinstance(model, type)
    ]


def test_no_model_shows_what_is_sensitive_and_each_shows_the_rest() -> None:
    hidden: list[str] = []
    for model, members in models_and_members():
        # `type` and `in` are words of Python, and have an underscore there.
        python_names = {field.name.rstrip("_"): field.name for field in attrs.fields(model)}
        values = {python_names[name]: f"{MARKER} {name}!" for name in members}

        shown = model(**values)

        for name, sensitive in members.items():
            for text in (repr(shown), str(shown), f"{[shown]}"):
                assert (f"{MARKER} {name}!" not in text) == sensitive, (model.__name__, name)
            hidden += [f"{model.__name__}.{name}"] * sensitive

    assert sorted(hidden) == [
        "Credentials.api_key",
        "Credentials.password",
        "Login.token",
        "NewKey.detail",
        "NewKey.revoke_token",
        "PasswordChange.new_password",
        "PasswordChange.old_password",
        "Question.token",
        "StoredData.message",
        "Ticket.ticket",
        "User.api_key",
        "User.password",
    ]


def test_members_that_the_contract_does_not_name_are_kept_but_not_shown() -> None:
    done = Done.from_dict({"detail": "alive", "next_token": MARKER})

    assert done.to_dict() == {"detail": "alive", "next_token": MARKER}
    assert MARKER not in repr(done)
    assert "alive" in repr(done)


async def test_an_answer_does_not_show_its_body(door: RestDoor) -> None:
    async with client_of(door) as client:
        answer = await create_key.asyncio_detailed(client=client)

    assert isinstance(answer.parsed, NewKey)
    assert answer.parsed.revoke_token.encode() in answer.content
    assert answer.parsed.revoke_token not in repr(answer)
    assert answer.parsed.detail not in repr(answer)
    assert "CREATED" in repr(answer)


def test_a_client_shows_neither_its_token_nor_its_headers() -> None:
    client = Client(
        f"http://user:{MARKER}-1@ilo.invalid",
        headers={"X-Secret": f"{MARKER}-2"},
        httpx_args={"cookies": {"session": f"{MARKER}-3"}},
    ).with_bearer(f"{MARKER}-4")
    with client:
        opened = client.get_httpx_client()

        assert opened.headers["authorization"] == f"Bearer {MARKER}-4"
        assert opened.headers["x-secret"] == f"{MARKER}-2"
        assert opened.cookies["session"] == f"{MARKER}-3"
        assert MARKER not in f"{client!r} {client} {[client]}"
        assert "ilo.invalid" in repr(client)


@pytest.mark.parametrize("end", ["\n", "\r\nX-More: 1", " ", "…", "\ud800", "\0"])
def test_a_token_that_no_header_can_hold_is_refused_and_not_shown(end: str) -> None:
    with pytest.raises(ValueError, match="token: a header cannot hold") as refused:
        Client("http://ilo.invalid").with_bearer(MARKER + end)

    assert_not_told(refused.value)


@pytest.mark.parametrize("end", ["\n", "…"])
async def test_a_header_that_cannot_be_sent_is_refused_and_not_shown(end: str) -> None:
    async with AuthenticatedClient("http://ilo.invalid", "token") as client:
        with pytest.raises(ValueError, match="Ilo-Api-Key: a header cannot hold") as refused:
            await delete_key.asyncio(client=client, ilo_api_key=MARKER + end)
        assert_not_told(refused.value)

    async with Client("http://ilo.invalid", headers={"X-Secret": MARKER + end}) as client:
        with pytest.raises(ValueError, match="X-Secret: a header cannot hold") as refused:
            await get_health.asyncio(client=client)
        assert_not_told(refused.value)


async def test_a_secret_with_a_lone_surrogate_is_the_servers_to_refuse(door: RestDoor) -> None:
    async with client_of(door) as client, client.with_bearer(NODE_SECRET) as relay:
        key = await create_key.asyncio(client=client)
        assert isinstance(key, NewKey)
        body = Credentials(username="ann", password="\ud800", api_key=key.detail)
        question = Question(token="\ud800", token_type_hint="session", nonce=NONCE)

        assert_refused(await login_user.asyncio(client=client, body=body), 400, "bad-request")
        refused = await introspect.asyncio(client=relay, body=question)

    assert isinstance(refused, Problem)
    assert refused.status == 400


def assert_not_told(error: BaseException) -> None:
    """Find the marker in no text of ``error``, its causes included."""
    assert MARKER not in f"{error} {error!r} {''.join(traceback.format_exception(error))}"


# Answers that are not Ilo's


@asynccontextmanager
async def answering(status: int, body: bytes) -> AsyncIterator[Client]:
    """Yield a client of a server that answers everything with this."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 %d .\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b"
            % (status, len(body), body)
        )
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with make_client(f"http://127.0.0.1:{port}") as client:
            yield client


@pytest.mark.parametrize("status", [204, 302, 418, 502, 599])
async def test_a_status_beyond_the_contract_is_raised_without_the_body(status: int) -> None:
    body = b"" if status == 204 else MARKER.encode()
    async with answering(status, body) as client:
        with pytest.raises(UnexpectedStatus) as raised:
            await get_health.asyncio(client=client)

    assert (raised.value.status_code, raised.value.content) == (status, body)
    assert str(status) in str(raised.value)
    assert_not_told(raised.value)


@pytest.mark.parametrize(
    "body",
    [
        f"<html>{MARKER}</html>",
        f'{{"{MARKER}": ',
        f'"{MARKER}"',
        f'["{MARKER}"]',
        f'{{"detial": "{MARKER}"}}',
        "[" * 100_000 + MARKER,
        "",
    ],
    ids=["HTML", "half of JSON", "a string", "a list", "another member", "deep", "empty"],
)
async def test_a_body_beyond_the_contract_is_raised_without_the_body(body: str) -> None:
    async with answering(200, body.encode()) as client:
        with pytest.raises(UnreadableAnswer) as raised:
            await get_health.asyncio(client=client)

    assert raised.value.content == body.encode()
    assert_not_told(raised.value)


@pytest.mark.parametrize("change", [{"sid": None}, {"active": False}, {"active": 1}])
async def test_an_introspection_that_is_neither_yes_nor_no_is_no_answer(
    change: Mapping[str, object],
) -> None:
    """One without all members of a yes, but that says yes; one that says no, but has them all."""
    whole = {
        "active": True,
        "sub": "0191d5c0-8f2b-7c3a-9a4e-5b6c7d8e9f00",
        "username": MARKER,
        "exp": 1769947200,
        "sid": "5f0c2e7a9b1d4c3e8f6a7b2c1d0e9f88",
        "answer_to": "a9tMkw6lPZ2YtYdq3hHn0m0oXb5c1uE7gJ8rV4xS2fA",
    }
    members = {name: value for name, value in {**whole, **change}.items() if value is not None}
    question = Question(token="t", token_type_hint="session", nonce=NONCE)
    content = repr(members).replace("'", '"').replace("True", "true").replace("False", "false")

    async with answering(200, content.encode()) as client, client.with_bearer("n") as relay:
        if members["active"] is False:
            answer = await introspect.asyncio(client=relay, body=question)
            assert isinstance(answer, InactiveToken)
        else:
            with pytest.raises(UnexpectedAnswer) as raised:
                await introspect.asyncio(client=relay, body=question)
            assert_not_told(raised.value)


# The rest


def test_every_wait_has_an_end() -> None:
    with Client("http://ilo.invalid") as client:
        assert client.get_httpx_client().timeout == httpx.Timeout(30.0)


async def test_a_closed_client_opens_again(door: RestDoor) -> None:
    async with client_of(door) as client:
        before = client.get_async_httpx_client()
        await client.aclose()

        assert before.is_closed
        assert await get_health.asyncio(client=client) == Done(detail="alive")


def test_an_answer_knows_what_it_says() -> None:
    hints = typing.get_type_hints(login_user.sync_detailed)

    assert hints["return"] == Response[Login | Problem]
