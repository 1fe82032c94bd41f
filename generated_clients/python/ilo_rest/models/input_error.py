"""One broken rule. Never carries the value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import field as _field
from attrs import frozen as _frozen

from ..models.input_error_in import InputErrorIn, check_input_error_in
from ..types import UNSET, Unset


@_frozen(kw_only=True)
class InputError:
    """One broken rule. Never carries the value.

    Attributes:
        in_: The part of the request.
        pointer: Where in that part, as a JSON pointer (RFC 6901); of the parent for a missing member. A parameter is `/` and its name.
        rule: The schema keyword or the rule that is broken.
        detail: A sentence for people.
        schema: The place of the rule in this contract, a JSON pointer fragment.
    """

    in_: InputErrorIn
    pointer: str
    rule: str
    detail: str | Unset = _field(default=UNSET)
    schema: str | Unset = _field(default=UNSET)
    # What the contract does not name may be anything, a secret too: it is not shown.
    additional_properties: dict[str, Any] = _field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the object as JSON has it."""
        in_: str = self.in_
        pointer = self.pointer
        rule = self.rule
        detail = self.detail
        schema = self.schema
        members_: dict[str, Any] = {**self.additional_properties}
        members_["in"] = in_
        members_["pointer"] = pointer
        members_["rule"] = rule
        if not isinstance(detail, Unset):
            members_["detail"] = detail
        if not isinstance(schema, Unset):
            members_["schema"] = schema
        return members_

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> Self:
        """Return the object that JSON has as ``source``.

        Raises:
            LookupError, TypeError, ValueError: it is another.
        """
        members_ = dict(source)
        in_ = check_input_error_in(members_.pop("in"))

        pointer = members_.pop("pointer")
        rule = members_.pop("rule")
        detail = members_.pop("detail", UNSET)
        schema = members_.pop("schema", UNSET)
        return cls(
            in_=in_,
            pointer=pointer,
            rule=rule,
            detail=detail,
            schema=schema,
            additional_properties=members_,
        )
