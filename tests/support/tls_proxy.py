"""A proxy as docs/how-to/proxy.md asks for one: TLS and one port in front of both doors."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from tests.support.certificates import certificate_in
from tests.support.tcp_proxy import listening


class TlsProxy:
    """Sends ``/ws/`` to the relay's port, and everything else to the API's.

    A connection stays where its first request goes: browsers reuse none for a WebSocket.
    """

    def __init__(self) -> None:
        self.port = 0
        self.api_port = 0
        self.relay_port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with AsyncExitStack() as ends:
            ends.push_async_callback(_closed, writer)
            with suppress(asyncio.IncompleteReadError, OSError):
                head = await reader.readuntil(b"\r\n\r\n")
                is_socket = head.split(b" ", 2)[1].startswith(b"/ws/")
                port = self.relay_port if is_socket else self.api_port
                server_reader, server_writer = await asyncio.open_connection("127.0.0.1", port)
                ends.push_async_callback(_closed, server_writer)
                server_writer.write(head)
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(_forward(reader, server_writer))
                    tasks.create_task(_forward(server_reader, writer))


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    # TLS has no half-closed connections.
    writer.close()


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


@asynccontextmanager
async def tls_proxy(folder: Path) -> AsyncIterator[TlsProxy]:
    """Run a proxy with a certificate of its own, until the end of the block."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate_in(folder))
    proxy = TlsProxy()
    async with listening(proxy.serve, context) as proxy.port:
        yield proxy
