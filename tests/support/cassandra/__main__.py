"""A Cassandra for whoever develops: `python -m tests.support.cassandra start|stop|status`.

One node that runs until it is stopped, and keeps its data, in ``.make/cassandra/developer``.
"""

import argparse
import sys
from typing import Final

from tests.support.cassandra.jars import STATE, NoCassandra, WrongJars
from tests.support.cassandra.node import NOBODY, DidNotStart, Node, answers
from tests.support.cassandra.places import free_addresses, is_free

FOLDER: Final = STATE / "developer"
ADDRESS: Final = FOLDER / "address"


def node() -> Node:
    """Return the node, at the address of its last start if there was one."""
    return Node(FOLDER, ADDRESS.read_text("ascii") if ADDRESS.exists() else "", owner=NOBODY)


def start() -> int:
    """Start it where nobody listens: on 127.0.0.1 if that may be."""
    found = node()
    if found.is_running:
        return status()
    if not found.address or not is_free(found.address):
        FOLDER.mkdir(parents=True, exist_ok=True)
        [address] = free_addresses(1, first=0)
        ADDRESS.write_text(address, "ascii")
        found = node()
    found.start()
    return status()


def stop() -> int:
    node().stop()
    return status()


def status() -> int:
    """Say where it is; return 1 when it is nowhere."""
    found = node()
    if not found.is_running:
        sys.stdout.write("not running\n")
        return 1
    contact = found.contact
    state = "running" if answers(found.address) else "starting"
    sys.stdout.write(
        f"{state}, process {found.pid}\n"
        f"  address     {contact.contact_points[0]}\n"
        f"  port        {contact.port}\n"
        f"  datacenter  {contact.datacenter}\n"
    )
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.support.cassandra", description=__doc__)
    parser.add_argument("act", choices=("start", "stop", "status"))
    try:
        match parser.parse_args().act:
            case "start":
                return start()
            case "stop":
                stop()
                return 0
            case _:
                return status()
    except (NoCassandra, WrongJars, DidNotStart) as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
