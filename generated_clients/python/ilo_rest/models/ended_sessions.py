"""Sessions that are over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, cast

from attrs import field as _field
from attrs import frozen as _frozen


@_frozen(kw_only=True)
class EndedSessions:
    """Sessions that are over.

    Attributes:
        ended: Those of the question that are over, in any order.
    """

    ended: list[str]
    # What the contract does not name may be anything, a secret too: it is not shown.
    additional_properties: dict[str, Any] = _field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the object as JSON has it."""
        ended = self.ended

        members_: dict[str, Any] = {**self.additional_properties}
        members_["ended"] = ended
        return members_

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> Self:
        """Return the object that JSON has as ``source``.

        Raises:
            LookupError, TypeError, ValueError: it is another.
        """
        members_ = dict(source)
        ended = cast(list[str], members_.pop("ended"))

        return cls(
            ended=ended,
            additional_properties=members_,
        )
