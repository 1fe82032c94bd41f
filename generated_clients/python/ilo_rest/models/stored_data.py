"""What is said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import field as _field
from attrs import frozen as _frozen


@_frozen(kw_only=True)
class StoredData:
    """What is said.

    Attributes:
        message: Opaque to the server - plaintext or any cipher. May be empty.
    """

    message: str = _field(repr=False)
    # What the contract does not name may be anything, a secret too: it is not shown.
    additional_properties: dict[str, Any] = _field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the object as JSON has it."""
        message = self.message
        members_: dict[str, Any] = {**self.additional_properties}
        members_["message"] = message
        return members_

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> Self:
        """Return the object that JSON has as ``source``.

        Raises:
            LookupError, TypeError, ValueError: it is another.
        """
        members_ = dict(source)
        message = members_.pop("message")
        return cls(
            message=message,
            additional_properties=members_,
        )
