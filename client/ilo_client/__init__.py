"""End-to-end encrypted rooms on Ilo.

::

    async with await Ilo.open(passphrase=...) as ilo, ilo.room("~...") as room:
        await room.send("hello?")
        async for event in room:
            ...
"""

from ilo_client.errors import ClientError, Refused, TooLarge
from ilo_client.events import (
    Back,
    Change,
    Event,
    Gap,
    Message,
    NotShown,
    Presence,
    Sent,
    Typing,
)
from ilo_client.failures import (
    BrokenHome,
    HomeTaken,
    KeysChanged,
    NoKeys,
    NotAccepted,
    NotLoggedIn,
    ServerRefused,
    Unreachable,
)
from ilo_client.home import Home, Session
from ilo_client.ilo import Ilo, MemberInfo, RoomInfo
from ilo_client.pins import Person
from ilo_client.room import Room
from ilo_client.safety import spaced

__all__ = [
    "Back",
    "BrokenHome",
    "Change",
    "ClientError",
    "Event",
    "Gap",
    "Home",
    "HomeTaken",
    "Ilo",
    "KeysChanged",
    "MemberInfo",
    "Message",
    "NoKeys",
    "NotAccepted",
    "NotLoggedIn",
    "NotShown",
    "Person",
    "Presence",
    "Refused",
    "Room",
    "RoomInfo",
    "Sent",
    "ServerRefused",
    "Session",
    "TooLarge",
    "Typing",
    "Unreachable",
    "spaced",
]
