"""Two operations of Ilo on FastAPI, uvicorn, uvloop and httptools, as their manuals say.

A bearer dependency, a pydantic model for each body and answer, a dictionary as the store. A
public key is held to Ilo's own rule against private ones: it is a good part of a PUT, both
servers do it, and what is compared is everything else.

The line `ready <port> <token> <username> …` names the users that exist.
"""

import argparse
import secrets
import socket
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path as FilePath
from time import time
from typing import Annotated

import uvicorn
import uvloop
from fastapi import Depends, FastAPI, HTTPException, Path
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field

# Started as a program of its own, which finds nothing of Ilo's otherwise.
sys.path.insert(0, str(FilePath(__file__).resolve().parents[2]))

from services.errors import InvalidInput
from services.private_keys import refuse_private_key

BACKLOG = 4096


@dataclass(slots=True)
class Account:
    """A user as the store keeps it."""

    username: str
    public_key: str
    key_version: int
    created_at: str


class User(BaseModel):
    detail: str
    username: str
    key_version: int
    created_at: str


class NewPublicKey(BaseModel):
    model_config = ConfigDict(extra="forbid")

    public_key: Annotated[str, Field(min_length=1, max_length=16384)]
    if_version: Annotated[int, Field(ge=1)]


class KeyVersion(BaseModel):
    key_version: int


accounts: dict[str, Account] = {}
sessions: dict[str, str] = {}
app = FastAPI()
bearer = HTTPBearer(auto_error=False)
Username = Annotated[str, Path(min_length=1, max_length=64)]


async def caller(
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> str:
    """Return whose token it is."""
    username = sessions.get(credentials.credentials) if credentials else None
    if username is None:
        raise HTTPException(401, "log in first", {"WWW-Authenticate": "Bearer"})
    return username


@app.get("/user/{username}")
async def get_user(username: Username, _: Annotated[str, Depends(caller)]) -> User:
    account = accounts.get(username)
    if account is None:
        raise HTTPException(404, "there is no such user")
    return User(
        detail=account.public_key,
        username=account.username,
        key_version=account.key_version,
        created_at=account.created_at,
    )


@app.put("/user/{username}/public_key")
async def put_public_key(
    username: Username,
    body: NewPublicKey,
    who: Annotated[str, Depends(caller)],
) -> KeyVersion:
    if who != username:
        raise HTTPException(403, "that is somebody else's key")
    try:
        refuse_private_key(body.public_key)
    except InvalidInput as error:
        raise HTTPException(422, error.detail) from None
    account = accounts[username]
    if body.if_version != account.key_version:
        raise HTTPException(409, "the key has another version")
    account.public_key = body.public_key
    account.key_version += 1
    return KeyVersion(key_version=account.key_version)


async def main(port: int, users: int) -> None:
    words = []
    for number in range(users):
        username, token = f"user{number:02}", secrets.token_urlsafe(32)
        created_at = datetime.fromtimestamp(time(), UTC).isoformat()
        accounts[username] = Account(username, "A" * 400, 1, created_at)
        sessions[token] = username
        words += [token, username]
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(BACKLOG)
    print("ready", listener.getsockname()[1], *words, flush=True)
    config = uvicorn.Config(
        app, http="httptools", access_log=False, log_level="error", server_header=False
    )
    await uvicorn.Server(config).serve([listener])


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--users", type=int, default=16)
    chosen = options.parse_args()
    uvloop.run(main(chosen.port, chosen.users))
