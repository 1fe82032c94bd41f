"""A room that the caller is in, or is invited to. An open room has no `owner`."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self

from attrs import field as _field
from attrs import frozen as _frozen

from ..models.member_state import MemberState, check_member_state
from ..models.room_kind import RoomKind, check_room_kind
from ..types import UNSET, Unset


@_frozen(kw_only=True)
class RoomOfMine:
    """A room that the caller is in, or is invited to. An open room has no `owner`.

    Attributes:
        room: The name of a room; one that begins with `~` is private, and its name is made by the server. Case-sensitive.
        kind: Who may come in - everybody, or who is invited.
        state: What the user is in the room - a member, or invited.
        since: An instant, RFC 3339 in UTC with milliseconds.
        members_version: Goes up with every change of a room's members and invitations.
        head: A seq, or 0 for the place before the first message.
        floor: The place of a message in its room, from 1, without holes.
        owner: A user's name as shown; `POST /user` states the rules.
    """

    room: str
    kind: RoomKind
    state: MemberState
    since: datetime.datetime
    members_version: int
    head: int
    floor: int
    owner: str | Unset = _field(default=UNSET)
    # What the contract does not name may be anything, a secret too: it is not shown.
    additional_properties: dict[str, Any] = _field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the object as JSON has it."""
        room = self.room
        kind: str = self.kind
        state: str = self.state
        since = self.since.isoformat()
        members_version = self.members_version
        head = self.head
        floor = self.floor
        owner = self.owner
        members_: dict[str, Any] = {**self.additional_properties}
        members_["room"] = room
        members_["kind"] = kind
        members_["state"] = state
        members_["since"] = since
        members_["members_version"] = members_version
        members_["head"] = head
        members_["floor"] = floor
        if not isinstance(owner, Unset):
            members_["owner"] = owner
        return members_

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> Self:
        """Return the object that JSON has as ``source``.

        Raises:
            LookupError, TypeError, ValueError: it is another.
        """
        members_ = dict(source)
        room = members_.pop("room")
        kind = check_room_kind(members_.pop("kind"))

        state = check_member_state(members_.pop("state"))

        since = datetime.datetime.fromisoformat(members_.pop("since"))

        members_version = members_.pop("members_version")
        head = members_.pop("head")
        floor = members_.pop("floor")
        owner = members_.pop("owner", UNSET)
        return cls(
            room=room,
            kind=kind,
            state=state,
            since=since,
            members_version=members_version,
            head=head,
            floor=floor,
            owner=owner,
            additional_properties=members_,
        )
