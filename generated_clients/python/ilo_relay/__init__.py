"""An asyncio client of Ilo relay 0.1.0, made from its contract."""

from ilo_relay.backoff import Backoff
from ilo_relay.contract import CLOSE_CODES, ERROR_MEANINGS, REFUSALS, VERSION
from ilo_relay.credentials import Secret
from ilo_relay.errors import (
    BrokenFrame,
    ClientClosed,
    HandshakeRefused,
    InvalidFrame,
    NoLine,
    RelayClosed,
    RelayError,
    RelayProblem,
    RelayUnreachable,
    TooLarge,
    Unconfirmed,
)
from ilo_relay.frames import (
    Ack,
    ErrorCode,
    Event,
    Failure,
    Head,
    Limits,
    MessageData,
    MessageIn,
    MessageOut,
    Welcome,
)
from ilo_relay.room import RoomClient

__all__ = [
    "CLOSE_CODES",
    "ERROR_MEANINGS",
    "REFUSALS",
    "VERSION",
    "Ack",
    "Backoff",
    "BrokenFrame",
    "ClientClosed",
    "ErrorCode",
    "Event",
    "Failure",
    "HandshakeRefused",
    "Head",
    "InvalidFrame",
    "Limits",
    "MessageData",
    "MessageIn",
    "MessageOut",
    "NoLine",
    "RelayClosed",
    "RelayError",
    "RelayProblem",
    "RelayUnreachable",
    "RoomClient",
    "Secret",
    "TooLarge",
    "Unconfirmed",
    "Welcome",
]
