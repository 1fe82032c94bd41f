"""One client's socket: bytes in, frames to the session, bytes out, and a bound on what waits.

``websockets`` does the handshake and every unusual frame (its object lives only while it is
needed: an idle connection is small). Whole text frames take the short way: ``relay.wire``.
"""

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final, assert_never, cast

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from relay import hangups
from relay.frames import LookBack, Say, Signal
from relay.hangups import Hangup
from relay.outgoing import error_frame, signal_frame
from relay.rooms import LiveRoom
from relay.session import Reply, Session, members_changed
from relay.wire import (
    PING,
    WHOLE_TEXT,
    apply_mask,
    close_frame,
    frame_size,
    is_pong,
    text_frame,
)
from services.model import UserId

if TYPE_CHECKING:
    from relay.server import Relay

log = logging.getLogger("relay.connection")

HEAD_TIMEOUT_S: Final = 10.0
MAX_HEAD_BYTES: Final = 16 * 1024
CLOSE_TIMEOUT_S: Final = 5.0
STALL_TIMEOUT_S: Final = 15.0
HIGH_WATER_BYTES: Final = 512 * 1024
"""With one joined write and one frame on top, at most 1 MiB waits for a client."""
LOW_WATER_BYTES: Final = 64 * 1024
MAX_FRAGMENTS: Final = 64

# Why a socket is not read for a while; the bits of ``_held``.
_ADMISSION = 1
_UNACKED = 2
_FULL = 4
_DRAINING = 8
_LOOKING_BACK = 16
_DOUBTED = 32

_HEAD_END = b"\r\n\r\n"

# A logger of its own, known to nobody: at DEBUG the library would log payloads and tokens.
_SILENT = logging.Logger("silent", logging.CRITICAL + 1)  # noqa: LOG001


class Connection(asyncio.Protocol):
    """A socket in one of four states: head, admission, room, closing.

    ``first_seq`` is the oldest that this member may read, as far as it depends on the member.
    ``member_as_of`` is the room's ``members_version`` with which they came in as a member.
    ``asked`` is a question for older messages that has no answer yet.
    """

    __slots__ = (
        "_began_at",
        "_fragments",
        "_heard",
        "_held",
        "_need",
        "_partial",
        "_pinged",
        "_relay",
        "_silent_since",
        "_stalled",
        "_unsent",
        "_ws",
        "asked",
        "closing",
        "first_seq",
        "last_seq",
        "member_as_of",
        "members_version",
        "quiet_since",
        "room",
        "sender_json",
        "session",
        "transport",
        "unacked",
        "user_id",
        "write",
    )

    def __init__(self, relay: "Relay") -> None:
        self._relay = relay
        self.session: Session | None = None
        self.room: LiveRoom | None = None
        self.closing = False
        self.last_seq = 0
        self.first_seq = 1
        self.members_version = self.member_as_of = 0
        self.asked: LookBack | None = None
        self.quiet_since = 0.0
        self.user_id = UserId(b"")
        self.sender_json = b""
        self._ws: ServerProtocol | None = None
        self._fragments: list[bytes] | None = None
        self._partial: bytearray | None = None
        self._need = 0
        self._held = 0
        self.unacked = 0
        self._heard = True
        self._pinged = False
        self._silent_since = 0.0
        self._unsent = 0
        self._stalled: tuple[float, int] | None = None

    # -- the socket's events

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(HIGH_WATER_BYTES, LOW_WATER_BYTES)
        self.write = self.transport.write
        self._began_at = self._relay.now_s()
        self._relay.connected(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._relay.lost(self)
        self.closing = True
        self._ws = self._partial = self._fragments = None

    def data_received(self, data: bytes) -> None:
        try:
            self._received(data)
        except Exception as fault:  # noqa: BLE001  # a bug, whatever it is, ends one connection
            self._relay.failed(self, fault)

    def _received(self, data: bytes) -> None:
        self._heard = True
        partial = self._partial
        if partial is not None:
            partial += data
            if len(partial) < self._need:
                return
            data = bytes(partial)
            self._partial = None
        if self.session is not None and not self.closing:
            self._read(data)
        elif self.closing:
            self._discard(data)
        else:
            self._read_head(data)

    def eof_received(self) -> None:
        """Close the transport: half-open connections are of no use to a WebSocket."""

    def pause_writing(self) -> None:
        """The client takes less than it is sent: stop feeding it, and stop listening to it."""
        self._stalled = (self._relay.now_s(), self.transport.get_write_buffer_size())
        self._hold(_FULL)
        if self.room is not None:
            self.room.stop_feeding(self)

    def resume_writing(self) -> None:
        self._stalled = None
        self._release(_FULL)
        if self.room is not None and not self.closing:
            self.room.feed(self)
            if self.asked is not None:
                self._relay.delivery.look_back(self)

    # -- the handshake

    def _read_head(self, data: bytes) -> None:
        end = data.find(_HEAD_END, 0, MAX_HEAD_BYTES)
        if end < 0:
            if len(data) >= MAX_HEAD_BYTES:
                self._relay.doorway.refuse(self, hangups.BAD_HANDSHAKE)
            else:
                self._partial = bytearray(data)
                self._need = 0
            return
        end += len(_HEAD_END)
        # What follows the head is not looked at before the caller is admitted.
        if len(data) > end:
            self._partial = bytearray(data[end:])
            self._need = 0
        self._hold(_ADMISSION)
        ws = ServerProtocol(max_size=self._relay.limits.frame_bytes, logger=_SILENT)
        ws.receive_data(data[:end])
        events = ws.events_received()
        if len(events) != 1 or not isinstance(events[0], Request):
            self._relay.doorway.refuse(self, hangups.BAD_HANDSHAKE)
        else:
            self._relay.doorway.asked(self, ws, events[0])
        _let_go(ws)

    def admitted(self, session: Session, room: LiveRoom, answer: bytes) -> None:
        """Begin to listen: ``answer`` holds the 101, the welcome frame and what follows it."""
        self.session = session
        self.user_id = session.user_id
        self.sender_json = session.sender_json
        self.room = room
        self.members_version = room.members_version
        self.quiet_since = self._relay.now_s()
        self.write(answer)
        room.enter(self, session.username)
        self._release(_ADMISSION)

    def refused(self, answer: bytes) -> None:
        """Send the answer to a request that does not come in, and close."""
        if not self.closing and not self.transport.is_closing():
            self.write(answer)
            self._leave(0)
            self._finish(linger=True)

    # -- frames

    def _read(self, data: bytes) -> None:
        """Read whole frames; keep the rest until there is more, or until reading is allowed."""
        at, size = 0, len(data)
        while size - at >= 2 and not self._held:
            length = data[at + 1] - 128
            if data[at] == WHOLE_TEXT and 0 <= length < 127 and self._ws is None:
                body = at + 6
                if length == 126:
                    if size - at < 4:
                        self._keep(data, at, 4)
                        return
                    length = data[at + 2] << 8 | data[at + 3]
                    body = at + 8
                    if length > self._relay.limits.frame_bytes:
                        self.hang_up(hangups.TOO_BIG, data[at:])
                        return
                end = body + length
                if end > size:
                    self._keep(data, at, end - at)
                    return
                self._text(apply_mask(data[body:end], data[body - 4 : body]))
            else:
                whole = frame_size(data, at)
                if whole is not None and whole > self._relay.limits.frame_bytes + 14:
                    self.hang_up(hangups.TOO_BIG, data[at:])
                    return
                if whole is None or at + whole > size:
                    self._keep(data, at, whole or 0)
                    return
                end = at + whole
                self._unusual(data[at:end])
            at = end
            if self.closing:
                self._discard(data[at:])
                return
        if at < size:
            self._keep(data, at, 0)

    def _keep(self, data: bytes, at: int, need: int) -> None:
        self._partial = bytearray(data[at:] if at else data)
        self._need = need

    def _text(self, raw: bytes) -> None:
        session, room, relay = self.session, self.room, self._relay
        if session is None or room is None:
            return
        said = session.hear(raw, relay.now_s(), relay.reader, relay.pace)
        match said:
            case Say():
                self._say(room, said)
            case LookBack():
                self.asked = said
                self._hold(_LOOKING_BACK)
                relay.delivery.look_back(self)
            case Signal(data_json):
                room.tell_others(self.user_id, signal_frame(self.sender_json, data_json))
            case Reply(frame, hangup):
                if frame is not None:
                    self.tell(frame)
                if hangup is not None:
                    self.hang_up(hangup)
            case _:
                assert_never(said)

    def _say(self, room: LiveRoom, said: Say) -> None:
        if said.if_members is not None and said.if_members != room.members_version:
            self.tell(error_frame(members_changed(said.id)))
            return
        self.unacked += 1
        if self.unacked >= self._relay.limits.unacked_messages:
            self._hold(_UNACKED)
        self._relay.delivery.say(self, room, said)

    def _unusual(self, raw: bytes) -> None:
        """Let the library judge one whole frame, or the header of one that breaks the rules."""
        relay = self._relay
        # A goodbye never comes too fast: it has to be answered, and ends the connection anyway.
        if raw[0] & 0x0F != Opcode.CLOSE:
            hangup = cast("Session", self.session).control(relay.now_s(), relay.pace)
            if hangup is not None:
                self.hang_up(hangup)
                return
        if is_pong(raw[0]) and len(raw) > 2:
            return
        ws = self._ws
        if ws is None:
            ws = self._ws = self._library()
        ws.receive_data(raw)
        for event in ws.events_received():
            frame = cast("Frame", event)
            if frame.opcode is Opcode.BINARY:
                self.hang_up(hangups.BINARY)
                return
            if frame.opcode is Opcode.TEXT or frame.opcode is Opcode.CONT:
                self._fragment(frame.data, last=frame.fin)
                if self.closing:
                    return
        if ws.state is State.OPEN and len(raw) == 2 and raw[1] & 0x7F:
            self.hang_up(hangups.PROTOCOL_ERROR)
        else:
            self._send_library()

    def _fragment(self, data: bytes | bytearray | memoryview, *, last: bool) -> None:
        if self._fragments is None:
            self._fragments = []
        self._fragments.append(bytes(data))
        if last:
            whole, self._fragments = b"".join(self._fragments), None
            self._text(whole)
        elif len(self._fragments) >= MAX_FRAGMENTS:
            self.hang_up(hangups.TOO_BIG)

    def _library(self) -> ServerProtocol:
        return ServerProtocol(
            state=State.OPEN, max_size=self._relay.limits.frame_bytes, logger=_SILENT
        )

    def _send_library(self) -> None:
        """Send what the library has to say, and let go of it when it is not needed."""
        ws = self._ws
        if ws is None:
            return
        end = False
        for data in ws.data_to_send():
            if not data:
                end = True
            elif ws.parser_exc is None or ws.close_sent is None:
                self.write(data)
            else:
                # Its close frame, in the words of the contract instead of the library's.
                hangup = hangups.WITH_CODE[ws.close_sent.code]
                self.write(close_frame(hangup.code, hangup.reason))
        if ws.state is State.OPEN:
            if self._fragments is None:
                self._ws = None
                _let_go(ws)
            return
        self._leave(ws.close_sent.code if ws.close_sent is not None else 1006)
        if end:
            self._finish(linger=ws.close_rcvd is None)

    # -- what the relay tells

    def tell(self, payload: bytes) -> None:
        """Send one frame to this client alone."""
        self.tell_raw(text_frame(payload), self._relay.now_s())

    def tell_raw(self, frames: bytes, now_s: float) -> None:
        """Send whole frames, framed already, to this client alone."""
        if not self.closing:
            self.quiet_since = now_s
            self.write(frames)

    def may_go_on(self) -> None:
        """Some of this client's messages have their outcome: read on if that was awaited."""
        if self._held & _UNACKED and self.unacked < self._relay.limits.unacked_messages:
            self._release(_UNACKED)

    def looked_back(self) -> None:
        """The question for older messages has its answer: read on."""
        self.asked = None
        self._release(_LOOKING_BACK)

    def doubt(self) -> None:
        """Take nothing from this client until it is known whether its session goes on."""
        if not self.closing:
            self._hold(_DOUBTED)

    def trust(self) -> None:
        """Its session goes on, or nobody can say: read on."""
        self._release(_DOUBTED)

    def stop_listening(self) -> None:
        """Take nothing more from this client; what it said before is still answered."""
        if not self.closing:
            self._hold(_DRAINING)

    # -- catching up

    def catch_up(self) -> None:
        self._relay.delivery.catch_up(self)

    def can_be_fed(self) -> bool:
        """Tell whether the client takes what its room has for it."""
        return not self.closing and not self._held & _FULL and self.room is not None

    # -- the end

    def hang_up(self, hangup: Hangup, rest: bytes = b"") -> None:
        """Say goodbye with a close frame; ``rest`` is what was received and not read."""
        if self.closing:
            return
        if self.session is None:
            self.transport.abort()
            return
        ws = self._ws
        if ws is None:
            ws = self._ws = self._library()
        if ws.state is State.OPEN:
            ws.send_close(hangup.code, hangup.reason)
        self._send_library()
        if self._partial is not None:
            rest, self._partial = bytes(self._partial) + rest, None
        self._discard(rest)

    def _leave(self, code: int) -> None:
        """Out of the room; what still comes in is not listened to."""
        if self.closing:
            return
        self.closing = True
        self._began_at = self._relay.now_s()
        self._held = 0
        if not self.transport.is_closing():
            self.transport.resume_reading()
        self._relay.left(self, code)

    def _discard(self, data: bytes) -> None:
        """After our close frame, wait for the client's, and for nothing else."""
        ws = self._ws
        if ws is None or not data or self.transport.is_closing():
            return
        if ws.state is State.CLOSED:
            return
        ws.receive_data(data)
        ws.events_received()
        for out in ws.data_to_send():
            if not out:
                self._finish(linger=ws.close_rcvd is None)
                return

    def _finish(self, *, linger: bool) -> None:
        """Close the socket; with ``linger`` only our side of it, so that the close frame arrives.

        Closing a socket that has unread bytes resets it, and the client would never see why.
        """
        if linger and self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()

    # -- now and then

    def look_after(self, now_s: float, *, head_after_s: float, ping_after_s: float) -> None:
        """Do what time asks for: cut what hangs, ping what is silent, show a quiet line alive.

        Who is silent for more than ``ping_after_s`` is pinged, and cut after as much again, unless
        they took some of what waits for them: the ping may be behind it.
        """
        if self.closing or self.session is None:
            limit = CLOSE_TIMEOUT_S if self.closing else HEAD_TIMEOUT_S
            if now_s - self._began_at > limit:
                self.transport.abort()
            return
        if self._stalled is not None:
            since, waiting = self._stalled
            left = self.transport.get_write_buffer_size()
            if left < waiting:
                self._stalled = (now_s, left)
            elif now_s - since > STALL_TIMEOUT_S:
                self.hang_up(hangups.TOO_SLOW)
            return
        if self._heard:
            self._heard = self._pinged = False
            self._silent_since = now_s
        elif now_s - self._silent_since > ping_after_s:
            unsent = self.transport.get_write_buffer_size()
            if not self._pinged:
                self._pinged = True
                self.write(PING)
            elif unsent >= self._unsent:
                self._leave(1006)
                self.transport.abort()
                return
            self._unsent = unsent
            self._silent_since = now_s
        room = cast("LiveRoom", self.room)
        if now_s - max(self.quiet_since, room.fed_at) >= head_after_s:
            self._relay.tell_head(self)

    # -- reading or not

    def _hold(self, why: int) -> None:
        if not self._held and not self.transport.is_closing():
            self.transport.pause_reading()
        self._held |= why

    def _release(self, why: int) -> None:
        if not self._held:
            return
        self._held &= ~why
        if self._held or self.closing or self.transport.is_closing():
            return
        self.transport.resume_reading()
        if self._partial is not None:
            # Not from here: whoever released it may be in the middle of a fan-out.
            self._relay.call_soon(self._read_kept)

    def _read_kept(self) -> None:
        if self._partial is not None and not self._held and not self.closing:
            kept, self._partial = self._partial, None
            self.data_received(bytes(kept))

    def client_address(self) -> str:
        """Return the client's address without its port, for the log."""
        peer: Any = self.transport.get_extra_info("peername")
        return peer[0] if isinstance(peer, tuple) else "unknown"


def _let_go(ws: ServerProtocol) -> None:
    """Free the library's object now: it and its parser hold each other."""
    ws.parser.close()
