"""A new API key and the token that revokes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import field as _field
from attrs import frozen as _frozen


@_frozen(kw_only=True)
class NewKey:
    """A new API key and the token that revokes it.

    Attributes:
        detail: An API key, a UUID of any version in its usual form.
        revoke_token: The bearer that revokes the key, once.
    """

    detail: str = _field(repr=False)
    revoke_token: str = _field(repr=False)
    # What the contract does not name may be anything, a secret too: it is not shown.
    additional_properties: dict[str, Any] = _field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the object as JSON has it."""
        detail = self.detail
        revoke_token = self.revoke_token
        members_: dict[str, Any] = {**self.additional_properties}
        members_["detail"] = detail
        members_["revoke_token"] = revoke_token
        return members_

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> Self:
        """Return the object that JSON has as ``source``.

        Raises:
            LookupError, TypeError, ValueError: it is another.
        """
        members_ = dict(source)
        detail = members_.pop("detail")
        revoke_token = members_.pop("revoke_token")
        return cls(
            detail=detail,
            revoke_token=revoke_token,
            additional_properties=members_,
        )
