"""The old and the new password."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import field as _field
from attrs import frozen as _frozen


@_frozen(kw_only=True)
class PasswordChange:
    """The old and the new password.

    Attributes:
        old_password: A password; `POST /user` states the rules for new ones.
        new_password: A password; `POST /user` states the rules for new ones.
    """

    old_password: str = _field(repr=False)
    new_password: str = _field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the object as JSON has it."""
        old_password = self.old_password
        new_password = self.new_password
        members_: dict[str, Any] = {}
        members_["old_password"] = old_password
        members_["new_password"] = new_password
        return members_

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> Self:
        """Return the object that JSON has as ``source``.

        Raises:
            LookupError, TypeError, ValueError: it is another.
        """
        members_ = dict(source)
        old_password = members_.pop("old_password")
        new_password = members_.pop("new_password")
        return cls(
            old_password=old_password,
            new_password=new_password,
        )
