"""How `ilo serve` ends, and what it refuses to begin with."""

import asyncio
import errno
import os
import re
import shutil
import signal
import socket
import time
from pathlib import Path
from uuid import uuid4

import orjson
import pytest

from tests.support.ilo_process import ROOT, STOP_S, DidNotStart, IloProcess, running, write_config
from tests.support.load import Notes, faults, speakers, talking
from tests.support.processor import children_s
from tests.support.system_client import visiting
from tests.support.websocket import CLOSE, TEXT, RawSocket, client_frame, message

ROOMS = ["tea", "garden", "harbour"]
REFUSAL_CPU_S = 4.0
"""Of the processor's time: a machine that is busy with other things takes longer."""
LARGE = "x" * 200_000
MUCH = 20
"""So many large messages are more than the relay and the kernel keep for a client."""
PARTS = ("spec", "services", "store", "handlers", "relay", "ilo")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_under_load_says_goodbye_and_keeps_what_was_acked(
    tmp_path: Path, number: signal.Signals
) -> None:
    notes = Notes()
    with running(tmp_path) as ilo:
        async with visiting(ilo) as client:
            ann, bob = await client.newcomer(), await client.newcomer()
            everyone = await speakers(client, [ann, bob], ROOMS, notes)
            async with talking(everyone):
                await notes.acked(500)
                started = time.monotonic()
                ilo.send_signal(number)
                code = await asyncio.to_thread(ilo.wait)
                took_s = time.monotonic() - started
        found = await faults(ilo.data_dir, ROOMS, notes)

    assert notes.closes == [1001] * len(everyone)
    assert code == 0
    assert took_s < STOP_S
    assert found == []
    assert notes.errors == []
    assert "Traceback" not in ilo.output.text


async def test_a_stop_is_not_ready_first_lets_nobody_in_and_ends_in_time(tmp_path: Path) -> None:
    with running(tmp_path) as ilo:
        async with visiting(ilo) as client:
            ann = await client.newcomer()
            # Connected, and never to answer the close frame; and one without a request.
            held, _ = await client.join(ann, "tea")
            silent = socket.create_connection(("127.0.0.1", ilo.api_port))
            with silent:
                started = time.monotonic()
                ilo.send_signal(signal.SIGTERM)
                end = await held.closed()
                # It waits for the one who does not close.
                ready = await client.rest.get("/ready")
                try:
                    _, refusal, _ = await client.knock("tea", ann.bearer)
                except ConnectionError:
                    refusal = None
                code = await asyncio.to_thread(ilo.wait)
                took_s = time.monotonic() - started

    assert end == (1001, "going-away")
    assert ready.status_code == 503
    assert ready.json()["reasons"] == ["it is shutting down"]
    assert refusal in (None, 503)
    assert code == 0
    assert took_s < STOP_S


async def test_a_stop_says_goodbye_to_those_who_are_behind_too(tmp_path: Path) -> None:
    with running(tmp_path) as ilo:
        async with visiting(ilo) as client:
            ann = await client.newcomer()
            talker, _ = await client.join(ann, "tea")
            for _ in range(MUCH):
                await talker.send(client_frame(message(LARGE), mask=bytes(4)))
                await talker.json_of("ack")
                await talker.json_of("message")
            # They come back, take nothing, and have asked for more.
            behind = [(await client.knock("tea?since=0", ann.bearer))[0] for _ in range(3)]
            question = orjson.dumps({"type": "history", "id": str(uuid4()), "limit": 200})
            for one in behind:
                await one.send(client_frame(question))
            asking, _ = await client.join(ann, "tea")
            started = time.monotonic()
            await asking.send(client_frame(question))
            ilo.send_signal(signal.SIGTERM)
            ends = [await reads_to_the_end(one) for one in (*behind, asking, talker)]
            code = await asyncio.to_thread(ilo.wait)
            took_s = time.monotonic() - started

    assert [end for _, end in ends] == [1001] * len(ends)
    for seqs, _ in ends[: len(behind)]:
        assert seqs == list(range(1, len(seqs) + 1))
        assert len(seqs) < MUCH, "nobody was behind"
    assert code == 0
    assert took_s < STOP_S
    assert "Traceback" not in ilo.output.text


async def reads_to_the_end(client: RawSocket) -> tuple[list[int], int]:
    """Read on, answer the goodbye; return the seqs of the messages, and the close code."""
    seqs: list[int] = []
    while True:
        opcode, payload = await client.frame()
        if opcode == CLOSE:
            await client.send(client_frame(payload[:2], CLOSE))
            client.writer.close()
            return seqs, int.from_bytes(payload[:2], "big")
        if opcode == TEXT and (frame := orjson.loads(payload))["type"] == "message":
            seqs.append(frame["seq"])


async def test_a_second_sigterm_ends_it_at_once_and_what_was_acked_is_there(
    tmp_path: Path,
) -> None:
    notes = Notes()
    with running(tmp_path) as ilo:
        async with visiting(ilo) as client:
            ann = await client.newcomer()
            # One who does not answer the close frame keeps the first stop waiting.
            held, _ = await client.join(ann, "harbour")
            everyone = await speakers(client, [ann], ROOMS, notes)
            async with talking(everyone):
                await notes.acked(200)
                ilo.send_signal(signal.SIGTERM)
                await held.closed()
                ilo.send_signal(signal.SIGTERM)
                code = await asyncio.to_thread(ilo.wait)
        found = await faults(ilo.data_dir, ROOMS, notes)

    assert code == 128 + signal.SIGTERM
    assert found == []


def refused_start(folder: Path, *, root: Path = ROOT) -> tuple[int, str, float]:
    """Start Ilo where it has to refuse; return exit code, output and processor's seconds."""
    ilo = IloProcess(folder, root=root)
    before_s = children_s()
    try:
        with pytest.raises(DidNotStart):
            ilo.start()
    finally:
        ilo.kill()
    return ilo.exit_code, ilo.output.text, children_s() - before_s


def one_line(output: str) -> str:
    """Return the one line that a refusal is."""
    lines = [line for line in output.splitlines() if line.startswith("ilo: ")]
    assert "Traceback" not in output
    assert len(lines) == 1, output
    return lines[0]


def test_a_second_start_on_the_same_folder_names_the_holder(tmp_path: Path) -> None:
    with running(tmp_path) as ilo:
        code, output, _ = refused_start(tmp_path)
        holder = ilo.pid
        stopped, _ = ilo.terminate()

    assert code == 1
    assert f"is in use by process {holder}" in one_line(output)
    assert str(ilo.data_dir) in output
    # The first was not harmed.
    assert stopped == 0


@pytest.mark.parametrize("key", ["api_listen", "relay_listen"])
def test_a_port_in_use_is_one_clear_line(tmp_path: Path, key: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        write_config(tmp_path, {key: place})
        code, output, _ = refused_start(tmp_path)

    assert code == 1
    says = f"ilo: cannot listen on {place}: {os.strerror(errno.EADDRINUSE)}"
    assert one_line(output).startswith(says)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("spec/openapi.yaml", "operationId: create_ticket", "operationId: make_ticket"),
        ("handlers/sessions.py", r"async def create_ticket\b", "async def make_ticket"),
    ],
    ids=["renamed in the contract", "renamed in the code"],
)
def test_a_contract_and_code_that_disagree_do_not_start(
    tmp_path: Path, file: str, old: str, new: str
) -> None:
    copy = tmp_path / "copy"
    for part in PARTS:
        shutil.copytree(ROOT / part, copy / part)
    changed = copy / file
    text, count = re.subn(old, new, changed.read_text(encoding="utf-8"))
    assert count >= 1
    changed.write_text(text, encoding="utf-8")
    write_config(tmp_path / "ilo")

    code, output, took_s = refused_start(tmp_path / "ilo", root=copy)

    assert code != 0
    assert re.search(r"\b(make|create)_ticket\b", output)
    assert "Ilo is running" not in output
    assert took_s < REFUSAL_CPU_S
