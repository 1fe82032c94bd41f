"""A TCP proxy between a client and a server, which can be cut, held, and led elsewhere."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Cut:
    """The end of one connection, when so many bytes have gone on in one direction.

    ``reset``: with a reset, which loses what is under way; else what went on arrives.
    """

    from_server: bool
    after_bytes: int
    reset: bool


class TcpProxy:
    """Forwards to the port ``target`` of ``host``; None refuses.

    While ``answers`` is not set, what the server sends is read and kept, and while ``requests`` is
    not, what the client sends; ``has_kept`` is set when there is an answer among what is kept.
    ``next_cut`` is asked at each connection how it shall end; ``cuts`` counts those that did.
    """

    def __init__(self, target: int | None, host: str = "127.0.0.1") -> None:
        self.target = target
        self._host = host
        self.port = 0
        self.accepted = 0
        self.cuts = 0
        self.next_cut: Callable[[], Cut | None] = lambda: None
        self.answers = asyncio.Event()
        self.answers.set()
        self.has_kept = asyncio.Event()
        self.requests = asyncio.Event()
        self.requests.set()
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Reset every connection, on both sides; what was kept is lost."""
        for writer in self._open:
            writer.transport.abort()
        self.answers.set()
        self.requests.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self.target is None:
            writer.transport.abort()
            return
        try:
            server_reader, server_writer = await asyncio.open_connection(self._host, self.target)
        except ConnectionError:
            # The server has gone: who comes now is refused, too.
            writer.transport.abort()
            return
        ends = {writer, server_writer}
        self._open |= ends
        cut = self.next_cut()

        async def forward(
            source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, from_server: bool
        ) -> None:
            here = cut if cut is not None and cut.from_server == from_server else None
            if await self._forward(source, sink, from_server=from_server, cut=here):
                self.cuts += 1
                for end in ends:
                    if cut is not None and cut.reset:
                        end.transport.abort()
                    else:
                        end.close()

        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(forward(reader, server_writer, from_server=False))
                tasks.create_task(forward(server_reader, writer, from_server=True))
        finally:
            self._open -= ends
            for end in ends:
                end.close()

    async def _forward(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        from_server: bool,
        cut: Cut | None = None,
    ) -> bool:
        """Forward until the end; True when it has come to ``cut``."""
        left = None if cut is None else cut.after_bytes
        with suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                if from_server and not self.answers.is_set():
                    self.has_kept.set()
                await (self.answers if from_server else self.requests).wait()
                if writer.is_closing():
                    return False
                writer.write(data if left is None else data[:left])
                await writer.drain()
                if left is not None:
                    left -= len(data)
                    if left <= 0:
                        return True
        with suppress(OSError):
            if not writer.is_closing() and writer.can_write_eof():
                writer.write_eof()
        return False


@asynccontextmanager
async def listening(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]],
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[int]:
    """Serve who connects, until the end of the block; yields the port."""
    tasks: set[asyncio.Task[None]] = set()

    async def come(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        try:
            await serve(reader, writer)
        finally:
            # Also of who came just before the end.
            writer.close()

    server = await asyncio.start_server(come, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


@asynccontextmanager
async def proxy_to(
    target: int | None, host: str = "127.0.0.1", *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[TcpProxy]:
    """Run a proxy to the port ``target`` of ``host`` until the end of the block.

    With ``tls`` it speaks TLS with the clients, and plain text with ``target``.
    """
    proxy = TcpProxy(target, host)
    async with listening(proxy.serve, tls) as proxy.port:
        try:
            yield proxy
        finally:
            proxy.cut()
