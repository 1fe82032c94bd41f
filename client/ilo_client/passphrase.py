"""A passphrase as the bytes that keys are made of."""

import unicodedata

from ilo_client.errors import Refused


def to_bytes(passphrase: str) -> bytes:
    """Return it in UTF-8 and NFC, so that it does not matter which keyboard it was typed on.

    Raises:
        Refused: ``passphrase``: it is empty, or has bytes of the terminal that are no text.
    """
    try:
        data = unicodedata.normalize("NFC", passphrase).encode("utf-8")
    except UnicodeEncodeError:
        raise Refused("passphrase") from None
    if not data:
        raise Refused("passphrase")
    return data
