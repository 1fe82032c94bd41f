"""Passwords, passphrases and the API key: from a file, the environment or a prompt.

Never from the command line, which everybody on a machine can read while a program runs.
"""

import os
import signal
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from getpass import getpass
from pathlib import Path
from typing import Final

from ilo_client import private_files

from ilo_chat.problems import CommandRefused
from ilo_chat.screen import PROGRAM

TRIES: Final = 3
"""So often a new secret may be typed in two ways."""
MOST_BYTES: Final = 64 * 1024
"""Of a file with a secret: more is another file."""


@dataclass(frozen=True, slots=True)
class Kind:
    """``words`` are for people."""

    words: str
    option: str
    variable: str

    @property
    def attribute(self) -> str:
        return self.option.removeprefix("--").replace("-", "_")


PASSWORD: Final = Kind("password", "--password-file", "ILO_PASSWORD")
PASSPHRASE: Final = Kind(
    "passphrase of the keys in this folder", "--passphrase-file", "ILO_PASSPHRASE"
)
BACKUP_PASSPHRASE: Final = Kind(
    "passphrase of the backup", "--backup-passphrase-file", "ILO_BACKUP_PASSPHRASE"
)
API_KEY: Final = Kind("API key", "--api-key-file", "ILO_API_KEY")


def secret(options: Namespace, kind: Kind, *, is_new: bool = False) -> str:
    """Return a secret; at a prompt one that ``is_new`` is asked for twice.

    Raises:
        CommandRefused: there is none, or no terminal to ask at.
        OSError: its file cannot be read.
    """
    given = given_secret(options, kind)
    return _asked(kind, is_new=is_new) if given is None else given


def given_secret(options: Namespace, kind: Kind) -> str | None:
    """Return what a file or the environment gives; None: neither does."""
    file: Path | None = getattr(options, kind.attribute, None)
    if file is not None:
        return _of_file(file, kind)
    return os.environ.get(kind.variable) or None


def _of_file(file: Path, kind: Kind) -> str:
    read = private_files.read(file, MOST_BYTES) or ""
    text = read.removesuffix("\n").removesuffix("\r")
    if not text:
        raise CommandRefused("no-secret", f"{file}: holds no {kind.words}, which is UTF-8 text")
    return text


def _asked(kind: Kind, *, is_new: bool) -> str:
    if not has_terminal():
        raise CommandRefused(
            "no-secret",
            f"there is no terminal to ask at for the {kind.words}:"
            f" give it with {kind.option} FILE or in ${kind.variable}, or start {PROGRAM} in one",
        )
    with interruptible():
        for _ in range(TRIES):
            typed = _typed(f"{'New ' if is_new else ''}{kind.words}: ")
            if not typed:
                continue
            if not is_new or _typed("The same again: ") == typed:
                return typed
            sys.stderr.write("These were not the same.\n")
    raise CommandRefused("no-secret", f"no {kind.words} was given: start again")


def _typed(question: str) -> str:
    try:
        return getpass(question)
    except EOFError:
        raise CommandRefused("no-secret", "the terminal was closed: start again") from None
    except UnicodeDecodeError:
        raise CommandRefused("no-secret", "what was typed is not UTF-8") from None


def has_terminal() -> bool:
    """Whether somebody can be asked, even when standard input is something else."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def agrees(options: Namespace, question: str) -> bool:
    """Ask a question that is answered by yes or no; `--yes` answers it.

    Raises:
        CommandRefused: there is nobody to ask.
    """
    if options.yes:
        return True
    if not has_terminal():
        raise CommandRefused(
            "not-confirmed", f"{question} There is no terminal to ask at: say --yes"
        )
    with interruptible(), open("/dev/tty", "r+b", buffering=0) as terminal:
        terminal.write(f"{question} (yes/no) ".encode("utf-8", "replace"))
        answer = terminal.readline().decode("utf-8", "replace")
    return answer.strip().lower() in ("y", "yes")


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C end a question at once, and not only when the event loop goes on."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
