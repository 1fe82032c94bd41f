"""The lock that keeps a data file to one process."""

import fcntl
import os
from pathlib import Path

from store.errors import StoreRefused

_MAX_PID_BYTES = 20


class FileLock:
    """Held from ``take`` to ``release``, and let go of by the kernel when the process dies.

    It lies beside the data: SQLite's own exclusive mode would lock out our readers. The
    file stays after ``release``, since removing it would race with the next holder.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, file: Path) -> "FileLock":
        """Lock ``file``, making it if need be, and write our process id into it.

        Raises:
            StoreRefused: another process holds it, or this one does already.
        """
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        # flock, not lockf: that one would be lost when anybody here closes the file again,
        # and would let this process open the store twice.
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, _MAX_PID_BYTES, 0).strip()
            os.close(descriptor)
            who = f"process {int(holder)}" if holder.isdigit() else "another process"
            raise StoreRefused(f"{file.parent} is in use by {who}") from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
        return cls(descriptor)

    def release(self) -> None:
        """Let go of the lock; nothing when that was done before."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.ftruncate(descriptor, 0)
            os.close(descriptor)
