"""Asks the API whose token this is, and believes nothing but an explicit, fresh, fitting yes.

Fails closed: an answer of any other kind admits nobody.
"""

import asyncio
import base64
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol
from uuid import UUID

import httpx
import jsonschema_rs

from services.introspection import answer_to
from services.model import Instant, UserId, Username
from services.ports import Clock
from services.strict_json import NotStrictJson, parse_strict

ASK_TIMEOUT_S = 3.0
MAX_ANSWER_BYTES = 8 * 1024
LATEST_EXPIRY_S = 253_402_300_799
"""The end of the year 9999: RFC 3339 cannot write what is later."""
_NONCE_BYTES = 16
_ANSWER_DEPTH = 2


class ApiUnavailable(Exception):
    """The API gave no answer that the contract allows. ``reason`` holds nothing it said."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Admitted:
    """Whom the API vouches for."""

    user_id: UserId
    username: Username
    session_id: str
    expires_at: Instant


TokenKind = Literal["session", "ticket"]


class Gatekeeper(Protocol):
    """Knows whose token it is, or that it is nobody's."""

    async def ask(self, token: str, kind: TokenKind) -> Admitted | None: ...


class Introspector:
    """Asks ``POST /potion`` over ``client``, whose base URL is the API's; one question each time.

    ``contract`` is openapi.yaml as loaded: the answer has to fit its ``Introspection``.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        node_secret: str,
        contract: Mapping[str, Any],
        clock: Clock,
    ) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {node_secret}"}
        self._clock = clock
        self._fits = jsonschema_rs.Draft202012Validator(
            {
                "$ref": "#/components/schemas/Introspection",
                "components": {"schemas": contract["components"]["schemas"]},
            }
        ).is_valid

    async def ask(self, token: str, kind: TokenKind) -> Admitted | None:
        """Return whose token it is; None when the API says that it is nobody's.

        Raises:
            ApiUnavailable: no answer within ``ASK_TIMEOUT_S``, or none that can be believed.
        """
        nonce = base64.urlsafe_b64encode(secrets.token_bytes(_NONCE_BYTES)).rstrip(b"=").decode()
        try:
            async with asyncio.timeout(ASK_TIMEOUT_S):
                raw = await self._post({"token": token, "token_type_hint": kind, "nonce": nonce})
        except TimeoutError:
            raise ApiUnavailable("the API does not answer in time") from None
        except httpx.HTTPError as error:
            raise ApiUnavailable(f"the API cannot be asked: {type(error).__name__}") from None
        try:
            answer = parse_strict(raw, max_depth=_ANSWER_DEPTH)
        except NotStrictJson:
            raise ApiUnavailable("the API's answer is no JSON") from None
        if not self._fits(answer):
            raise ApiUnavailable("the API's answer is against the contract")
        if answer["active"] is not True:
            return None
        if not hmac.compare_digest(answer["answer_to"], answer_to(nonce, token)):
            raise ApiUnavailable("the API answered another question")
        if answer["exp"] > LATEST_EXPIRY_S:
            raise ApiUnavailable("the API vouches for a session that never ends")
        expires_at = Instant(int(answer["exp"]) * 1000)
        if expires_at <= self._clock():
            raise ApiUnavailable("the API vouches for a session that is over")
        return Admitted(
            UserId(UUID(answer["sub"]).bytes),
            Username(answer["username"]),
            answer["sid"],
            expires_at,
        )

    async def _post(self, question: dict[str, str]) -> bytes:
        async with self._client.stream(
            "POST", "/potion", data=question, headers=self._headers, follow_redirects=False
        ) as response:
            if response.status_code != httpx.codes.OK:
                raise ApiUnavailable(f"the API answers with status {response.status_code}")
            if response.headers.get("content-type", "").partition(";")[0] != "application/json":
                raise ApiUnavailable("the API's answer is no JSON")
            raw = bytearray()
            async for part in response.aiter_raw():
                raw += part
                if len(raw) > MAX_ANSWER_BYTES:
                    raise ApiUnavailable("the API's answer is too long")
            return bytes(raw)
