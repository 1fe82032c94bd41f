"""Look up a user's public key: `GET /user/{username}`."""

from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient
from ...models.problem import Problem
from ...models.public_user import PublicUser
from ...types import Response, path_segment


def _request(
    username: str,
) -> dict[str, Any]:
    headers: dict[str, str] = {}
    request: dict[str, Any] = {"method": "GET", "headers": headers}
    request["url"] = "/user/{username}".format(
        username=path_segment(str(username)),
    )
    return request


def _parse(response: httpx.Response) -> Problem | PublicUser:
    if response.status_code == 200:
        response_200 = PublicUser.from_dict(response.json())

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


def _read(response: httpx.Response) -> Response[Problem | PublicUser]:
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
) -> Response[Problem | PublicUser]:
    """Do what `sync` does; return status and headers as well."""
    request = _request(
        username=username,
    )
    return _read(client.get_httpx_client().request(**request))


def sync(
    username: str,
    *,
    client: AuthenticatedClient,
) -> Problem | PublicUser:
    """Look up a user's public key.

    Answers the newest public key. The server vouches for nothing but that this account's user uploaded it: pin
    it, and compare it with the person over another channel. A name has one spelling: another case or
    normalisation form is another name, and answers 404.

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
) -> Response[Problem | PublicUser]:
    """Do what `asyncio` does; return status and headers as well."""
    request = _request(
        username=username,
    )
    return _read(await client.get_async_httpx_client().request(**request))


async def asyncio(
    username: str,
    *,
    client: AuthenticatedClient,
) -> Problem | PublicUser:
    """Do what `sync` does, without blocking the event loop."""
    response = await asyncio_detailed(
        username=username,
        client=client,
    )
    return response.parsed
