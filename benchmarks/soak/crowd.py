"""The load of the soak: many seats in one process.

    python -m benchmarks.soak.crowd --api URL --relay URL --people N --seats N --rooms N

It is told what to do in lines on its standard input, and answers each with one line of JSON:
`come`, `rate N` (messages a second), `counts`, `leave` (all go, and wait for what has no ack
yet), `heads` (the newest seq of every room).
"""

import argparse
import asyncio
import json
import random
import resource
import sys
import time
from typing import Any

import orjson
import uvloop
from websockets.asyncio.client import connect

from benchmarks.soak.api import PATIENCE_S, Api
from benchmarks.soak.seat import Seat, Town

TICK_S = 0.01


class Crowd:
    """All seats of a town, told how often somebody speaks."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self.rate = 0.0

    async def speak(self) -> None:
        """Have somebody speak so often; what a slow load could not say is not made up for."""
        owed, at = 0.0, time.monotonic()
        while self._town.open:
            await asyncio.sleep(TICK_S)
            now = time.monotonic()
            owed = min(owed + self.rate * (now - at), self.rate / 2 + 1)
            at = now
            while owed >= 1:
                owed -= 1
                if self._town.present:
                    await random.choice(self._town.present).say()

    def close(self) -> None:
        self._town.open = False
        for seat in self._town.present:
            seat.go_now()

    def counts(self) -> dict[str, Any]:
        """Return what was counted since the beginning, and the acks since the last time."""
        times = sorted(self._town.notes.ack_ms)
        self._town.notes.ack_ms.clear()
        at = {"p50": len(times) // 2, "p99": len(times) * 99 // 100}
        return {
            **self._town.notes.counts,
            **{f"ack_{name}_ms": round(times[place], 2) for name, place in at.items() if times},
            "present": len(self._town.present),
            "fault_sentences": self._town.notes.faults,
        }

    async def heads(self) -> dict[str, int]:
        """Ask every room for its newest seq."""
        found: dict[str, int] = {}
        for room in self._town.rooms:
            bearer = {"Authorization": f"Bearer {self._town.people[0].token}"}
            url = f"{self._town.relay_url}/ws/{room}"
            async with connect(url, additional_headers=bearer, proxy=None) as socket:
                found[room] = orjson.loads(await socket.recv())["head"]
        return found


async def obey(town: Town, seats: int) -> None:
    """Do what the lines say, until there are no more."""
    crowd = Crowd(town)
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    tasks: list[asyncio.Task[None]] = []
    async with asyncio.TaskGroup() as group:
        while line := (await lines.readline()).decode().split():
            match line:
                case ["come"]:
                    tasks = [group.create_task(Seat(town).live()) for _ in range(seats)]
                    group.create_task(crowd.speak())
                    answer: object = {}
                case ["rate", rate]:
                    crowd.rate = float(rate)
                    answer = {}
                case ["counts"]:
                    answer = crowd.counts()
                case ["leave"]:
                    crowd.close()
                    _, still_there = await asyncio.wait(tasks, timeout=2 * PATIENCE_S)
                    await town.api.close()
                    answer = {**crowd.counts(), "still_there": len(still_there)}
                case ["heads"]:
                    answer = {"heads": await crowd.heads(), "acked": town.notes.highest}
                case _:
                    raise ValueError("no such word")
            print(json.dumps(answer), flush=True)
        crowd.close()
        for task in tasks:
            task.cancel()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--api", required=True)
    parser.add_argument("--relay", required=True)
    parser.add_argument("--seats", type=int, required=True)
    parser.add_argument("--people", type=int, required=True)
    parser.add_argument("--rooms", type=int, required=True)
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    api = Api(options.api)
    people = await api.people(options.people)
    rooms = [f"room-{number}" for number in range(options.rooms)]
    print(json.dumps({"people": len(people)}), flush=True)
    await obey(Town(api, options.relay, people, rooms), options.seats)


if __name__ == "__main__":
    uvloop.run(main())
