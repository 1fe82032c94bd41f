"""Whether the desktop is dark, where it can be asked cheaply."""

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

ASKED: Final = ("gsettings", "get", "org.gnome.desktop.interface", "color-scheme")
PATIENCE_S: Final = 1.0


async def is_dark(
    environment: Mapping[str, str] = os.environ, command: Sequence[str] = ASKED
) -> bool:
    """Return what the theme's name says, or the desktop's settings; False where nobody knows."""
    theme = environment.get("GTK_THEME", "").lower()
    if theme:
        return theme.endswith(("-dark", ":dark"))
    try:
        asked = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=DEVNULL)
    except OSError:
        return False
    try:
        async with asyncio.timeout(PATIENCE_S):
            answer, _ = await asked.communicate()
    except TimeoutError:
        with suppress(ProcessLookupError):
            asked.kill()
        await asked.wait()
        return False
    return b"dark" in answer
