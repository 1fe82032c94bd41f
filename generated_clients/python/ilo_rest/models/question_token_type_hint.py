"""One of a closed list."""

from typing import Literal, cast

QuestionTokenTypeHint = Literal["session", "ticket"]

QUESTION_TOKEN_TYPE_HINT_VALUES: frozenset[str] = frozenset(["session", "ticket"])


def check_question_token_type_hint(value: object) -> QuestionTokenTypeHint:
    """Return ``value``, found to be on the list.

    Raises:
        ValueError: it is not; the text does not show it.
    """
    if isinstance(value, str) and value in QUESTION_TOKEN_TYPE_HINT_VALUES:
        return cast(QuestionTokenTypeHint, value)
    raise ValueError("not one of the values of QuestionTokenTypeHint")
