"""The `websockets` library as its documentation says: a handler, and `broadcast()`.

On uvloop, with orjson, without compression and keep-alive pings: its best case. The shape
of a message is checked by hand, nothing is stored, and any bearer token is a user.
"""

import argparse
import os
import resource
from datetime import UTC, datetime
from itertools import count
from time import time
from typing import Any

import orjson
import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosedError

MAX_FRAME_BYTES = 320 * 1024
BACKLOG = 4096


class Room:
    """The connections in one room, and the number of its next message."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.members: set[ServerConnection] = set()
        self.next_seq = count(1)


rooms: dict[str, Room] = {}


def text_of(frame: str | bytes) -> str:
    """Return the text of `{"data": {"message": text}}`.

    Raises:
        ValueError: the frame has another shape.
    """
    value: Any = orjson.loads(frame)
    if not isinstance(value, dict) or value.keys() != {"data"}:
        raise ValueError("a frame has exactly the member data")
    data = value["data"]
    if not isinstance(data, dict) or data.keys() != {"message"}:
        raise ValueError("data has exactly the member message")
    text = data["message"]
    if not isinstance(text, str):
        raise ValueError("data.message is a string")
    return text


def delivery(room: Room, sender: str, text: str) -> str:
    sent_at = datetime.fromtimestamp(time(), UTC).isoformat(timespec="milliseconds")
    message = {
        "type": "message",
        "id": os.urandom(16).hex(),
        "seq": next(room.next_seq),
        "room": room.name,
        "sender": sender,
        "sent_at": sent_at.replace("+00:00", "Z"),
        "data": {"message": text},
    }
    return orjson.dumps(message).decode()


async def member(connection: ServerConnection) -> None:
    """Serve one connection until it ends."""
    request = connection.request
    assert request is not None
    scheme, _, sender = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or not sender:
        await connection.close(4401, "no bearer token")
        return
    name = request.path.removeprefix("/ws/")
    room = rooms.get(name)
    if room is None:
        room = rooms[name] = Room(name)
    room.members.add(connection)
    try:
        await connection.send('{"type":"welcome"}')
        async for frame in connection:
            broadcast(room.members, delivery(room, sender, text_of(frame)))
    except ConnectionClosedError:
        return  # the load goes without a close frame
    finally:
        room.members.discard(connection)


async def main(port: int) -> None:
    server = await serve(
        member,
        "127.0.0.1",
        port,
        compression=None,
        ping_interval=None,
        max_size=MAX_FRAME_BYTES,
        backlog=BACKLOG,
    )
    for socket in server.sockets:
        print("ready", socket.getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, default=0)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    uvloop.run(main(options.parse_args().port))
