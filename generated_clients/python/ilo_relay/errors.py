"""What can go wrong with a relay. No text of an error holds a token or what was said."""

from typing import Literal


class RelayProblem(Exception):
    """Base of all of them."""


class InvalidFrame(RelayProblem, ValueError):
    """What was to be sent is against the contract, and was not sent.

    ``place`` is a JSON pointer into the frame, or the name of a parameter.
    """

    def __init__(self, place: str, rule: str) -> None:
        super().__init__(f"{place or 'the frame'}: {rule}")
        self.place = place
        self.rule = rule


class TooLarge(InvalidFrame):
    """What was to be sent is over one of the relay's limits, and was not sent."""

    def __init__(self, place: str, limit: str, bound: int, size: int) -> None:
        super().__init__(place, f"{size} bytes, and limits.{limit} is {bound}")
        self.limit = limit
        self.bound = bound
        self.size = size


class BrokenFrame(RelayProblem):
    """The relay sent what is against its own contract: this client goes no further."""

    def __init__(self, place: str, rule: str) -> None:
        super().__init__(f"the relay broke its contract at {place or 'the frame'}: {rule}")
        self.place = place
        self.rule = rule


class RelayError(RelayProblem):
    """The relay refused a frame; the connection goes on.

    ``stored`` tells what became of it, ``again`` whether sending it again may help, after
    ``retry_after`` seconds if that is given. ``path`` is the place in the frame.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        stored: Literal["no", "unknown"],
        again: bool,
        id: str | None = None,
        path: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.stored = stored
        self.again = again
        self.id = id
        self.path = path
        self.retry_after = retry_after


class Unconfirmed(RelayProblem):
    """What was sent got no answer, and gets none here: whether it is stored is unknown.

    Sent again with the same ``id``, it is stored once at most.
    """

    stored: Literal["unknown"] = "unknown"

    def __init__(self, id: str, why: str) -> None:
        super().__init__(f"no answer to {id}: {why}; whether it is stored is unknown")
        self.id = id


class ClientClosed(RelayProblem):
    """This client was closed, or not yet opened."""

    def __init__(self, why: str = "this client was closed") -> None:
        super().__init__(why)


class RelayClosed(RelayProblem):
    """The relay ended the connection for a reason after which one does not come back."""

    def __init__(self, code: int, reason: str, meaning: str) -> None:
        super().__init__(f"{code} {reason}: {meaning}")
        self.code = code
        self.reason = reason
        self.meaning = meaning


class NoLine(RelayProblem):
    """There was no connection. ``reconnect``: whether trying again may help; ``retry_after_s``
    is when, if the relay said so."""

    def __init__(
        self, text: str, *, reconnect: bool = True, retry_after_s: float | None = None
    ) -> None:
        super().__init__(text)
        self.reconnect = reconnect
        self.retry_after_s = retry_after_s


class RelayUnreachable(NoLine):
    """Nobody answered, or not as a relay does."""


class HandshakeRefused(NoLine):
    """The relay does not let this client in."""

    def __init__(
        self,
        status: int,
        reason: str,
        meaning: str,
        *,
        reconnect: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(
            f"{status} {reason}: {meaning}", reconnect=reconnect, retry_after_s=retry_after_s
        )
        self.status = status
        self.reason = reason
        self.meaning = meaning
