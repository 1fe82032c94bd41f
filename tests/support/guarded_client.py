"""The client of the ``websockets`` library, whose every frame passes the frame guard."""

from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tests.support.frame_guard import FrameGuard
from tests.support.websocket import CLOSE, TEXT


class GuardedClient(ClientConnection):
    """Given to ``connect`` as ``create_connection``. It sends text, as one frame a message."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.guard = FrameGuard()

    async def send(self, message: Any, *, text: bool | None = None) -> None:
        if isinstance(message, str):
            self.guard.sent_text(message.encode())
        await super().send(message, text=text)

    async def recv(self, decode: bool | None = None) -> Any:
        if self.request is not None:
            self.guard.asked(self.request.path)
        try:
            data = await super().recv(decode)
        except ConnectionClosed as closed:
            # Where the client said goodbye first, the relay's close frame is its answer.
            if closed.rcvd is not None and closed.rcvd_then_sent:
                self.guard.heard(CLOSE, closed.rcvd.serialize())
            raise
        self.guard.heard(TEXT, data.encode() if isinstance(data, str) else data)
        return data
