"""Look at a room and its members: `GET /room/{room}`."""

from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient
from ...models.problem import Problem
from ...models.room import Room
from ...types import UNSET, Response, Unset, path_segment


def _request(
    room: str,
    *,
    after: str | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, str] = {}
    request: dict[str, Any] = {"method": "GET", "headers": headers}
    request["url"] = "/room/{room}".format(
        room=path_segment(str(room)),
    )
    params: dict[str, Any] = {}

    params["after"] = after

    params["limit"] = limit

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    request["params"] = params
    return request


def _parse(response: httpx.Response) -> Problem | Room:
    if response.status_code == 200:
        response_200 = Room.from_dict(response.json())

        return response_200

    if response.status_code == 400:
        response_400 = Problem.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = Problem.from_dict(response.json())

        return response_401

    if response.status_code == 404:
        response_404 = Problem.from_dict(response.json())

        return response_404

    if response.status_code == 503:
        response_503 = Problem.from_dict(response.json())

        return response_503

    raise errors.UnexpectedStatus(response.status_code, response.content)


def _read(response: httpx.Response) -> Response[Problem | Room]:
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
    room: str,
    *,
    client: AuthenticatedClient,
    after: str | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> Response[Problem | Room]:
    """Do what `sync` does; return status and headers as well."""
    request = _request(
        room=room,
        after=after,
        limit=limit,
    )
    return _read(client.get_httpx_client().request(**request))


def sync(
    room: str,
    *,
    client: AuthenticatedClient,
    after: str | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> Problem | Room:
    """Look at a room and its members.

    For members, and in a private room for who is invited, too. Messages are encrypted for the members whom this answers: with each
    comes the newest public key, which is to be pinned as `GET /user/{username}` says. The members come in the order of the code points of
    their names. With `more`, the next page begins after the last `username` of this one; a page may be shorter than `limit`. When
    `members_version` differs between two pages, begin again.

    The client's bearer is this:

    - `session`: The `token` that `PUT /user` answered.

    Args:
        room: The name of a room; one that begins with `~` is private, and its name is made by the server. Case-sensitive.
        client: The API, and the bearer.
        after: A user's name as shown; `POST /user` states the rules.
        limit: How many members a page has at most.

    Returns:
        What the answer says; a refusal, too.

    Raises:
        errors.UnexpectedAnswer: the answer is none that the contract declares.
        httpx.HTTPError: no answer came.
    """
    return sync_detailed(
        room=room,
        client=client,
        after=after,
        limit=limit,
    ).parsed


async def asyncio_detailed(
    room: str,
    *,
    client: AuthenticatedClient,
    after: str | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> Response[Problem | Room]:
    """Do what `asyncio` does; return status and headers as well."""
    request = _request(
        room=room,
        after=after,
        limit=limit,
    )
    return _read(await client.get_async_httpx_client().request(**request))


async def asyncio(
    room: str,
    *,
    client: AuthenticatedClient,
    after: str | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> Problem | Room:
    """Do what `sync` does, without blocking the event loop."""
    response = await asyncio_detailed(
        room=room,
        client=client,
        after=after,
        limit=limit,
    )
    return response.parsed
