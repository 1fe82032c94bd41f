"""One of a closed list."""

from typing import Literal, cast

NotReadyType = Literal["/problems/not-ready"]

NOT_READY_TYPE_VALUES: frozenset[str] = frozenset(["/problems/not-ready"])


def check_not_ready_type(value: object) -> NotReadyType:
    """Return ``value``, found to be on the list.

    Raises:
        ValueError: it is not; the text does not show it.
    """
    if isinstance(value, str) and value in NOT_READY_TYPE_VALUES:
        return cast(NotReadyType, value)
    raise ValueError("not one of the values of NotReadyType")
