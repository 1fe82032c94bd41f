"""Ask which sessions are over: `POST /potion/session`."""

import json
from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient
from ...models.ended_sessions import EndedSessions
from ...models.problem import Problem
from ...models.sessions_question import SessionsQuestion
from ...types import Response


def _request(
    *,
    body: SessionsQuestion,
) -> dict[str, Any]:
    headers: dict[str, str] = {}
    request: dict[str, Any] = {"method": "POST", "headers": headers}
    request["url"] = "/potion/session"
    headers["Content-Type"] = "application/json"
    # In ASCII: a lone surrogate, which UTF-8 has no bytes for, reaches the server and is refused.
    request["content"] = json.dumps(body.to_dict())
    return request


def _parse(response: httpx.Response) -> EndedSessions | Problem:
    if response.status_code == 200:
        response_200 = EndedSessions.from_dict(response.json())

        return response_200

    if response.status_code == 400:
        response_400 = Problem.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = Problem.from_dict(response.json())

        return response_401

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


def _read(response: httpx.Response) -> Response[EndedSessions | Problem]:
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
    body: SessionsQuestion,
) -> Response[EndedSessions | Problem]:
    """Do what `sync` does; return status and headers as well."""
    request = _request(
        body=body,
    )
    return _read(client.get_httpx_client().request(**request))


def sync(
    *,
    client: AuthenticatedClient,
    body: SessionsQuestion,
) -> EndedSessions | Problem:
    """Ask which sessions are over.

    A relay asks this of the sessions that its connections came in with, by the `sid` of `POST /potion`, now and then, and whenever it hears that
    some may have ended. What is answered is over: logged out, expired, of a changed password, of a revoked API key or a deleted account, or
    never heard of. The relay closes its connections with 4401. Without an answer it closes nothing, and asks again.

    The client's bearer is this:

    - `node`: The secret that the nodes of one system share. The address has to be on the allow-list too.

    Args:
        client: The API, and the bearer.
        body: A relay's question for its sessions.

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
    body: SessionsQuestion,
) -> Response[EndedSessions | Problem]:
    """Do what `asyncio` does; return status and headers as well."""
    request = _request(
        body=body,
    )
    return _read(await client.get_async_httpx_client().request(**request))


async def asyncio(
    *,
    client: AuthenticatedClient,
    body: SessionsQuestion,
) -> EndedSessions | Problem:
    """Do what `sync` does, without blocking the event loop."""
    response = await asyncio_detailed(
        client=client,
        body=body,
    )
    return response.parsed
