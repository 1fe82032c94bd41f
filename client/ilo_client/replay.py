"""The rule against messages that come twice, late or out of order: plain decisions.

Who remembers (``ilo_client.memory``) looks up what is known, asks, and writes the answer down
in one transaction.
"""

from dataclasses import dataclass
from typing import Literal

from ilo_client.errors import Refused
from ilo_client.opening import Opened

ReplayWarning = Literal["gap"]


@dataclass(frozen=True, slots=True)
class Known:
    """What is remembered of a message by (room, sender, mid): what it was and where it stood."""

    digest: str
    epoch: str
    seq: int
    """The relay's, as ``epoch`` is."""


@dataclass(frozen=True, slots=True)
class Last:
    """What is remembered of a device by (room, sender, device): its latest live message."""

    seq: int
    """The device's own."""
    digest: str


@dataclass(frozen=True, slots=True)
class Verdict:
    is_repeat: bool
    """It is the very message that is known already: not to be shown again."""
    warnings: tuple[ReplayWarning, ...]
    known: Known
    """What is to be remembered of the message from now on: the place where it stands now."""
    last: Last | None
    """What is to be remembered of the device from now on."""


def judge(
    opened: Opened,
    place: tuple[str, int],
    live: bool,
    known: Known | None,
    last: Last | None,
) -> Verdict:
    """Return whether a message is new, and what to remember.

    ``place`` is the relay's (epoch, seq) of it; ``live`` says that it came in the order of the
    room, not as older history that somebody asked for.

    Raises:
        Refused: ``replay``: another message under a known id; a known one at a second place
            of the same epoch; a live one that its device sent before one that came already.
    """
    epoch, seq = place
    here = Known(opened.digest, epoch, seq)
    if known is not None:
        is_at_second_place = known.epoch == epoch and known.seq != seq
        if known.digest != opened.digest or is_at_second_place:
            raise Refused("replay")
        return Verdict(is_repeat=True, warnings=(), known=here, last=last)
    if not live:
        return Verdict(is_repeat=False, warnings=(), known=here, last=last)
    now = Last(opened.link.seq, opened.digest)
    if last is None:
        return Verdict(is_repeat=False, warnings=(), known=here, last=now)
    if opened.link.seq <= last.seq:
        raise Refused("replay")
    follows = opened.link.seq == last.seq + 1 and opened.link.prev == last.digest
    return Verdict(is_repeat=False, warnings=() if follows else ("gap",), known=here, last=now)
