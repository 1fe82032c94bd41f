"""What the relay sent and nobody took yet, in order, and bounded by who fills it."""

import asyncio
from collections import deque
from typing import Generic, TypeVar

Item = TypeVar("Item")
Place = TypeVar("Place")


class Inbox(Generic[Item, Place]):
    """One task puts in, any number take out.

    Each item has the place that is reached with it; ``place`` is the one that who takes has
    reached, None before the first is known.
    """

    def __init__(self) -> None:
        self.place: Place | None = None
        self._items: deque[tuple[Item, Place]] = deque()
        self._ended = False
        self._more = asyncio.Event()
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: Item, place: Place) -> None:
        self._items.append((item, place))
        self._more.set()

    def move(self, place: Place) -> None:
        """Go to ``place`` without an item: it is reached with the newest that is there."""
        if self._items:
            item, _ = self._items.pop()
            self._items.append((item, place))
        else:
            self.place = place

    async def take(self) -> Item | None:
        """Return the oldest; None when there is none and there will be none."""
        while not self._items:
            if self._ended:
                return None
            self._more.clear()
            await self._more.wait()
        item, self.place = self._items.popleft()
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
