"""The token is valid now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from attrs import field as _field
from attrs import frozen as _frozen


@_frozen(kw_only=True)
class ActiveToken:
    """The token is valid now.

    Attributes:
        active: Always true.
        sub: The user's id, a UUID; stays the same for good.
        username: A user's name as shown; `POST /user` states the rules.
        exp: When the session ends, in seconds since 1970-01-01T00:00:00Z.
        sid: Names a session; no secret.
        answer_to: The hash of nonce and token, as the operation describes it.
    """

    active: Literal[True]
    sub: str
    username: str
    exp: int
    sid: str
    answer_to: str
    # What the contract does not name may be anything, a secret too: it is not shown.
    additional_properties: dict[str, Any] = _field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the object as JSON has it."""
        active = self.active
        sub = self.sub
        username = self.username
        exp = self.exp
        sid = self.sid
        answer_to = self.answer_to
        members: dict[str, Any] = {**self.additional_properties}
        members["active"] = active
        members["sub"] = sub
        members["username"] = username
        members["exp"] = exp
        members["sid"] = sid
        members["answer_to"] = answer_to
        return members

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> Self:
        """Return the object that JSON has as ``source``.

        Raises:
            LookupError, TypeError, ValueError: it is another.
        """
        members = dict(source)
        active = members.pop("active")
        if active is not True:
            raise ValueError("active is always true")
        sub = members.pop("sub")
        username = members.pop("username")
        exp = members.pop("exp")
        sid = members.pop("sid")
        answer_to = members.pop("answer_to")
        return cls(
            active=active,
            sub=sub,
            username=username,
            exp=exp,
            sid=sid,
            answer_to=answer_to,
            additional_properties=members,
        )
