"""The embedded store: one SQLite file, one process, one writer thread.

Nothing here leaves a hash, a key or a message in a log or an error.
"""

from store.errors import StoreRefused
from store.sqlite.store import SqliteStore

__all__ = ["SqliteStore", "StoreRefused"]
