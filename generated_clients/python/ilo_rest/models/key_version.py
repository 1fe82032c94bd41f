"""The version of the new public key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import field as _field
from attrs import frozen as _frozen


@_frozen(kw_only=True)
class KeyVersion:
    """The version of the new public key.

    Attributes:
        detail: A sentence for people.
        key_version: Counts a user's public keys from 1 without holes.
    """

    detail: str
    key_version: int
    # What the contract does not name may be anything, a secret too: it is not shown.
    additional_properties: dict[str, Any] = _field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the object as JSON has it."""
        detail = self.detail
        key_version = self.key_version
        members_: dict[str, Any] = {**self.additional_properties}
        members_["detail"] = detail
        members_["key_version"] = key_version
        return members_

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> Self:
        """Return the object that JSON has as ``source``.

        Raises:
            LookupError, TypeError, ValueError: it is another.
        """
        members_ = dict(source)
        detail = members_.pop("detail")
        key_version = members_.pop("key_version")
        return cls(
            detail=detail,
            key_version=key_version,
            additional_properties=members_,
        )
