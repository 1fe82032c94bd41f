"""Addresses of this machine where nobody listens.

All of 127.0.0.0/8 is the machine's own on Linux, so nodes keep their usual ports, which no
outgoing connection gets by chance, and take another address instead.
"""

import random
import socket
from collections.abc import Iterator
from typing import Final

NATIVE_PORT: Final = 9042
STORAGE_PORT: Final = 7000
BLOCKS: Final = 254


def free_addresses(count: int, *, first: int = 1) -> list[str]:
    """Return ``count`` addresses in a row, 127.0.N.1 and on, whose ports of Cassandra are free.

    They are drawn, so that two who start at once do not meet; with ``first=0`` 127.0.0.1 and on
    are tried before all others.
    """
    for block in _blocks(first):
        addresses = [f"127.0.{block}.{host}" for host in range(1, count + 1)]
        if all(is_free(address) for address in addresses):
            return addresses
    raise OSError("Cassandra's ports are busy on all addresses of this machine")


def is_free(address: str) -> bool:
    """Whether a node could listen there now."""
    for port in (NATIVE_PORT, STORAGE_PORT):
        with socket.socket() as probe:
            # As Cassandra does: what lingers of an earlier one is no obstacle.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True


def _blocks(first: int) -> Iterator[int]:
    if first == 0:
        yield 0
    yield from random.sample(range(1, BLOCKS + 1), BLOCKS)
