"""Files for their owner's eyes alone: whole or not there, and never of any size."""

import os
from pathlib import Path


def write(file: Path, text: str, *, may_replace: bool) -> None:
    """Write ``file``, which is the old or the new one, whenever the power fails.

    Raises:
        FileExistsError: it is there, and it may not be replaced.
        OSError: it cannot be written; what was there is as it was.
    """
    new = file.with_name(f".{file.name}.{os.getpid()}.new") if may_replace else file
    beginning = os.O_TRUNC if may_replace else os.O_EXCL
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | beginning
    handle = os.open(new, flags, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as opened:
            os.fchmod(opened.fileno(), 0o600)
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
        if may_replace:
            new.replace(file)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read(file: Path, most_bytes: int) -> str | None:
    """Return what a file says; None: it is no UTF-8 text, or has more than ``most_bytes``.

    Raises:
        OSError: it cannot be read.
    """
    with file.open("rb") as opened:
        data = opened.read(most_bytes + 1)
    try:
        # The error would quote it.
        return data.decode("utf-8") if len(data) <= most_bytes else None
    except UnicodeDecodeError:
        return None
