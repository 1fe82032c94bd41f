"""One of a closed list."""

from typing import Literal, cast

History = Literal["all", "joined"]

HISTORY_VALUES: frozenset[str] = frozenset(["all", "joined"])


def check_history(value: object) -> History:
    """Return ``value``, found to be on the list.

    Raises:
        ValueError: it is not; the text does not show it.
    """
    if isinstance(value, str) and value in HISTORY_VALUES:
        return cast(History, value)
    raise ValueError("not one of the values of History")
