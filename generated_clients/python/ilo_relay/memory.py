"""A memory with an end: it holds the newest of what it was told."""

from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Newest(Generic[Key, Value]):
    """The newest ``bound`` entries, by their keys; older ones are forgotten."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._entries: dict[Key, Value] = {}

    def __contains__(self, key: Key) -> bool:
        return key in self._entries

    def add(self, key: Key, value: Value) -> None:
        """Keep ``value``, as the newest; an older one of that key is replaced."""
        self._entries.pop(key, None)
        self._entries[key] = value
        if len(self._entries) > self._bound:
            del self._entries[next(iter(self._entries))]

    def drop(self, key: Key) -> None:
        self._entries.pop(key, None)

    def items(self) -> list[tuple[Key, Value]]:
        """Return all that is kept, the oldest first."""
        return list(self._entries.items())

    def clear(self) -> None:
        self._entries.clear()
