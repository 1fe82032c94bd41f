"""Ask whose token this is: `POST /potion`."""

from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import httpx

from ... import errors
from ...client import AuthenticatedClient
from ...models.active_token import ActiveToken
from ...models.inactive_token import InactiveToken
from ...models.problem import Problem
from ...models.question import Question
from ...types import Response


def _request(
    *,
    body: Question,
) -> dict[str, Any]:
    headers: dict[str, str] = {}
    request: dict[str, Any] = {"method": "POST", "headers": headers}
    request["url"] = "/potion"
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    request["content"] = urlencode(body.to_dict(), errors="surrogatepass")
    return request


def _parse(response: httpx.Response) -> ActiveToken | InactiveToken | Problem:
    if response.status_code == 200:

        def _parse_response_200(data: object) -> ActiveToken | InactiveToken:
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_introspection_type_0 = ActiveToken.from_dict(data)

                return componentsschemas_introspection_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, dict):
                raise TypeError()
            componentsschemas_introspection_type_1 = InactiveToken.from_dict(data)

            return componentsschemas_introspection_type_1

        response_200 = _parse_response_200(response.json())

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


def _read(response: httpx.Response) -> Response[ActiveToken | InactiveToken | Problem]:
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
    body: Question,
) -> Response[ActiveToken | InactiveToken | Problem]:
    """Do what `sync` does; return status and headers as well."""
    request = _request(
        body=body,
    )
    return _read(client.get_httpx_client().request(**request))


def sync(
    *,
    client: AuthenticatedClient,
    body: Question,
) -> ActiveToken | InactiveToken | Problem:
    """Ask whose token this is.

    A relay asks this once for each connection, after RFC 7662 (token introspection). A ticket is used up by the
    question. `answer_to` shows that the answer is to this very question: the unpadded base64url SHA-256 (RFC 4648
    §5) of the `nonce`, one full stop, and the token, in UTF-8. A relay admits nobody whose answer lacks it.

    The client's bearer is this:

    - `node`: The secret that the nodes of one system share. The address has to be on the allow-list too.

    Args:
        client: The API, and the bearer.
        body: A relay's question.

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
    body: Question,
) -> Response[ActiveToken | InactiveToken | Problem]:
    """Do what `asyncio` does; return status and headers as well."""
    request = _request(
        body=body,
    )
    return _read(await client.get_async_httpx_client().request(**request))


async def asyncio(
    *,
    client: AuthenticatedClient,
    body: Question,
) -> ActiveToken | InactiveToken | Problem:
    """Do what `sync` does, without blocking the event loop."""
    response = await asyncio_detailed(
        client=client,
        body=body,
    )
    return response.parsed
