"""Who logs in, and from which app."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import field as _field
from attrs import frozen as _frozen


@_frozen(kw_only=True)
class Credentials:
    """Who logs in, and from which app.

    Attributes:
        username: A user's name as shown; `POST /user` states the rules.
        password: A password; `POST /user` states the rules for new ones.
        api_key: An API key, a UUID of any version in its usual form.
    """

    username: str
    password: str = _field(repr=False)
    api_key: str = _field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the object as JSON has it."""
        username = self.username
        password = self.password
        api_key = self.api_key
        members_: dict[str, Any] = {}
        members_["username"] = username
        members_["password"] = password
        members_["api_key"] = api_key
        return members_

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> Self:
        """Return the object that JSON has as ``source``.

        Raises:
            LookupError, TypeError, ValueError: it is another.
        """
        members_ = dict(source)
        username = members_.pop("username")
        password = members_.pop("password")
        api_key = members_.pop("api_key")
        return cls(
            username=username,
            password=password,
            api_key=api_key,
        )
