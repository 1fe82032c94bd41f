"""My rooms and my invitations: `GET /room`."""

from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient
from ...models.problem import Problem
from ...models.room_list import RoomList
from ...types import UNSET, Response, Unset


def _request(
    *,
    after: str | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, str] = {}
    request: dict[str, Any] = {"method": "GET", "headers": headers}
    request["url"] = "/room"
    params: dict[str, Any] = {}

    params["after"] = after

    params["limit"] = limit

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    request["params"] = params
    return request


def _parse(response: httpx.Response) -> Problem | RoomList:
    if response.status_code == 200:
        response_200 = RoomList.from_dict(response.json())

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


def _read(response: httpx.Response) -> Response[Problem | RoomList]:
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
    after: str | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> Response[Problem | RoomList]:
    """Do what `sync` does; return status and headers as well."""
    request = _request(
        after=after,
        limit=limit,
    )
    return _read(client.get_httpx_client().request(**request))


def sync(
    *,
    client: AuthenticatedClient,
    after: str | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> Problem | RoomList:
    """My rooms and my invitations.

    In the order of the code points of their names, so that the open rooms come first. With `more`, the next page begins
    after the last `room` of this one.

    The client's bearer is this:

    - `session`: The `token` that `PUT /user` answered.

    Args:
        client: The API, and the bearer.
        after: The name of a room; one that begins with `~` is private, and its name is made by the server. Case-sensitive.
        limit: How many rooms a page has at most.

    Returns:
        What the answer says; a refusal, too.

    Raises:
        errors.UnexpectedAnswer: the answer is none that the contract declares.
        httpx.HTTPError: no answer came.
    """
    return sync_detailed(
        client=client,
        after=after,
        limit=limit,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    after: str | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> Response[Problem | RoomList]:
    """Do what `asyncio` does; return status and headers as well."""
    request = _request(
        after=after,
        limit=limit,
    )
    return _read(await client.get_async_httpx_client().request(**request))


async def asyncio(
    *,
    client: AuthenticatedClient,
    after: str | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> Problem | RoomList:
    """Do what `sync` does, without blocking the event loop."""
    response = await asyncio_detailed(
        client=client,
        after=after,
        limit=limit,
    )
    return response.parsed
