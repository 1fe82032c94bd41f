"""What a member said. The server vouches for sender, seq and time."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from attrs import field as _field
from attrs import frozen as _frozen

if TYPE_CHECKING:
    from ..models.stored_data import StoredData


@_frozen(kw_only=True)
class StoredMessage:
    """What a member said. The server vouches for sender, seq and time.

    Attributes:
        id: A UUID of any version (RFC 9562), in lower case.
        seq: The place of a message in its room, from 1, without holes.
        sender: A user's name as shown; `POST /user` states the rules.
        sent_at: An instant, RFC 3339 in UTC with milliseconds.
        data: What is said.
    """

    id: str
    seq: int
    sender: str
    sent_at: datetime.datetime
    data: StoredData
    # What the contract does not name may be anything, a secret too: it is not shown.
    additional_properties: dict[str, Any] = _field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the object as JSON has it."""
        id = self.id
        seq = self.seq
        sender = self.sender
        sent_at = self.sent_at.isoformat()
        data = self.data.to_dict()
        members_: dict[str, Any] = {**self.additional_properties}
        members_["id"] = id
        members_["seq"] = seq
        members_["sender"] = sender
        members_["sent_at"] = sent_at
        members_["data"] = data
        return members_

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> Self:
        """Return the object that JSON has as ``source``.

        Raises:
            LookupError, TypeError, ValueError: it is another.
        """
        from ..models.stored_data import StoredData

        members_ = dict(source)
        id = members_.pop("id")
        seq = members_.pop("seq")
        sender = members_.pop("sender")
        sent_at = datetime.datetime.fromisoformat(members_.pop("sent_at"))

        data = StoredData.from_dict(members_.pop("data"))

        return cls(
            id=id,
            seq=seq,
            sender=sender,
            sent_at=sent_at,
            data=data,
            additional_properties=members_,
        )
