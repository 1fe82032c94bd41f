"""`kill -9` of `ilo serve` under load: nothing that was acked or heard is lost.

The control is an Ilo that acks before it stores: the same checks have to catch it.
"""

from pathlib import Path

from tests.support.ilo_process import FAULTY, running
from tests.support.load import (
    Notes,
    faults,
    say_unacked_again,
    speakers,
    talking,
)
from tests.support.system_client import visiting

RUNS = 5
ACKS_A_RUN = 1_000
CONNECTIONS_A_ROOM = 2
ROOMS = [f"room-{number}" for number in range(6)]


async def test_kill_9_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    notes = Notes()
    found: list[list[str]] = []
    with running(tmp_path) as ilo:
        async with visiting(ilo) as client:
            ann = await client.newcomer()
        for run in range(1, RUNS + 1):
            async with visiting(ilo) as client:
                await say_unacked_again(client, ann, notes)
                everyone = await speakers(client, [ann] * CONNECTIONS_A_ROOM, ROOMS, notes)
                async with talking(everyone):
                    await notes.acked(len(notes.acks) + ACKS_A_RUN + 37 * run)
                    ilo.kill()
            found.append(await faults(ilo.data_dir, ROOMS, notes))
            ilo.start()
        lost_on_the_way = len(notes.unacked)
        async with visiting(ilo) as client:
            await say_unacked_again(client, ann, notes)
        code, _ = ilo.terminate()
        found.append(await faults(ilo.data_dir, ROOMS, notes))

    assert found == [[]] * (RUNS + 1)
    assert notes.errors == []
    assert len(notes.acks) >= RUNS * ACKS_A_RUN
    # Each said once and there once: dense rooms whose heads add up to all that was said.
    assert len(notes.acks) == len(notes.said)
    assert len({(notes.said[one].room, seq) for one, seq in notes.acks.items()}) == len(notes.said)
    assert lost_on_the_way > 0
    assert code == 0


async def test_an_ack_before_the_store_is_caught(tmp_path: Path) -> None:
    notes = Notes()
    with running(tmp_path, program=[*FAULTY, "ack-long-before-store"]) as ilo:
        async with visiting(ilo) as client:
            ann = await client.newcomer()
            everyone = await speakers(client, [ann] * CONNECTIONS_A_ROOM, ROOMS, notes)
            async with talking(everyone):
                await notes.acked(200)
                ilo.kill()
        found = await faults(ilo.data_dir, ROOMS, notes)

    assert any("was acked and is lost" in fault for fault in found)
