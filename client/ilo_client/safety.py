"""Safety numbers: what two people compare to know that nobody stands between them."""

import hashlib
from typing import Final

ROUNDS: Final = 100_000
_SALT: Final = b"ilo-safety-v1"
_GROUPS: Final = 6
_GROUP_BYTES: Final = 5
_DIGITS: Final = 5
_GROUPS_A_ROW: Final = 4


def safety_number(a_kid: str, a_name: str, b_kid: str, b_name: str) -> str:
    """Return the 60 digits of two people, the same for both; slow, so call it in a thread.

    The kids are those of their identity keys.
    """
    return "".join(sorted((_half(a_kid, a_name), _half(b_kid, b_name))))


def spaced(number: str) -> str:
    """Return a safety number in groups of 5 digits, as people read it aloud."""
    return " ".join(number[at : at + _DIGITS] for at in range(0, len(number), _DIGITS))


def in_rows(number: str) -> list[list[str]]:
    """Return the groups of a safety number in rows of four, as a screen shows them."""
    groups = spaced(number).split()
    return [groups[at : at + _GROUPS_A_ROW] for at in range(0, len(groups), _GROUPS_A_ROW)]


def _half(kid: str, name: str) -> str:
    # A kid has 43 characters always, so it is plain where the name begins.
    secret = (kid + name).encode("utf-8")
    derived = hashlib.pbkdf2_hmac("sha512", secret, _SALT, ROUNDS, _GROUPS * _GROUP_BYTES)
    groups = (derived[at : at + _GROUP_BYTES] for at in range(0, len(derived), _GROUP_BYTES))
    return "".join(f"{int.from_bytes(group) % 10**_DIGITS:0{_DIGITS}d}" for group in groups)
