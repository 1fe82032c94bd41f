"""A new session."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self

from attrs import field as _field
from attrs import frozen as _frozen


@_frozen(kw_only=True)
class Login:
    """A new session.

    Attributes:
        detail: A sentence for people.
        token: The bearer of the session, 256 random bits. The server keeps a hash only.
        expires_at: An instant, RFC 3339 in UTC with milliseconds.
        relay_url: Where the WebSocket door is - scheme, host and port. A client appends `/ws/` and the room.
    """

    detail: str
    token: str = _field(repr=False)
    expires_at: datetime.datetime
    relay_url: str
    # What the contract does not name may be anything, a secret too: it is not shown.
    additional_properties: dict[str, Any] = _field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the object as JSON has it."""
        detail = self.detail
        token = self.token
        expires_at = self.expires_at.isoformat()
        relay_url = self.relay_url
        members_: dict[str, Any] = {**self.additional_properties}
        members_["detail"] = detail
        members_["token"] = token
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
        token = members_.pop("token")
        expires_at = datetime.datetime.fromisoformat(members_.pop("expires_at"))

        relay_url = members_.pop("relay_url")
        return cls(
            detail=detail,
            token=token,
            expires_at=expires_at,
            relay_url=relay_url,
            additional_properties=members_,
        )
