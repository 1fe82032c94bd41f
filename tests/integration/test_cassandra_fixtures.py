"""What a worker of the tests keeps open between them must not be noticed by any of them."""

import random
import threading
from typing import Any

from tests.support.cassandra.keyspaces import connected
from tests.support.cassandra.node import Contact

HEARD_S = 60.0


def test_tables_made_elsewhere_throw_no_dice_here(cassandra: Contact) -> None:
    heard = threading.Event()
    with connected(cassandra) as session, connected(cassandra) as other:
        # Called in the order in which they were registered: the driver's own come first.
        control: Any = session.cluster.control_connection
        control._connection.register_watcher("SCHEMA_CHANGE", lambda _event: heard.set())
        before = random.getstate()

        other.execute(
            "CREATE KEYSPACE dice WITH replication = {'class': 'SimpleStrategy',"
            " 'replication_factor': 1}"
        )
        try:
            assert heard.wait(HEARD_S)
            assert random.getstate() == before
        finally:
            other.execute("DROP KEYSPACE dice")
