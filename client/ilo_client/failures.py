"""What can go wrong between this client and the world, beside a refused envelope.

No text of them holds a password, a token, a passphrase or what was said.
"""

from ilo_client.errors import ClientError


class BrokenHome(ClientError):
    """A person's folder is not what this library wrote."""


class HomeTaken(ClientError):
    """The folder belongs to somebody else."""

    def __init__(self, username: str) -> None:
        super().__init__(f"this folder belongs to {username!r}: choose another one")
        self.username = username


class NoKeys(ClientError):
    """There are no private keys here: restore a backup."""

    def __init__(self, username: str) -> None:
        super().__init__(
            f"{username!r} has keys, and they are not in this folder: restore a backup,"
            " or make new ones, which everybody will be warned of"
        )


class NotLoggedIn(ClientError):
    """There is no session, or it is over: log in again."""

    def __init__(self) -> None:
        super().__init__("not logged in: log in again")


class Unreachable(ClientError):
    """The server does not answer, or not as its contract says."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the server does not answer as it should ({why}): try again later")


class ServerRefused(ClientError):
    """The server says no. ``code`` is the problem's name in the contract, `name-taken` for one;
    ``rules`` are the broken ones, with their places."""

    def __init__(self, code: str, detail: str, rules: tuple[str, ...] = ()) -> None:
        super().__init__("; ".join([detail, *rules]))
        self.code = code
        self.rules = rules


class KeysChanged(ClientError):
    """Members have other keys than before: nothing is sent until each is accepted.

    ``is_kept``: the message was under way, and goes first then; else it is to be sent again.
    """

    def __init__(self, names: tuple[str, ...], *, is_kept: bool = False) -> None:
        super().__init__(
            "the keys changed of "
            + ", ".join(repr(name) for name in names)
            + ": compare the safety number, and accept the new key, before anything is sent"
        )
        self.names = names
        self.is_kept = is_kept


class NotAccepted(ClientError):
    """The key that was to be accepted or verified is not the one that the server shows."""

    def __init__(self, username: str) -> None:
        super().__init__(f"there is no such key of {username!r} to accept: look again")
