"""The shapes of ASGI, as loose as the standard leaves them."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]
"""Name and value; names are in lower case."""


def header_values(scope: Scope, name: bytes) -> list[bytes]:
    """Return the values of every header ``name`` (lower case), in their order."""
    return [value for key, value in scope["headers"] if key == name]
