"""A real server for each module of tests, and people at it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.chat import Chatter, chatter
from tests.support.encrypted import Company, company, steady_ports
from tests.support.ilo_process import IloProcess, running


@pytest.fixture(scope="module")
def ilo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IloProcess]:
    """A server that may be killed and started again: its ports stay."""
    with running(tmp_path_factory.mktemp("ilo"), steady_ports()) as ilo:
        yield ilo


@pytest.fixture
async def people(ilo: IloProcess, tmp_path: Path) -> AsyncIterator[Company]:
    """People with the library."""
    async with company(tmp_path, ilo.api_url) as made:
        yield made


@pytest.fixture(scope="module")
def ann(ilo: IloProcess, tmp_path_factory: pytest.TempPathFactory) -> Chatter:
    """Somebody at `ilo-chat`."""
    return chatter(tmp_path_factory.mktemp("homes"), ilo.api_url, "ann").register()


@pytest.fixture(scope="module")
def bob(ilo: IloProcess, tmp_path_factory: pytest.TempPathFactory) -> Chatter:
    """Somebody else at `ilo-chat`."""
    return chatter(tmp_path_factory.mktemp("homes"), ilo.api_url, "bob").register()
