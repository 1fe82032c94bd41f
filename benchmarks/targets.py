"""What we claim, as ratios of figures from one run on one machine.

The median of the rounds decides. A target that is missed says why in `reasons.toml`.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from benchmarks.figures import Figure, Figures
from benchmarks.workshop import HERE

Part = Literal["fanout", "stored", "rest", "memory", "envelope", "browser"]
Results = Mapping[Part, Figures]

# One µs-equivalent is a µs where the C loop's delivery in a room of 100 costs this much.
REFERENCE_DELIVERY_US = 3.8


@dataclass(frozen=True, slots=True)
class Target:
    """`limit` and `moonshot` are met by a figure that is not above them."""

    key: str
    part: Part
    claim: str
    unit: str
    limit: float
    moonshot: float | None
    measured: Callable[[Figures], Figure | None]


def _ratio(scenario: str, other: str) -> Callable[[Figures], Figure | None]:
    """Ilo's CPU against another server's: least by least, median by median."""

    def measured(figures: Figures) -> Figure | None:
        ours, theirs = figures.total("ilo", scenario), figures.total(other, scenario)
        if ours is None or theirs is None:
            return None
        return Figure(ours.least / theirs.least, ours.median / theirs.median)

    return measured


def _user_mode(figures: Figures) -> Figure | None:
    ours, limit = figures.user("ilo", "A100"), figures.total("send_loop", "A100")
    if ours is None or limit is None:
        return None
    scale = REFERENCE_DELIVERY_US / limit.median
    return Figure(ours.least * scale, ours.median * scale)


def _idle(figures: Figures) -> Figure | None:
    return figures.total("ilo", "idle")


TARGETS = (
    Target(
        "fanout-100",
        "fanout",
        "CPU per delivery, room of 100, against the C `send` loop",
        "×",
        1.25,
        1.05,
        _ratio("A100", "send_loop"),
    ),
    Target(
        "fanout-1000",
        "fanout",
        "the same, room of 1000",
        "×",
        1.45,
        1.05,
        _ratio("A1000", "send_loop"),
    ),
    Target(
        "small-rooms",
        "fanout",
        "CPU per delivery, 200 rooms of two, against Node.js `ws`",
        "×",
        0.5,
        None,
        _ratio("B", "node_ws"),
    ),
    Target(
        "burst",
        "fanout",
        "CPU per delivery, 32 in flight in a room of 100, against Node.js `ws`",
        "×",
        0.1,
        None,
        _ratio("A100x32", "node_ws"),
    ),
    Target(
        "user-mode",
        "fanout",
        "user-mode CPU per delivery, room of 100",
        " µs-equivalent",
        0.5,
        None,
        _user_mode,
    ),
    Target(
        "stored-message",
        "stored",
        "stored and synced first: CPU per message, 200 rooms of two, against the C server",
        "×",
        4.0,
        2.0,
        _ratio("S2", "stored_loop"),
    ),
    Target(
        "stored-message-jetstream",
        "stored",
        "the same against JetStream",
        "×",
        0.4,
        0.2,
        _ratio("S2", "jetstream"),
    ),
    Target(
        "stored-delivery",
        "stored",
        "stored and synced first: CPU per delivery, room of 100, against the C server",
        "×",
        1.8,
        1.2,
        _ratio("S100", "stored_loop"),
    ),
    Target(
        "stored-delivery-jetstream",
        "stored",
        "the same against JetStream",
        "×",
        0.8,
        0.5,
        _ratio("S100", "jetstream"),
    ),
    Target(
        "rest-get",
        "rest",
        "CPU per `GET` against FastAPI",
        "×",
        0.5,
        None,
        _ratio("GET", "fastapi"),
    ),
    Target(
        "rest-put",
        "rest",
        "CPU per `PUT` with a body against FastAPI",
        "×",
        0.5,
        None,
        _ratio("PUT", "fastapi"),
    ),
    Target(
        "memory",
        "memory",
        "resident memory per idle admitted connection",
        " KiB",
        3.0,
        2.0,
        _idle,
    ),
)


def reasons() -> dict[str, str]:
    """Return the reason of each missed target that has one, by the target's key."""
    return {
        key: str(reason)
        for key, reason in tomllib.loads((HERE / "reasons.toml").read_text()).items()
    }
