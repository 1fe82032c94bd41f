"""What can go wrong in the library. No text of an error holds a message, a key or a passphrase."""

from typing import Final, Literal

Code = Literal[
    "format",
    "alg",
    "room",
    "sender",
    "recipients",
    "not-for-me",
    "decrypt",
    "unpinned",
    "key-changed",
    "signature",
    "binding",
    "replay",
    "passphrase",
    "cost",
]
"""Why something was refused; docs/envelope.md says which check gives which."""

SENTENCES: Final[dict[Code, str]] = {
    "format": "this is not in the form that it should have",
    "alg": "it uses an algorithm that does not belong to the key",
    "room": "it was written for another room",
    "sender": "it was written under another name",
    "recipients": "the list of those it is for was altered",
    "not-for-me": "it was not encrypted for any of your keys",
    "decrypt": "it cannot be decrypted: it was altered, or is for another key",
    "unpinned": "its sender's key is not known yet",
    "key-changed": "it is signed with another key than the one you know of its sender",
    "signature": "its signature is wrong",
    "binding": "what was signed was meant for another place or for others",
    "replay": "it was delivered before, or out of order",
    "passphrase": "the passphrase is wrong, or the file was altered",
    "cost": "the file asks for more or less work than is safe",
}


class ClientError(Exception):
    """Base of the errors that the library raises on purpose."""


class Refused(ClientError):
    """Something that came from outside failed a check; ``code`` names the check.

    Trying again with the same input fails again.
    """

    def __init__(self, code: Code) -> None:
        super().__init__(SENTENCES[code])
        self.code: Final[Code] = code


class TooLarge(ClientError):
    """A message would not fit into an envelope for so many people; it was not sealed."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"the envelope would have {size} bytes, and {limit} are allowed")
        self.size: Final = size
        self.limit: Final = limit
