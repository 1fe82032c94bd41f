"""What leaves `ilo serve` as an ack was on the disk before: strace tells the order.

The control is an Ilo that acks before it stores: the same check has to catch it.
"""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.ilo_process import FAULTY, ILO, running
from tests.support.load import Notes, speakers, talking
from tests.support.strace import SystemCall, system_calls, why_not_strace
from tests.support.system_client import visiting

ACKS = 1_000
CALLS = "write,writev,sendto,sendmsg,pwrite64,pwritev,fsync,fdatasync"
SYNCS = ("fdatasync", "fsync")
TEXT = re.compile(r"message ([0-9a-f]{8}-[0-9a-f-]{27})")
ACK = re.compile(r'\\"type\\":\\"ack\\",\\"id\\":\\"([0-9a-f-]{36})')


async def traced(folder: Path, program: Sequence[str]) -> tuple[set[str], list[SystemCall]]:
    """Return the ids of all acks that clients got, and what Ilo did meanwhile."""
    if reason := why_not_strace():
        pytest.skip(reason)
    trace = folder / "trace"
    strace = ["strace", "-f", "-y", "-s", "65536", "-e", f"trace={CALLS}", "-o", str(trace)]
    notes = Notes()
    with running(folder / "ilo", program=program, before=strace) as ilo:
        async with visiting(ilo) as client:
            ann = await client.newcomer()
            everyone = await speakers(client, [ann], ["room-0", "room-1", "room-2"], notes)
            async with talking(everyone, in_flight=4):
                await notes.acked(ACKS, wait_s=120)
                code, _ = await asyncio.to_thread(ilo.terminate)
    assert code == 0
    with trace.open(encoding="utf-8", errors="replace") as lines:
        return set(notes.acks), list(system_calls(lines))


def unsynced(calls: Sequence[SystemCall]) -> tuple[set[str], set[str]]:
    """Return the ids of the acks that left before their message was synced, and of all acks.

    Synced is a message when, after it was written into the WAL, a sync of the WAL began and
    ended.
    """
    written: dict[str, int] = {}
    syncs: list[tuple[int, int]] = []
    acks: dict[str, int] = {}
    for call in calls:
        if call.file.endswith("ilo.db-wal"):
            if call.name in SYNCS and call.result == "0":
                syncs.append((call.began, call.ended))
            elif call.name.startswith("pwrite"):
                for message_id in TEXT.findall(call.arguments):
                    written.setdefault(message_id, call.ended)
        elif call.file.startswith(("socket:", "TCP:")):
            for message_id in ACK.findall(call.arguments):
                acks.setdefault(message_id, call.began)
    early = {
        message_id
        for message_id, sent in acks.items()
        if not any(written.get(message_id, sent) < began <= ended < sent for began, ended in syncs)
    }
    return early, set(acks)


async def test_every_ack_leaves_after_a_sync_of_its_message(tmp_path: Path) -> None:
    got, calls = await traced(tmp_path, ILO)

    early, acks = unsynced(calls)

    assert len(got) >= ACKS
    assert got <= acks
    assert early == set()


async def test_an_ack_before_the_store_is_caught(tmp_path: Path) -> None:
    got, calls = await traced(tmp_path, [*FAULTY, "ack-before-store"])

    early, acks = unsynced(calls)

    assert got <= acks
    # A late one may be saved by the commit of another group; most are not.
    assert len(early) > ACKS / 2
