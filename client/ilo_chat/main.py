"""Runs a command, and turns what goes wrong into one sentence and an exit code."""

import argparse
import asyncio
import importlib
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from ilo_chat.arguments import USAGE, parser

if TYPE_CHECKING:
    from ilo_chat.context import Context

REFUSED: Final = 1
INTERRUPTED: Final = 130  # as shells have it: 128 + SIGINT
TERMINATED: Final = 143

Command: TypeAlias = "Callable[[Context], Coroutine[None, None, int]]"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that ``arguments`` name; return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        # Names in letters that the terminal does not have must not end the chat.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        return _run(parser().parse_args(arguments))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Who read our output has gone. Python must not try again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED


def _run(options: argparse.Namespace) -> int:
    # Late: they bring the whole library.
    from ilo_chat.context import Context
    from ilo_chat.output import Output
    from ilo_chat.problems import EXPECTED, CommandRefused, problem_of

    output = Output(as_json=options.json, colour=not options.no_colour)
    module, _, name = str(options.run).partition(":")
    command: Command = getattr(importlib.import_module(module), name)
    try:
        return asyncio.run(_until_told(command(Context(options, output))))
    except BrokenPipeError:
        raise
    except EXPECTED as error:
        output.failure(problem_of(error))
        return USAGE if isinstance(error, CommandRefused) and error.is_usage else REFUSED


async def _until_told(running: Coroutine[None, None, int]) -> int:
    """Return what a command does; by SIGTERM it ends as tidily as by Ctrl-C."""
    task = asyncio.create_task(running, name="command")
    is_told = False

    def end() -> None:
        nonlocal is_told
        is_told = True
        task.cancel()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end)
    try:
        return await task
    except asyncio.CancelledError:
        if is_told:
            return TERMINATED
        raise
