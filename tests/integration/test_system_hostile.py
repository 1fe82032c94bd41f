"""Whatever is sent to either door is answered in order, and hurts nobody but its sender."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import orjson
import pytest

from tests.support.ilo_process import UNHURRIED, IloProcess, running
from tests.support.rest import send_raw
from tests.support.system_client import (
    Person,
    SystemClient,
    registration,
    some_name,
    visiting,
)
from tests.support.websocket import (
    BINARY,
    CLOSE,
    CONT,
    PING,
    TEXT,
    WAIT_S,
    RawSocket,
    client_frame,
    request_head,
)

DEPTH = 60_000
DIGITS = b"9" * 5000
CONFIG = {
    "limits": {
        **UNHURRIED["limits"],
        "connections_per_user_and_room": 1000,
        "connections_per_user": 1000,
    }
}
FORM = "application/x-www-form-urlencoded"

# What no door may take for a value, as JSON texts.
TEXTS = {
    "empty object": b"{}",
    "empty array": b"[]",
    "number": b"5",
    "string": b'"hello"',
    "true": b"true",
    "null": b"null",
    "nothing": b"",
    "space": b" \n\t ",
    "not JSON": b"<html>",
    "cut": b'{"data": {"message": "hel',
    "two values": b"{}{}",
    "deep arrays": b"[" * DEPTH,
    "deep arrays, closed": b"[" * (DEPTH // 2) + b"]" * (DEPTH // 2),
    "deep objects": b'{"":' * (DEPTH // 4),
    "5000 digits": DIGITS,
    "5000 digits inside": b'{"after": %s, "username": %s}' % (DIGITS, DIGITS),
    "5000 digits after the point": b'{"after": 0.%s}' % DIGITS,
    "beyond a double": b'{"after": 1e400}',
    "NaN": b'{"after": NaN}',
    "Infinity": b"[Infinity, -Infinity]",
    "byte order mark": b"\xef\xbb\xbf{}",
    "raw NUL": b'{"a\x00": 1}',
    "control characters": b'{"a": "\x01\x1f"}',
    "many members": b"{%s}" % b",".join(b'"m%d":1' % number for number in range(5000)),
}


@pytest.fixture(scope="module")
def ilo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IloProcess]:
    with running(tmp_path_factory.mktemp("hostile"), CONFIG) as started:
        yield started


@pytest.fixture
async def client(ilo: IloProcess) -> AsyncIterator[SystemClient]:
    async with visiting(ilo) as visitor:
        yield visitor


@asynccontextmanager
async def undisturbed(client: SystemClient, room: str) -> AsyncIterator[Person]:
    """Have two people talk in ``room`` during the block; fails if anything of it is missing.

    Yields a third, who may send there what nobody may say.
    """
    ann, bob, mallory = [await client.newcomer() for _ in range(3)]
    sockets = [(await client.join(person, room))[0] for person in (ann, bob)]
    begun, stop = asyncio.Event(), asyncio.Event()
    said: list[str] = []
    heard: list[list[tuple[int, str]]] = [[], []]

    async def talk() -> None:
        while not stop.is_set():
            text = f"word {len(said)}"
            said.append(text)
            await sockets[len(said) % 2].say(text)
            # The next word when both have heard this one.
            for place, socket in enumerate(sockets):
                frame = await socket.json_of("message")
                heard[place].append((frame["seq"], frame["data"]["message"]))
            begun.set()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(talk())
        await begun.wait()
        yield mallory
        stop.set()
    assert heard == [list(enumerate(said, 1))] * 2


def nothing_went_wrong(ilo: IloProcess) -> bool:
    """Tell whether the process lives and printed no fault."""
    output = ilo.output.text
    assert "Traceback" not in output
    assert not re.search(r"\| (ERROR|CRITICAL)\]", output)
    return True


def bad_registrations(name: str, api_key: str) -> dict[str, bytes]:
    """Return bodies that are right but for one thing."""
    right = json.dumps(registration(name, api_key)).encode()
    quoted = json.dumps(name).encode()
    return {
        "a name twice": right[:-1] + b', "username": %s}' % quoted,
        "a name twice, once escaped": right[:-1] + b', "\\u0075sername": %s}' % quoted,
        "lone surrogate": right.replace(quoted, b'"ann\\ud800"'),
        "lone low surrogate": right.replace(quoted, b'"\\udc00ann"'),
        "escaped NUL": right.replace(quoted, b'"ann\\u0000"'),
        "raw NUL": right.replace(quoted, b'"ann\x00"'),
        "invalid UTF-8": right.replace(quoted, b'"ann\xff\xfe"'),
        "overlong UTF-8": right.replace(quoted, b'"ann\xc0\xaf"'),
        "surrogate in UTF-8": right.replace(quoted, b'"ann\xed\xa0\x80"'),
        "UTF-16": right.decode().encode("utf-16"),
        "number for a name": right.replace(quoted, DIGITS),
        "array for a name": right.replace(quoted, b"[" + quoted + b"]"),
        "unknown member": right[:-1] + b', "admin": true}',
        "byte order mark": b"\xef\xbb\xbf" + right,
        "trailing text": right + b"x",
        "NaN for a name": right.replace(quoted, b"NaN"),
        "larger than any body": right.replace(quoted, b'"%s"' % (b"a" * 70_000)),
        "of 10 MB": b'{"username": "%s"}' % (b"a" * 10_000_000),
    }


def rest_request(
    method: bytes, path: bytes, body: bytes, media_type: str, bearer: str = ""
) -> bytes:
    lines = [
        b"%s %s HTTP/1.1" % (method, path),
        b"host: ilo",
        b"content-type: " + media_type.encode(),
        b"content-length: %d" % len(body),
        b"connection: close",
    ]
    if bearer:
        lines.append(b"authorization: Bearer " + bearer.encode())
    return b"\r\n".join([*lines, b"", body])


async def test_the_rest_door_answers_hostile_bodies_with_4xx(client: SystemClient) -> None:
    wrong: dict[str, object] = {}
    async with undisturbed(client, "calm-rest") as mallory:
        password = f"/user/{mallory.name}/password".encode()
        node = (client.ilo.data_dir / "node_secret").read_text().strip()
        requests = {
            f"{method.decode()} {path.decode()} {kind}": rest_request(
                method, path, body, media, bearer
            )
            for kind, body in {
                **TEXTS,
                **bad_registrations(some_name(), mallory.api_key),
            }.items()
            for method, path, media, bearer in (
                (b"POST", b"/user", "application/json", ""),
                (b"PUT", b"/user", "application/json", ""),
                (b"PUT", password, "application/json", mallory.token),
                (b"POST", b"/potion", FORM, node),
            )
        }
        for kind, request in requests.items():
            answer = await send_raw(client.ilo.api_port, request)
            if not 400 <= answer.status < 500 or not answer.problem:
                wrong[kind] = answer
        ready = await client.rest.get("/ready")

    assert wrong == {}
    assert len(requests) > 150
    assert ready.status_code == 200
    assert nothing_went_wrong(client.ilo)


async def test_the_rest_door_answers_hostile_requests_with_4xx(client: SystemClient) -> None:
    wrong: dict[bytes, int] = {}
    targets = [
        b"/user/%2F", b"/user/%2e%2e", b"/user/..", b"/user/%00", b"/user/%ff", b"/user/%",
        b"/user/%ed%a0%80", b"/user/" + b"a" * 5000, b"/user/" + b"%F0%9F%8D%AA" * 65,
        b"//user", b"/user/", b"/USER", b"/key/../key", b"/ws/tea", b"/%00",
        b"/user?" + b"q" * 8000, b"/session?token=abc", b"*",
    ]  # fmt: skip
    heads = [
        b"authorization: Bearer \xff\xfe", b"authorization: Bearer " + b"A" * 9000,
        b"authorization: Bearer a\r\nauthorization: Bearer b", b"authorization: \x01",
        b"x: " + b"y" * 70_000,
    ]  # fmt: skip
    async with undisturbed(client, "calm-heads"):
        for request in (
            *(
                b"GET %s HTTP/1.1\r\nhost: ilo\r\nconnection: close\r\n\r\n" % one
                for one in targets
            ),
            *(
                b"GET /session HTTP/1.1\r\nhost: ilo\r\n%s\r\nconnection: close\r\n\r\n" % one
                for one in heads
            ),
            b"BREW /key HTTP/1.1\r\nhost: ilo\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
            b"POST /user HTTP/1.1\r\nhost: ilo\r\ncontent-length: -1\r\n\r\n",
            b"POST /user HTTP/1.1\r\nhost: ilo\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        ):
            status = await status_of(client.ilo.api_port, request)
            if not 400 <= status < 500:
                wrong[request[:80]] = status

    assert wrong == {}
    assert nothing_went_wrong(client.ilo)


async def status_of(port: int, request: bytes) -> int:
    socket = await RawSocket.open(port)
    try:
        await socket.send(request)
        status, _ = await socket.read_head()
    finally:
        socket.abort()
    return status


def bad_messages() -> dict[str, bytes]:
    """Return payloads of text frames that are right but for one thing."""
    return {
        "message that is a number": b'{"data": {"message": 5}}',
        "unknown type": b'{"type": "shout", "data": {"message": "hi"}}',
        "type that is no string": b'{"type": 5, "data": {"message": "hi"}}',
        "unknown member": b'{"data": {"message": "hi"}, "sender": "ann"}',
        "unknown member inside": b'{"data": {"message": "hi", "html": 1}}',
        "member twice": b'{"data": {"message": "hi"}, "data": {"message": "ho"}}',
        "member twice inside": b'{"data": {"message": "hi", "message": "ho"}}',
        "lone surrogate": b'{"data": {"message": "\\ud800"}}',
        "lone low surrogate": b'{"data": {"message": "\\udc00"}}',
        "surrogate in UTF-8": b'{"data": {"message": "\xed\xa0\x80"}}',
        "escaped NUL": b'{"data": {"message": "\\u0000"}}',
        "raw NUL": b'{"data": {"message": "\x00"}}',
        "invalid UTF-8": b'{"data": {"message": "\xff"}}',
        "overlong UTF-8": b'{"data": {"message": "\xc0\xaf"}}',
        "byte order mark": b'\xef\xbb\xbf{"data": {"message": "hi"}}',
        "NaN": b'{"data": {"message": NaN}}',
        "5000 digits": b'{"after": %s, "data": {"message": "hi"}}' % DIGITS,
        "negative": b'{"after": -1, "data": {"message": "hi"}}',
        "id that is no UUID": b'{"id": "1", "data": {"message": "hi"}}',
        "id in upper case": b'{"id": "%s", "data": {"message": "hi"}}' % (b"A" * 36),
        "too long": b'{"data": {"message": "%s"}}' % (b"a" * 262_145),
        "too long in UTF-8": b'{"data": {"message": "%s"}}' % ("é" * 140_000).encode(),
    }


async def outcome_of(socket: RawSocket) -> str:
    """Return what became of a frame: an error's code, or a close code; all else by its name."""
    while True:
        opcode, payload = await socket.frame()
        if opcode == CLOSE:
            return f"close {int.from_bytes(payload[:2], 'big')}"
        if opcode == TEXT and (frame := orjson.loads(payload))["type"] != "message":
            return f"error {frame['code']}" if frame["type"] == "error" else str(frame["type"])


async def test_the_relay_answers_hostile_texts_with_an_error_frame(client: SystemClient) -> None:
    wrong: dict[str, str] = {}
    async with undisturbed(client, "calm-texts") as mallory:
        for kind, payload in {**TEXTS, **bad_messages()}.items():
            socket, _ = await client.join(mallory, "calm-texts-not")
            await socket.send(client_frame(payload, mask=bytes(4)))
            outcome = await outcome_of(socket)
            if outcome in ("error bad-frame", "error too-big"):
                # Only a frame was wrong: the connection goes on.
                await socket.say("hello")
                outcome = await outcome_of(socket)
                if outcome != "ack":
                    wrong[kind] = outcome
            elif outcome not in ("close 1007", "close 1009"):
                wrong[kind] = outcome
            socket.abort()

    assert wrong == {}
    assert nothing_went_wrong(client.ilo)


FRAMES = {
    "binary": (client_frame(b"hello", BINARY), "close 1003"),
    "empty binary": (client_frame(b"", BINARY), "close 1003"),
    "binary that is a right message": (
        client_frame(b'{"data": {"message": "hi"}}', BINARY),
        "close 1003",
    ),
    "fragmented binary": (client_frame(b"he", BINARY, fin=False), "close 1003"),
    "invalid UTF-8": (client_frame(b'"\xff"'), "close 1007"),
    "invalid UTF-8 in fragments": (
        client_frame(b'"\xe2', TEXT, fin=False) + client_frame(b'x"', CONT),
        "close 1007",
    ),
    "over the limit": (client_frame(b"x", claimed=327_681), "close 1009"),
    "claims 2 to the 62": (client_frame(b"x", claimed=1 << 62), "close 1009"),
    "fragments over the limit": (
        client_frame(b"a" * 200_000, TEXT, fin=False, mask=bytes(4))
        + client_frame(b"a" * 200_000, CONT, mask=bytes(4)),
        "close 1009",
    ),
    "not masked": (client_frame(b"{}", mask=None), "close 1002"),
    "reserved bits": (client_frame(b"{}", rsv=4), "close 1002"),
    "unknown opcode": (client_frame(b"{}", 0x3), "close 1002"),
    "continues nothing": (client_frame(b"{}", CONT), "close 1002"),
    "text within fragments": (client_frame(b"a", fin=False) + client_frame(b"b"), "close 1002"),
    "long ping": (client_frame(b"a" * 126, PING), "close 1002"),
    "fragmented ping": (client_frame(b"a", PING, fin=False), "close 1002"),
    "close of one byte": (client_frame(b"\x03", CLOSE), "close 1002"),
    "close with a code that nobody sends": (client_frame(b"\x03\xed", CLOSE), "close 1002"),
    "close with a reason in no UTF-8": (client_frame(b"\x03\xe8\xff", CLOSE), "close 1007"),
}


async def test_the_relay_closes_on_hostile_frames(client: SystemClient) -> None:
    outcomes: dict[str, str] = {}
    async with undisturbed(client, "calm-frames") as mallory:
        for kind, (frame, _) in FRAMES.items():
            socket, _ = await client.join(mallory, "calm-frames-not")
            await socket.send(frame)
            outcomes[kind] = await outcome_of(socket)
            socket.abort()

    assert outcomes == {kind: expected for kind, (_, expected) in FRAMES.items()}
    assert nothing_went_wrong(client.ilo)


async def test_who_is_hostile_in_a_room_disturbs_nobody_there(client: SystemClient) -> None:
    closes = []
    async with undisturbed(client, "calm") as mallory:
        for payloads in (TEXTS, bad_messages()):
            socket, _ = await client.join(mallory, "calm")
            frames = [client_frame(payload, mask=bytes(4)) for payload in payloads.values()]
            socket.write(b"".join(frames))
            async with asyncio.timeout(WAIT_S):
                while not (outcome := await outcome_of(socket)).startswith("close"):
                    assert outcome.startswith("error")
            closes.append(outcome)

    # Twenty in a row are enough; the others have one in between that is worse.
    assert closes == ["close 4400", "close 1007"]
    assert nothing_went_wrong(client.ilo)


async def test_the_relay_refuses_hostile_handshakes_with_4xx(client: SystemClient) -> None:
    wrong: dict[bytes, int] = {}
    async with undisturbed(client, "calm-handshakes") as mallory:
        rooms = [
            "", "..", ".", "%2F", "a%2Fb", "a/b", "%00", "tea%00", "%ff", "%", "%zz", "tea%20",
            "~private", "-tea", "a" * 65, "a" * 9000, "tea?since=1", "tea?", "T%2565a", "%C3%A9",
        ]  # fmt: skip
        requests = [request_head(f"/ws/{room}", mallory.bearer) for room in rooms]
        right = mallory.bearer
        requests += [
            request_head("/ws/tea", {**right, "Sec-WebSocket-Key": "short"}),
            request_head("/ws/tea", {**right, "Sec-WebSocket-Version": "12"}),
            request_head("/ws/tea", {**right, "Upgrade": ""}),
            request_head("/ws/tea", {**right, "Origin": "https://evil.invalid"}),
            request_head("/ws/tea", {"Authorization": "Bearer \xff\xfe"}),
            request_head("/ws/tea", right, method="POST"),
            request_head("/nowhere", right),
            b"GET /ws/tea\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\r\n\r\n",
            b"x" * 20_000,
        ]
        for request in requests:
            status = await status_of(client.ilo.relay_port, request)
            if not 400 <= status < 500:
                wrong[request[:80]] = status

    assert wrong == {}
    assert nothing_went_wrong(client.ilo)
