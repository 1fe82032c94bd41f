"""One of a closed list."""

from typing import Literal, cast

InputErrorIn = Literal["body", "header", "path", "query"]

INPUT_ERROR_IN_VALUES: frozenset[str] = frozenset(["body", "header", "path", "query"])


def check_input_error_in(value: object) -> InputErrorIn:
    """Return ``value``, found to be on the list.

    Raises:
        ValueError: it is not; the text does not show it.
    """
    if isinstance(value, str) and value in INPUT_ERROR_IN_VALUES:
        return cast(InputErrorIn, value)
    raise ValueError("not one of the values of InputErrorIn")
