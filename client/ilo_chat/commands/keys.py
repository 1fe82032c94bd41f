"""Keys: back them up, bring them back, and make a new one."""

import asyncio
import os
from pathlib import Path
from typing import Final

from ilo_client import Ilo

from ilo_chat.commands.account import warn_of_clear_text
from ilo_chat.context import Context
from ilo_chat.problems import CommandRefused
from ilo_chat.progress import progress
from ilo_chat.screen import Style, Styled, name
from ilo_chat.secrets import (
    API_KEY,
    BACKUP_PASSPHRASE,
    PASSPHRASE,
    PASSWORD,
    given_secret,
    secret,
)

MOST_BYTES: Final = 1024 * 1024
"""Of a backup: more is another file."""


async def backup(context: Context) -> int:
    options = context.options
    file: Path = options.file
    if not options.force and await asyncio.to_thread(file.exists):
        raise CommandRefused("file-exists", f"{file} is there already: --force replaces it")
    async with context.opened() as ilo:
        passphrase = secret(options, BACKUP_PASSPHRASE, is_new=True)
        async with progress(context.output, is_slow=True) as tell:
            tell("locking the backup")
            text = await ilo.backup(passphrase)
        _write(file, text, may_replace=options.force)
    context.output.say(f"All keys of {name(ilo.username)} are in {file}.")
    context.output.say("Keep it where others cannot get it, and its passphrase elsewhere.")
    context.output.give({"username": ilo.username, "file": str(file)})
    return 0


def _write(file: Path, text: str, *, may_replace: bool) -> None:
    """Write a file for its owner alone. One that is replaced stays whole until the new one is."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    new = file.with_name(f".{file.name}.{os.getpid()}.new") if may_replace else file
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


async def restore(context: Context) -> int:
    options = context.options
    with options.file.open("rb") as opened:
        read = opened.read(MOST_BYTES + 1)
    try:
        text = read.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if len(read) > MOST_BYTES or not text:
        raise CommandRefused("format", f"{options.file}: this is no backup of keys")
    warn_of_clear_text(context)
    backup_passphrase = secret(options, BACKUP_PASSPHRASE)
    password = secret(options, PASSWORD)
    passphrase = secret(options, PASSPHRASE, is_new=True)
    async with progress(context.output, is_slow=True) as tell:
        ilo = await Ilo.restore(
            options.url,
            text,
            backup_passphrase,
            password,
            home=context.home(),
            passphrase=passphrase,
            api_key=given_secret(options, API_KEY),
            progress=tell,
            tls=context.tls(),
        )
    async with ilo:
        context.output.say("You are logged in as ", Styled(name(ilo.username), Style.BOLD), ".")
        context.output.say("Your keys are in ", str(ilo.home.folder), ".")
        context.output.give(
            {
                "username": ilo.username,
                "api_url": ilo.api_url,
                "home": str(ilo.home.folder),
                "is_my_card": ilo.is_my_card,
            }
        )
    return 0


async def rotate(context: Context) -> int:
    passphrase = context.passphrase()
    async with await context.open(passphrase) as ilo:
        async with progress(context.output, is_slow=True) as tell:
            await ilo.rotate_keys(passphrase, progress=tell)
        kid = ilo.pairs.encryption[0].public.kid
    context.output.say("Others encrypt with your new key now. Older backups do not have it.")
    context.output.give({"username": ilo.username, "kid": kid})
    return 0
