"""A ticket for one WebSocket connection."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self

from attrs import field as _field
from attrs import frozen as _frozen


@_frozen(kw_only=True)
class Ticket:
    """A ticket for one WebSocket connection.

    Attributes:
        ticket: Goes into the subprotocol `ilo.ticket.<ticket>`.
        expires_at: An instant, RFC 3339 in UTC with milliseconds.
    """

    ticket: str = _field(repr=False)
    expires_at: datetime.datetime
    # What the contract does not name may be anything, a secret too: it is not shown.
    additional_properties: dict[str, Any] = _field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the object as JSON has it."""
        ticket = self.ticket
        expires_at = self.expires_at.isoformat()
        members_: dict[str, Any] = {**self.additional_properties}
        members_["ticket"] = ticket
        members_["expires_at"] = expires_at
        return members_

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> Self:
        """Return the object that JSON has as ``source``.

        Raises:
            LookupError, TypeError, ValueError: it is another.
        """
        members_ = dict(source)
        ticket = members_.pop("ticket")
        expires_at = datetime.datetime.fromisoformat(members_.pop("expires_at"))

        return cls(
            ticket=ticket,
            expires_at=expires_at,
            additional_properties=members_,
        )
