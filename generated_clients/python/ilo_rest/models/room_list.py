"""A page of rooms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from attrs import field as _field
from attrs import frozen as _frozen

if TYPE_CHECKING:
    from ..models.room_of_mine import RoomOfMine


@_frozen(kw_only=True)
class RoomList:
    """A page of rooms.

    Attributes:
        rooms: By name.
        more: Whether there were others after this page.
    """

    rooms: list[RoomOfMine]
    more: bool
    # What the contract does not name may be anything, a secret too: it is not shown.
    additional_properties: dict[str, Any] = _field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the object as JSON has it."""
        rooms = []
        for rooms_item_data in self.rooms:
            rooms_item = rooms_item_data.to_dict()
            rooms.append(rooms_item)

        more = self.more
        members_: dict[str, Any] = {**self.additional_properties}
        members_["rooms"] = rooms
        members_["more"] = more
        return members_

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> Self:
        """Return the object that JSON has as ``source``.

        Raises:
            LookupError, TypeError, ValueError: it is another.
        """
        from ..models.room_of_mine import RoomOfMine

        members_ = dict(source)
        rooms = []
        _rooms = members_.pop("rooms")
        for rooms_item_data in _rooms:
            rooms_item = RoomOfMine.from_dict(rooms_item_data)

            rooms.append(rooms_item)

        more = members_.pop("more")
        return cls(
            rooms=rooms,
            more=more,
            additional_properties=members_,
        )
