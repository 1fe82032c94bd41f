"""Secrets that pass through both doors, rightly and wrongly, and where they might stand then."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from tests.support.ilo_process import ILO, IloProcess, running
from tests.support.system_client import SystemClient, registration, some_name, visiting
from tests.support.websocket import client_frame

LOGGING = """\
version: 1
disable_existing_loggers: false
formatters:
  main: {format: "[%(name)s | %(levelname)s]:%(lineno)s - %(message)s"}
handlers:
  console: {class: logging.StreamHandler, formatter: main, stream: ext://sys.stdout}
  file: {class: logging.FileHandler, formatter: main, filename: FILE}
root: {level: DEBUG, handlers: [console, file]}
"""

PASSWORD = "Planted-Passw0rd-Zephyr"
WRONG_PASSWORD = "Wrong-Passw0rd-Boreas"
NEW_PASSWORD = "Another-Passw0rd-Notos"
MESSAGE = "planted message text, meet me at the harbour"
BAD_MESSAGE = "planted text of a refused message"
PRIVATE_KEY = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIPlanted\n-----END PRIVATE KEY-----"
STRANGE_TOKEN = "PlantedBearerOfNobody0123456789"
NODE_SECRET = "PlantedNodeSecret.0123456789-0123456789"
ADMIN_SECRET = "PlantedAdminSecret.0123456789-012345678"
UNKNOWN_KEY = "deadbeef-dead-4ead-8ead-deadbeefdead"
UNKNOWN_TOKEN = "ilo_s_PlantedTokenOfNobody" + "A" * 23
UNKNOWN_REVOKE = "ilo_r_PlantedRevokeOfNobody" + "A" * 65
PLANTED = {
    "password": PASSWORD,
    "wrong password": WRONG_PASSWORD,
    "new password": NEW_PASSWORD,
    "message": MESSAGE,
    "refused message": BAD_MESSAGE,
    "private key": PRIVATE_KEY,
    "strange token": STRANGE_TOKEN,
    "unknown token": UNKNOWN_TOKEN,
    "unknown revoke token": UNKNOWN_REVOKE,
    "unknown key": UNKNOWN_KEY,
    "node secret": NODE_SECRET,
    "admin credential": ADMIN_SECRET,
}


@asynccontextmanager
async def logging_all(
    folder: Path, program: Sequence[str] = ILO, config: Mapping[str, Any] | None = None
) -> AsyncIterator[tuple[IloProcess, SystemClient]]:
    """Run Ilo with every logger at DEBUG, on stdout and in a file of the data folder."""
    (folder / "ilo-data").mkdir(mode=0o700)
    log_file = folder / "ilo-data" / "ilo.log"
    (folder / "logging_config.yaml").write_text(LOGGING.replace("FILE", str(log_file)))
    environment = {"ILO_NODE_SECRET": NODE_SECRET, "ILO_ADMIN_SECRET": ADMIN_SECRET}
    with running(folder, config, program=program, environment=environment) as ilo:
        async with visiting(ilo) as client:
            yield ilo, client
        ilo.terminate()


def logs_of(ilo: IloProcess) -> str:
    """Return all that it printed and logged."""
    return ilo.output.text + (ilo.data_dir / "ilo.log").read_text(encoding="utf-8")


def spellings(secret: str) -> set[str]:
    """Return the secret as it may stand in a log: as it is, quoted, escaped, in parts."""
    escaped = json.dumps(secret)[1:-1]
    # Of a token the middle is enough to make it useless to hide the rest.
    middle = secret[len(secret) // 4 : len(secret) * 3 // 4]
    return {secret, escaped, repr(secret)[1:-1], quote(secret), quote(secret, safe=""), middle}


def hits(secrets: dict[str, str], text: str) -> list[str]:
    """Return the names of the secrets that stand in ``text`` in any spelling."""
    return [
        name
        for name, secret in secrets.items()
        if any(spelling in text for spelling in spellings(secret))
    ]


class Told:
    """The text of every refusal, with its headers."""

    def __init__(self) -> None:
        self.refusals: list[str] = []

    async def rest(self, answering: httpx.Response) -> httpx.Response:
        if answering.is_error:
            self.refusals.append(f"{answering.headers}\n{answering.text}")
        return answering

    def add(self, *texts: object) -> None:
        self.refusals += [str(text) for text in texts]


async def go_through_rest(client: SystemClient, told: Told) -> dict[str, str]:
    """Use each secret rightly and wrongly at the API; return those that the API made."""
    rest, name = client.rest, some_name()
    made = await client.new_key()
    key, revoke = str(made["detail"]), str(made["revoke_token"])
    await client.register(name, key, password=PASSWORD)
    person = await client.log_in(name, key, password=PASSWORD)
    ticket = await client.ticket(person)
    token, bearer = person.token, person.bearer

    right = registration(some_name(), key, PASSWORD)
    # A refusal tells its sender the place, of which a member's name is part; the log does not.
    await rest.post("/user", json={**right, PASSWORD: key})
    login = {"username": name, "password": PASSWORD, "api_key": key}
    for body in (
        {**right, "extra": PASSWORD},
        {**right, "password": [PASSWORD]},
        {**right, "password": PASSWORD.lower() + MESSAGE * 40},
        {**right, "public_key": PRIVATE_KEY},
        {**right, "api_key": UNKNOWN_KEY},
        {**right, "api_key": f"{key}{key}"},
        right | {"username": name},
        right | {"username": f"{PASSWORD}\u202e"},
    ):
        await told.rest(await rest.post("/user", json=body))
    for body in (
        {**login, "password": WRONG_PASSWORD},
        {**login, "api_key": UNKNOWN_KEY},
        {**login, "username": token},
        {**login, "token": token},
    ):
        await told.rest(await rest.put("/user", json=body))
    for raw in (
        json.dumps(login).encode()[:-1],
        json.dumps(login).encode() + token.encode(),
        json.dumps(login).encode().replace(b'"password"', b'"\xffpassword"'),
        f'{{"password": "{PASSWORD}", "password": "{PASSWORD}"}}'.encode(),
    ):
        headers = {"Content-Type": "application/json"}
        await told.rest(await rest.put("/user", content=raw, headers=headers))
    change = {"old_password": WRONG_PASSWORD, "new_password": NEW_PASSWORD}
    await told.rest(await rest.put(f"/user/{name}/password", json=change, headers=bearer))
    change = {"old_password": PASSWORD, "new_password": "weak " + PASSWORD.lower()}
    await told.rest(await rest.put(f"/user/{name}/password", json=change, headers=bearer))
    for value in (
        f"Bearer {UNKNOWN_TOKEN}",
        f"Bearer {STRANGE_TOKEN}",
        f"Basic {STRANGE_TOKEN}",
        f"Bearer {ticket}",
        f"{token}",
        f"Bearer  {token} {token}",
    ):
        for path in ("/session", f"/user/{name}", "/nowhere"):
            await told.rest(await rest.get(path, headers={"Authorization": value}))
    admin = {"Authorization": f"Bearer {ADMIN_SECRET}"}
    await told.rest(await rest.delete("/key", headers={**admin, "Ilo-Api-Key": UNKNOWN_KEY}))
    await told.rest(await rest.delete("/key", headers={**admin, "Ilo-Api-Key": token}))
    await told.rest(await rest.post("/key", headers={"Authorization": f"Bearer {STRANGE_TOKEN}"}))
    for secret in (UNKNOWN_REVOKE, STRANGE_TOKEN, token):
        headers = {"Authorization": f"Bearer {secret}"}
        await told.rest(await rest.delete("/key", headers=headers))
    node = {"Authorization": f"Bearer {NODE_SECRET}"}
    question = {"token": token, "token_type_hint": "session", "nonce": "A" * 22}
    for headers in (node, {"Authorization": f"Bearer {STRANGE_TOKEN}"}):
        for form in (question, {**question, "nonce": token}, {**question, "extra": PASSWORD}):
            await told.rest(await rest.post("/potion", data=form, headers=headers))
    revoked = await client.new_key()
    gone = await rest.delete("/key", headers={"Authorization": f"Bearer {revoked['revoke_token']}"})
    assert gone.status_code == 200
    return {
        "API key": key,
        "revoke token": revoke,
        "used revoke token": str(revoked["revoke_token"]),
        "session token": token,
        "ticket": ticket,
        "name": name,
    }


async def go_through_relay(client: SystemClient, made: dict[str, str], told: Told) -> None:
    """Use each secret rightly and wrongly at the relay."""
    token, ticket = made["session token"], made["ticket"]
    for headers in (
        {"Authorization": f"Bearer {token}"},
        {"Sec-WebSocket-Protocol": f"ilo.v1, ilo.ticket.{ticket}"},
    ):
        socket, status, _ = await client.knock("tea", headers)
        assert status == 101
        await socket.say(MESSAGE)
        await socket.json_of("ack")
        for bad in (
            {"message": BAD_MESSAGE},
            {"data": {"message": BAD_MESSAGE, "token": token}},
            {"data": {"message": [BAD_MESSAGE]}},
            {"data": {"message": BAD_MESSAGE}, "id": token},
            {"data": {"message": BAD_MESSAGE}, "type": PASSWORD},
        ):
            await socket.send(client_frame(json.dumps(bad)))
            told.add(await socket.json_of("error"))
        # The place is told, and a member's name is part of it; the log does not tell it.
        await socket.send(client_frame(json.dumps({BAD_MESSAGE: BAD_MESSAGE})))
        await socket.json_of("error")
        await socket.send(client_frame(b'{"data": {"message": "%s\xff"}}' % BAD_MESSAGE.encode()))
        told.add(await socket.closed())
    bearer = {"Authorization": f"Bearer {token}"}
    for room, headers in (
        ("tea", {"Authorization": f"Bearer {UNKNOWN_TOKEN}"}),
        ("tea", {"Authorization": f"Bearer {STRANGE_TOKEN}"}),
        ("tea", {"Authorization": f"Basic {STRANGE_TOKEN}"}),
        ("tea", {"Sec-WebSocket-Protocol": f"ilo.v1, ilo.ticket.{ticket}"}),
        ("tea", {"Sec-WebSocket-Protocol": f"ilo.v1, ilo.ticket.{token}"}),
        ("tea", {"Sec-WebSocket-Protocol": f"{token}"}),
        (f"tea?token={token}", {}),
        ("tea/../" + token, bearer),
        ("~" + STRANGE_TOKEN, bearer),
        ("tea", {**bearer, "Sec-WebSocket-Key": token}),
        ("tea", {**bearer, "Origin": f"https://{STRANGE_TOKEN}.invalid"}),
    ):
        socket, status, answered = await client.knock(room, headers)
        assert 400 <= status < 500
        told.add(answered, (await socket.rest()).decode())
