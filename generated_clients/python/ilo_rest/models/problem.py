"""Problem details (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from attrs import field as _field
from attrs import frozen as _frozen

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.input_error import InputError


@_frozen(kw_only=True)
class Problem:
    """Problem details (RFC 9457).

    Attributes:
        type_: Names the problem - `/problems/` and a key of `x-problems`.
        title: The problem in a few words.
        status: The HTTP status.
        detail: A sentence for people.
        instance: Names this occurrence; the UUID is that of `X-Request-Id`.
        errors: Each broken rule; at most 8 are told.
    """

    type_: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[InputError] | Unset = _field(default=UNSET)
    # What the contract does not name may be anything, a secret too: it is not shown.
    additional_properties: dict[str, Any] = _field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the object as JSON has it."""
        type_ = self.type_
        title = self.title
        status = self.status
        detail = self.detail
        instance = self.instance
        errors: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.errors, Unset):
            errors = []
            for errors_item_data in self.errors:
                errors_item = errors_item_data.to_dict()
                errors.append(errors_item)

        members_: dict[str, Any] = {**self.additional_properties}
        members_["type"] = type_
        members_["title"] = title
        members_["status"] = status
        members_["detail"] = detail
        members_["instance"] = instance
        if not isinstance(errors, Unset):
            members_["errors"] = errors
        return members_

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> Self:
        """Return the object that JSON has as ``source``.

        Raises:
            LookupError, TypeError, ValueError: it is another.
        """
        from ..models.input_error import InputError

        members_ = dict(source)
        type_ = members_.pop("type")
        title = members_.pop("title")
        status = members_.pop("status")
        detail = members_.pop("detail")
        instance = members_.pop("instance")
        _errors = members_.pop("errors", UNSET)
        errors: list[InputError] | Unset = UNSET
        if _errors is not UNSET:
            errors = []
            for errors_item_data in _errors:
                errors_item = InputError.from_dict(errors_item_data)

                errors.append(errors_item)

        return cls(
            type_=type_,
            title=title,
            status=status,
            detail=detail,
            instance=instance,
            errors=errors,
            additional_properties=members_,
        )
