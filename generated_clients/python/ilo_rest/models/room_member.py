"""A member of a room, or who is invited, with the newest public key. `since` is when they joined, or were invited."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self

from attrs import field as _field
from attrs import frozen as _frozen

from ..models.member_state import MemberState, check_member_state


@_frozen(kw_only=True)
class RoomMember:
    """A member of a room, or who is invited, with the newest public key. `since` is when they joined, or were invited.

    Attributes:
        username: A user's name as shown; `POST /user` states the rules.
        state: What the user is in the room - a member, or invited.
        since: An instant, RFC 3339 in UTC with milliseconds.
        public_key: A public key as any text; never a private one.
        key_version: Counts a user's public keys from 1 without holes.
    """

    username: str
    state: MemberState
    since: datetime.datetime
    public_key: str
    key_version: int
    # What the contract does not name may be anything, a secret too: it is not shown.
    additional_properties: dict[str, Any] = _field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the object as JSON has it."""
        username = self.username
        state: str = self.state
        since = self.since.isoformat()
        public_key = self.public_key
        key_version = self.key_version
        members_: dict[str, Any] = {**self.additional_properties}
        members_["username"] = username
        members_["state"] = state
        members_["since"] = since
        members_["public_key"] = public_key
        members_["key_version"] = key_version
        return members_

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> Self:
        """Return the object that JSON has as ``source``.

        Raises:
            LookupError, TypeError, ValueError: it is another.
        """
        members_ = dict(source)
        username = members_.pop("username")
        state = check_member_state(members_.pop("state"))

        since = datetime.datetime.fromisoformat(members_.pop("since"))

        public_key = members_.pop("public_key")
        key_version = members_.pop("key_version")
        return cls(
            username=username,
            state=state,
            since=since,
            public_key=public_key,
            key_version=key_version,
            additional_properties=members_,
        )
