"""What tests of the generated clients stand on."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.typescript_clients import Driver, Wire, driving


@pytest.fixture(scope="module")
def driver() -> Iterator[Driver]:
    with driving() as driven:
        yield driven


@pytest.fixture
async def wire(driver: Driver) -> AsyncIterator[Wire]:
    async with driver.wire() as opened:
        yield opened
