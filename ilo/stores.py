"""Which store there is, by the settings: the embedded one, or Cassandra.

What the embedded one does not need is not imported where it is used.
"""

import os
from typing import TYPE_CHECKING

from ilo.cassandra_options import CassandraOptions
from ilo.logs import hide
from ilo.refusals import CommandRefused
from ilo.secrets import cassandra_password
from ilo.settings import Settings
from services.ports import Store
from store.errors import StoreRefused
from store.sqlite import SqliteStore

if TYPE_CHECKING:
    from store.cassandra.settings import CassandraSettings


async def open_store(settings: Settings) -> Store:
    """Open the store that ``settings`` name.

    Of Cassandra, the tables are made if need be; while it does not answer, the store says so.

    Raises:
        CommandRefused: it cannot be opened, and waiting would not help.
    """
    try:
        if settings.cassandra is not None:
            return await _open_cassandra(settings.cassandra, settings.limits.retention_s)
        return await SqliteStore.open(settings.data_dir)
    except (StoreRefused, OSError) as error:
        raise CommandRefused(f"the store cannot be opened: {error}") from None


async def _open_cassandra(options: CassandraOptions, retention_s: int) -> Store:
    from store.cassandra.store import CassandraStore

    return await CassandraStore.open(cassandra_settings(options), retention_s=retention_s)


def cassandra_settings(options: CassandraOptions) -> "CassandraSettings":
    """Return ``options`` with what they name: the password, and what to connect with.

    Raises:
        CommandRefused: one of the files, or the variable, is not right any more.
    """
    from store.cassandra.settings import CassandraSettings

    password = cassandra_password(options, os.environ)
    if password is not None:
        hide(password)
    try:
        tls = options.tls_context()
    except OSError as error:
        raise CommandRefused(f"Cassandra_tls_ca: cannot be used: {error.strerror}") from None
    return CassandraSettings(
        addresses=options.addresses,
        port=options.port,
        keyspace=options.keyspace,
        datacenter=options.datacenter,
        user=options.user,
        password=None if password is None else password.reveal(),
        tls=tls,
    )
