"""A server and a browser for each file of tests of the page."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.support.chromium import open_browser
from tests.support.encrypted import steady_ports
from tests.support.ilo_process import IloProcess, running


@pytest.fixture(scope="module")
def ilo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IloProcess]:
    with running(tmp_path_factory.mktemp("ilo"), steady_ports()) as process:
        yield process


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with open_browser() as opened:
        yield opened
