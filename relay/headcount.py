"""How many connections each user has: on this node, or in one room."""

from services.model import UserId


class Headcount:
    """Counts by user; who has none takes no room."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[UserId, int] = {}

    def of(self, user: UserId) -> int:
        return self._counts.get(user, 0)

    def come(self, user: UserId) -> None:
        self._counts[user] = self.of(user) + 1

    def go(self, user: UserId) -> None:
        """One that came before is gone."""
        left = self._counts[user] - 1
        if left:
            self._counts[user] = left
        else:
            del self._counts[user]
