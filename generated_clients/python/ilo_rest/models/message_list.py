"""A page of messages, and where it stands in the room."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from attrs import field as _field
from attrs import frozen as _frozen

if TYPE_CHECKING:
    from ..models.stored_message import StoredMessage


@_frozen(kw_only=True)
class MessageList:
    """A page of messages, and where it stands in the room.

    Attributes:
        messages: Oldest first, without holes.
        more: Whether there were others after this page.
        epoch: A UUID of any version (RFC 9562), in lower case.
        head: A seq, or 0 for the place before the first message.
        floor: The place of a message in its room, from 1, without holes.
    """

    messages: list[StoredMessage]
    more: bool
    epoch: str
    head: int
    floor: int
    # What the contract does not name may be anything, a secret too: it is not shown.
    additional_properties: dict[str, Any] = _field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the object as JSON has it."""
        messages = []
        for messages_item_data in self.messages:
            messages_item = messages_item_data.to_dict()
            messages.append(messages_item)

        more = self.more
        epoch = self.epoch
        head = self.head
        floor = self.floor
        members_: dict[str, Any] = {**self.additional_properties}
        members_["messages"] = messages
        members_["more"] = more
        members_["epoch"] = epoch
        members_["head"] = head
        members_["floor"] = floor
        return members_

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> Self:
        """Return the object that JSON has as ``source``.

        Raises:
            LookupError, TypeError, ValueError: it is another.
        """
        from ..models.stored_message import StoredMessage

        members_ = dict(source)
        messages = []
        _messages = members_.pop("messages")
        for messages_item_data in _messages:
            messages_item = StoredMessage.from_dict(messages_item_data)

            messages.append(messages_item)

        more = members_.pop("more")
        epoch = members_.pop("epoch")
        head = members_.pop("head")
        floor = members_.pop("floor")
        return cls(
            messages=messages,
            more=more,
            epoch=epoch,
            head=head,
            floor=floor,
            additional_properties=members_,
        )
