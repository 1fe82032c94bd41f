"""Who am I, and until when: `GET /session`."""

from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient
from ...models.problem import Problem
from ...models.session_state import SessionState
from ...types import Response


def _request() -> dict[str, Any]:
    headers: dict[str, str] = {}
    request: dict[str, Any] = {"method": "GET", "headers": headers}
    request["url"] = "/session"
    return request


def _parse(response: httpx.Response) -> Problem | SessionState:
    if response.status_code == 200:
        response_200 = SessionState.from_dict(response.json())

        return response_200

    if response.status_code == 400:
        response_400 = Problem.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = Problem.from_dict(response.json())

        return response_401

    if response.status_code == 503:
        response_503 = Problem.from_dict(response.json())

        return response_503

    raise errors.UnexpectedStatus(response.status_code, response.content)


def _read(response: httpx.Response) -> Response[Problem | SessionState]:
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
    client: AuthenticatedClient,
) -> Response[Problem | SessionState]:
    """Do what `sync` does; return status and headers as well."""
    request = _request()
    return _read(client.get_httpx_client().request(**request))


def sync(
    *,
    client: AuthenticatedClient,
) -> Problem | SessionState:
    """Who am I, and until when.

    A browser that was refused by the relay asks here why: it cannot see the status of a refused WebSocket handshake.

    The client's bearer is this:

    - `session`: The `token` that `PUT /user` answered.

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
    client: AuthenticatedClient,
) -> Response[Problem | SessionState]:
    """Do what `asyncio` does; return status and headers as well."""
    request = _request()
    return _read(await client.get_async_httpx_client().request(**request))


async def asyncio(
    *,
    client: AuthenticatedClient,
) -> Problem | SessionState:
    """Do what `sync` does, without blocking the event loop."""
    response = await asyncio_detailed(
        client=client,
    )
    return response.parsed
