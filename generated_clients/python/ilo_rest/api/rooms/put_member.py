"""Invite, or accept an invitation: `PUT /room/{room}/member/{username}`."""

from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient
from ...models.member_place import MemberPlace
from ...models.problem import Problem
from ...types import Response, path_segment


def _request(
    room: str,
    username: str,
) -> dict[str, Any]:
    headers: dict[str, str] = {}
    request: dict[str, Any] = {"method": "PUT", "headers": headers}
    request["url"] = "/room/{room}/member/{username}".format(
        room=path_segment(str(room)),
        username=path_segment(str(username)),
    )
    return request


def _parse(response: httpx.Response) -> MemberPlace | Problem:
    if response.status_code == 200:
        response_200 = MemberPlace.from_dict(response.json())

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

    if response.status_code == 409:
        response_409 = Problem.from_dict(response.json())

        return response_409

    if response.status_code == 503:
        response_503 = Problem.from_dict(response.json())

        return response_503

    raise errors.UnexpectedStatus(response.status_code, response.content)


def _read(response: httpx.Response) -> Response[MemberPlace | Problem]:
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
) -> Response[MemberPlace | Problem]:
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
) -> MemberPlace | Problem:
    """Invite, or accept an invitation.

    With another's name the owner of a private room invites; with one's own an invitation is accepted. Who is a member, or invited,
    already stays so, so it may be sent again. Nobody is invited to an open room: one joins it by connecting. Above
    `limits.members_per_private_room` (who is invited counts), `limits.invitations_per_user` of the other or
    `limits.rooms_per_user` of the caller the answer is 409.

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
) -> Response[MemberPlace | Problem]:
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
) -> MemberPlace | Problem:
    """Do what `sync` does, without blocking the event loop."""
    response = await asyncio_detailed(
        room=room,
        username=username,
        client=client,
    )
    return response.parsed
