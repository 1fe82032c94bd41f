"""What no client of good will sends: always 4xx in the contract's form, never a traceback."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from store.sqlite import SqliteStore
from tests.support.memory_store import MemoryStore
from tests.support.rest import (
    ADMIN_SECRET,
    PASSWORD,
    LogRecorder,
    RestDoor,
    open_rest,
    read_answer,
    user,
    with_settings,
)

BODY_BYTES = 64 * 1024
ORIGIN = "https://chat.example"


@pytest.fixture
def log() -> Iterator[LogRecorder]:
    recorder = LogRecorder()
    root = logging.getLogger()
    level = root.level
    root.addHandler(recorder)
    root.setLevel(logging.DEBUG)
    yield recorder
    root.setLevel(level)
    root.removeHandler(recorder)


@pytest.fixture
async def door(log: LogRecorder) -> AsyncIterator[RestDoor]:
    async with open_rest() as opened:
        yield opened
    assert [line for line in log.lines if "Traceback" in line or " ERROR " in line] == []


def padded(size: int) -> bytes:
    """Return a JSON object of exactly ``size`` bytes."""
    frame = b'{"public_key": "%s"}'
    return frame % (b"a" * (size - len(frame) + 2))


BODIES: dict[str, tuple[bytes, str]] = {
    "empty object": (b"{}", "invalid-input"),
    "array": (b"[]", "invalid-input"),
    "number": (b"5", "invalid-input"),
    "null": (b"null", "invalid-input"),
    "string": (b'"x"', "invalid-input"),
    "nothing": (b"", "bad-request"),
    "no JSON": (b"{bad", "bad-request"),
    "depth 60,000": (b"[" * 60_000, "bad-request"),
    "depth 33": (b'{"a":' + b"[" * 32 + b"]" * 32 + b"}", "bad-request"),
    "5000 digits": (b'{"if_version": %s}' % (b"9" * 5000), "bad-request"),
    "65 bits": (b'{"if_version": 18446744073709551616}', "bad-request"),
    "beyond a double": (b'{"if_version": 1e400}', "bad-request"),
    "invalid UTF-8": (b'{"username": "\xff"}', "bad-request"),
    "UTF-8 surrogate": (b'{"username": "\xed\xa0\x80"}', "bad-request"),
    "UTF-16": ('{"username": "a"}'.encode("utf-16"), "bad-request"),
    "byte order mark": (b"\xef\xbb\xbf{}", "bad-request"),
    "duplicate keys": (b'{"username": "a", "username": "b"}', "bad-request"),
    "escaped duplicate": (b'{"username": "a", "\\u0075sername": "b"}', "bad-request"),
    "NaN": (b'{"if_version": NaN}', "bad-request"),
    "Infinity": (b'{"if_version": -Infinity}', "bad-request"),
    "lone surrogate": (b'{"username": "\\ud800"}', "bad-request"),
    "surrogate name": (b'{"\\ud800": 1}', "bad-request"),
    "NUL": (b'{"username": "\\u0000"}', "bad-request"),
    "raw NUL": (b'{"username": "\0"}', "bad-request"),
    "two texts": (b"{}{}", "bad-request"),
    "long name": (b'{"%s": 1}' % (b"a" * 5000), "invalid-input"),
    "a thousand names": (
        json.dumps({f"name{number}": 1 for number in range(1000)}).encode(),
        "invalid-input",
    ),
}


@pytest.mark.parametrize("name", BODIES)
async def test_a_hostile_body_is_a_400(door: RestDoor, name: str) -> None:
    raw, problem = BODIES[name]
    token = await door.join("ann")

    for method, path in (
        ("POST", "/user"),
        ("PUT", "/user"),
        ("PUT", "/user/ann/password"),
        ("PUT", "/user/ann/public_key"),
    ):
        refused = await door.request(method, path, raw=raw, token=token)
        assert (refused.status, refused.problem) == (400, problem), (method, path)
    assert (await door.request("GET", "/session", token=token)).status == 200


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "json",
        "a/b/c",
        "application/json; charset=bogus",
        "application/json; charset=utf-7",
        "application/json; charset=utf-16",
        "application/json; charset=",
        "application/json; charset=utf-8; charset=utf-16",
        "application/json;;",
        "application/vnd.api+json",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "multipart/form-data; boundary=B",
        "\xff\xfe",
    ],
)
async def test_another_media_type_is_a_415(door: RestDoor, content_type: str | None) -> None:
    raw = json.dumps(user("ann", await door.make_key())).encode()

    refused = await door.request("POST", "/user", raw=raw, content_type=content_type)

    assert (refused.status, refused.problem) == (415, "unsupported-media-type")


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "APPLICATION/JSON ; Charset=UTF-8", 'application/json;charset="utf-8"'],
)
async def test_json_in_utf_8_is_taken_in_every_spelling(door: RestDoor, content_type: str) -> None:
    raw = json.dumps(user("ann", await door.make_key())).encode()

    taken = await door.request("POST", "/user", raw=raw, content_type=content_type)

    assert taken.status == 201


@pytest.mark.parametrize("encoding", ["gzip", "br", "identity, gzip", "bogus", ""])
async def test_an_encoded_body_is_a_415(door: RestDoor, encoding: str) -> None:
    refused = await door.request("POST", "/user", raw=b"{}", headers={"Content-Encoding": encoding})

    assert (refused.status, refused.problem) == (415, "unsupported-media-type")


async def test_two_content_types_are_a_415(door: RestDoor) -> None:
    refused = await door.request(
        "POST", "/user", raw=b"{}", headers={"Content-Type": "application/json"}
    )

    assert (refused.status, refused.problem) == (415, "unsupported-media-type")


async def test_a_body_of_64_kib_is_read_and_one_byte_more_is_a_413(door: RestDoor) -> None:
    largest = await door.request("POST", "/user", raw=padded(BODY_BYTES))
    larger = await door.request("POST", "/user", raw=padded(BODY_BYTES + 1))

    assert (largest.status, largest.problem) == (400, "invalid-input")
    assert (larger.status, larger.problem) == (413, "too-large")


async def test_a_huge_body_is_refused_by_its_announcement(door: RestDoor) -> None:
    refused = await door.send(
        b"POST /user HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: 99999999999\r\n\r\n"
    )

    assert (refused.status, refused.problem) == (413, "too-large")


def chunked(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))


CHUNKED_HEAD = (
    b"POST /user HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)


async def test_a_chunked_body_is_read_and_limited(door: RestDoor) -> None:
    raw = json.dumps(user("ann", await door.make_key())).encode()

    taken = await door.send(CHUNKED_HEAD + chunked(raw[:10], raw[10:11], raw[11:]))
    refused = await door.send(CHUNKED_HEAD + chunked(*[b"a" * 1024] * 65))
    broken = await door.send(CHUNKED_HEAD + b"zz\r\n")

    assert taken.status == 201
    assert (refused.status, refused.problem) == (413, "too-large")
    assert broken.status == 400


async def test_a_chunked_body_is_limited_while_it_arrives(door: RestDoor) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    chunk = chunked(b"a" * 16 * 1024).removesuffix(b"0\r\n\r\n")
    writer.write(CHUNKED_HEAD)
    # The body never ends: the answer has to come before.
    answer = asyncio.create_task(read_answer(reader))
    sent = 0
    while not answer.done():
        writer.write(chunk)
        await writer.drain()
        await asyncio.wait([answer], timeout=0.05)
        sent += 1
    writer.close()

    refused = await answer
    assert (refused.status, refused.problem) == (413, "too-large")
    # Long before a body of a megabyte, whatever the client's pace.
    assert 4 <= sent < 32


async def test_a_client_that_leaves_in_the_middle_of_a_body_is_no_error(
    door: RestDoor, log: LogRecorder
) -> None:
    for head in (
        CHUNKED_HEAD,
        CHUNKED_HEAD.replace(b"Transfer-Encoding: chunked", b"Content-Length: 99"),
    ):
        _, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(head + b'{"u')
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    assert (await door.request("GET", "/health")).status == 200
    assert [line for line in log.lines if " ERROR " in line] == []


PATHS: dict[str, tuple[bytes, int]] = {
    "unknown": (b"/nope", 404),
    "root": (b"/", 404),
    "trailing slash": (b"/key/", 404),
    "trailing slash after a name": (b"/user/ann/", 404),
    "double slash": (b"//user/ann", 404),
    "empty name": (b"/user/", 400),
    "two dots": (b"/user/..", 404),
    "two dots inside": (b"/user/../user/ann", 404),
    "escaped dots": (b"/user/%2e%2e", 404),
    "escaped slash": (b"/user/a%2Fb", 404),
    "escaped slash to another path": (b"/user%2Fann", 404),
    "escaped backslash": (b"/user/a%5Cb", 404),
    "NUL": (b"/user/a%00b", 400),
    "invalid UTF-8": (b"/user/%FF%FE", 400),
    "overlong UTF-8": (b"/user/%C0%AF", 400),
    "surrogate": (b"/user/%ED%A0%80", 400),
    "broken escape": (b"/user/%zz", 400),
    "cut escape": (b"/user/%4", 400),
    "raw UTF-8": ("/user/🦊".encode(), 400),
    "65 characters": (b"/user/" + b"a" * 65, 400),
    "10,000 characters": (b"/user/" + b"a" * 10_000, 404),
    "null": (b"/user/null", 404),
    "control": (b"/user/%0A%0D", 404),
    "double escape": (b"/user/%2561nn", 404),
    "query": (b"/user/ann?x=1", 400),
    "broken query": (b"/user/ann?%zz", 400),
    "query in UTF-16": (b"/user/ann?%FE%FF=1", 400),
    "long query": (b"/user/ann?" + b"&".join([b"a=1"] * 5000), 400),
    "fragment": (b"/user/ann#x?", 200),
    "case": (b"/User/ann", 404),
    "absolute form": (b"http://elsewhere/session", 200),
    "escaped letter": (b"/%73ession", 200),
}


@pytest.mark.parametrize("name", PATHS)
async def test_a_hostile_path_is_a_4xx(door: RestDoor, name: str) -> None:
    path, status = PATHS[name]
    token = await door.join("ann")

    answer = await door.request("GET", path, token=token)

    assert answer.status == status, answer.body
    assert "location" not in answer.headers
    if status >= 400:
        assert answer.problem in {"not-found", "user-not-found", "bad-request", "invalid-input"}


@pytest.mark.parametrize("path", [b"/user/%zz", b"/nope", b"/user/" + b"a" * 65])
async def test_a_hostile_path_is_no_500_for_strangers(door: RestDoor, path: bytes) -> None:
    for method in ("GET", "HEAD", "PUT", "OPTIONS", "DELETE"):
        assert 200 <= (await door.request(method, path)).status < 500


async def test_allow_names_every_method_of_the_path(door: RestDoor) -> None:
    expected = {
        "/key": "DELETE, OPTIONS, POST",
        "/user": "OPTIONS, POST, PUT",
        "/user/ann": "DELETE, GET, HEAD, OPTIONS",
        "/session": "DELETE, GET, HEAD, OPTIONS",
        "/session/others": "DELETE, OPTIONS",
        "/ticket": "OPTIONS, POST",
        "/health": "GET, HEAD, OPTIONS",
    }
    for path, allow in expected.items():
        asked = await door.request("OPTIONS", path)
        refused = await door.request("PATCH", path)

        assert (asked.status, asked.body, asked.headers["allow"]) == (204, b"", allow)
        assert (refused.status, refused.problem) == (405, "method-not-allowed")
        assert refused.headers["allow"] == allow
    assert (await door.request("OPTIONS", "/nope")).status == 404


async def test_head_answers_as_get_does_without_the_body(door: RestDoor) -> None:
    token = await door.join("ann")
    for path in ("/health", "/ready", "/session"):
        got = await door.request("GET", path, token=token)
        asked = await door.request("HEAD", path, token=token)

        assert (asked.status, asked.body) == (200, b"")
        assert asked.headers["content-length"] == got.headers["content-length"]
    assert (await door.request("HEAD", "/user")).status == 405


@pytest.mark.parametrize("method", ["PROPFIND", "TRACE", "SEARCH", "LINK"])
async def test_other_methods_are_a_405(door: RestDoor, method: str) -> None:
    assert (await door.request(method, "/user")).status == 405


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"NONSENSE /user HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT ilo:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET  HTTP/1.1\r\n\r\n",
        b"GET /health HTTP/9.9\r\n\r\n",
        b"GET /health HTTP/1.1\r\nbad header\r\n\r\n",
        b"GET /health HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /user HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\0\0\0\0",
    ],
)
async def test_what_is_no_http_is_a_400(door: RestDoor, request_bytes: bytes) -> None:
    answer = await door.send(request_bytes)

    assert (answer.status, answer.problem) in {(400, "bad-request"), (404, "not-found")}
    assert (await door.request("GET", "/health")).status == 200


async def test_an_upgrade_on_this_port_is_an_ordinary_request(door: RestDoor) -> None:
    headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}

    answer = await door.request("GET", "/ws/tea", headers=headers)

    assert answer.status == 404


async def test_pipelined_requests_are_answered_in_order(door: RestDoor) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    paths = [b"/health", b"/nope", b"/ready", b"/user/%zz"]
    writer.write(b"".join(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path for path in paths))

    answers = [await read_answer(reader) for _ in paths]
    writer.close()

    assert [answer.status for answer in answers] == [200, 404, 200, 400]
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(paths)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_50_registrations_of_one_name_make_one_account(kind: str, tmp_path: Path) -> None:
    store = MemoryStore() if kind == "memory" else await SqliteStore.open(tmp_path)
    try:
        async with open_rest(store=store) as door:
            key = await door.make_key()
            for turn in range(20):
                body = user(f"name{turn}", key)
                async with asyncio.TaskGroup() as group:
                    tasks = [
                        group.create_task(door.request("POST", "/user", body)) for _ in range(50)
                    ]
                statuses = sorted(task.result().status for task in tasks)
                assert statuses == [201] + [409] * 49
    finally:
        if isinstance(store, SqliteStore):
            await store.close()


async def test_parallel_logins_beyond_the_queue_are_told_to_come_back(door: RestDoor) -> None:
    key = await door.register("ann")
    body = {"username": "ann", "password": PASSWORD, "api_key": key}

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(door.request("PUT", "/user", body)) for _ in range(200)]
    answers = [task.result() for task in tasks]

    # 429: tries of one account that are under way count as guesses until they prove right.
    assert {answer.status for answer in answers} <= {200, 429, 503}
    assert 200 in {answer.status for answer in answers}
    assert all("retry-after" in answer.headers for answer in answers if answer.status > 200)


# Who asks from where


async def test_proxy_headers_are_nobodys_word_unless_the_peer_is_listed() -> None:
    headers = {"X-Forwarded-For": "192.0.2.1", "Forwarded": "for=192.0.2.1"}
    for proxies, status in (((), 401), (("127.0.0.0/8",), 200), (("10.0.0.1",), 401)):
        settings = with_settings(allowed_relay_host="192.0.2.1", trusted_proxies=proxies)
        async with open_rest(settings=settings) as door:
            answer = await door.request(
                "POST",
                "/potion",
                raw=b"token=x&token_type_hint=session&nonce=3q2-7wABCDEFGHIJKLMNOP",
                token=settings.node_secrets[0],
                headers=headers,
                content_type="application/x-www-form-urlencoded",
            )
        assert answer.status == status


async def test_a_client_cannot_put_an_address_before_the_proxys() -> None:
    settings = with_settings(allowed_relay_host="192.0.2.1", trusted_proxies=("127.0.0.1",))
    async with open_rest(settings=settings) as door:
        answer = await door.request(
            "POST",
            "/potion",
            raw=b"token=x&token_type_hint=session&nonce=3q2-7wABCDEFGHIJKLMNOP",
            token=settings.node_secrets[0],
            headers={"X-Forwarded-For": "192.0.2.1, 198.51.100.7"},
            content_type="application/x-www-form-urlencoded",
        )
    assert answer.status == 401


# Browsers


async def test_only_listed_origins_may_read_answers_errors_too() -> None:
    async with open_rest(settings=with_settings(allowed_origins=(ORIGIN,))) as door:
        for path in ("/health", "/nope", "/session", "/user/%zz"):
            mine = await door.request("GET", path, headers={"Origin": ORIGIN})
            assert mine.headers["access-control-allow-origin"] == ORIGIN
            assert mine.headers["vary"] == "origin"
            for origin in (f"{ORIGIN}.evil.example", "null", ORIGIN.upper(), f"{ORIGIN}:443"):
                other = await door.request("GET", path, headers={"Origin": origin})
                assert "access-control-allow-origin" not in other.headers

        preflight = {
            "Origin": ORIGIN,
            "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Headers": "authorization,content-type",
        }
        asked = await door.request("OPTIONS", "/user/ann/password", headers=preflight)
        assert asked.status == 204
        assert "PUT" in asked.headers["access-control-allow-methods"]
        assert "authorization" in asked.headers["access-control-allow-headers"]
        assert "access-control-allow-credentials" not in asked.headers


async def test_without_listed_origins_there_are_no_such_headers(door: RestDoor) -> None:
    answer = await door.request("GET", "/health", headers={"Origin": ORIGIN})

    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_hsts_is_sent_where_it_is_on(door: RestDoor) -> None:
    assert "strict-transport-security" not in (await door.request("GET", "/health")).headers
    async with open_rest(settings=with_settings(hsts=True)) as tls:
        answer = await tls.request("GET", "/nope")
        assert answer.headers["strict-transport-security"].startswith("max-age=")


async def test_the_admin_secret_opens_nothing_else(door: RestDoor) -> None:
    for method, path in (("GET", "/session"), ("POST", "/ticket"), ("POST", "/potion")):
        assert (await door.request(method, path, token=ADMIN_SECRET)).status == 401
