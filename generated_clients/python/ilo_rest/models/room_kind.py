"""One of a closed list."""

from typing import Literal, cast

RoomKind = Literal["open", "private"]

ROOM_KIND_VALUES: frozenset[str] = frozenset(["open", "private"])


def check_room_kind(value: object) -> RoomKind:
    """Return ``value``, found to be on the list.

    Raises:
        ValueError: it is not; the text does not show it.
    """
    if isinstance(value, str) and value in ROOM_KIND_VALUES:
        return cast(RoomKind, value)
    raise ValueError("not one of the values of RoomKind")
