"""What is said while something takes long: a spinner on a terminal, plain lines elsewhere."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from ilo_chat.output import Output, is_terminal

FRAMES: Final = "|/-\\"
TURN_S: Final = 0.12
QUIET_S: Final = 0.3
"""What is done by then needs no spinner."""


@asynccontextmanager
async def progress(output: Output, *, is_slow: bool) -> AsyncIterator[Callable[[str], None]]:
    """Give a function that is told what is done now.

    ``is_slow``: keys are made, so that lines are written where there is no terminal.
    """
    if output.as_json:
        yield lambda _: None
        return
    if not is_terminal(sys.stderr):
        yield (lambda words: output.note(words, " …")) if is_slow else (lambda _: None)
        return
    spinner = _Spinner()
    turning = asyncio.create_task(spinner.turn(), name="spinner")
    try:
        yield spinner.told
    finally:
        turning.cancel()
        await asyncio.wait([turning])
        spinner.wipe()


class _Spinner:
    def __init__(self) -> None:
        self._words = ""
        self._is_shown = False

    def told(self, words: str) -> None:
        self._words = words

    async def turn(self) -> None:
        await asyncio.sleep(QUIET_S)
        while True:
            for frame in FRAMES:
                self.wipe()
                if self._words:
                    sys.stderr.write(f"{frame} {self._words}")
                    sys.stderr.flush()
                    self._is_shown = True
                await asyncio.sleep(TURN_S)

    def wipe(self) -> None:
        if self._is_shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._is_shown = False
