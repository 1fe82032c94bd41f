"""What is taken back is over at once, on the real process: sockets close with their codes, what is
said afterwards is not kept, nothing more can be read, and nobody else notices."""

import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import httpx
import orjson
import pytest

from tests.support.ilo_process import IloProcess, running
from tests.support.system_client import PASSWORD, Person, SystemClient, some_name, visiting
from tests.support.websocket import CLOSE, TEXT, RawSocket, client_frame, message
from tests.system.crash import private_room

ENDED: Final = (4401, "session-ended")
NO_MEMBER: Final = (4403, "not-a-member")
DELETED: Final = (4410, "room-deleted")
WITHIN_S: Final = 2.0
BEFORE, AFTER = "before", "after"
OPEN, PRIVATE = "open", "private"
LIFETIME_S: Final = 3


@pytest.fixture(scope="module")
def ilo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IloProcess]:
    with running(tmp_path_factory.mktemp("revocation")) as started:
        yield started


@pytest.fixture
async def client(ilo: IloProcess) -> AsyncIterator[SystemClient]:
    async with visiting(ilo) as visitor:
        yield visitor


@dataclass(frozen=True, slots=True)
class Scene:
    """Bob has two sessions, ``bob`` and ``other``; Ann owns the private room."""

    client: SystemClient
    ann: Person
    bob: Person
    other: Person
    revoke_token: str
    rooms: dict[str, str]

    async def ask(self, method: str, path: str, who: Person, **body: Any) -> httpx.Response:
        return await self.client.rest.request(
            method, path, headers=who.bearer, json=body["json"] if body else None
        )


async def scene(client: SystemClient) -> Scene:
    ann, key = await client.newcomer(), await client.new_key()
    name = some_name("bob")
    await client.register(name, key["detail"])
    bob, other = [await client.log_in(name, key["detail"]) for _ in range(2)]
    rooms = {OPEN: some_name("room-"), PRIVATE: await private_room(client, ann, [bob])}
    return Scene(client, ann, bob, other, key["revoke_token"], rooms)


async def log_out(at: Scene) -> httpx.Response:
    return await at.ask("DELETE", "/session", at.bob)


async def log_out_elsewhere(at: Scene) -> httpx.Response:
    return await at.ask("DELETE", "/session/others", at.other)


async def change_the_password(at: Scene) -> httpx.Response:
    body = {"old_password": PASSWORD, "new_password": "MyOtherSecurePassword58!"}
    return await at.ask("PUT", f"/user/{at.bob.name}/password", at.other, json=body)


async def revoke_the_api_key(at: Scene) -> httpx.Response:
    return await at.client.rest.delete(
        "/key", headers={"Authorization": f"Bearer {at.revoke_token}"}
    )


async def delete_the_account(at: Scene) -> httpx.Response:
    return await at.ask("DELETE", f"/user/{at.bob.name}", at.other)


async def remove_the_member(at: Scene) -> httpx.Response:
    return await at.ask("DELETE", f"/room/{at.rooms[PRIVATE]}/member/{at.bob.name}", at.ann)


async def leave_the_open_room(at: Scene) -> httpx.Response:
    return await at.ask("DELETE", f"/room/{at.rooms[OPEN]}/member/{at.bob.name}", at.other)


async def delete_the_room(at: Scene) -> httpx.Response:
    return await at.ask("DELETE", f"/room/{at.rooms[PRIVATE]}", at.ann)


Place = tuple[str, str]
"""Who, and in which of the two rooms."""
ALL: Final = [(who, room) for who in ("ann", "bob", "other") for room in (OPEN, PRIVATE)]


def of(*people: str) -> list[Place]:
    return [place for place in ALL if place[0] in people]


def in_room(room: str, *people: str) -> list[Place]:
    return [place for place in of(*people) if place[1] == room]


@pytest.mark.parametrize(
    ("revoke", "concerned", "close", "refusal", "history"),
    [
        (log_out, of("bob"), ENDED, 401, 401),
        (log_out_elsewhere, of("bob"), ENDED, 401, 401),
        (change_the_password, of("bob"), ENDED, 401, 401),
        (revoke_the_api_key, of("bob", "other"), ENDED, 401, 401),
        (delete_the_account, of("bob", "other"), ENDED, 401, 401),
        (remove_the_member, in_room(PRIVATE, "bob", "other"), NO_MEMBER, 403, 404),
        (leave_the_open_room, in_room(OPEN, "bob", "other"), NO_MEMBER, 101, 404),
        (delete_the_room, in_room(PRIVATE, "ann", "bob", "other"), DELETED, 403, 404),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_what_is_revoked_is_over_within_2_s_and_hurts_nobody_else(
    client: SystemClient,
    revoke: Callable[[Scene], Awaitable[httpx.Response]],
    concerned: list[Place],
    close: tuple[int, str],
    refusal: int,
    history: int,
) -> None:
    at = await scene(client)
    people = {"ann": at.ann, "bob": at.bob, "other": at.other}
    sockets = {
        (who, room): (await client.join(people[who], at.rooms[room]))[0] for who, room in ALL
    }
    for room in at.rooms:
        await sockets["bob", room].say(BEFORE)
        await sockets["ann", room].json_of("message")

    answer = await revoke(at)
    for place in concerned:
        await says_and_asks(sockets[place])
    since = time.monotonic()
    ends = [await end_of(sockets[place]) for place in concerned]
    took_s = time.monotonic() - since

    assert answer.status_code == 200
    assert ends == [(close, [])] * len(concerned)
    assert took_s < WITHIN_S * allowance()
    for who, room in concerned:
        page = await at.ask("GET", f"/room/{at.rooms[room]}/message", people[who])
        assert page.status_code == history
    for who, room in concerned:
        # In an open room who comes again is a member again.
        _, status, _ = await client.knock(f"{at.rooms[room]}?since=0", people[who].bearer)
        assert status == refusal
    for who, room in (place for place in ALL if place not in concerned):
        socket, text = sockets[who, room], f"{who} is still here"
        await socket.say(text)
        said = AFTER
        while said != text:
            said = (await socket.json_of("message"))["data"]["message"]
            assert said != AFTER
    for room in at.rooms.values():
        page = await at.ask("GET", f"/room/{room}/message", at.ann)
        texts = [one["data"]["message"] for one in page.json().get("messages", [])]
        assert AFTER not in texts
        # But of a room that is deleted, what was said before stays.
        assert page.status_code == 404 or texts[0] == BEFORE


async def test_an_expired_session_ends_in_time_and_keeps_nothing_that_is_said_later(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("expiry")
    with running(folder, {"session_lifetime_s": LIFETIME_S}) as ilo:
        async with visiting(ilo) as client:
            api_key = await client.make_key()
            name = some_name("bob")
            await client.register(name, api_key)
            first = await client.log_in(name, api_key)
            socket, _ = await client.join(first, "tea")
            await socket.say(BEFORE)

            frames, end = await read_to_the_end(socket)
            with suppress(ConnectionError):
                await says_and_asks(socket)
            again = await client.log_in(name, api_key)
            _, status, _ = await client.knock("tea?since=0", first.bearer)
            old = await client.rest.get("/room/tea/message", headers=first.bearer)
            page = await client.rest.get("/room/tea/message", headers=again.bearer)

    assert end == ENDED
    assert sorted(frame["type"] for frame in frames) == ["ack", "message"]
    assert (status, old.status_code) == (401, 401)
    assert [one["data"]["message"] for one in page.json()["messages"]] == [BEFORE]


async def says_and_asks(socket: RawSocket) -> None:
    """Say something, and ask for what was said before."""
    question = orjson.dumps({"type": "history", "id": str(uuid4())})
    await socket.send(client_frame(message(AFTER)) + client_frame(question))


async def end_of(socket: RawSocket) -> tuple[tuple[int, str], list[dict[str, Any]]]:
    """Return how the relay ended it, and what of the room it was still given."""
    frames, end = await read_to_the_end(socket)
    given = [
        frame
        for frame in frames
        if frame["type"] in ("ack", "history")
        or (frame["type"] == "message" and frame["data"]["message"] == AFTER)
    ]
    return end, [frame for frame in given if frame.get("seq") != 1]


async def read_to_the_end(socket: RawSocket) -> tuple[list[dict[str, Any]], tuple[int, str]]:
    """Return all frames that are left, and code and reason of the close frame."""
    frames: list[dict[str, Any]] = []
    while True:
        opcode, payload = await socket.frame()
        if opcode == CLOSE:
            return frames, (int.from_bytes(payload[:2], "big"), payload[2:].decode())
        if opcode == TEXT:
            frames.append(orjson.loads(payload))


def allowance() -> float:
    """How much longer than on a quiet machine something takes now."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1) * 2)
