"""One of a closed list."""

from typing import Literal, cast

MemberState = Literal["invited", "joined"]

MEMBER_STATE_VALUES: frozenset[str] = frozenset(["invited", "joined"])


def check_member_state(value: object) -> MemberState:
    """Return ``value``, found to be on the list.

    Raises:
        ValueError: it is not; the text does not show it.
    """
    if isinstance(value, str) and value in MEMBER_STATE_VALUES:
        return cast(MemberState, value)
    raise ValueError("not one of the values of MemberState")
