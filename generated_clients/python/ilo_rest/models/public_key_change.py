"""The new public key, and the version that it replaces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import frozen as _frozen


@_frozen(kw_only=True)
class PublicKeyChange:
    """The new public key, and the version that it replaces.

    Attributes:
        public_key: A public key as any text; never a private one.
        if_version: Counts a user's public keys from 1 without holes.
    """

    public_key: str
    if_version: int

    def to_dict(self) -> dict[str, Any]:
        """Return the object as JSON has it."""
        public_key = self.public_key
        if_version = self.if_version
        members_: dict[str, Any] = {}
        members_["public_key"] = public_key
        members_["if_version"] = if_version
        return members_

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> Self:
        """Return the object that JSON has as ``source``.

        Raises:
            LookupError, TypeError, ValueError: it is another.
        """
        members_ = dict(source)
        public_key = members_.pop("public_key")
        if_version = members_.pop("if_version")
        return cls(
            public_key=public_key,
            if_version=if_version,
        )
