"""One of a closed list."""

from typing import Literal, cast

NotReadyStatus = Literal[503]

NOT_READY_STATUS_VALUES: frozenset[int] = frozenset([503])


def check_not_ready_status(value: object) -> NotReadyStatus:
    """Return ``value``, found to be on the list.

    Raises:
        ValueError: it is not; the text does not show it.
    """
    if isinstance(value, int) and value in NOT_READY_STATUS_VALUES:
        return cast(NotReadyStatus, value)
    raise ValueError("not one of the values of NotReadyStatus")
