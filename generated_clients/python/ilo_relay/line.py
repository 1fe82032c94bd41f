"""One connection: the handshake, frames as text, and how it ended."""

import asyncio
import logging
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from pydantic_core import from_json
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.http11 import Response
from websockets.typing import Origin, Subprotocol

from ilo_relay import contract
from ilo_relay.errors import BrokenFrame, HandshakeRefused, NoLine, RelayClosed, RelayUnreachable
from ilo_relay.frames import Welcome, read_frame

MAX_FRAME_BYTES: Final = 8 * 1024 * 1024
"""The largest frame taken from a relay: several times the longest message, all of it escaped."""
USER_AGENT: Final = f"ilo-relay/{contract.VERSION}"
PROBLEM_TYPE: Final = "/problems/"

# A logger of its own, known to nobody: at DEBUG the library would log tokens and what is said.
_SILENT = logging.Logger("silent", logging.CRITICAL + 1)  # noqa: LOG001


@dataclass(frozen=True, slots=True)
class Way:
    """Everything about how to connect but who it is. Times are in seconds."""

    open_timeout_s: float
    silence_s: float
    close_timeout_s: float
    tls: ssl.SSLContext | None = None
    origin: str | None = None
    proxy: str | Literal[True] | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A handshake to make. ``headers`` and ``subprotocols`` hold a secret."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    subprotocols: Sequence[str] = field(repr=False)


class LineLost(Exception):
    """The connection is over, and one comes back."""


class _Connect(connect):
    """Follows no redirect: a token goes where its owner sent it, and nowhere else."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class Line:
    """A connection that has been welcomed."""

    def __init__(self, socket: ClientConnection, welcome: Welcome, way: Way) -> None:
        self.welcome = welcome
        self._socket = socket
        self._way = way

    async def send(self, text: str) -> None:
        """Send a frame. When the connection is over nothing happens: who reads is told."""
        try:
            await self._socket.send(text)
        except ConnectionClosed:
            return

    async def receive(self) -> str | bytes:
        """Return the next frame.

        Raises:
            LineLost: the connection is over, or silent for too long.
            RelayClosed: it is over for good.
        """
        try:
            async with asyncio.timeout(self._way.silence_s):
                return await self._socket.recv()
        except ConnectionClosed as closed:
            end = _end_of(closed)
        except TimeoutError:
            self.abort()
            end = LineLost(f"nothing came for {self._way.silence_s:g} s")
        raise end

    async def hang_up(self) -> None:
        """Say goodbye, and return when the socket is closed."""
        socket = self._socket
        try:
            async with asyncio.timeout(self._way.close_timeout_s):
                async with asyncio.TaskGroup() as tasks:
                    # The relay's goodbye may stand behind frames that nobody took.
                    tasks.create_task(_discard(socket))
                    await socket.close()
        except TimeoutError:
            pass
        finally:
            socket.transport.abort()
        await socket.wait_closed()

    def abort(self) -> None:
        """Cut the connection."""
        self._socket.transport.abort()


async def open_line(request: Request, way: Way) -> Line:
    """Connect, and wait to be welcomed.

    Raises:
        NoLine: it did not work; ``reconnect`` says whether it may.
        RelayClosed: the relay ended the connection at once.
        BrokenFrame: the relay's first frame is no welcome.
    """
    failure: Exception
    tls = way.tls
    if tls is None and request.url.startswith("wss:"):
        tls = ssl.create_default_context()
    try:
        async with asyncio.timeout(way.open_timeout_s):
            socket = await _Connect(
                request.url,
                origin=None if way.origin is None else Origin(way.origin),
                subprotocols=[Subprotocol(name) for name in request.subprotocols],
                additional_headers=request.headers,
                compression=None,
                user_agent_header=USER_AGENT,
                proxy=way.proxy,
                open_timeout=None,
                # The relay promises a frame every 20 s: silence is what tells a dead line.
                # Pings would also cut one that is only waiting for its reader.
                ping_interval=None,
                close_timeout=way.close_timeout_s,
                max_size=MAX_FRAME_BYTES,
                logger=_SILENT,
                ssl=tls,
            )
            try:
                welcome = read_frame(await socket.recv())
            except BaseException:
                socket.transport.abort()
                raise
            if isinstance(welcome, Welcome):
                return Line(socket, welcome, way)
            socket.transport.abort()
            failure = BrokenFrame("/type", "the first frame has to be a welcome")
    except InvalidStatus as refused:
        failure = _refusal(refused.response)
    except ConnectionClosed as closed:
        end = _end_of(closed)
        failure = RelayUnreachable(str(end)) if isinstance(end, LineLost) else end
    except ssl.SSLCertVerificationError as error:
        text = f"its certificate is not trusted: {error.verify_message}"
        failure = RelayUnreachable(text, reconnect=False)
    except (OSError, InvalidHandshake) as error:
        failure = RelayUnreachable(f"the relay does not answer: {type(error).__name__}")
    # Raised here: the library's errors hold what was sent and received.
    raise failure


def _end_of(closed: ConnectionClosed) -> Exception:
    """Return what the end of a connection means: only a close frame of the relay's own says more
    than that the line is lost."""
    frame = closed.rcvd
    if frame is None or closed.rcvd_then_sent is False:
        return LineLost("the connection broke off")
    code = contract.close_code(frame.code, frame.reason)
    if code.reconnect:
        return LineLost(f"the relay closed with {code.code} {code.reason}")
    return RelayClosed(code.code, code.reason, code.meaning)


def _refusal(response: Response) -> NoLine:
    """Return why a handshake was refused, as the problem in its body says (RFC 9457)."""
    try:
        problem = from_json(bytes(response.body))
    except ValueError:
        problem = None
    kind = problem.get("type") if isinstance(problem, dict) else None
    reason = kind.removeprefix(PROBLEM_TYPE) if isinstance(kind, str) else ""
    known = contract.refusal(response.status_code, reason)
    # What is not in the contract is not repeated: it may come from anyone on the way.
    reason = known.reason if known in contract.REFUSALS else "unknown"
    after = response.headers.get("Retry-After", "")
    return HandshakeRefused(
        known.status,
        reason,
        known.meaning,
        reconnect=known.reconnect,
        retry_after_s=float(after) if after.isascii() and after.isdecimal() else None,
    )


async def _discard(socket: ClientConnection) -> None:
    try:
        while True:
            await socket.recv()
    except ConnectionClosed:
        return
