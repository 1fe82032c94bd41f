"""The tables of Cassandra, made or brought up to date by hand, before any process starts."""

from ilo.refusals import CommandRefused
from ilo.settings import Settings
from ilo.stores import cassandra_settings
from store.errors import StoreRefused


def migrate_tables(settings: Settings) -> str:
    """Make the tables as a start would; return in words what was done. Blocks meanwhile.

    Raises:
        CommandRefused: there is no Cassandra in the settings, or it is not ready.
    """
    if settings.cassandra is None:
        raise CommandRefused(
            "migrate: Cassandra_address is missing; the embedded store is brought up to date by"
            " its start"
        )
    from store.cassandra.connection import Connection
    from store.cassandra.errors import NotReady
    from store.cassandra.migrations import migrate

    found = cassandra_settings(settings.cassandra)
    try:
        connection = Connection.make(found)
        try:
            done = migrate(connection, found)
        finally:
            connection.close()
    except (NotReady, StoreRefused) as error:
        raise CommandRefused(f"migrate: {error}") from None
    place = f'keyspace "{found.keyspace}"'
    if done.before == done.after:
        return f"{place}: nothing to do, its tables have version {done.after}"
    made = f"; tables made: {', '.join(done.tables)}" if done.tables else ""
    return f"{place}: version {done.before} has become {done.after}{made}"
