"""A relay's question for its sessions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, cast

from attrs import frozen as _frozen


@_frozen(kw_only=True)
class SessionsQuestion:
    """A relay's question for its sessions.

    Attributes:
        sids: The sessions, in any order.
    """

    sids: list[str]

    def to_dict(self) -> dict[str, Any]:
        """Return the object as JSON has it."""
        sids = self.sids

        members_: dict[str, Any] = {}
        members_["sids"] = sids
        return members_

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> Self:
        """Return the object that JSON has as ``source``.

        Raises:
            LookupError, TypeError, ValueError: it is another.
        """
        members_ = dict(source)
        sids = cast(list[str], members_.pop("sids"))

        return cls(
            sids=sids,
        )
