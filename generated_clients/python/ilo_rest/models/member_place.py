"""What a user is in a room."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import field as _field
from attrs import frozen as _frozen

from ..models.member_state import MemberState, check_member_state


@_frozen(kw_only=True)
class MemberPlace:
    """What a user is in a room.

    Attributes:
        state: What the user is in the room - a member, or invited.
    """

    state: MemberState
    # What the contract does not name may be anything, a secret too: it is not shown.
    additional_properties: dict[str, Any] = _field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the object as JSON has it."""
        state: str = self.state
        members_: dict[str, Any] = {**self.additional_properties}
        members_["state"] = state
        return members_

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> Self:
        """Return the object that JSON has as ``source``.

        Raises:
            LookupError, TypeError, ValueError: it is another.
        """
        members_ = dict(source)
        state = check_member_state(members_.pop("state"))

        return cls(
            state=state,
            additional_properties=members_,
        )
