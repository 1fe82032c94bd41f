"""Where the API is, and the connections to it."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any, Self

import httpx
from attrs import Attribute, define, field

from .types import header_value

DEFAULT_TIMEOUT_S = 30.0


@define(eq=False)
class Client:
    """The API at ``base_url``, for the operations that anyone may call.

    ``httpx_args`` go to ``httpx.Client`` and ``httpx.AsyncClient`` as they are. A client keeps
    connections: use it in a ``with`` or ``async with``, or close it.
    """

    base_url: httpx.URL = field(converter=httpx.URL)
    headers: Mapping[str, str] = field(factory=dict, kw_only=True, repr=False)
    timeout: httpx.Timeout | float = field(default=DEFAULT_TIMEOUT_S, kw_only=True)
    verify_ssl: ssl.SSLContext | bool = field(default=True, kw_only=True)
    httpx_args: Mapping[str, Any] = field(factory=dict, kw_only=True, repr=False)
    _client: httpx.Client | None = field(default=None, init=False, repr=False)
    _async_client: httpx.AsyncClient | None = field(default=None, init=False, repr=False)

    def with_bearer(self, token: str) -> AuthenticatedClient:
        """Return a client of the same API that shows ``token``; it has connections of its own.

        Raises:
            ValueError: no header can hold ``token``.
        """
        return AuthenticatedClient(
            self.base_url,
            token,
            headers=self.headers,
            timeout=self.timeout,
            verify_ssl=self.verify_ssl,
            httpx_args=self.httpx_args,
        )

    def get_httpx_client(self) -> httpx.Client:
        """Return what the `sync` functions call with; made at the first call."""
        if self._client is None:
            self._client = httpx.Client(
                base_url=self.base_url,
                headers=self._sent_headers(),
                timeout=self.timeout,
                verify=self.verify_ssl,
                **self.httpx_args,
            )
        return self._client

    def get_async_httpx_client(self) -> httpx.AsyncClient:
        """Return what the `asyncio` functions call with; made at the first call."""
        if self._async_client is None:
            self._async_client = httpx.AsyncClient(
                base_url=self.base_url,
                headers=self._sent_headers(),
                timeout=self.timeout,
                verify=self.verify_ssl,
                **self.httpx_args,
            )
        return self._async_client

    def close(self) -> None:
        """Close the connections of the `sync` functions; a later call opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    async def aclose(self) -> None:
        """Close the connections of the `asyncio` functions; a later call opens new ones."""
        client, self._async_client = self._async_client, None
        if client is not None:
            await client.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _sent_headers(self) -> dict[str, str]:
        return {name: header_value(name, value) for name, value in self.headers.items()}


def _check_token(_: object, attribute: Attribute[str], value: str) -> None:
    header_value(attribute.name, value)


@define(eq=False)
class AuthenticatedClient(Client):
    """The API at ``base_url``, for the operations that take a bearer: ``token``.

    Which one an operation takes, its docstring says. The token is never shown.

    Raises:
        ValueError: no header can hold ``token``; a line end from a file, for example.
    """

    token: str = field(repr=False, validator=_check_token)

    def _sent_headers(self) -> dict[str, str]:
        # The zero-argument `super` needs the class that `define` has replaced.
        return {**Client._sent_headers(self), "Authorization": f"Bearer {self.token}"}
