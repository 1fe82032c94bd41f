"""A room as the caller may see it, with a page of its members. An open room has no `owner`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from attrs import field as _field
from attrs import frozen as _frozen

from ..models.history import History, check_history
from ..models.room_kind import RoomKind, check_room_kind
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.room_member import RoomMember


@_frozen(kw_only=True)
class Room:
    """A room as the caller may see it, with a page of its members. An open room has no `owner`.

    Attributes:
        room: The name of a room; one that begins with `~` is private, and its name is made by the server. Case-sensitive.
        kind: Who may come in - everybody, or who is invited.
        epoch: A UUID of any version (RFC 9562), in lower case.
        head: A seq, or 0 for the place before the first message.
        floor: The place of a message in its room, from 1, without holes.
        retention_s: For how many seconds messages are kept.
        retention_messages: How many messages are kept at most.
        history: What members may read - what is said after they joined, or everything that is kept. `all` in open rooms.
        members_version: Goes up with every change of a room's members and invitations.
        members: By name; who is invited is among them.
        more: Whether there were others after this page.
        owner: A user's name as shown; `POST /user` states the rules.
    """

    room: str
    kind: RoomKind
    epoch: str
    head: int
    floor: int
    retention_s: int
    retention_messages: int
    history: History
    members_version: int
    members: list[RoomMember]
    more: bool
    owner: str | Unset = _field(default=UNSET)
    # What the contract does not name may be anything, a secret too: it is not shown.
    additional_properties: dict[str, Any] = _field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the object as JSON has it."""
        room = self.room
        kind: str = self.kind
        epoch = self.epoch
        head = self.head
        floor = self.floor
        retention_s = self.retention_s
        retention_messages = self.retention_messages
        history: str = self.history
        members_version = self.members_version
        members = []
        for members_item_data in self.members:
            members_item = members_item_data.to_dict()
            members.append(members_item)

        more = self.more
        owner = self.owner
        members_: dict[str, Any] = {**self.additional_properties}
        members_["room"] = room
        members_["kind"] = kind
        members_["epoch"] = epoch
        members_["head"] = head
        members_["floor"] = floor
        members_["retention_s"] = retention_s
        members_["retention_messages"] = retention_messages
        members_["history"] = history
        members_["members_version"] = members_version
        members_["members"] = members
        members_["more"] = more
        if not isinstance(owner, Unset):
            members_["owner"] = owner
        return members_

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> Self:
        """Return the object that JSON has as ``source``.

        Raises:
            LookupError, TypeError, ValueError: it is another.
        """
        from ..models.room_member import RoomMember

        members_ = dict(source)
        room = members_.pop("room")
        kind = check_room_kind(members_.pop("kind"))

        epoch = members_.pop("epoch")
        head = members_.pop("head")
        floor = members_.pop("floor")
        retention_s = members_.pop("retention_s")
        retention_messages = members_.pop("retention_messages")
        history = check_history(members_.pop("history"))

        members_version = members_.pop("members_version")
        members = []
        _members = members_.pop("members")
        for members_item_data in _members:
            members_item = RoomMember.from_dict(members_item_data)

            members.append(members_item)

        more = members_.pop("more")
        owner = members_.pop("owner", UNSET)
        return cls(
            room=room,
            kind=kind,
            epoch=epoch,
            head=head,
            floor=floor,
            retention_s=retention_s,
            retention_messages=retention_messages,
            history=history,
            members_version=members_version,
            members=members,
            more=more,
            owner=owner,
            additional_properties=members_,
        )
