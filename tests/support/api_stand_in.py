"""Stands in for the API on a real socket, and answers relays whatever a test wants.

Bytes go out as they are given: nothing here keeps them from being wrong.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import orjson

from services.introspection import answer_to

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Question:
    """What a relay asked: where, with which secret, and the members of its form."""

    target: str
    authorization: str
    form: dict[str, str]

    def truth(self, person: dict[str, Any], **changed: Any) -> dict[str, Any]:
        """Return the right answer about ``person``, but for what is ``changed``."""
        told = answer_to(self.form.get("nonce", ""), self.form.get("token", ""))
        return {"active": True, **person, "answer_to": told, **changed}


Answer = Callable[[Question], bytes | AsyncIterator[bytes]]
"""What is sent for a question; nothing more is heard on that connection when it is over."""


def http(body: object, status: str = "200 OK", content_type: str = JSON, **headers: str) -> bytes:
    """Return a whole answer; a body that is not bytes is written as JSON."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    lines = {"Content-Type": content_type, "Content-Length": str(len(raw)), **headers}
    head = "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in lines.items() if v)
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + raw


class ApiStandIn:
    """``answer`` may be set at any time; ``questions`` are all that were asked."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.questions: list[Question] = []
        self.port = 0
        self._serving: set[asyncio.Task[None]] = set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            question = await _read_question(reader)
            self.questions.append(question)
            answer = self.answer(question)
            if isinstance(answer, bytes):
                writer.write(answer)
                await writer.drain()
            else:
                async for part in answer:
                    writer.write(part)
                    await writer.drain()
            writer.close()
        except (ConnectionError, asyncio.IncompleteReadError):
            # The relay has hung up: it may.
            writer.transport.abort()
        except asyncio.CancelledError:
            writer.transport.abort()
            raise
        finally:
            self._serving.discard(task)

    async def stop_serving(self) -> None:
        """Cut every connection."""
        for task in list(self._serving):
            task.cancel()
        if self._serving:
            await asyncio.wait(self._serving)


async def _read_question(reader: asyncio.StreamReader) -> Question:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    request, *lines = head.rstrip("\r\n").split("\r\n")
    headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    return Question(request.split(" ")[1], headers.get("authorization", ""), form)


@asynccontextmanager
async def open_api(answer: Answer) -> AsyncIterator[ApiStandIn]:
    """Run a stand-in for the API on a free port until the end of the block."""
    api = ApiStandIn(answer)
    server = await asyncio.start_server(api._serve, "127.0.0.1", 0)
    api.port = server.sockets[0].getsockname()[1]
    try:
        yield api
    finally:
        server.close()
        await api.stop_serving()
        await server.wait_closed()
