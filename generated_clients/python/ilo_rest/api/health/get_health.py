"""Is the process alive: `GET /health`."""

from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import Client
from ...models.done import Done
from ...models.problem import Problem
from ...types import Response


def _request() -> dict[str, Any]:
    headers: dict[str, str] = {}
    request: dict[str, Any] = {"method": "GET", "headers": headers}
    request["url"] = "/health"
    return request


def _parse(response: httpx.Response) -> Done | Problem:
    if response.status_code == 200:
        response_200 = Done.from_dict(response.json())

        return response_200

    if response.status_code == 400:
        response_400 = Problem.from_dict(response.json())

        return response_400

    raise errors.UnexpectedStatus(response.status_code, response.content)


def _read(response: httpx.Response) -> Response[Done | Problem]:
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
) -> Response[Done | Problem]:
    """Do what `sync` does; return status and headers as well."""
    request = _request()
    return _read(client.get_httpx_client().request(**request))


def sync(
    *,
    client: Client,
) -> Done | Problem:
    """Is the process alive.

    Asks nothing of the store. The relay's port answers this path too.

    Anyone may call it.

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
) -> Response[Done | Problem]:
    """Do what `asyncio` does; return status and headers as well."""
    request = _request()
    return _read(await client.get_async_httpx_client().request(**request))


async def asyncio(
    *,
    client: Client,
) -> Done | Problem:
    """Do what `sync` does, without blocking the event loop."""
    response = await asyncio_detailed(
        client=client,
    )
    return response.parsed
