"""Read what was said: `GET /room/{room}/message`."""

from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient
from ...models.message_list import MessageList
from ...models.problem import Problem
from ...types import UNSET, Response, Unset, path_segment


def _request(
    room: str,
    *,
    after: int | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, str] = {}
    request: dict[str, Any] = {"method": "GET", "headers": headers}
    request["url"] = "/room/{room}/message".format(
        room=path_segment(str(room)),
    )
    params: dict[str, Any] = {}

    params["after"] = after

    params["limit"] = limit

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    request["params"] = params
    return request


def _parse(response: httpx.Response) -> MessageList | Problem:
    if response.status_code == 200:
        response_200 = MessageList.from_dict(response.json())

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


def _read(response: httpx.Response) -> Response[MessageList | Problem]:
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
    after: int | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> Response[MessageList | Problem]:
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
    after: int | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> MessageList | Problem:
    """Read what was said.

    For members; who is only invited gets 404. A page of messages, oldest first, without holes from its first on; the first is the one after
    `after`, or the one at `floor` if that is later. With `more`, the next page begins after the last `seq` of this one. The answer has
    at most 524,288 bytes, so that a page may be shorter than `limit`. Messages that come in meanwhile are best heard over the
    WebSocket door, with `since` and the `epoch` of this answer.

    The client's bearer is this:

    - `session`: The `token` that `PUT /user` answered.

    Args:
        room: The name of a room; one that begins with `~` is private, and its name is made by the server. Case-sensitive.
        client: The API, and the bearer.
        after: A seq to begin after, or 0 to begin with the first message.
        limit: How many messages a page has at most.

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
    after: int | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> Response[MessageList | Problem]:
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
    after: int | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> MessageList | Problem:
    """Do what `sync` does, without blocking the event loop."""
    response = await asyncio_detailed(
        room=room,
        client=client,
        after=after,
        limit=limit,
    )
    return response.parsed
