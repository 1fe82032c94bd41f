"""Somebody at the encrypted client, in a process of their own that may be killed at any moment.

Arguments: the folder, the room, a word, how many messages. Says `WORD N` for each, from the first
that is not in the diary; notes there `try` before and `ok` after. Prints what is alarming.
"""

import asyncio
import sys
from pathlib import Path

from ilo_client import Change, Ilo, Message, NotShown, Room

from tests.support.encrypted import PASSPHRASE


def tried(diary: Path) -> int:
    """Return how many messages were begun."""
    return diary.read_text(encoding="ascii").count("try") if diary.exists() else 0


def note(diary: Path, line: str) -> None:
    with diary.open("a", encoding="ascii") as file:
        file.write(line + "\n")


async def listen(room: Room) -> None:
    async for event in room:
        if isinstance(event, NotShown | Change) or (isinstance(event, Message) and event.warnings):
            sys.stdout.write(f"alarm: {event}\n")
            sys.stdout.flush()


async def main(folder: Path, name: str, word: str, amount: int) -> None:
    diary = folder / f"diary of {word}"
    async with await Ilo.open(folder, passphrase=PASSPHRASE) as ilo, ilo.room(name) as room:
        listening = asyncio.create_task(listen(room))
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        for number in range(tried(diary) + 1, amount + 1):
            note(diary, f"try {word}{number}")
            await room.send(f"{word}{number}")
            note(diary, f"ok {word}{number}")
        listening.cancel()
        await asyncio.wait([listening])


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])))
