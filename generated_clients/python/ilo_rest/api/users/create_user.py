"""Register a user: `POST /user`."""

import json
from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import Client
from ...models.done import Done
from ...models.problem import Problem
from ...models.user import User
from ...types import Response


def _request(
    *,
    body: User,
) -> dict[str, Any]:
    headers: dict[str, str] = {}
    request: dict[str, Any] = {"method": "POST", "headers": headers}
    request["url"] = "/user"
    headers["Content-Type"] = "application/json"
    # In ASCII: a lone surrogate, which UTF-8 has no bytes for, reaches the server and is refused.
    request["content"] = json.dumps(body.to_dict())
    return request


def _parse(response: httpx.Response) -> Done | Problem:
    if response.status_code == 201:
        response_201 = Done.from_dict(response.json())

        return response_201

    if response.status_code == 400:
        response_400 = Problem.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = Problem.from_dict(response.json())

        return response_401

    if response.status_code == 409:
        response_409 = Problem.from_dict(response.json())

        return response_409

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
    client: Client,
    body: User,
) -> Response[Done | Problem]:
    """Do what `sync` does; return status and headers as well."""
    request = _request(
        body=body,
    )
    return _read(client.get_httpx_client().request(**request))


def sync(
    *,
    client: Client,
    body: User,
) -> Done | Problem:
    """Register a user.

    Claims the name for good and makes the account. Of many that ask for one name at once, one gets it.

    **Names** are Unicode, emoji too: 1 to 64 code points and at most 256 bytes, in NFC. Refused: control, format,
    bidirectional, private and unassigned characters, invisible ones (but the joiners inside emoji), scripts mixed
    beyond UTS #39 "highly restrictive", `/`, `\\`, `?`, `#`, `%`, spaces at either end, and names of dots only.
    A name is taken when another has, or had, the same NFKC and case-folded form.

    **Passwords** have at least 8 characters, among them a number (Unicode Nd), a lower-case letter (Ll), an
    upper-case letter (Lu) and one that is neither letter nor number; at most 1,024 bytes; and are none of the
    best known. They are taken in NFC and kept as Argon2id hashes.

    **Public keys** are any text. One that holds a private key (PEM, DER, OpenSSH, JWK, also inside base64) is refused,
    not kept and not logged: make a new pair.

    Anyone may call it.

    Args:
        client: The API.
        body: An account to make.

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
    client: Client,
    body: User,
) -> Response[Done | Problem]:
    """Do what `asyncio` does; return status and headers as well."""
    request = _request(
        body=body,
    )
    return _read(await client.get_async_httpx_client().request(**request))


async def asyncio(
    *,
    client: Client,
    body: User,
) -> Done | Problem:
    """Do what `sync` does, without blocking the event loop."""
    response = await asyncio_detailed(
        client=client,
        body=body,
    )
    return response.parsed
