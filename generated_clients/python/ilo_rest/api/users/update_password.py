"""Change one's own password: `PUT /user/{username}/password`."""

import json
from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient
from ...models.done import Done
from ...models.password_change import PasswordChange
from ...models.problem import Problem
from ...types import Response, path_segment


def _request(
    username: str,
    *,
    body: PasswordChange,
) -> dict[str, Any]:
    headers: dict[str, str] = {}
    request: dict[str, Any] = {"method": "PUT", "headers": headers}
    request["url"] = "/user/{username}/password".format(
        username=path_segment(str(username)),
    )
    headers["Content-Type"] = "application/json"
    # In ASCII: a lone surrogate, which UTF-8 has no bytes for, reaches the server and is refused.
    request["content"] = json.dumps(body.to_dict())
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
    body: PasswordChange,
) -> Response[Done | Problem]:
    """Do what `sync` does; return status and headers as well."""
    request = _request(
        username=username,
        body=body,
    )
    return _read(client.get_httpx_client().request(**request))


def sync(
    username: str,
    *,
    client: AuthenticatedClient,
    body: PasswordChange,
) -> Done | Problem:
    """Change one's own password.

    All other sessions of the user end; the one that asks stays. Wrong old passwords count as failed logins.
    The new password has to meet the rules of `POST /user`.

    The client's bearer is this:

    - `session`: The `token` that `PUT /user` answered.

    Args:
        username: A user's name as shown; `POST /user` states the rules.
        client: The API, and the bearer.
        body: The old and the new password.

    Returns:
        What the answer says; a refusal, too.

    Raises:
        errors.UnexpectedAnswer: the answer is none that the contract declares.
        httpx.HTTPError: no answer came.
    """
    return sync_detailed(
        username=username,
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    username: str,
    *,
    client: AuthenticatedClient,
    body: PasswordChange,
) -> Response[Done | Problem]:
    """Do what `asyncio` does; return status and headers as well."""
    request = _request(
        username=username,
        body=body,
    )
    return _read(await client.get_async_httpx_client().request(**request))


async def asyncio(
    username: str,
    *,
    client: AuthenticatedClient,
    body: PasswordChange,
) -> Done | Problem:
    """Do what `sync` does, without blocking the event loop."""
    response = await asyncio_detailed(
        username=username,
        client=client,
        body=body,
    )
    return response.parsed
