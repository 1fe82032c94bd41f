"""A problem, with what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, cast

from attrs import field as _field
from attrs import frozen as _frozen

from ..models.not_ready_status import NotReadyStatus, check_not_ready_status
from ..models.not_ready_type import NotReadyType, check_not_ready_type


@_frozen(kw_only=True)
class NotReady:
    """A problem, with what is missing.

    Attributes:
        type_: Always `/problems/not-ready`.
        title: The problem in a few words.
        status: Always 503.
        detail: A sentence for people.
        instance: Names this occurrence; the UUID is that of `X-Request-Id`.
        reasons: What is missing, a sentence each.
    """

    type_: NotReadyType
    title: str
    status: NotReadyStatus
    detail: str
    instance: str
    reasons: list[str]
    # What the contract does not name may be anything, a secret too: it is not shown.
    additional_properties: dict[str, Any] = _field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the object as JSON has it."""
        type_: str = self.type_
        title = self.title
        status: int = self.status
        detail = self.detail
        instance = self.instance
        reasons = self.reasons

        members_: dict[str, Any] = {**self.additional_properties}
        members_["type"] = type_
        members_["title"] = title
        members_["status"] = status
        members_["detail"] = detail
        members_["instance"] = instance
        members_["reasons"] = reasons
        return members_

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> Self:
        """Return the object that JSON has as ``source``.

        Raises:
            LookupError, TypeError, ValueError: it is another.
        """
        members_ = dict(source)
        type_ = check_not_ready_type(members_.pop("type"))

        title = members_.pop("title")
        status = check_not_ready_status(members_.pop("status"))

        detail = members_.pop("detail")
        instance = members_.pop("instance")
        reasons = cast(list[str], members_.pop("reasons"))

        return cls(
            type_=type_,
            title=title,
            status=status,
            detail=detail,
            instance=instance,
            reasons=reasons,
            additional_properties=members_,
        )
