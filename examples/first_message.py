"""The first message: two people get to know each other, with the generated clients alone.

Run it beside a running Ilo:

    python examples/first_message.py --api http://127.0.0.1:7999
"""

import argparse
import asyncio
import secrets
import string
import sys
from contextlib import AsyncExitStack
from typing import TypeVar

import httpx
from ilo_relay import RelayProblem, RoomClient
from ilo_rest import Client
from ilo_rest.api.keys import create_key
from ilo_rest.api.users import create_user, login_user
from ilo_rest.errors import UnexpectedAnswer
from ilo_rest.models import Credentials, Login, Problem, User

Answer = TypeVar("Answer")


class Refused(Exception):
    """The API said no; the text says why."""


def accepted(answer: Answer | Problem) -> Answer:
    """Return what the API answered, if that is no refusal."""
    if isinstance(answer, Problem):
        raise Refused(f"{answer.title}: {answer.detail}")
    return answer


def new_password() -> str:
    """Return a password with all that the contract asks for."""
    kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits, "-.!?")
    return "".join(secrets.choice(kind) for kind in kinds) + secrets.token_urlsafe(16)


async def register(api: Client, name: str, api_key: str) -> Login:
    """Make a user who nobody was before, and log in."""
    password = new_password()
    # A client for people makes a key pair here, and keeps the private half to itself.
    user = User(username=name, password=password, public_key="a public key", api_key=api_key)
    accepted(await create_user.asyncio(client=api, body=user))
    credentials = Credentials(username=name, password=password, api_key=api_key)
    return accepted(await login_user.asyncio(client=api, body=credentials))


async def say_hello(api_url: str) -> None:
    """Let two new users meet in a room, and print what one of them hears there."""
    # So that it can be run again: a name is given once.
    run = secrets.token_hex(4)
    async with Client(api_url) as api:
        api_key = accepted(await create_key.asyncio(client=api)).detail
        ann = await register(api, f"ann-{run}", api_key)
        orion = await register(api, f"orion-{run}", api_key)

    room = f"tea-{run}"
    async with AsyncExitStack() as doors:
        anns = await doors.enter_async_context(
            RoomClient(ann.relay_url, room=room, token=ann.token)
        )
        orions = await doors.enter_async_context(
            RoomClient(orion.relay_url, room=room, token=orion.token)
        )
        await anns.send_message("Hello! Is anybody here?")
        await orions.send_message("Γειά σου 👋")

        async for message in anns.messages():
            print(f"{message.seq} {message.sender}: {message.data.message}")
            if message.seq == 2:
                break


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--api", default="http://127.0.0.1:7999", help="where the API is")
    arguments = parser.parse_args()
    try:
        asyncio.run(say_hello(arguments.api))
    except (Refused, UnexpectedAnswer, RelayProblem, httpx.HTTPError) as error:
        print(f"first_message: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
