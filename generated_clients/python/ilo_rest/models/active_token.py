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
        members_: dict[str, Any] = {**self.additional_properties}
        members_["active"] = active
        members_["sub"] = sub
        members_["username"] = username
        members_["exp"] = exp
        members_["sid"] = sid
        members_["answer_to"] = answer_to
        return members_

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> Self:
        """Return the object that JSON has as ``source``.

        Raises:
            LookupError, TypeError, ValueError: it is another.
        """
        members_ = dict(source)
        active = members_.pop("active")
        if active is not True:
            raise ValueError("active is always true")
        sub = members_.pop("sub")
        username = members_.pop("username")
        exp = members_.pop("exp")
        sid = members_.pop("sid")
        answer_to = members_.pop("answer_to")
        return cls(
            active=active,
            sub=sub,
            username=username,
            exp=exp,
            sid=sid,
            answer_to=answer_to,
            additional_properties=members_,
        )
