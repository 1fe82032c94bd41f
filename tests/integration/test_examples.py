"""The programs in examples/, run as a reader would, beside a running `ilo serve`."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from ilo_relay import RoomClient, Welcome

from tests.support.ilo_process import ROOT, IloProcess, running
from tests.support.system_client import PASSWORD, some_name, visiting

EXAMPLES = ROOT / "examples"
WAIT_S = 30.0
"""Generous: a busy machine starts an interpreter slowly."""


@pytest.fixture(scope="module")
def ilo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IloProcess]:
    # On ports that a restart keeps: the relay's address stays what it was.
    with (
        socket.create_server(("127.0.0.1", 0)) as api,
        socket.create_server(("127.0.0.1", 0)) as relay,
    ):
        ports = {
            "api_listen": f"127.0.0.1:{api.getsockname()[1]}",
            "relay_listen": f"127.0.0.1:{relay.getsockname()[1]}",
        }
    with running(tmp_path_factory.mktemp("examples"), ports) as started:
        yield started


def test_the_first_message_arrives(ilo: IloProcess, tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLES / "first_message.py"), "--api", ilo.api_url]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=WAIT_S * 2
    )

    assert (done.returncode, done.stderr) == (0, "")
    first, second = done.stdout.splitlines()
    assert re.fullmatch(r"1 ann-[0-9a-f]{8}: Hello! Is anybody here\?", first)
    assert re.fullmatch(r"2 orion-[0-9a-f]{8}: Γειά σου 👋", second)


def test_the_first_message_says_why_it_fails(tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLES / "first_message.py"), "--api", "http://127.0.0.1:1"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=WAIT_S * 2
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("first_message: ")
    assert "Traceback" not in done.stderr


class Bot:
    """A bot that runs; its standard output is read line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def says(self, line: str) -> None:
        """Wait until the bot prints ``line``, and nothing else before it."""
        assert self.process.stdout is not None
        async with asyncio.timeout(WAIT_S):
            said = (await self.process.stdout.readline()).decode()
        assert said == line + "\n"

    async def ends(self, number: signal.Signals) -> tuple[int, str, str]:
        """Send a signal; return the exit code, and what was printed until then and not read."""
        self.process.send_signal(number)
        async with asyncio.timeout(WAIT_S):
            out, err = await self.process.communicate()
        return self.process.returncode or 0, out.decode(), err.decode()


@asynccontextmanager
async def bot_in(
    ilo: IloProcess, folder: Path, room: str, name: str, *, password_file: bool = False
) -> AsyncIterator[Bot]:
    options = ["--api", ilo.api_url, "--room", room, "--name", name]
    environment = {key: value for key, value in os.environ.items() if key != "ILO_PASSWORD"}
    if password_file:
        (folder / "password").write_text(PASSWORD + "\n", encoding="utf-8")
        options += ["--password-file", str(folder / "password")]
    else:
        environment["ILO_PASSWORD"] = PASSWORD
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(EXAMPLES / "bot.py"),
        *options,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield Bot(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def heard(room: RoomClient, sender: str) -> str:
    """Return what ``sender`` says next."""
    async with asyncio.timeout(WAIT_S):
        async for message in room.messages():
            if message.sender == sender:
                return message.data.message
    raise AssertionError("the room is over")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_bot_answers_and_ends_when_told(
    ilo: IloProcess, tmp_path: Path, number: signal.Signals
) -> None:
    name, place = some_name("bot🤖"), some_name("den")
    async with visiting(ilo) as client:
        ann = await client.newcomer(some_name("ann"))
    async with (
        bot_in(ilo, tmp_path, place, name) as bot,
        RoomClient(ilo.relay_url, room=place, token=ann.token) as room,
    ):
        await bot.says(f"the bot is in {place}")
        await room.send_message("hello")
        await room.send_message("!time")
        await room.send_message(" !ping ")
        answers = [await heard(room, name) for _ in range(2)]
        code, out, err = await bot.ends(number)

    assert re.fullmatch(r"It is \d\d:\d\d:\d\d UTC\.", answers[0])
    assert answers[1] == "pong"
    assert (code, out, err) == (0, "the bot says goodbye\n", "")
    assert (tmp_path / "bot.key").stat().st_mode & 0o777 == 0o600


async def test_the_bot_comes_back_after_a_restart_of_the_server(
    ilo: IloProcess, tmp_path: Path
) -> None:
    name, place = some_name("bot"), some_name("den")
    async with visiting(ilo) as client:
        ann = await client.newcomer(some_name("ann"))
    async with (
        bot_in(ilo, tmp_path, place, name, password_file=True) as bot,
        RoomClient(ilo.relay_url, room=place, token=ann.token) as room,
    ):
        await bot.says(f"the bot is in {place}")
        await room.send_message("!ping")
        assert await heard(room, name) == "pong"

        code, _ = await asyncio.to_thread(ilo.terminate)
        await asyncio.to_thread(ilo.start)
        await bot.says("the bot is back")
        async with asyncio.timeout(WAIT_S):
            assert isinstance(await anext(room), Welcome)
        ack = await room.send_message("!ping")
        assert await heard(room, name) == "pong"
        ended = await bot.ends(signal.SIGTERM)

    assert code == 0
    assert ack.seq == 3
    assert ended == (0, "the bot says goodbye\n", "")

    # Once more with the name and the key that it has.
    async with bot_in(ilo, tmp_path, place, name) as bot:
        await bot.says(f"the bot is in {place}")
        code, _, _ = await bot.ends(signal.SIGTERM)
    assert code == 0


async def test_the_bot_says_why_it_does_not_begin(ilo: IloProcess, tmp_path: Path) -> None:
    name = some_name("bot")
    async with visiting(ilo) as client:
        key = await client.make_key()
        await client.register(name, key, password="AnotherSecurePassword58!")
    (tmp_path / "bot.key").write_text(key, encoding="ascii")
    async with bot_in(ilo, tmp_path, "den", name) as bot:
        async with asyncio.timeout(WAIT_S):
            out, err = await bot.process.communicate()

    # The name is somebody's, with another password: which of it is wrong is not told.
    told = (bot.process.returncode, out, err.decode())
    assert told[:2] == (1, b""), told
    assert err.decode().startswith("bot: ")
    assert "Traceback" not in err.decode()
    assert PASSWORD not in err.decode()
    assert key not in err.decode()
