"""Instants as the contracts write them."""

from datetime import UTC, datetime, timedelta

from services.model import Instant

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_rfc3339(instant: Instant) -> str:
    """Return ``instant`` in UTC with milliseconds, as ``2026-01-02T12:00:00.000Z``.

    Raises:
        OverflowError: the year is not within 1 to 9999.
    """
    # Whole milliseconds throughout: a float of seconds would round the last digit.
    moment = _EPOCH + timedelta(milliseconds=instant)
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
