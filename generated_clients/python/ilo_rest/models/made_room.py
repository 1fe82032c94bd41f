"""A new private room."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import field as _field
from attrs import frozen as _frozen


@_frozen(kw_only=True)
class MadeRoom:
    """A new private room.

    Attributes:
        room: The name of a room; one that begins with `~` is private, and its name is made by the server. Case-sensitive.
    """

    room: str
    # What the contract does not name may be anything, a secret too: it is not shown.
    additional_properties: dict[str, Any] = _field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the object as JSON has it."""
        room = self.room
        members_: dict[str, Any] = {**self.additional_properties}
        members_["room"] = room
        return members_

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> Self:
        """Return the object that JSON has as ``source``.

        Raises:
            LookupError, TypeError, ValueError: it is another.
        """
        members_ = dict(source)
        room = members_.pop("room")
        return cls(
            room=room,
            additional_properties=members_,
        )
