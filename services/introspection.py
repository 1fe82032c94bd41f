"""Answers relays that ask whose token a client has shown."""

import base64
import hashlib
from collections.abc import Sequence
from typing import Literal, assert_never

from services.model import Caller
from services.secret_tokens import has_form, hash_secret
from services.sessions import Sessions
from services.tickets import Tickets


class Introspection:
    """Never answers from memory: a connection lives long, so what admits it has to be true."""

    def __init__(self, sessions: Sessions, tickets: Tickets) -> None:
        self._sessions = sessions
        self._tickets = tickets

    async def ask(self, token: str, kind: Literal["session", "ticket"]) -> Caller | None:
        """Return whose token it is now; a ticket is used up by it.

        None when it is unknown, expired, revoked, used, or of the other kind.
        """
        match kind:
            case "session":
                if not has_form(token, "s"):
                    return None
                return await self._sessions.fresh_caller(hash_secret(token))
            case "ticket":
                return await self._tickets.use(token)
            case _:
                assert_never(kind)

    async def ended(self, session_ids: Sequence[str]) -> list[str]:
        """Return those of the sessions, by the ids that ``ask`` told, that are not valid now."""
        return await self._sessions.ended(session_ids)


def answer_to(nonce: str, token: str) -> str:
    """Return what only an answer to this very question holds, as the contract states it.

    The unpadded base64url of the SHA-256 of the nonce, one full stop, and the token.
    """
    # Never raises: the error about a lone surrogate would carry the token with it.
    asked = f"{nonce}.{token}".encode("utf-8", "surrogatepass")
    return base64.urlsafe_b64encode(hashlib.sha256(asked).digest()).rstrip(b"=").decode()
