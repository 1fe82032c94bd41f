"""Several nodes that are one Cassandra, each to be killed and started by itself."""

import shutil
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from cassandra import ConsistencyLevel, DriverException
from cassandra.cluster import NoHostAvailable
from cassandra.query import SimpleStatement

from tests.support.cassandra.keyspaces import connected
from tests.support.cassandra.node import DATACENTER, START_S, Contact, Node
from tests.support.cassandra.places import NATIVE_PORT, free_addresses

SIZE: Final = 3
PAUSE_S: Final = 0.2

# Of a keyspace that every Cassandra has on three nodes; answered when all who hold it do.
_ASK_ALL: Final = SimpleStatement(
    "SELECT id FROM system_distributed.repair_history LIMIT 1",
    consistency_level=ConsistencyLevel.ALL,
)


class Cluster:
    """Nodes on addresses in a row, with their data under ``folder``, which goes with the owner.

    ``first`` is what ``free_addresses`` is asked for.
    """

    def __init__(
        self,
        folder: Path,
        *,
        size: int = SIZE,
        settings: Mapping[str, object] | None = None,
        first: int = 1,
    ) -> None:
        self._folder = folder
        addresses = free_addresses(size, first=first)
        self.nodes = [
            Node(
                folder / f"node-{number}",
                address,
                seed=addresses[0],
                settings={**_evenly(number, size), **(settings or {})},
                removed_with_owner=True,
            )
            for number, address in enumerate(addresses)
        ]

    @property
    def contact(self) -> Contact:
        return Contact(tuple(node.address for node in self.nodes), NATIVE_PORT, DATACENTER)

    def start(self) -> None:
        """Start the nodes that do not run, one after the other; return when each knows all.

        Raises:
            NoCassandra: this machine lacks what they need.
            DidNotStart: one ended, or took too long.
        """
        for node in self.nodes:
            # Two that join at once refuse each other.
            if not node.is_running:
                node.start()
        self.wait_until_whole()

    def wait_until_whole(self) -> None:
        """Return when every node knows that all are up.

        Raises:
            TimeoutError: that took too long.
        """
        if len(self.nodes) == 1:
            return
        until = time.monotonic() + START_S
        with ExitStack() as sessions:
            asked = [sessions.enter_context(connected(node.contact)) for node in self.nodes]
            while asked:
                try:
                    asked[0].execute(_ASK_ALL)
                except (DriverException, NoHostAvailable):
                    if time.monotonic() > until:
                        raise TimeoutError("a node does not know that all are up") from None
                    time.sleep(PAUSE_S)
                else:
                    del asked[0]

    def remove(self) -> None:
        """Stop all nodes at once and delete what they wrote."""
        for node in self.nodes:
            node.remove()
        shutil.rmtree(self._folder, ignore_errors=True)


def _evenly(number: int, size: int) -> dict[str, object]:
    """Return the token of a node, so that all hold as much and none has to look for one."""
    return {"initial_token": str(-(2**63) + number * 2**64 // size)}
