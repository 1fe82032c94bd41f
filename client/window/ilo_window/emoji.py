"""Whether the system can draw coloured letters without ending the program that asks."""

import ctypes
from typing import Final

SAFE: Final = 20305
"""From libXft 2.3.5 on; before, a colour font was an error of the X protocol, which is fatal."""


def are_safe(library: str = "libXft.so.2") -> bool:
    """Return whether emoji may be handed to Tk. Where there is no libXft, Tk does without it."""
    try:
        version = ctypes.CDLL(library).XftGetVersion
    except (OSError, AttributeError):
        return True
    return int(version()) >= SAFE
