"""A relay's question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import field as _field
from attrs import frozen as _frozen

from ..models.question_token_type_hint import QuestionTokenTypeHint, check_question_token_type_hint


@_frozen(kw_only=True)
class Question:
    """A relay's question.

    Attributes:
        token: What the client showed, whatever it is.
        token_type_hint: The kind it is said to be; one of the other kind is inactive.
        nonce: 128 random bits or more of the relay's, unpadded base64url.
    """

    token: str = _field(repr=False)
    token_type_hint: QuestionTokenTypeHint
    nonce: str

    def to_dict(self) -> dict[str, Any]:
        """Return the object as JSON has it."""
        token = self.token
        token_type_hint: str = self.token_type_hint
        nonce = self.nonce
        members_: dict[str, Any] = {}
        members_["token"] = token
        members_["token_type_hint"] = token_type_hint
        members_["nonce"] = nonce
        return members_

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> Self:
        """Return the object that JSON has as ``source``.

        Raises:
            LookupError, TypeError, ValueError: it is another.
        """
        members_ = dict(source)
        token = members_.pop("token")
        token_type_hint = check_question_token_type_hint(members_.pop("token_type_hint"))

        nonce = members_.pop("nonce")
        return cls(
            token=token,
            token_type_hint=token_type_hint,
            nonce=nonce,
        )
