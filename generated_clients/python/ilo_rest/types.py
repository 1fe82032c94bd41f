"""What the operations and the models share."""

import re
from http import HTTPStatus
from typing import Generic, Literal, TypeVar
from urllib.parse import quote

import httpx
from attrs import field, frozen

# A field value that every HTTP library sends as it is: visible ASCII, spaces only inside.
_HEADER_VALUE = re.compile(r"[!-~]+(?: +[!-~]+)*")


class Unset:
    """The type of `UNSET`: a member that is not there. It is false."""

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "UNSET"


UNSET = Unset()

T = TypeVar("T")


@frozen(kw_only=True)
class Response(Generic[T]):
    """An answer: ``parsed`` is what it says; ``content`` is its body as it came.

    Bodies and headers may hold secrets, so they are not shown.
    """

    status_code: HTTPStatus
    headers: httpx.Headers = field(repr=False)
    content: bytes = field(repr=False)
    parsed: T


def path_segment(value: str) -> str:
    """Return ``value`` as one segment of a path: percent-encoded UTF-8.

    A lone surrogate is no character, and goes as the bytes that the server refuses.
    """
    quoted = quote(value, safe="", errors="surrogatepass")
    # A segment of dots would change the path (RFC 3986 §5.2.4).
    return quoted.replace(".", "%2E") if quoted in (".", "..") else quoted


def header_value(name: str, value: str) -> str:
    """Return ``value``, found to be one that the header ``name`` can hold.

    HTTP libraries refuse others as well, in an error that quotes them.

    Raises:
        ValueError: it has a line end, spaces around it, or characters beyond ASCII.
    """
    if _HEADER_VALUE.fullmatch(value) is None:
        raise ValueError(f"{name}: a header cannot hold this value")
    return value


__all__ = ("UNSET", "Response", "Unset", "header_value", "path_segment")
