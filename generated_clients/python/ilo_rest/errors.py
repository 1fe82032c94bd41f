"""What is raised when an answer is not what the contract says.

Refusals that the contract declares are no exceptions: they are returned, as `Problem`.
"""

from collections.abc import Iterator
from contextlib import contextmanager


class UnexpectedAnswer(Exception):
    """The server, or something on the way, answered what the contract does not declare.

    ``content`` is the body as it came. It may hold secrets, so the text does not show it.
    """

    def __init__(self, status_code: int, content: bytes, reason: str) -> None:
        super().__init__(f"answer {status_code}: {reason}; {len(content)} bytes of body")
        self.status_code = status_code
        self.content = content


class UnexpectedStatus(UnexpectedAnswer):
    """The operation does not declare this status."""

    def __init__(self, status_code: int, content: bytes) -> None:
        super().__init__(status_code, content, "the contract does not declare this status")


class UnreadableAnswer(UnexpectedAnswer):
    """The operation declares the status, but with another body."""

    def __init__(self, status_code: int, content: bytes) -> None:
        super().__init__(status_code, content, "the body is not what the contract declares")


@contextmanager
def reading(status_code: int, content: bytes) -> Iterator[None]:
    """Turn whatever goes wrong in reading an answer into `UnreadableAnswer`."""
    try:
        yield
    # The texts of these may quote the body.
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError):
        raise UnreadableAnswer(status_code, content) from None


__all__ = ("UnexpectedAnswer", "UnexpectedStatus", "UnreadableAnswer", "reading")
