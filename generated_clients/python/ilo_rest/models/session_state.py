"""A session."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self

from attrs import field as _field
from attrs import frozen as _frozen


@_frozen(kw_only=True)
class SessionState:
    """A session.

    Attributes:
        detail: A sentence for people.
        username: A user's name as shown; `POST /user` states the rules.
        created_at: An instant, RFC 3339 in UTC with milliseconds.
        expires_at: An instant, RFC 3339 in UTC with milliseconds.
        relay_url: Where the WebSocket door is - scheme, host and port. A client appends `/ws/` and the room.
    """

    detail: str
    username: str
    created_at: datetime.datetime
    expires_at: datetime.datetime
    relay_url: str
    # What the contract does not name may be anything, a secret too: it is not shown.
    additional_properties: dict[str, Any] = _field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the object as JSON has it."""
        detail = self.detail
        username = self.username
        created_at = self.created_at.isoformat()
        expires_at = self.expires_at.isoformat()
        relay_url = self.relay_url
        members_: dict[str, Any] = {**self.additional_properties}
        members_["detail"] = detail
        members_["username"] = username
        members_["created_at"] = created_at
        members_["expires_at"] = expires_at
        members_["relay_url"] = relay_url
        return members_

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> Self:
        """Return the object that JSON has as ``source``.

        Raises:
            LookupError, TypeError, ValueError: it is another.
        """
        members_ = dict(source)
        detail = members_.pop("detail")
        username = members_.pop("username")
        created_at = datetime.datetime.fromisoformat(members_.pop("created_at"))

        expires_at = datetime.datetime.fromisoformat(members_.pop("expires_at"))

        relay_url = members_.pop("relay_url")
        return cls(
            detail=detail,
            username=username,
            created_at=created_at,
            expires_at=expires_at,
            relay_url=relay_url,
            additional_properties=members_,
        )
