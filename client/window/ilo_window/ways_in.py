"""How somebody gets in: what was typed into the form, done with the library."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import assert_never

from ilo_client import Home, Ilo, Refused, private_files
from ilo_client.backup import MAX_BACKUP_BYTES

from ilo_window import asks


async def way_in(ask: asks.WayIn, home: Home, tell: Callable[[str], None]) -> Ilo:
    """Return who is in then; ``tell`` hears what takes so long.

    Raises:
        ClientError: of :class:`Ilo`.
        OSError: there is no such backup.
    """
    match ask:
        case asks.Register(server, name, password, passphrase):
            return await Ilo.register(
                server, name, password, home=home, passphrase=passphrase, progress=tell
            )
        case asks.LogIn(server, name, password, passphrase, new_keys):
            return await Ilo.login(
                server,
                name,
                password,
                home=home,
                passphrase=passphrase,
                progress=tell,
                new_keys=new_keys,
            )
        case asks.Restore(server, path, backup_passphrase, password, passphrase):
            text = await asyncio.to_thread(_read, path)
            return await Ilo.restore(
                server,
                text,
                backup_passphrase,
                password,
                home=home,
                passphrase=passphrase,
                progress=tell,
            )
        case asks.Unlock(passphrase):
            return await Ilo.open(home, passphrase=passphrase, progress=tell)
        case _:
            assert_never(ask)


def _read(path: str) -> str:
    text = private_files.read(Path(path).expanduser(), MAX_BACKUP_BYTES)
    if text is None:
        raise Refused("format")
    return text
