"""A bot that sits in a room and answers: `!ping` and `!time`.

It registers when it starts for the first time, and comes back by itself when the server was away.
Its password comes from the environment (ILO_PASSWORD) or from a file, never from the command line,
which everybody on the machine can read:

    ILO_PASSWORD=... python examples/bot.py --name tea-bot --room tea --api http://127.0.0.1:7999

SIGTERM and Ctrl-C end it.
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar

import httpx
from ilo_relay import (
    MessageOut,
    RelayError,
    RelayProblem,
    RoomClient,
    Unconfirmed,
    Welcome,
)
from ilo_rest import Client
from ilo_rest.api.keys import create_key
from ilo_rest.api.users import create_user, login_user
from ilo_rest.errors import UnexpectedAnswer
from ilo_rest.models import Credentials, Login, Problem, User

Answer = TypeVar("Answer")
Clock = Callable[[], datetime]


class Refused(Exception):
    """The bot cannot begin; the text says why, and no secret."""


def accepted(answer: Answer | Problem) -> Answer:
    """Return what the API answered, if that is no refusal."""
    if isinstance(answer, Problem):
        raise Refused(f"{answer.title}: {answer.detail}")
    return answer


def utc_now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  # the bot's one clock


def answer_to(text: str, now: Clock) -> str | None:
    """Return what the bot says to ``text``; None is nothing."""
    match text.strip():
        case "!ping":
            return "pong"
        case "!time":
            return f"It is {now():%H:%M:%S} UTC."
        case _:
            return None


async def log_in(api_url: str, name: str, password: str, key_file: Path) -> Login:
    """Log in; with a name that is new, register first. The API key is kept in ``key_file``."""
    async with Client(api_url) as api:
        api_key = _first_line_of(key_file)
        if api_key is None:
            api_key = accepted(await create_key.asyncio(client=api)).detail
            _write_secret(key_file, api_key)
        user = User(username=name, password=password, public_key="a public key", api_key=api_key)
        made = await create_user.asyncio(client=api, body=user)
        # Taken: by this bot, as a rule. If not, the password is wrong.
        if isinstance(made, Problem) and made.status != HTTPStatus.CONFLICT:
            raise Refused(f"{made.title}: {made.detail}")
        credentials = Credentials(username=name, password=password, api_key=api_key)
        return accepted(await login_user.asyncio(client=api, body=credentials))


async def answer(room: RoomClient, now: Clock) -> None:
    """Answer what is said in the room, until the client is closed."""
    me = room.welcome.username
    async for frame in room:
        match frame:
            case Welcome():
                print("the bot is back", flush=True)
            case MessageOut(sender=sender) if sender != me:
                reply = answer_to(frame.data.message, now)
                if reply is not None:
                    await say(room, reply)
            case _:
                pass


async def say(room: RoomClient, text: str) -> None:
    """Say something; what cannot be said is told on standard error, and the bot lives on."""
    try:
        await room.send_message(text)
    except (RelayError, Unconfirmed) as error:
        print(f"bot: {error}", file=sys.stderr, flush=True)


async def live(login: Login, room_name: str, now: Clock = utc_now) -> None:
    """Be in the room until SIGTERM or SIGINT."""
    async with RoomClient(login.relay_url, room=room_name, token=login.token) as room:
        answering = asyncio.create_task(answer(room, now))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, answering.cancel)
        print(f"the bot is in {room_name}", flush=True)
        with suppress(asyncio.CancelledError):
            await answering
    print("the bot says goodbye", flush=True)


def _write_secret(file: Path, secret: str) -> None:
    """Write a file that nobody else can read, from its first moment on."""
    number = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(number, "w", encoding="ascii") as stream:
        stream.write(secret + "\n")


def _password(file: Path | None) -> str:
    password = os.environ.get("ILO_PASSWORD") if file is None else _first_line_of(file)
    if not password:
        raise Refused("set ILO_PASSWORD, or name a file with --password-file")
    return password


def _first_line_of(file: Path) -> str | None:
    """Return the first line of a file, or None when there is no such file."""
    if not file.exists():
        return None
    return file.read_text(encoding="utf-8").partition("\n")[0]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--api", default="http://127.0.0.1:7999", help="where the API is")
    parser.add_argument("--room", default="tea", help="the room to sit in")
    parser.add_argument("--name", default="bot", help="what the bot is called")
    parser.add_argument("--password-file", type=Path, help="instead of ILO_PASSWORD")
    parser.add_argument(
        "--key-file", type=Path, default=Path("bot.key"), help="where its API key is kept"
    )
    return parser.parse_args()


async def run(arguments: argparse.Namespace) -> None:
    password = _password(arguments.password_file)
    login = await log_in(arguments.api, arguments.name, password, arguments.key_file)
    await live(login, arguments.room)


def main() -> int:
    try:
        with suppress(KeyboardInterrupt):
            asyncio.run(run(_arguments()))
    except (Refused, UnexpectedAnswer, RelayProblem, httpx.HTTPError, OSError) as error:
        print(f"bot: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
