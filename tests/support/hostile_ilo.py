"""A server that lies: it stands in front of a real one, and alters what passes.

Who is given its address is lied to; who is given the real one is not. It has no private key of
anybody: what it seals or signs itself, it does as any stranger could.
"""

import asyncio
import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from typing import Any, TypeAlias

import httpx
from jwcrypto.jwe import JWE
from jwcrypto.jwk import JWK
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.support.websocket import WAIT_S

Json: TypeAlias = Any

NOT_FORWARDED = {"connection", "content-length", "transfer-encoding", "host", "accept-encoding"}


class HostileIlo:
    """Set ``answer``, ``down`` and ``up`` to what shall happen; each begins as honest.

    ``answer`` is given method, path and JSON of an answer of the API, and returns the JSON to
    give instead. ``down`` and ``up`` are given a frame from and to the relay, and return those
    that go on. Messages that go down are numbered without a hole, so that no client sees by the
    numbers alone what is done here. ``went_down`` has all of them, as they came.
    """

    def __init__(self, api_url: str, relay_url: str) -> None:
        self._real_api = api_url
        self._real_relay = relay_url
        self.api_url = ""
        self.relay_url = ""
        self.answer: Callable[[str, str, Json], Json] = lambda method, path, answer: answer
        self.down: Callable[[dict[str, Json]], Sequence[dict[str, Json]]] = lambda frame: [frame]
        self.up: Callable[[dict[str, Json]], Sequence[dict[str, Json]]] = lambda frame: [frame]
        self.went_down: list[dict[str, Json]] = []
        self._passes = asyncio.Condition()
        self._lines: list[_Line] = []

    async def say(self, frame: dict[str, Json]) -> None:
        """Send a frame to everybody who is connected here."""
        for line in self._lines:
            await line.tell(frame)

    async def passed(self, message_id: str) -> None:
        """Wait until the message with this id has come by, and it is settled what happens to it.

        Whoever said it knows that it is stored, and not whether it was here.
        """

        def has_passed() -> bool:
            return any(frame["id"] == message_id for frame in self.went_down)

        async with asyncio.timeout(WAIT_S), self._passes:
            await self._passes.wait_for(has_passed)

    # -- the API

    async def serve_api(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            try:
                writer.write(await self._answer_one(reader))
                await writer.drain()
            finally:
                writer.close()

    async def _answer_one(self, reader: asyncio.StreamReader) -> bytes:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip("\r\n").split("\r\n")
        method, path, _ = first.split(" ")
        headers = dict(line.split(": ", 1) for line in lines)
        length = {name.lower(): value for name, value in headers.items()}.get("content-length")
        body = await reader.readexactly(int(length)) if length else b""
        kept = {name: it for name, it in headers.items() if name.lower() not in NOT_FORWARDED}
        async with httpx.AsyncClient(trust_env=False, timeout=30.0) as client:
            got = await client.request(method, self._real_api + path, headers=kept, content=body)
        content = self._altered(method, path, got)
        # A page from here is to come back here.
        more = [
            f"{name}: {value.replace(self._real_relay, self.relay_url)}\r\n"
            for name, value in got.headers.items()
            if name.lower() not in {*NOT_FORWARDED, "content-encoding"}
        ]
        start = f"HTTP/1.1 {got.status_code} {got.reason_phrase}\r\n"
        size = got.headers.get("content-length", "0") if method == "HEAD" else len(content)
        end = f"content-length: {size}\r\nconnection: close\r\n\r\n"
        sent = b"" if method == "HEAD" else content
        return (start + "".join(more) + end).encode("latin-1") + sent

    def _altered(self, method: str, path: str, got: httpx.Response) -> bytes:
        if "application/json" not in got.headers.get("content-type", ""):
            return got.content
        answer = json.loads(got.text.replace(self._real_relay, self.relay_url))
        return json.dumps(self.answer(method, path, answer)).encode()

    # -- the relay

    async def serve_relay(self, socket: ServerConnection) -> None:
        request = socket.request
        assert request is not None
        given = request.headers.get("Sec-WebSocket-Protocol", "")
        token = request.headers.get("Authorization")
        async with connect(
            self._real_relay + request.path,
            additional_headers={} if token is None else {"Authorization": token},
            subprotocols=[each.strip() for each in given.split(",")],  # type: ignore[misc]
            proxy=None,
        ) as real:
            line = _Line(self, socket)
            self._lines.append(line)
            try:
                async with asyncio.TaskGroup() as tasks:
                    up = tasks.create_task(self._pass_up(socket, real))
                    await self._pass_down(real, line)
                    up.cancel()
            finally:
                self._lines.remove(line)
                with suppress(ConnectionClosed):
                    await socket.close(real.close_code or 1001, real.close_reason or "")

    async def _pass_up(self, socket: ServerConnection, real: Any) -> None:
        with suppress(ConnectionClosed):
            async for text in socket:
                for frame in self.up(json.loads(text)):
                    await real.send(json.dumps(frame))
        await real.close()

    async def _pass_down(self, real: Any, line: "_Line") -> None:
        with suppress(ConnectionClosed):
            async for text in real:
                frame = json.loads(text)
                if frame["type"] == "message":
                    self.went_down.append(frame)
                for altered in self.down(frame):
                    await line.tell(altered)
                async with self._passes:
                    self._passes.notify_all()


class _Line:
    """A connection to somebody who is lied to."""

    def __init__(self, server: HostileIlo, socket: ServerConnection) -> None:
        self._socket = socket
        self._next_seq: int | None = None

    async def tell(self, frame: dict[str, Json]) -> None:
        if frame["type"] == "message":
            seq = frame["seq"] if self._next_seq is None else self._next_seq
            self._next_seq = seq + 1
            frame = {**frame, "seq": seq}
        with suppress(ConnectionClosed):
            await self._socket.send(json.dumps(frame))


@asynccontextmanager
async def hostile_to(api_url: str, relay_url: str) -> AsyncIterator[HostileIlo]:
    """Run one in front of the API and the relay at these URLs until the end of the block."""
    hostile = HostileIlo(api_url, relay_url)
    api = await asyncio.start_server(hostile.serve_api, "127.0.0.1", 0, limit=1 << 20)
    async with (
        api,
        serve(
            hostile.serve_relay,
            "127.0.0.1",
            0,
            select_subprotocol=lambda _, offered: offered[0] if offered else None,
        ) as relay,
    ):
        hostile.api_url = f"http://127.0.0.1:{api.sockets[0].getsockname()[1]}"
        hostile.relay_url = f"ws://127.0.0.1:{next(iter(relay.sockets)).getsockname()[1]}"
        yield hostile


# -- what a stranger can make


def encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def sealed_by_a_stranger(
    frame: dict[str, Json], inner: str, keys: Sequence[dict[str, Json]]
) -> dict[str, Json]:
    """Return a message like ``frame`` whose envelope holds ``inner``, for these public RSA keys
    (JWKs): it needs no secret to encrypt for somebody."""
    found = [JWK(**key) for key in keys]
    kids = sorted(key.thumbprint() for key in found)
    about = {
        "v": 1,
        "room": frame["room"],
        "from": frame["sender"],
        "mid": frame["id"],
        "to": encoded(sha256("\n".join(kids).encode()).digest()),
    }
    protected = {"enc": "A256GCM", "typ": "ilo-env+jwe", "cty": "ilo-msg+jws", "ilo": about}
    envelope = JWE(inner.encode(), json.dumps(protected, separators=(",", ":")))
    for key in found:
        header = {"alg": "RSA-OAEP-256", "kid": key.thumbprint()}
        envelope.add_recipient(key, json.dumps(header))
    members = json.loads(envelope.serialize())
    if "recipients" not in members:
        lone = {"header": members.pop("header"), "encrypted_key": members.pop("encrypted_key")}
        members["recipients"] = [lone]
    return {**frame, "data": {"message": json.dumps(members)}}


def unsigned(frame: dict[str, Json], text: str) -> str:
    """Return a message to put into an envelope like that of ``frame``, without a signature."""
    header = {"alg": "none", "kid": "A" * 43, "typ": "ilo-msg+jws"}
    payload = {"body": text, "mid": frame["id"], "from": frame["sender"], "room": frame["room"]}
    parts = [encoded(json.dumps(each).encode()) for each in (header, payload)]
    return ".".join([*parts, ""])


def altered_envelope(
    frame: dict[str, Json], alter: Callable[[dict[str, Json]], None]
) -> dict[str, Json]:
    """Return ``frame`` with its envelope altered in place by ``alter``."""
    envelope = json.loads(frame["data"]["message"])
    alter(envelope)
    return {**frame, "data": {"message": json.dumps(envelope, separators=(",", ":"))}}
