"""The REST door of Ilo, generated from its contract.

`ilo_rest.api` holds a module for each operation, `ilo_rest.models` what goes in and comes out.
Every operation has four functions: `sync` and `asyncio` return what the answer says,
`sync_detailed` and `asyncio_detailed` its status and headers as well.
"""

from .client import AuthenticatedClient, Client

__all__ = ("AuthenticatedClient", "Client")
