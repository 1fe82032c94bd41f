"""The token is unknown, expired, revoked, used, or of the other kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from attrs import field as _field
from attrs import frozen as _frozen


@_frozen(kw_only=True)
class InactiveToken:
    """The token is unknown, expired, revoked, used, or of the other kind.

    Attributes:
        active: Always false.
    """

    active: Literal[False]
    # What the contract does not name may be anything, a secret too: it is not shown.
    additional_properties: dict[str, Any] = _field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the object as JSON has it."""
        active = self.active
        members_: dict[str, Any] = {**self.additional_properties}
        members_["active"] = active
        return members_

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> Self:
        """Return the object that JSON has as ``source``.

        Raises:
            LookupError, TypeError, ValueError: it is another.
        """
        members_ = dict(source)
        active = members_.pop("active")
        if active is not False:
            raise ValueError("active is always false")
        return cls(
            active=active,
            additional_properties=members_,
        )
