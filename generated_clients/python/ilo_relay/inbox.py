"""What the relay sent and nobody took yet, in order, and bounded by who fills it."""

import asyncio
from collections import deque
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Inbox(Generic[Item]):
    """One task puts in, any number take out."""

    def __init__(self) -> None:
        self._items: deque[Item] = deque()
        self._ended = False
        self._more = asyncio.Event()
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: Item) -> None:
        self._items.append(item)
        self._more.set()

    async def take(self) -> Item | None:
        """Return the oldest; None when there is none and there will be none."""
        while not self._items:
            if self._ended:
                return None
            self._more.clear()
            await self._more.wait()
        item = self._items.popleft()
        self._changed.set()
        return item

    async def changed(self) -> None:
        """Wait until one is taken, or until :meth:`stir`."""
        self._changed.clear()
        await self._changed.wait()

    def stir(self) -> None:
        """Let who waits in :meth:`changed` look again."""
        self._changed.set()

    def end(self) -> None:
        """Nothing more will come."""
        self._ended = True
        self._more.set()
