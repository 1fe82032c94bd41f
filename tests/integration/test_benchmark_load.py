"""The load generator of the benchmarks: no figure may stand for wrong deliveries."""

import json
import shutil

import pytest

from benchmarks.processes import Process, RunFailed, ServerProcess
from benchmarks.workshop import Workshop

CORE = 0
MEMBERS = 5
TIMEOUT_S = 30.0

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="cc is not installed")


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("workshop"))


def one_run(workshop: Workshop, *server_options: str, window: int = 1) -> dict[str, float]:
    """Publish for a moment in a room and return what the load counted after its warm-up."""
    serve = [workshop.baseline("send_loop"), "--port", "0", *server_options]
    with ServerProcess(serve, CORE, workshop.folder / "server.log") as server:
        options = {
            "--port": server.port,
            "--rooms": 2,
            "--members": MEMBERS,
            "--publishers": 2,
            "--window": window,
            "--acks": 0,
            "--warm-up-s": 0.05,
            "--seconds": 0.05,
            "--stall-s": 0.5,
        }
        words = [word for pair in options.items() for word in map(str, pair)]
        command = [workshop.load("fanout"), *words]
        with Process(command, CORE, workshop.folder / "load.log") as load:
            assert load.line(TIMEOUT_S) == "warm"
            load.go_on()
            counted: dict[str, float] = json.loads(load.line(TIMEOUT_S))
    return counted


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
