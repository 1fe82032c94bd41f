"""Finds an account by its name, as its user writes it."""

from services.model import User
from services.names import skeleton
from services.ports import UserStore


async def user_called(store: UserStore, username: str) -> User | None:
    """Return the account of exactly that name: another case or normal form is another name."""
    user = await store.user_named(skeleton(username))
    return user if user is not None and user.name == username else None
