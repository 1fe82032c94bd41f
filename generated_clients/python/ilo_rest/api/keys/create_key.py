"""Make an API key: `POST /key`."""

from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import Client
from ...models.new_key import NewKey
from ...models.problem import Problem
from ...types import Response


def _request() -> dict[str, Any]:
    headers: dict[str, str] = {}
    request: dict[str, Any] = {"method": "POST", "headers": headers}
    request["url"] = "/key"
    return request


def _parse(response: httpx.Response) -> NewKey | Problem:
    if response.status_code == 201:
        response_201 = NewKey.from_dict(response.json())

        return response_201

    if response.status_code == 400:
        response_400 = Problem.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = Problem.from_dict(response.json())

        return response_401

    if response.status_code == 429:
        response_429 = Problem.from_dict(response.json())

        return response_429

    if response.status_code == 503:
        response_503 = Problem.from_dict(response.json())

        return response_503

    raise errors.UnexpectedStatus(response.status_code, response.content)


def _read(response: httpx.Response) -> Response[NewKey | Problem]:
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
) -> Response[NewKey | Problem]:
    """Do what `sync` does; return status and headers as well."""
    request = _request()
    return _read(client.get_httpx_client().request(**request))


def sync(
    *,
    client: Client,
) -> NewKey | Problem:
    """Make an API key.

    Answers a new API key, and the token that revokes it. Both are shown this once; the server keeps hashes only.
    Anyone may call this where the operator has set `key_issuance: open`, 20 times an hour from one address; with
    `key_issuance: admin` the admin credential is needed, and then no rate applies.

    The client's bearer is this; where the server lets anyone call, none is needed:

    - `admin`: The operator's admin credential, made at the first start and kept in a file that only the operator can read.

    Returns:
        What the answer says; a refusal, too.

    Raises:
        errors.UnexpectedAnswer: the answer is none that the contract declares.
        httpx.HTTPError: no answer came.
    """
    return sync_detailed(
        client=client,
    ).parsed


async def asyncio_detailed(
    *,
    client: Client,
) -> Response[NewKey | Problem]:
    """Do what `asyncio` does; return status and headers as well."""
    request = _request()
    return _read(await client.get_async_httpx_client().request(**request))


async def asyncio(
    *,
    client: Client,
) -> NewKey | Problem:
    """Do what `sync` does, without blocking the event loop."""
    response = await asyncio_detailed(
        client=client,
    )
    return response.parsed
