"""What an Ilo says of itself while something that it needs is missing."""

import asyncio
import re
import time
from typing import Final

import httpx

from tests.support.ilo_process import IloProcess

READY_S: Final = 120.0
"""Far more than is promised: the machine may be busy."""
LOOK_AGAIN_S: Final = 0.1


async def reasons(ilo: IloProcess) -> list[str]:
    """Return why it is not ready; nothing when it is."""
    async with httpx.AsyncClient(trust_env=False, timeout=30.0) as client:
        answer = await client.get(f"{ilo.api_url}/ready")
    if answer.status_code == 200:
        return []
    assert answer.status_code == 503
    # Quotation marks are escaped in JSON.
    return [answer.text.replace('\\"', '"')]


async def until_ready(ilo: IloProcess) -> float:
    """Return how many seconds it took."""
    began = time.monotonic()
    async with asyncio.timeout(READY_S):
        while True:
            if not await reasons(ilo):
                return time.monotonic() - began
            await asyncio.sleep(LOOK_AGAIN_S)


async def until_told(ilo: IloProcess, what: str) -> str:
    """Return what /ready says, as soon as ``what`` is among it."""
    async with asyncio.timeout(READY_S):
        while True:
            if what in (said := " ".join(await reasons(ilo))):
                return said
            await asyncio.sleep(LOOK_AGAIN_S)


async def launched(ilo: IloProcess) -> None:
    """Start it where it may not be ready, and return when its doors are open."""
    ilo.launch()
    there = await asyncio.to_thread(ilo.output.wait_for, r"^  to stop", after=0, wait_s=READY_S)
    assert there is not None, ilo.output.text
    for name, door in (("api_url", "API"), ("relay_url", "relay")):
        found = re.search(rf"^  {door} +(\S+?)(/ws/<room>)?$", ilo.output.text, re.MULTILINE)
        assert found is not None
        setattr(ilo, name, found[1])
