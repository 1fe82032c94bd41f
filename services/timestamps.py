"""Instants as the contracts write them."""

from datetime import datetime, timedelta
from functools import lru_cache

from services.model import Instant

# Without a zone, whose offset would be asked for and cut off again each time.
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001


# The instants of accounts and sessions are shown again and again.
@lru_cache(maxsize=4096)
def to_rfc3339(instant: Instant) -> str:
    """Return ``instant`` in UTC with milliseconds, as ``2026-01-02T12:00:00.000Z``.

    Raises:
        OverflowError: the year is not within 1 to 9999.
    """
    # Whole milliseconds throughout: a float of seconds would round the last digit.
    moment = _EPOCH + timedelta(milliseconds=instant)
    return moment.isoformat("T", "milliseconds") + "Z"
