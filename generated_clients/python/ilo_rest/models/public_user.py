"""What everybody who is logged in may know of a user."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self

from attrs import field as _field
from attrs import frozen as _frozen


@_frozen(kw_only=True)
class PublicUser:
    """What everybody who is logged in may know of a user.

    Attributes:
        detail: A public key as any text; never a private one.
        username: A user's name as shown; `POST /user` states the rules.
        key_version: Counts a user's public keys from 1 without holes.
        created_at: An instant, RFC 3339 in UTC with milliseconds.
    """

    detail: str
    username: str
    key_version: int
    created_at: datetime.datetime
    # What the contract does not name may be anything, a secret too: it is not shown.
    additional_properties: dict[str, Any] = _field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the object as JSON has it."""
        detail = self.detail
        username = self.username
        key_version = self.key_version
        created_at = self.created_at.isoformat()
        members_: dict[str, Any] = {**self.additional_properties}
        members_["detail"] = detail
        members_["username"] = username
        members_["key_version"] = key_version
        members_["created_at"] = created_at
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
        key_version = members_.pop("key_version")
        created_at = datetime.datetime.fromisoformat(members_.pop("created_at"))

        return cls(
            detail=detail,
            username=username,
            key_version=key_version,
            created_at=created_at,
            additional_properties=members_,
        )
