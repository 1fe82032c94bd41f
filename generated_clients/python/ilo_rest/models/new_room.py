"""A private room to make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import field as _field
from attrs import frozen as _frozen

from ..models.history import History, check_history
from ..types import UNSET, Unset


@_frozen(kw_only=True)
class NewRoom:
    """A private room to make.

    Attributes:
        retention_s: For how many seconds messages are kept.
        retention_messages: How many messages are kept at most.
        history: What members may read - what is said after they joined, or everything that is kept. `all` in open rooms.
    """

    retention_s: int | Unset = _field(default=UNSET)
    retention_messages: int | Unset = _field(default=UNSET)
    history: History | Unset = _field(default=UNSET)

    def to_dict(self) -> dict[str, Any]:
        """Return the object as JSON has it."""
        retention_s = self.retention_s
        retention_messages = self.retention_messages
        history: str | Unset = UNSET
        if not isinstance(self.history, Unset):
            history = self.history

        members_: dict[str, Any] = {}
        if not isinstance(retention_s, Unset):
            members_["retention_s"] = retention_s
        if not isinstance(retention_messages, Unset):
            members_["retention_messages"] = retention_messages
        if not isinstance(history, Unset):
            members_["history"] = history
        return members_

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> Self:
        """Return the object that JSON has as ``source``.

        Raises:
            LookupError, TypeError, ValueError: it is another.
        """
        members_ = dict(source)
        retention_s = members_.pop("retention_s", UNSET)
        retention_messages = members_.pop("retention_messages", UNSET)
        _history = members_.pop("history", UNSET)
        history: History | Unset
        if isinstance(_history, Unset):
            history = UNSET
        else:
            history = check_history(_history)

        return cls(
            retention_s=retention_s,
            retention_messages=retention_messages,
            history=history,
        )
