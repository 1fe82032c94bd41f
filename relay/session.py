"""One client's side of the conversation: a frame comes in, a decision comes out.

No I/O and no clock: the time comes with each frame, in seconds of a clock that never goes back.
"""

from dataclasses import dataclass

from relay.frames import FrameReader, Heard, NotUtf8, Refused
from relay.hangups import BAD_FRAMES, NOT_UTF_8, RATE, Hangup
from relay.outgoing import error_frame, json_text
from services.errors import IdReused, IloError, StorageFull
from services.limits import Limits
from services.model import Instant, UserId, Username

MAX_BAD_FRAMES_IN_A_ROW = 20

BYTES_A_REFUSED_FRAME = 4096
"""A refused frame counts for the pace as one more frame for each of so many bytes."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Tell only this client: an ``error`` frame, and then perhaps the end."""

    frame: bytes | None
    hangup: Hangup | None = None


class Pace:
    """How often frames may come: ``frames_burst`` at once, ``frames_per_s`` in the long run.

    The generic cell rate algorithm: one number a connection says when it will have
    used up what it took.
    """

    __slots__ = ("_burst_s", "_interval_s")

    def __init__(self, limits: Limits) -> None:
        self._interval_s = 1.0 / limits.frames_per_s
        self._burst_s = limits.frames_burst * self._interval_s

    def take(self, used_until: float, now_s: float) -> tuple[float, float]:
        """Return (the new ``used_until``, 0.0), or (the old one, seconds to wait) if too fast."""
        until = (used_until if used_until > now_s else now_s) + self._interval_s
        # A billionth of slack: the last frame of a burst must not fail for a rounding.
        wait = until - now_s - self._burst_s
        if wait > 1e-9:
            return used_until, wait
        return until, 0.0

    def cost_s(self, frames: int) -> float:
        """Return how many seconds of the long run so many frames take up."""
        return frames * self._interval_s


class Session:
    """Who is connected, and how well they keep to the contract."""

    __slots__ = (
        "_bad_frames",
        "_too_fast",
        "_used_until",
        "expires_at",
        "sender_json",
        "session_id",
        "user_id",
        "username",
    )

    def __init__(
        self, user_id: UserId, username: Username, session_id: str, expires_at: Instant
    ) -> None:
        self.user_id = user_id
        self.username = username
        self.session_id = session_id
        self.expires_at = expires_at
        self.sender_json = json_text(username)
        self._used_until = 0.0
        self._bad_frames = 0
        self._too_fast = 0

    def hear(self, raw: bytes, now_s: float, reader: FrameReader, pace: Pace) -> Heard | Reply:
        """Decide about one text frame: what it asks for, or what it is answered."""
        until, wait_s = pace.take(self._used_until, now_s)
        if wait_s:
            return self._slow_down(raw, wait_s, reader)
        self._used_until = until
        self._too_fast = 0
        try:
            said = reader.read(raw)
        except NotUtf8:
            return Reply(None, NOT_UTF_8)
        if isinstance(said, Refused):
            self._bad_frames += 1
            if said.code == "bad-frame":
                # Saying what is wrong costs up to a hundred times what a right frame costs.
                self._used_until += pace.cost_s(len(raw) // BYTES_A_REFUSED_FRAME)
            enough = self._bad_frames >= MAX_BAD_FRAMES_IN_A_ROW
            return Reply(error_frame(said), BAD_FRAMES if enough else None)
        self._bad_frames = 0
        return said

    def control(self, now_s: float, pace: Pace) -> Hangup | None:
        """Count a control frame or a fragment; they share the pace of all frames."""
        self._used_until, wait_s = pace.take(self._used_until, now_s)
        return RATE if wait_s else None

    def _slow_down(self, raw: bytes, wait_s: float, reader: FrameReader) -> Reply:
        self._too_fast += 1
        refused = Refused(
            "rate",
            "frames come faster than limits.frames_per_s",
            id=reader.id_of(raw),
            retry_after=round(wait_s, 3),
        )
        hangup = RATE if self._too_fast > reader.limits.frames_burst else None
        return Reply(error_frame(refused), hangup)


def members_changed(id_text: str | None) -> Refused:
    """Say that the room has other members than the message was meant for."""
    detail = "/if_members: is not the room's members_version"
    return Refused("members-changed", detail, id=id_text, path="/if_members")


def refused_by_store(error: IloError, id_text: str) -> Refused:
    """Say what became of a message that was not stored, or may not have been."""
    match error:
        case IdReused():
            return Refused("id-reused", str(error), id=id_text)
        case StorageFull():
            return Refused("storage-full", str(error), id=id_text, retry_after=5)
        case _:
            return Refused("unavailable", "the store does not answer in time", id=id_text)
