"""Keys: back them up, bring them back, and make a new one."""

import asyncio
from pathlib import Path

from ilo_client import Ilo, private_files
from ilo_client.backup import MAX_BACKUP_BYTES

from ilo_chat.commands.account import warn_of_clear_text, welcome
from ilo_chat.context import Context
from ilo_chat.problems import CommandRefused
from ilo_chat.progress import progress
from ilo_chat.screen import name
from ilo_chat.secrets import (
    API_KEY,
    BACKUP_PASSPHRASE,
    PASSPHRASE,
    PASSWORD,
    given_secret,
    secret,
)


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
        await asyncio.to_thread(private_files.write, file, text, may_replace=options.force)
    context.output.say(f"All keys of {name(ilo.username)} are in {file}.")
    context.output.say("Keep it where others cannot get it, and its passphrase elsewhere.")
    context.output.give({"username": ilo.username, "file": str(file)})
    return 0


async def restore(context: Context) -> int:
    options = context.options
    text = await asyncio.to_thread(private_files.read, options.file, MAX_BACKUP_BYTES)
    if not text:
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
        welcome(context, ilo, "You are logged in")
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
