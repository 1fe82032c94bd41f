"""The load generators of the benchmarks: no figure may stand for wrong deliveries or acks."""

import json
import re
import shutil
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.processes import Process, RunFailed, ServerProcess
from benchmarks.servers import JETSTREAM, STORED_LOOP, Server
from benchmarks.workshop import Workshop
from tests.support.strace import system_calls, why_not_strace

CORE = 0
MEMBERS = 5
TIMEOUT_S = 30.0
SYNCS = ("fsync", "fdatasync")
STAMP = re.compile(r"\d{8}-\d{16}-")
"""Begins the text of each message: who published it, and the how manieth of theirs it is."""

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="cc is not installed")


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("workshop"))


@contextmanager
def under_load(
    workshop: Workshop,
    serve: Sequence[str],
    load: str = "fanout",
    *,
    window: int = 1,
    acks: int = 0,
) -> Iterator[tuple[ServerProcess, Process]]:
    """Publish for a moment in two rooms; the load is warm, and waits."""
    with ServerProcess(serve, CORE, workshop.folder / "server.log") as server:
        options = {
            "--port": server.port,
            "--rooms": 2,
            "--members": MEMBERS,
            "--publishers": 2,
            "--window": window,
            "--acks": acks,
            "--warm-up-s": 0.05,
            "--seconds": 0.05,
            "--stall-s": 2,
        }
        words = [word for pair in options.items() for word in map(str, pair)]
        command = [workshop.load(load), *words]
        with Process(command, CORE, workshop.folder / "load.log") as running:
            assert running.line(TIMEOUT_S) == "warm"
            yield server, running


def the_rest_of(load: Process) -> dict[str, float]:
    """Let the load go on and return what it counted after its warm-up."""
    load.go_on()
    counted: dict[str, float] = json.loads(load.line(TIMEOUT_S))
    return counted


def one_run(workshop: Workshop, *server_options: str, window: int = 1) -> dict[str, float]:
    serve = [workshop.baseline("send_loop"), "--port", "0", *server_options]
    with under_load(workshop, serve, window=window) as (_, load):
        return the_rest_of(load)


def stored_run(workshop: Workshop, *server_options: str, window: int = 1) -> dict[str, float]:
    serve = [*STORED_LOOP.command(workshop), *server_options]
    with under_load(workshop, serve, window=window, acks=1) as (_, load):
        return the_rest_of(load)


@pytest.mark.parametrize("window", [1, 32])
def test_every_message_is_counted_once_for_each_member(workshop: Workshop, window: int) -> None:
    counted = one_run(workshop, window=window)

    assert counted["messages"] > 0
    assert counted["deliveries"] == counted["messages"] * MEMBERS


@pytest.mark.parametrize("window", [1, 32])
@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ("drop", "is next|have not reached everybody"),
        ("duplicate", "twice"),
        ("swap", "is next|have not reached everybody"),
    ],
)
def test_one_wrong_delivery_fails_the_run(
    workshop: Workshop, fault: str, complaint: str, window: int
) -> None:
    with pytest.raises(RunFailed, match=complaint):
        one_run(workshop, "--fault", fault, window=window)


@pytest.mark.parametrize("window", [1, 32])
def test_every_stored_message_is_counted_with_one_ack(workshop: Workshop, window: int) -> None:
    counted = stored_run(workshop, window=window)

    assert counted["messages"] > 0
    assert counted["acks"] == counted["messages"]
    assert counted["deliveries"] == counted["messages"] * MEMBERS
    assert 0 < counted["ack_p50_ms"] <= counted["ack_p99_ms"]


@pytest.mark.parametrize("window", [1, 32])
@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ("no-ack", "and seq|or have no ack"),
        ("two-acks", "and seq|an ack twice"),
        ("drop", "is next|have not reached everybody"),
    ],
)
def test_one_wrong_ack_fails_the_run(
    workshop: Workshop, fault: str, complaint: str, window: int
) -> None:
    with pytest.raises(RunFailed, match=complaint):
        stored_run(workshop, "--fault", fault, window=window)


def test_every_message_of_jetstream_is_counted_with_one_ack(workshop: Workshop) -> None:
    serve = JETSTREAM.command(workshop)

    with under_load(workshop, serve, "jetstream", acks=1) as (_, load):
        counted = the_rest_of(load)

    assert counted["messages"] > 0
    assert counted["acks"] == counted["messages"]
    assert counted["deliveries"] == counted["messages"] * MEMBERS


@pytest.mark.parametrize(
    ("subject", "text", "complaint"),
    [
        ("live.0", b"nobody's message", "not as it was sent"),
        ("ack.0", b'{"stream":"rooms","seq":9007199254740991}', "and seq|an ack twice"),
    ],
)
def test_what_jetstream_should_not_have_sent_fails_the_run(
    workshop: Workshop, subject: str, text: bytes, complaint: str
) -> None:
    serve = JETSTREAM.command(workshop)

    with under_load(workshop, serve, "jetstream", acks=1) as (server, load):
        say_through_nats(server.port, subject, text)
        with pytest.raises(RunFailed, match=complaint):
            the_rest_of(load)


def say_through_nats(port: int, subject: str, text: bytes) -> None:
    """Publish one message, and return when the server has it."""
    frame = b"PUB %b %d\r\n%b\r\nPING\r\n" % (subject.encode(), len(text), text)
    with (
        socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as nats,
        nats.makefile("rb") as lines,
    ):
        nats.sendall(b'CONNECT {"verbose":false}\r\n' + frame)
        while lines.readline() != b"PONG\r\n":
            pass


@pytest.mark.parametrize("of", [STORED_LOOP, JETSTREAM], ids=lambda server: server.key)
def test_what_ilo_is_compared_with_syncs_before_it_sends(workshop: Workshop, of: Server) -> None:
    if reason := why_not_strace():
        pytest.skip(reason)
    trace = workshop.folder / "trace"
    calls = "write,writev,sendto,pwrite64,fsync,fdatasync"
    strace = ["strace", "-D", "-f", "-y", "-s", "4096", "-e", f"trace={calls}", "-o", str(trace)]

    with under_load(workshop, [*strace, *of.command(workshop)], of.load or "fanout", acks=1) as (
        _,
        load,
    ):
        counted = the_rest_of(load)

    early, sent = sent_unsynced(trace)
    assert len(sent) > counted["messages"]
    assert early == set()


def sent_unsynced(trace: Path) -> tuple[set[str], set[str]]:
    """Return the stamps of the messages that left before a sync of them ended, and all that left.

    Synced is a message when, after it was written to a file, a sync of that file began and
    ended.
    """
    written: dict[str, tuple[str, int]] = {}
    sent: dict[str, int] = {}
    syncs: list[tuple[str, int, int]] = []
    with trace.open(encoding="utf-8", errors="replace") as lines:
        for call in system_calls(lines):
            if call.name in SYNCS and call.result == "0":
                syncs.append((call.file, call.began, call.ended))
                continue
            leaves = call.file.startswith(("socket:", "TCP:"))
            for stamp in STAMP.findall(call.arguments):
                if leaves:
                    sent.setdefault(stamp, call.began)
                else:
                    written.setdefault(stamp, (call.file, call.ended))

    def synced(stamp: str, before: int) -> bool:
        file, after = written.get(stamp, ("", before))
        return any(
            synced_file == file and after < began <= ended < before
            for synced_file, began, ended in syncs
        )

    return {stamp for stamp, left in sent.items() if not synced(stamp, left)}, set(sent)
