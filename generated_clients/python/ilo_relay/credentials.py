"""How a client shows who it is: in a header, never in a URL."""

import re
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from ilo_relay.contract import SUBPROTOCOLS, TICKET_PREFIX

Secret: TypeAlias = str | Callable[[], Awaitable[str]]
"""The secret, or what gets a fresh one: it is called before each connect.

Of what it raises, ``OSError`` counts as a relay that does not answer; anything else ends the
client.
"""

_PLAIN: Final = re.compile(r"[!-+\--~]{1,4096}")


class Credentials:
    """A session's token, or a ticket, which lets in once and so has to be got each time."""

    def __init__(self, *, token: Secret | None, ticket: Secret | None) -> None:
        secret = ticket if token is None else token
        if secret is None or (token is not None and ticket is not None):
            raise ValueError("give either a token or a ticket")
        self._secret = secret
        self._is_ticket = token is None
        if isinstance(secret, str):
            _check(secret)

    async def headers(self) -> tuple[dict[str, str], list[str]]:
        """Return headers and subprotocols for one handshake."""
        secret = self._secret if isinstance(self._secret, str) else await self._secret()
        _check(secret)
        if self._is_ticket:
            return {}, [*SUBPROTOCOLS, TICKET_PREFIX + secret]
        return {"Authorization": f"Bearer {secret}"}, [*SUBPROTOCOLS]


def _check(secret: str) -> None:
    """See that it fits into a header. The value is not shown."""
    if _PLAIN.fullmatch(secret) is None:
        raise ValueError("a token or ticket is printable ASCII without spaces and commas")
