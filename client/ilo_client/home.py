"""A person's folder: the locked keys, the session, and what the client remembers.

Only its owner may look in. A file is replaced as a whole, or stays as it was.
"""

import asyncio
import fcntl
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Final, Self

from ilo_client import private_files
from ilo_client.failures import BrokenHome

LOCK_PAUSE_S: Final = 0.01
"""How long to wait before looking again whether another process is done."""


@dataclass(frozen=True, slots=True)
class Session:
    """Where a person is registered, and what lets them in. ``token`` is None when logged out."""

    api_url: str
    username: str
    api_key: str = field(repr=False)
    relay_url: str | None = None
    token: str | None = field(default=None, repr=False)
    expires_at: str | None = None

    def logged_out(self) -> Self:
        return replace(self, token=None, expires_at=None)


def default_folder() -> Path:
    """Return `$ILO_HOME`, or the folder `ilo` where programs of this user keep their data."""
    if home := os.environ.get("ILO_HOME"):
        return Path(home)
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "ilo"


class Home:
    """The folder of one person; ``folder`` is made if it is not there."""

    def __init__(self, folder: Path | str | None = None) -> None:
        self.folder = default_folder() if folder is None else Path(folder)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        (self.folder / "locks").mkdir(mode=0o700, exist_ok=True)

    def __repr__(self) -> str:
        return f"Home({str(self.folder)!r})"

    @property
    def memory_path(self) -> Path:
        return self.folder / "memory.sqlite"

    # -- keys

    def keys(self) -> str | None:
        """Return the locked keys; None when there are none yet."""
        return self._read("keys.json")

    def keep_keys(self, locked: str) -> None:
        self._write("keys.json", locked)

    def forget_keys(self) -> None:
        (self.folder / "keys.json").unlink(missing_ok=True)

    # -- session

    def session(self) -> Session | None:
        """Return what was kept of the last login; None when there was none.

        Raises:
            BrokenHome: the file is something else.
        """
        text = self._read("session.json")
        if text is None:
            return None
        try:
            return Session(**json.loads(text))
        except (TypeError, ValueError):
            # The cause may quote the file, which holds a token.
            raise BrokenHome("session.json is damaged: log in again after moving it away") from None

    def keep_session(self, session: Session) -> None:
        self._write("session.json", json.dumps(asdict(session), ensure_ascii=False))

    # -- one at a time

    @asynccontextmanager
    async def one_at_a_time(self, what: str) -> AsyncIterator[None]:
        """Keep others out of ``what``, in this process and in others, until the end of the block.

        The lock goes with the process that holds it, however that ends.
        """
        name = sha256(what.encode()).hexdigest()[:32]
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        handle = os.open(self.folder / "locks" / name, flags, 0o600)
        try:
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    await asyncio.sleep(LOCK_PAUSE_S)
            yield
        finally:
            os.close(handle)

    # -- files

    def _read(self, name: str) -> str | None:
        try:
            return (self.folder / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def _write(self, name: str, text: str) -> None:
        private_files.write(self.folder / name, text, may_replace=True)
