"""Revoke an API key: `DELETE /key`."""

from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient
from ...models.done import Done
from ...models.problem import Problem
from ...types import UNSET, Response, Unset, header_value


def _request(
    *,
    ilo_api_key: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, str] = {}
    request: dict[str, Any] = {"method": "DELETE", "headers": headers}
    request["url"] = "/key"
    if not isinstance(ilo_api_key, Unset):
        headers["Ilo-Api-Key"] = header_value("Ilo-Api-Key", str(ilo_api_key))
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
    *,
    client: AuthenticatedClient,
    ilo_api_key: str | Unset = UNSET,
) -> Response[Done | Problem]:
    """Do what `sync` does; return status and headers as well."""
    request = _request(
        ilo_api_key=ilo_api_key,
    )
    return _read(client.get_httpx_client().request(**request))


def sync(
    *,
    client: AuthenticatedClient,
    ilo_api_key: str | Unset = UNSET,
) -> Done | Problem:
    """Revoke an API key.

    Revokes a key for good. The bearer is either the key's own `revoke_token`, or the admin credential with the key
    in the header `Ilo-Api-Key`. Sessions that were made with the key end.

    The client's bearer is one of these:

    - `revoke_token`: The `revoke_token` that `POST /key` answered with the key.
    - `admin`: The operator's admin credential, made at the first start and kept in a file that only the operator can read.

    Args:
        client: The API, and the bearer.
        ilo_api_key: An API key, a UUID of any version in its usual form.

    Returns:
        What the answer says; a refusal, too.

    Raises:
        ValueError: a header cannot hold its value.
        errors.UnexpectedAnswer: the answer is none that the contract declares.
        httpx.HTTPError: no answer came.
    """
    return sync_detailed(
        client=client,
        ilo_api_key=ilo_api_key,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    ilo_api_key: str | Unset = UNSET,
) -> Response[Done | Problem]:
    """Do what `asyncio` does; return status and headers as well."""
    request = _request(
        ilo_api_key=ilo_api_key,
    )
    return _read(await client.get_async_httpx_client().request(**request))


async def asyncio(
    *,
    client: AuthenticatedClient,
    ilo_api_key: str | Unset = UNSET,
) -> Done | Problem:
    """Do what `sync` does, without blocking the event loop."""
    response = await asyncio_detailed(
        client=client,
        ilo_api_key=ilo_api_key,
    )
    return response.parsed
