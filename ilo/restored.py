"""What is done once after a backup was put back, while Ilo does not run."""

from ilo.refusals import CommandRefused
from ilo.settings import Settings
from ilo.stores import open_store
from services.errors import IloError
from store.sqlite import SqliteStore


async def begin_epochs(settings: Settings) -> int:
    """Give every room of the store another epoch; return how many rooms there are.

    Raises:
        CommandRefused: there is no store, another process uses it, or it cannot be written.
    """
    if settings.cassandra is None and not SqliteStore.is_in(settings.data_dir):
        raise CommandRefused(f"{settings.data_dir}: there is no store in this folder")
    store = await open_store(settings)
    try:
        # Else the start of the work would say less of what is missing.
        await store.check()
        return await store.begin_epochs()
    except IloError as error:
        raise CommandRefused(f"{error}; do it again") from None
    finally:
        await store.close()
