"""The servers that are measured. A new one is one entry.

A server listens on 127.0.0.1, on a port that the kernel chooses (`--port 0`), and says so
with one line on stdout: `ready <port>`. It prints nothing after that.

A relay admits any `Authorization: Bearer <token>` at `/ws/<room>`, each token being a user of
its own; its first frame is a `welcome`, and `{"data": {"message": text}}` from one member
reaches every connection in the room, the sender's too, as compact JSON with
`"type":"message"` and the room's next `"seq"`. No rate may hold the load back.

A relay that stores answers each message with one frame `{"type":"ack",…,"seq":…}` to its sender,
and sends neither that nor the message to anyone before the message is synced to the disk. Its
files are in the workshop's folder, or in another on the same disk.

A REST server's line is `ready <port> <token> <username> …`, one pair for each user that
exists, at most 64. Names need no escaping in a path. A user's key has any version at first,
and the server answers `GET /user/{username}` and `PUT /user/{username}/public_key` as the
contract says, again without a rate.
"""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.workshop import HERE, Unavailable, Workshop

ANY_PORT = ("--port", "0")


@dataclass(frozen=True, slots=True)
class Server:
    key: str
    title: str
    command: Callable[[Workshop], list[str]]  # raises Unavailable
    load: str | None = None  # its own load generator, when it speaks another protocol


def _of_ours(module: str, *options: str) -> Callable[[Workshop], list[str]]:
    """A server of Ilo's own, wired for measurement in `benchmarks/<module>.py`."""

    def command(workshop: Workshop) -> list[str]:
        if not (HERE / f"{module}.py").exists():
            raise Unavailable(f"benchmarks/{module}.py is missing")
        return [workshop.python(), "-m", f"benchmarks.{module}", *ANY_PORT, *options]

    return command


def _send_loop(workshop: Workshop) -> list[str]:
    return [workshop.baseline("send_loop"), *ANY_PORT]


def _stored_loop(workshop: Workshop) -> list[str]:
    log = workshop.folder / "stored_loop.log"
    return [workshop.baseline("stored_loop"), *ANY_PORT, "--log", str(log)]


def _jetstream(workshop: Workshop) -> list[str]:
    launcher = str(HERE / "baselines" / "jetstream.py")
    server, folder = workshop.program("nats-server"), workshop.folder / "jetstream"
    return [workshop.python(), launcher, *ANY_PORT, "--server", server, "--folder", str(folder)]


def _websockets(workshop: Workshop) -> list[str]:
    python = workshop.python("websockets", "uvloop", "orjson")
    return [python, str(HERE / "baselines" / "websockets_broadcast.py"), *ANY_PORT]


def _node_ws(workshop: Workshop) -> list[str]:
    return [workshop.node, str(workshop.node_ws / "server.js"), *ANY_PORT]


def _fastapi(workshop: Workshop) -> list[str]:
    python = workshop.python("fastapi", "uvicorn", "uvloop", "httptools")
    return [python, str(HERE / "baselines" / "fastapi_rest.py"), *ANY_PORT]


ILO_RELAY = Server("ilo", "**Ilo**", _of_ours("ilo_relay"))
SEND_LOOP = Server("send_loop", "C, epoll, one `send` each (the limit)", _send_loop)
WEBSOCKETS = Server("websockets", "`websockets` + `broadcast()`, uvloop", _websockets)
NODE_WS = Server("node_ws", "Node.js `ws`", _node_ws)
ILO_STORED = Server("ilo", "**Ilo**, SQLite", _of_ours("ilo_relay", "--stored"))
STORED_LOOP = Server("stored_loop", "C, epoll, one log, syncs in groups (the limit)", _stored_loop)
JETSTREAM = Server("jetstream", "NATS JetStream, `sync_interval: always`", _jetstream, "jetstream")
ILO_REST = Server("ilo", "**Ilo**", _of_ours("ilo_rest"))
FASTAPI = Server("fastapi", "FastAPI, uvicorn, uvloop, httptools", _fastapi)

RELAYS = (ILO_RELAY, SEND_LOOP, WEBSOCKETS, NODE_WS)
STORED_RELAYS = (ILO_STORED, STORED_LOOP, JETSTREAM)
REST_SERVERS = (ILO_REST, FASTAPI)
IDLE_RELAYS = (ILO_RELAY, WEBSOCKETS, NODE_WS)
