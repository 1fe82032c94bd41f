"""Asks the API whose token this is, and believes nothing but an explicit, fresh, fitting yes.

Fails closed: an answer of any other kind admits nobody.
"""

import asyncio
import base64
import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast
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
_REFUSALS = frozenset({httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN})
_NONCE_BYTES = 16
_SID_BYTES = 36
_ANSWER_DEPTH = 2


class ApiUnavailable(Exception):
    """The API gave no answer that the contract allows. ``reason`` holds nothing it said."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class RelayRefused(ApiUnavailable):
    """The API does not take this relay for one of its own."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the API refuses this relay with status {status}")


@dataclass(frozen=True, slots=True)
class Admitted:
    """Whom the API vouches for."""

    user_id: UserId
    username: Username
    session_id: str
    expires_at: Instant


TokenKind = Literal["session", "ticket"]


class Gatekeeper(Protocol):
    """Knows whose token it is, or that it is nobody's; and which sessions have ended since."""

    async def ask(self, token: str, kind: TokenKind) -> Admitted | None: ...

    async def ended(self, session_ids: Sequence[str]) -> frozenset[str]: ...


class Introspector:
    """Asks ``POST /potion``, and ``/potion/session`` beside it, over ``client``, whose base URL is
    the API's; one question each time.

    ``contract`` is openapi.yaml as loaded: answers have to fit its ``Introspection`` and
    ``EndedSessions``.
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
        self._is_introspection = _validator(contract, "Introspection")
        self._is_ended = _validator(contract, "EndedSessions")

    async def ask(self, token: str, kind: TokenKind) -> Admitted | None:
        """Return whose token it is; None when the API says that it is nobody's.

        Raises:
            ApiUnavailable: no answer within ``ASK_TIMEOUT_S``, or none that can be believed.
        """
        nonce = base64.urlsafe_b64encode(secrets.token_bytes(_NONCE_BYTES)).rstrip(b"=").decode()
        question = {"token": token, "token_type_hint": kind, "nonce": nonce}
        answer = await self._answer(
            "/potion", MAX_ANSWER_BYTES, self._is_introspection, data=question
        )
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

    async def ended(self, session_ids: Sequence[str]) -> frozenset[str]:
        """Return those of at most 1,000 sessions that are not valid any more.

        Raises:
            ApiUnavailable: no answer within ``ASK_TIMEOUT_S``, or none that can be believed.
        """
        bound = MAX_ANSWER_BYTES + len(session_ids) * _SID_BYTES
        answer = await self._answer(
            "/potion/session", bound, self._is_ended, json={"sids": list(session_ids)}
        )
        ended = frozenset(answer["ended"])
        if not ended.issubset(session_ids):
            raise ApiUnavailable("the API answered another question")
        return ended

    async def _answer(
        self, path: str, max_bytes: int, fits: Callable[[Any], bool], **question: Any
    ) -> dict[str, Any]:
        """Ask once, and return an answer that fits the contract."""
        try:
            async with asyncio.timeout(ASK_TIMEOUT_S):
                raw = await self._post(path, max_bytes, question)
        except TimeoutError:
            raise ApiUnavailable("the API does not answer in time") from None
        except httpx.HTTPError as error:
            raise ApiUnavailable(f"the API cannot be asked: {type(error).__name__}") from None
        try:
            answer = parse_strict(raw, max_depth=_ANSWER_DEPTH)
        except NotStrictJson:
            raise ApiUnavailable("the API's answer is no JSON") from None
        if not fits(answer):
            raise ApiUnavailable("the API's answer is against the contract")
        return cast("dict[str, Any]", answer)

    async def _post(self, path: str, max_bytes: int, question: dict[str, Any]) -> bytes:
        async with self._client.stream(
            "POST", path, headers=self._headers, follow_redirects=False, **question
        ) as response:
            if response.status_code in _REFUSALS:
                raise RelayRefused(response.status_code)
            if response.status_code != httpx.codes.OK:
                raise ApiUnavailable(f"the API answers with status {response.status_code}")
            if response.headers.get("content-type", "").partition(";")[0] != "application/json":
                raise ApiUnavailable("the API's answer is no JSON")
            raw = bytearray()
            async for part in response.aiter_raw():
                raw += part
                if len(raw) > max_bytes:
                    raise ApiUnavailable("the API's answer is too long")
            return bytes(raw)


def _validator(contract: Mapping[str, Any], name: str) -> Callable[[Any], bool]:
    return jsonschema_rs.Draft202012Validator(
        {
            "$ref": f"#/components/schemas/{name}",
            "components": {"schemas": contract["components"]["schemas"]},
        }
    ).is_valid
