"""Make a private room: `POST /room`."""

import json
from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient
from ...models.made_room import MadeRoom
from ...models.new_room import NewRoom
from ...models.problem import Problem
from ...types import Response


def _request(
    *,
    body: NewRoom,
) -> dict[str, Any]:
    headers: dict[str, str] = {}
    request: dict[str, Any] = {"method": "POST", "headers": headers}
    request["url"] = "/room"
    headers["Content-Type"] = "application/json"
    # In ASCII: a lone surrogate, which UTF-8 has no bytes for, reaches the server and is refused.
    request["content"] = json.dumps(body.to_dict())
    return request


def _parse(response: httpx.Response) -> MadeRoom | Problem:
    if response.status_code == 201:
        response_201 = MadeRoom.from_dict(response.json())

        return response_201

    if response.status_code == 400:
        response_400 = Problem.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = Problem.from_dict(response.json())

        return response_401

    if response.status_code == 409:
        response_409 = Problem.from_dict(response.json())

        return response_409

    if response.status_code == 413:
        response_413 = Problem.from_dict(response.json())

        return response_413

    if response.status_code == 415:
        response_415 = Problem.from_dict(response.json())

        return response_415

    if response.status_code == 503:
        response_503 = Problem.from_dict(response.json())

        return response_503

    raise errors.UnexpectedStatus(response.status_code, response.content)


def _read(response: httpx.Response) -> Response[MadeRoom | Problem]:
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
    body: NewRoom,
) -> Response[MadeRoom | Problem]:
    """Do what `sync` does; return status and headers as well."""
    request = _request(
        body=body,
    )
    return _read(client.get_httpx_client().request(**request))


def sync(
    *,
    client: AuthenticatedClient,
    body: NewRoom,
) -> MadeRoom | Problem:
    """Make a private room.

    The caller owns it and is its first member. The name is the server's, and nobody can guess it. Retention and history stay as they are
    made here; what is left out is the operator's choice for all rooms. Over `limits.rooms_per_user` joined rooms the answer is 409.

    The client's bearer is this:

    - `session`: The `token` that `PUT /user` answered.

    Args:
        client: The API, and the bearer.
        body: A private room to make.

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
    client: AuthenticatedClient,
    body: NewRoom,
) -> Response[MadeRoom | Problem]:
    """Do what `asyncio` does; return status and headers as well."""
    request = _request(
        body=body,
    )
    return _read(await client.get_async_httpx_client().request(**request))


async def asyncio(
    *,
    client: AuthenticatedClient,
    body: NewRoom,
) -> MadeRoom | Problem:
    """Do what `sync` does, without blocking the event loop."""
    response = await asyncio_detailed(
        client=client,
        body=body,
    )
    return response.parsed
