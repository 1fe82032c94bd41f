"""Where Cassandra is, and as whom we come. Does not import the driver."""

import ssl
from dataclasses import dataclass, field
from typing import Final

PORT: Final = 9042
KEYSPACE: Final = "ilo"


@dataclass(frozen=True, slots=True)
class CassandraSettings:
    """``addresses`` are some of the nodes, at least one; the others are found through them.

    ``datacenter`` is where reads and writes have their quorum; None takes the only one there is.
    ``tls`` is the context to connect with; None connects in clear.
    """

    addresses: tuple[str, ...]
    port: int = PORT
    keyspace: str = KEYSPACE
    datacenter: str | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)

    @property
    def place(self) -> str:
        """The addresses in words of an operator."""
        return ", ".join(
            f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
            for host in self.addresses
        )
