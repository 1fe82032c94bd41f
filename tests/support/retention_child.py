"""A process that makes a store with one full room and then keeps less and less of it.

    python -m tests.support.retention_child FOLDER

Says the room's floor after each part that retention has done, and ends when all is done.
"""

import asyncio
import os
import sys
from pathlib import Path

from services.limits import Limits
from store.sqlite import SqliteStore
from tests.support.store_samples import NOON, add_user, append, draft_for, enter

STDOUT = 1


async def main(data_dir: Path) -> None:
    store = await SqliteStore.open(data_dir)
    ann = await add_user(store)
    room = (await enter(store, "tea", ann)).room
    for _ in range(20):
        await append(store, *(draft_for(room, ann, "x" * 400) for _ in range(100)))
    for kept in range(1900, 0, -100):
        limits = Limits(retention_messages=kept, retention_s=10**9)
        while await store.enforce_retention(NOON, limits):
            found = await store.room(room.room_id)
            assert found is not None
            os.write(STDOUT, b"%d\n" % found.floor)
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
