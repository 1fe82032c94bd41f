"""Log in: `PUT /user`."""

import json
from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import Client
from ...models.credentials import Credentials
from ...models.login import Login
from ...models.problem import Problem
from ...types import Response


def _request(
    *,
    body: Credentials,
) -> dict[str, Any]:
    headers: dict[str, str] = {}
    request: dict[str, Any] = {"method": "PUT", "headers": headers}
    request["url"] = "/user"
    headers["Content-Type"] = "application/json"
    # In ASCII: a lone surrogate, which UTF-8 has no bytes for, reaches the server and is refused.
    request["content"] = json.dumps(body.to_dict())
    return request


def _parse(response: httpx.Response) -> Login | Problem:
    if response.status_code == 200:
        response_200 = Login.from_dict(response.json())

        return response_200

    if response.status_code == 400:
        response_400 = Problem.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = Problem.from_dict(response.json())

        return response_401

    if response.status_code == 413:
        response_413 = Problem.from_dict(response.json())

        return response_413

    if response.status_code == 415:
        response_415 = Problem.from_dict(response.json())

        return response_415

    if response.status_code == 429:
        response_429 = Problem.from_dict(response.json())

        return response_429

    if response.status_code == 503:
        response_503 = Problem.from_dict(response.json())

        return response_503

    raise errors.UnexpectedStatus(response.status_code, response.content)


def _read(response: httpx.Response) -> Response[Login | Problem]:
    with errors.reading(response.status_code, response.content):
        parsed = _parse(response)
        status_code = HTTPStatus(response.status_code)
    return Response(
        status_code=status_code,
        headers=response.headers,
        content=response.content,
        parsed=parsed,
    )


def sync_detailed(
    *,
    client: Client,
    body: Credentials,
) -> Response[Login | Problem]:
    """Do what `sync` does; return status and headers as well."""
    request = _request(
        body=body,
    )
    return _read(client.get_httpx_client().request(**request))


def sync(
    *,
    client: Client,
    body: Credentials,
) -> Login | Problem:
    """Log in.

    Answers a session token. It lives until `expires_at`, or until it is ended: by logging out, by a new password, by
    the end of the account or of the API key. Wrong name, wrong password and wrong API key get one answer, in wording,
    work and time. After 10 failures for an account from one address in five minutes the answer is 429; after
    100 for an account, or from an address, too.

    Anyone may call it.

    Args:
        client: The API.
        body: Who logs in, and from which app.

    Returns:
        What the answer says; a refusal, too.

    Raises:
        errors.UnexpectedAnswer: the answer is none that the contract declares.
        httpx.HTTPError: no answer came.
    """
    return sync_detailed(
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    *,
    client: Client,
    body: Credentials,
) -> Response[Login | Problem]:
    """Do what `asyncio` does; return status and headers as well."""
    request = _request(
        body=body,
    )
    return _read(await client.get_async_httpx_client().request(**request))


async def asyncio(
    *,
    client: Client,
    body: Credentials,
) -> Login | Problem:
    """Do what `sync` does, without blocking the event loop."""
    response = await asyncio_detailed(
        client=client,
        body=body,
    )
    return response.parsed
