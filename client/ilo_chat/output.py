"""Where the chat writes: words for people, or one JSON object a line for scripts."""

import os
import shutil
import sys
from collections.abc import Mapping
from typing import TextIO

from ilo_chat.problems import Problem
from ilo_chat.screen import PROGRAM, Part, Style, Styled, fitted, json_line, painted


class Output:
    """Standard output and standard error of one command.

    What it is for is on standard output; what is only said along the way on standard error.
    """

    def __init__(self, *, as_json: bool, colour: bool) -> None:
        self.as_json = as_json
        self._colour = colour and not os.environ.get("NO_COLOR") and not as_json

    @property
    def columns(self) -> int | None:
        """The width of the terminal; None: it is none."""
        return shutil.get_terminal_size().columns if is_terminal(sys.stdout) else None

    def say(self, *parts: Part) -> None:
        """Write a line for people; with `--json` nothing."""
        if not self.as_json:
            self._write(sys.stdout, parts)

    def give(self, fields: Mapping[str, object]) -> None:
        """Write an object for scripts; without `--json` nothing."""
        if self.as_json:
            _line(sys.stdout, json_line(fields))

    def note(self, *parts: Part) -> None:
        """Say something to people that is not what the command is for."""
        if not self.as_json:
            self._write(sys.stderr, (f"{PROGRAM}: ", *parts))

    def failure(self, problem: Problem) -> None:
        """Say what went wrong, and what to do."""
        if self.as_json:
            _line(sys.stderr, json_line({"error": problem.fields()}))
        else:
            self._write(sys.stderr, (f"{PROGRAM}: ", Styled(problem.detail, Style.BAD)))

    def _write(self, stream: TextIO, parts: tuple[Part, ...]) -> None:
        is_shown = is_terminal(stream)
        columns = shutil.get_terminal_size().columns if is_shown else None
        for row in fitted(parts, columns, indent="    "):
            _line(stream, painted(row, colour=self._colour and is_shown))


def is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and not stream.closed and stream.isatty()


def _line(stream: TextIO, text: str) -> None:
    stream.write(text + "\n")
    stream.flush()
