"""Delete one's own account: `DELETE /user/{username}`."""

from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient
from ...models.done import Done
from ...models.problem import Problem
from ...types import Response, path_segment


def _request(
    username: str,
) -> dict[str, Any]:
    headers: dict[str, str] = {}
    request: dict[str, Any] = {"method": "DELETE", "headers": headers}
    request["url"] = "/user/{username}".format(
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
    username: str,
    *,
    client: AuthenticatedClient,
) -> Response[Done | Problem]:
    """Do what `sync` does; return status and headers as well."""
    request = _request(
        username=username,
    )
    return _read(client.get_httpx_client().request(**request))


def sync(
    username: str,
    *,
    client: AuthenticatedClient,
) -> Done | Problem:
    """Delete one's own account.

    Deletes the account, its public keys and sessions; the user leaves all rooms. The name is never given out again. It takes a
    session that is at most five minutes old: log in again first.

    The client's bearer is this:

    - `session`: The `token` that `PUT /user` answered.

    Args:
        username: A user's name as shown; `POST /user` states the rules.
        client: The API, and the bearer.

    Returns:
        What the answer says; a refusal, too.

    Raises:
        errors.UnexpectedAnswer: the answer is none that the contract declares.
        httpx.HTTPError: no answer came.
    """
    return sync_detailed(
        username=username,
        client=client,
    ).parsed


async def asyncio_detailed(
    username: str,
    *,
    client: AuthenticatedClient,
) -> Response[Done | Problem]:
    """Do what `asyncio` does; return status and headers as well."""
    request = _request(
        username=username,
    )
    return _read(await client.get_async_httpx_client().request(**request))


async def asyncio(
    username: str,
    *,
    client: AuthenticatedClient,
) -> Done | Problem:
    """Do what `sync` does, without blocking the event loop."""
    response = await asyncio_detailed(
        username=username,
        client=client,
    )
    return response.parsed
