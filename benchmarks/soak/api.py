"""The REST door, as the people of the soak use it: they register, log in and log out."""

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

PATIENCE_S = 30.0
LOGIN_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    password: str = field(repr=False)
    token: str = field(repr=False)


class Api:
    """Asked from one process with one API key."""

    def __init__(self, url: str) -> None:
        # A connection that is kept may be closed at the moment in which it is used again.
        alone = httpx.Limits(max_keepalive_connections=0)
        self._rest = httpx.AsyncClient(
            base_url=url, timeout=PATIENCE_S, trust_env=False, limits=alone
        )
        self._api_key = ""
        self._next_login_at = 0.0

    async def people(self, amount: int) -> list[Person]:
        """Register that many."""
        self._api_key = (await self._asked("POST", "/key", 201))["detail"]
        found = []
        for number in range(amount):
            name, password = f"soaker-{number}", f"Aa1!{secrets.token_urlsafe(16)}"
            body = {"username": name, "password": password, "public_key": "a public key"}
            await self._asked("POST", "/user", 201, {**body, "api_key": self._api_key})
            found.append(Person(name, password, await self.log_in(name, password)))
        return found

    async def log_in(self, name: str, password: str) -> str:
        """Return the token of a new session."""
        body = {"username": name, "password": password, "api_key": self._api_key}
        return str((await self._asked("PUT", "/user", 200, body))["token"])

    async def log_out(self, token: str) -> None:
        answer = await self._rest.delete("/session", headers={"Authorization": f"Bearer {token}"})
        answer.raise_for_status()

    def may_log_in_now(self) -> bool:
        """Whether nobody has for a while; who is told so may, and nobody else for a while."""
        now = time.monotonic()
        if now < self._next_login_at:
            return False
        self._next_login_at = now + LOGIN_EVERY_S
        return True

    async def close(self) -> None:
        await self._rest.aclose()

    async def _asked(
        self, method: str, path: str, status: int, body: dict[str, str] | None = None
    ) -> dict[str, Any]:
        answer = await self._rest.request(method, path, json=body)
        if answer.status_code != status:
            raise RuntimeError(f"{method} {path} was answered with {answer.status_code}")
        found: dict[str, Any] = answer.json()
        return found
