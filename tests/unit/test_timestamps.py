import re
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from services.model import Instant
from services.timestamps import to_rfc3339

LAST_INSTANT = 253_402_300_799_999


def test_an_instant_is_written_in_utc_with_milliseconds() -> None:
    assert to_rfc3339(Instant(1_767_355_200_000)) == "2026-01-02T12:00:00.000Z"
    assert to_rfc3339(Instant(1_767_355_200_007)) == "2026-01-02T12:00:00.007Z"
    assert to_rfc3339(Instant(0)) == "1970-01-01T00:00:00.000Z"
    assert to_rfc3339(Instant(LAST_INSTANT)) == "9999-12-31T23:59:59.999Z"


@given(st.integers(0, LAST_INSTANT))
def test_every_instant_fits_the_contract_and_loses_nothing(milliseconds: int) -> None:
    written = to_rfc3339(Instant(milliseconds))

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", written)
    since = datetime.fromisoformat(written) - datetime(1970, 1, 1, tzinfo=UTC)
    assert since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000 == (
        milliseconds
    )
