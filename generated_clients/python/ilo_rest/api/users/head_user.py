"""Ask whether a user exists: `HEAD /user/{username}`."""

from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient
from ...types import Response, path_segment


def _request(
    username: str,
) -> dict[str, Any]:
    headers: dict[str, str] = {}
    request: dict[str, Any] = {"method": "HEAD", "headers": headers}
    request["url"] = "/user/{username}".format(
        username=path_segment(str(username)),
    )
    return request


def _parse(response: httpx.Response) -> None:
    if response.status_code == 200:
        return None

    if response.status_code == 400:
        return None

    if response.status_code == 401:
        return None

    if response.status_code == 404:
        return None

    if response.status_code == 503:
        return None

    raise errors.UnexpectedStatus(response.status_code, response.content)


def _read(response: httpx.Response) -> Response[None]:
    with errors.reading(response.status_code, response.content):
        _parse(response)
        status_code = HTTPStatus(response.status_code)
    return Response(
        status_code=status_code,
        headers=response.headers,
        content=response.content,
        parsed=None,
    )


def sync_detailed(
    username: str,
    *,
    client: AuthenticatedClient,
) -> Response[None]:
    """Do what `sync` does; return status and headers as well."""
    request = _request(
        username=username,
    )
    return _read(client.get_httpx_client().request(**request))


def sync(
    username: str,
    *,
    client: AuthenticatedClient,
) -> HTTPStatus:
    """Ask whether a user exists.

    The same answer as `GET`, its headers too, without its body.

    The client's bearer is this:

    - `session`: The `token` that `PUT /user` answered.

    Args:
        username: A user's name as shown; `POST /user` states the rules.
        client: The API, and the bearer.

    Returns:
        The status; no answer to this operation has content.

    Raises:
        errors.UnexpectedAnswer: the answer is none that the contract declares.
        httpx.HTTPError: no answer came.
    """
    return sync_detailed(
        username=username,
        client=client,
    ).status_code


async def asyncio_detailed(
    username: str,
    *,
    client: AuthenticatedClient,
) -> Response[None]:
    """Do what `asyncio` does; return status and headers as well."""
    request = _request(
        username=username,
    )
    return _read(await client.get_async_httpx_client().request(**request))


async def asyncio(
    username: str,
    *,
    client: AuthenticatedClient,
) -> HTTPStatus:
    """Do what `sync` does, without blocking the event loop."""
    response = await asyncio_detailed(
        username=username,
        client=client,
    )
    return response.status_code
