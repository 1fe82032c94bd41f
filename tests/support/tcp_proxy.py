"""A TCP proxy between a client and a server, which can be cut, held, and led elsewhere."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class TcpProxy:
    """Forwards to ``target`` on this machine; None refuses.

    While ``answers`` is not set, what the server sends is read and kept. After ``lets_answers``
    bytes of the server, or ``lets_asks`` of the client, on any connections, the one of the last
    byte is cut: the byte arrives, and nothing behind it.
    """

    def __init__(self, target: int | None) -> None:
        self.target = target
        self.port = 0
        self.accepted = 0
        self.answers = asyncio.Event()
        self.answers.set()
        self.lets_answers: int | None = None
        self.lets_asks: int | None = None
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Reset every connection, on both sides; what was kept is lost."""
        for writer in self._open:
            writer.transport.abort()
        self.answers.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self.target is None:
            writer.transport.abort()
            return
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.target)
        ends = {writer, server_writer}
        self._open |= ends
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._forward(reader, server_writer, held=False))
                tasks.create_task(self._forward(server_reader, writer, held=True))
        finally:
            self._open -= ends
            for end in ends:
                end.close()

    async def _forward(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, held: bool
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                if held:
                    await self.answers.wait()
                allowed = self._allowed(data, answers=held)
                writer.write(allowed)
                await writer.drain()
                if len(allowed) < len(data):
                    break
        with suppress(OSError):
            if writer.can_write_eof():
                writer.write_eof()

    def _allowed(self, data: bytes, *, answers: bool) -> bytes:
        """Return what of ``data`` is let through; less of it cuts."""
        name = "lets_answers" if answers else "lets_asks"
        lets: int | None = getattr(self, name)
        if lets is None:
            return data
        rest = lets - len(data)
        setattr(self, name, rest if rest >= 0 else None)
        return data if rest >= 0 else data[:lets]


@asynccontextmanager
async def proxy_to(target: int | None) -> AsyncIterator[TcpProxy]:
    """Run a proxy to the port ``target`` until the end of the block."""
    proxy = TcpProxy(target)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        await proxy.serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.cut()
        if tasks:
            await asyncio.wait(tasks)
