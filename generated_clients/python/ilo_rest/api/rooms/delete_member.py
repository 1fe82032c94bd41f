"""Leave, decline, or remove a member: `DELETE /room/{room}/member/{username}`."""

from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient
from ...models.done import Done
from ...models.problem import Problem
from ...types import Response, path_segment


def _request(
    room: str,
    username: str,
) -> dict[str, Any]:
    headers: dict[str, str] = {}
    request: dict[str, Any] = {"method": "DELETE", "headers": headers}
    request["url"] = "/room/{room}/member/{username}".format(
        room=path_segment(str(room)),
        username=path_segment(str(username)),
    )
    return request


def _parse(response: httpx.Response) -> Done | Problem:
    if response.status_code == 200:
        response_200 = Done.from_dict(response.json())

        return response_200

    if response.status_code == 400:
        response_400 = Problem.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = Problem.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = Problem.from_dict(response.json())

        return response_403

    if response.status_code == 404:
        response_404 = Problem.from_dict(response.json())

        return response_404

    if response.status_code == 503:
        response_503 = Problem.from_dict(response.json())

        return response_503

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
    room: str,
    username: str,
    *,
    client: AuthenticatedClient,
) -> Response[Done | Problem]:
    """Do what `sync` does; return status and headers as well."""
    request = _request(
        room=room,
        username=username,
    )
    return _read(client.get_httpx_client().request(**request))


def sync(
    room: str,
    username: str,
    *,
    client: AuthenticatedClient,
) -> Done | Problem:
    """Leave, decline, or remove a member.

    With one's own name one leaves, or declines an invitation; with another's the owner of a private room removes a member or takes an
    invitation back. The relay closes the user's connections in the room with 4403. When the owner leaves, the member who joined
    first owns the room; the last member to leave deletes it. Who left an open room joins it again by connecting.

    The client's bearer is this:

    - `session`: The `token` that `PUT /user` answered.

    Args:
        room: The name of a room; one that begins with `~` is private, and its name is made by the server. Case-sensitive.
        username: A user's name as shown; `POST /user` states the rules.
        client: The API, and the bearer.

    Returns:
        What the answer says; a refusal, too.

    Raises:
        errors.UnexpectedAnswer: the answer is none that the contract declares.
        httpx.HTTPError: no answer came.
    """
    return sync_detailed(
        room=room,
        username=username,
        client=client,
    ).parsed


async def asyncio_detailed(
    room: str,
    username: str,
    *,
    client: AuthenticatedClient,
) -> Response[Done | Problem]:
    """Do what `asyncio` does; return status and headers as well."""
    request = _request(
        room=room,
        username=username,
    )
    return _read(await client.get_async_httpx_client().request(**request))


async def asyncio(
    room: str,
    username: str,
    *,
    client: AuthenticatedClient,
) -> Done | Problem:
    """Do what `sync` does, without blocking the event loop."""
    response = await asyncio_detailed(
        room=room,
        username=username,
        client=client,
    )
    return response.parsed
