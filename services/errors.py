"""Everything Ilo refuses on purpose, in its users' words.

No error here knows an HTTP status or a close code: each door has one table that translates.
No error carries a password, a token, a key or a message: the texts may be logged and shown.
"""

from typing import Literal


class IloError(Exception):
    """Base of the errors Ilo raises on purpose."""


class InvalidInput(IloError):
    """A value against a rule that the contract states in words.

    ``pointer`` is the JSON pointer of the member (RFC 6901), ``rule`` a short slug, and
    ``detail`` a sentence that names the rule and never the value.
    """

    def __init__(self, pointer: str, rule: str, detail: str) -> None:
        super().__init__(detail)
        self.pointer = pointer
        self.rule = rule
        self.detail = detail


class NotLoggedIn(IloError):
    """The token is unknown, expired, revoked, or of another kind."""

    def __init__(self) -> None:
        super().__init__("the token is missing, unknown, expired or revoked")


class BadCredentials(IloError):
    """One wording for unknown user, wrong password and bad API key."""

    def __init__(self) -> None:
        super().__init__("username, password or api_key is wrong")


class UnknownApiKey(IloError):
    def __init__(self) -> None:
        super().__init__("the api_key is unknown or revoked")


class UnknownRevokeToken(IloError):
    def __init__(self) -> None:
        super().__init__("the revoke token is unknown or used")


class ApiKeyNotFound(IloError):
    def __init__(self) -> None:
        super().__init__("there is no such API key, or it is revoked already")


class AdminOnly(IloError):
    def __init__(self) -> None:
        super().__init__("API keys are made by the operator here: the admin credential is needed")


class NotARelay(IloError):
    def __init__(self) -> None:
        super().__init__("the node secret is wrong, or the address is not on the allow-list")


class NameTaken(IloError):
    """Also raised for names that look alike, and for names of deleted accounts."""

    def __init__(self) -> None:
        super().__init__("the username is taken, or too much like one that is")


class UserNotFound(IloError):
    def __init__(self) -> None:
        super().__init__("there is no such user")


class NotYourself(IloError):
    """Raised whether the other account exists or not."""

    def __init__(self) -> None:
        super().__init__("only the account's own user may do this")


class WrongPassword(IloError):
    def __init__(self) -> None:
        super().__init__("old_password is wrong")


class LogInAgain(IloError):
    def __init__(self, within_s: int) -> None:
        super().__init__(f"this needs a session that is not older than {within_s} seconds")


class KeyVersionConflict(IloError):
    """``if_version`` is not the current version of the public key."""

    def __init__(self) -> None:
        super().__init__("the public key has another version by now")


class RoomNotFound(IloError):
    """Also raised for a room that the caller may not know of."""

    def __init__(self) -> None:
        super().__init__("there is no such room for this user")


class NotTheOwner(IloError):
    def __init__(self) -> None:
        super().__init__("only the room's owner may do this")


class MemberNotFound(IloError):
    def __init__(self) -> None:
        super().__init__("the user is neither a member of this room nor invited")


LimitOfRooms = Literal[
    "rooms_per_user", "invitations_per_user", "members_per_private_room", "members_per_open_room"
]


class LimitReached(IloError):
    """One more would be above ``limit``; nothing was done."""

    def __init__(self, limit: LimitOfRooms) -> None:
        super().__init__(f"limits.{limit} is reached")
        self.limit: LimitOfRooms = limit


class TooManyTries(IloError):
    """A rate is used up; ``retry_after_s`` >= 1 says when the next try may be made."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("too many tries")
        self.retry_after_s = retry_after_s


class Overloaded(IloError):
    """A bounded queue is full; nothing was done; safe to try again after ``retry_after_s``."""

    def __init__(self, retry_after_s: int = 1) -> None:
        super().__init__("too much at once")
        self.retry_after_s = retry_after_s


class StoreUnavailable(IloError):
    """No answer from the store in time. A write may or may not have happened."""

    def __init__(self) -> None:
        super().__init__("the store does not answer")


class StorageFull(IloError):
    """The store has no room left. Nothing was written."""

    def __init__(self) -> None:
        super().__init__("the store is full")


class IdReused(IloError):
    """The sender has used this message id in this room for other content."""

    def __init__(self) -> None:
        super().__init__("this id names another message of yours in this room")
