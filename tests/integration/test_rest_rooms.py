"""Rooms over real sockets: each declared answer, who may see which, limits, and pages."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from services.errors import IloError
from services.limits import Limits
from services.model import Draft, MessageId, RoomName
from services.names import skeleton
from services.ports import Appended
from tests.support.rest import (
    ADMIN_SECRET,
    IN_PROCESS_SECRET,
    NODE_SECRET,
    Answer,
    LogRecorder,
    RestDoor,
    open_rest,
    with_settings,
)

MISSING: Final = "~" + "A" * 22
MOST_PAGE_BYTES: Final = 512 * 1024


@dataclass(slots=True)
class House:
    """A running API, and people in it by their names."""

    door: RestDoor
    limits: Limits
    tokens: dict[str, str] = field(default_factory=dict)

    async def people(self, *names: str) -> None:
        key = await self.door.make_key()
        for name in names:
            await self.door.register(name, api_key=key)
            self.tokens[name] = await self.door.log_in(name, key)

    async def ask(self, who: str, method: str, path: str, body: Any = None) -> Answer:
        return await self.door.request(method, path, body, token=self.tokens[who])

    async def did(self, who: str, method: str, path: str, body: Any = None) -> Any:
        """Ask for what succeeds; return the answer's JSON."""
        answer = await self.ask(who, method, path, body)
        assert answer.status in (200, 201), answer.body
        return answer.json()

    async def room(self, owner: str, *members: str, **chosen: Any) -> str:
        """Make a private room with these members; return its name."""
        name = await self.door.make_room(self.tokens[owner], **chosen)
        for member in members:
            await self.did(owner, "PUT", f"/room/{name}/member/{member}")
            await self.did(member, "PUT", f"/room/{name}/member/{member}")
        return name

    async def connect(self, who: str, room: str) -> None:
        """Do what the relay does with the rooms of who connects."""
        user = await self.door.store.user_named(skeleton(who))
        assert user is not None
        await self.door.store.enter_room(
            RoomName(room), user.user_id, self.door.clock(), self.limits
        )

    async def say(self, who: str, name: str, *texts: str) -> None:
        """Store messages as the relay does."""
        store = self.door.store
        user = await store.user_named(skeleton(who))
        room = await store.room_named(RoomName(name))
        assert user is not None
        assert room is not None
        now = self.door.clock()
        drafts = [
            Draft(room.room_id, user.user_id, MessageId(uuid4().bytes), now, text) for text in texts
        ]
        told: list[Appended] = []
        done = asyncio.Event()

        def hear(outcomes: Sequence[Appended]) -> None:
            told.extend(outcomes)
            if len(told) == len(drafts):
                done.set()

        store.append(drafts, hear)
        await done.wait()
        assert not [outcome for _, outcome in told if isinstance(outcome, IloError)]

    async def members(self, who: str, room: str) -> dict[str, str]:
        view = await self.did(who, "GET", f"/room/{room}")
        return {member["username"]: member["state"] for member in view["members"]}


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with open_house() as opened:
        yield opened


@asynccontextmanager
async def open_house(**chosen: int) -> AsyncIterator[House]:
    limits = Limits(**chosen)
    async with open_rest(settings=with_settings(limits=limits)) as door:
        house = House(door, limits)
        await house.people("ann", "bob", "carol")
        yield house


def assert_refused(answer: Answer, status: int, problem: str) -> None:
    assert (answer.status, answer.problem) == (status, problem)


# Each operation


async def test_a_room_is_made_and_its_owner_finds_it(house: House) -> None:
    made = await house.ask("ann", "POST", "/room", {})
    name = made.json()["room"]

    view = await house.did("ann", "GET", f"/room/{name}")
    mine = await house.did("ann", "GET", "/room")

    assert (made.status, set(made.json())) == (201, {"room"})
    assert len(name) == 23
    since = "2026-01-02T12:00:00.000Z"
    epoch = view.pop("epoch")
    assert str(UUID(epoch)) == epoch
    version = view["members_version"]
    assert view == {
        "room": name,
        "kind": "private",
        "owner": "ann",
        "head": 0,
        "floor": 1,
        "retention_s": 30 * 24 * 3600,
        "retention_messages": 100_000,
        "history": "joined",
        "members_version": version,
        "members": [
            {
                "username": "ann",
                "state": "joined",
                "since": since,
                "public_key": "XzKSzgiX2qoPySbe5T4TSK2018V...",
                "key_version": 1,
            }
        ],
        "more": False,
    }
    assert mine == {
        "rooms": [
            {
                "room": name,
                "kind": "private",
                "state": "joined",
                "since": since,
                "owner": "ann",
                "members_version": version,
                "head": 0,
                "floor": 1,
            }
        ],
        "more": False,
    }


async def test_a_room_is_what_it_was_made_as(house: House) -> None:
    chosen = {"retention_s": 3600, "retention_messages": 1, "history": "all"}
    name = await house.room("ann", **chosen)

    view = await house.did("ann", "GET", f"/room/{name}")

    assert {member: view[member] for member in chosen} == chosen


async def test_what_is_not_chosen_is_what_the_operator_has_chosen() -> None:
    async with open_house(retention_s=7200, retention_messages=9) as house:
        name = await house.room("ann", retention_messages=5)
        await house.connect("ann", "tea")

        view = await house.did("ann", "GET", f"/room/{name}")
        open_room = await house.did("ann", "GET", "/room/tea")

    assert (view["retention_s"], view["retention_messages"]) == (7200, 5)
    assert (open_room["retention_s"], open_room["retention_messages"]) == (7200, 9)


async def test_an_open_room_has_no_owner_and_shows_everything(house: House) -> None:
    await house.connect("ann", "tea")
    await house.say("ann", "tea", "hello")
    await house.connect("bob", "tea")

    view = await house.did("bob", "GET", "/room/tea")
    [place] = (await house.did("bob", "GET", "/room"))["rooms"]
    page = await house.did("bob", "GET", "/room/tea/message")

    assert (view["kind"], view["history"], view["head"], view["floor"]) == ("open", "all", 1, 1)
    assert "owner" not in view
    assert "owner" not in place
    assert (place["room"], place["kind"], place["state"]) == ("tea", "open", "joined")
    assert [message["data"]["message"] for message in page["messages"]] == ["hello"]
    assert await house.members("bob", "tea") == {"ann": "joined", "bob": "joined"}


async def test_one_invites_and_the_other_accepts(house: House) -> None:
    name = await house.room("ann")
    path = f"/room/{name}/member/bob"

    assert await house.did("ann", "PUT", path) == {"state": "invited"}
    assert await house.did("ann", "PUT", path) == {"state": "invited"}
    [invitation] = (await house.did("bob", "GET", "/room"))["rooms"]
    assert (invitation["room"], invitation["state"], invitation["owner"]) == (
        name,
        "invited",
        "ann",
    )
    assert await house.members("bob", name) == {"ann": "joined", "bob": "invited"}
    assert await house.did("bob", "PUT", path) == {"state": "joined"}
    assert await house.did("ann", "PUT", path) == {"state": "joined"}
    assert await house.members("ann", name) == {"ann": "joined", "bob": "joined"}


async def test_what_only_the_owner_may(house: House) -> None:
    name = await house.room("ann", "bob")
    await house.did("ann", "PUT", f"/room/{name}/member/carol")

    for who in ("bob", "carol"):
        for method, path in (
            ("DELETE", f"/room/{name}"),
            ("PUT", f"/room/{name}/member/ann"),
            ("PUT", f"/room/{name}/member/nobody"),
            ("DELETE", f"/room/{name}/member/ann"),
            ("DELETE", f"/room/{name}/member/nobody"),
        ):
            assert_refused(await house.ask(who, method, path), 403, "not-the-owner")
    assert len(await house.members("ann", name)) == 3

    assert_refused(
        await house.ask("ann", "PUT", f"/room/{name}/member/nobody"), 404, "user-not-found"
    )
    for username in ("nobody", "Bob"):
        answer = await house.ask("ann", "DELETE", f"/room/{name}/member/{username}")
        assert_refused(answer, 404, "member-not-found")
    for username in ("bob", "carol"):
        await house.did("ann", "DELETE", f"/room/{name}/member/{username}")
    assert await house.members("ann", name) == {"ann": "joined"}
    assert set(await house.did("ann", "DELETE", f"/room/{name}")) == {"detail"}
    assert_refused(await house.ask("ann", "GET", f"/room/{name}"), 404, "room-not-found")


async def test_in_an_open_room_nobody_is_the_owner(house: House) -> None:
    for who in ("ann", "bob"):
        await house.connect(who, "tea")

    for method, path in (
        ("DELETE", "/room/tea"),
        ("PUT", "/room/tea/member/carol"),
        ("DELETE", "/room/tea/member/bob"),
    ):
        assert_refused(await house.ask("ann", method, path), 403, "not-the-owner")

    assert await house.did("ann", "PUT", "/room/tea/member/ann") == {"state": "joined"}
    await house.did("ann", "DELETE", "/room/tea/member/ann")
    assert_refused(await house.ask("ann", "GET", "/room/tea"), 404, "room-not-found")
    assert await house.members("bob", "tea") == {"bob": "joined"}


async def test_when_the_owner_goes_a_member_owns_the_room(house: House) -> None:
    name = await house.room("ann", "carol", "bob")

    await house.did("ann", "DELETE", f"/room/{name}/member/ann")

    view = await house.did("bob", "GET", f"/room/{name}")
    assert view["owner"] in {"bob", "carol"}
    await house.did(view["owner"], "DELETE", f"/room/{name}")


async def test_who_deletes_the_account_leaves_the_rooms(house: House) -> None:
    name = await house.room("ann", "bob")
    before = await house.did("bob", "GET", f"/room/{name}")

    await house.did("ann", "DELETE", "/user/ann")

    after = await house.did("bob", "GET", f"/room/{name}")
    assert (before["owner"], after["owner"]) == ("ann", "bob")
    assert [member["username"] for member in after["members"]] == ["bob"]
    assert after["members_version"] > before["members_version"]


async def test_a_new_public_key_is_the_one_that_the_room_shows(house: House) -> None:
    name = await house.room("ann", "bob")
    change = {"public_key": "another", "if_version": 1}

    await house.did("bob", "PUT", "/user/bob/public_key", change)

    _, member = (await house.did("ann", "GET", f"/room/{name}"))["members"]
    assert (member["public_key"], member["key_version"]) == ("another", 2)


# Who may know of a room


async def never_invited(_house: House, _name: str) -> None:
    pass


async def declined(house: House, name: str) -> None:
    await house.did("ann", "PUT", f"/room/{name}/member/bob")
    await house.did("bob", "DELETE", f"/room/{name}/member/bob")


async def uninvited(house: House, name: str) -> None:
    await house.did("ann", "PUT", f"/room/{name}/member/bob")
    await house.did("ann", "DELETE", f"/room/{name}/member/bob")


async def left(house: House, name: str) -> None:
    await house.did("ann", "PUT", f"/room/{name}/member/bob")
    await house.did("bob", "PUT", f"/room/{name}/member/bob")
    await house.did("bob", "DELETE", f"/room/{name}/member/bob")


async def removed(house: House, name: str) -> None:
    await house.did("ann", "PUT", f"/room/{name}/member/bob")
    await house.did("bob", "PUT", f"/room/{name}/member/bob")
    await house.did("ann", "DELETE", f"/room/{name}/member/bob")


async def deleted(house: House, name: str) -> None:
    await house.did("ann", "PUT", f"/room/{name}/member/bob")
    await house.did("bob", "PUT", f"/room/{name}/member/bob")
    await house.did("ann", "DELETE", f"/room/{name}")


TRIES: Final = [
    ("GET", "/room/{room}"),
    ("HEAD", "/room/{room}"),
    ("GET", "/room/{room}?after=ann&limit=1"),
    ("DELETE", "/room/{room}"),
    ("GET", "/room/{room}/message"),
    ("HEAD", "/room/{room}/message"),
    ("GET", "/room/{room}/message?after=1&limit=1"),
    *(
        (method, f"/room/{{room}}/member/{username}")
        for method in ("PUT", "DELETE")
        for username in ("ann", "bob", "carol", "nobody")
    ),
]


def without_its_id(answer: Answer) -> tuple[int, Mapping[str, str], bytes]:
    """Return all of an answer but what names the request, and the time of day."""
    request_id = answer.headers["x-request-id"]
    own = ("x-request-id", "date")
    headers = {name: said for name, said in answer.headers.items() if name not in own}
    return answer.status, headers, answer.body.replace(request_id.encode(), b"-")


@pytest.mark.parametrize(
    "become", [never_invited, declined, uninvited, left, removed, deleted], ids=lambda f: f.__name__
)
async def test_to_a_stranger_a_private_room_answers_as_one_that_is_not_there(
    house: House, become: Callable[[House, str], Awaitable[None]]
) -> None:
    name = await house.room("ann", "carol", history="all")
    await house.say("ann", name, "not for strangers")
    await become(house, name)

    for method, path in TRIES:
        asked = await house.ask("bob", method, path.format(room=name))
        missing = await house.ask("bob", method, path.format(room=MISSING))

        assert without_its_id(asked) == without_its_id(missing), (method, path)
        assert asked.status == 404
        if method != "HEAD":
            assert asked.problem == "room-not-found"
    assert (await house.did("bob", "GET", "/room"))["rooms"] == []
    if become is not deleted:
        assert await house.members("ann", name) == {"ann": "joined", "carol": "joined"}


async def test_an_open_room_of_others_is_not_there_either(house: House) -> None:
    await house.connect("ann", "tea")

    for method, path in TRIES:
        asked = await house.ask("bob", method, path.format(room="tea"))
        missing = await house.ask("bob", method, path.format(room="coffee"))
        assert without_its_id(asked) == without_its_id(missing), (method, path)
        assert asked.status == 404


async def test_the_case_of_a_name_counts(house: House) -> None:
    await house.connect("ann", "tea")

    assert_refused(await house.ask("ann", "GET", "/room/Tea"), 404, "room-not-found")


async def test_who_is_only_invited_reads_nothing(house: House) -> None:
    name = await house.room("ann", history="all")
    await house.say("ann", name, "not yet")
    await house.did("ann", "PUT", f"/room/{name}/member/bob")

    for path in ("message", "message?after=0&limit=1"):
        asked = await house.ask("bob", "GET", f"/room/{name}/{path}")
        missing = await house.ask("bob", "GET", f"/room/{MISSING}/{path}")
        assert without_its_id(asked) == without_its_id(missing)
    view = await house.did("bob", "GET", f"/room/{name}")
    assert (view["head"], view["floor"]) == (1, 2)

    await house.did("bob", "PUT", f"/room/{name}/member/bob")
    page = await house.did("bob", "GET", f"/room/{name}/message")
    assert [message["data"]["message"] for message in page["messages"]] == ["not yet"]


NO_NAMES: Final = [
    *("~", "~" + "A" * 21, "~" + "A" * 23, "~" + "A" * 21 + "=", "~" + "A" * 21 + "%2F"),
    *("-a", ".a", "_a", "a%20b", "%C3%A9", "a~", "a" * 65, "%2e", "..", "tea%0A"),
]


@pytest.mark.parametrize("name", NO_NAMES)
async def test_what_is_no_name_of_a_room_is_a_bad_request(house: House, name: str) -> None:
    for method, path in TRIES:
        target = path.format(room=name)
        answer = await house.door.request(method, target, token=house.tokens["ann"])
        assert answer.status == 400, (method, path)


# Limits


async def test_one_room_more_than_one_may_join_is_refused() -> None:
    async with open_house(rooms_per_user=3) as house:
        names = [await house.room("ann") for _ in range(3)]
        elsewhere = await house.room("bob")
        await house.did("bob", "PUT", f"/room/{elsewhere}/member/ann")

        refused = [
            await house.ask("ann", "POST", "/room", {}),
            await house.ask("ann", "PUT", f"/room/{elsewhere}/member/ann"),
        ]

        for answer in refused:
            assert_refused(answer, 409, "limit-reached")
            assert "limits.rooms_per_user" in answer.json()["detail"]
        assert len((await house.did("ann", "GET", "/room"))["rooms"]) == 4
        await house.did("ann", "DELETE", f"/room/{names[0]}/member/ann")
        assert await house.did("ann", "PUT", f"/room/{elsewhere}/member/ann") == {"state": "joined"}


async def test_one_member_more_than_a_private_room_may_have_is_refused() -> None:
    async with open_house(members_per_private_room=2) as house:
        name = await house.room("ann")
        await house.did("ann", "PUT", f"/room/{name}/member/bob")

        refused = await house.ask("ann", "PUT", f"/room/{name}/member/carol")

        assert_refused(refused, 409, "limit-reached")
        assert "limits.members_per_private_room" in refused.json()["detail"]
        assert await house.did("bob", "PUT", f"/room/{name}/member/bob") == {"state": "joined"}
        await house.did("ann", "DELETE", f"/room/{name}/member/bob")
        await house.did("ann", "PUT", f"/room/{name}/member/carol")


async def test_one_invitation_more_than_a_user_may_have_is_refused() -> None:
    async with open_house(invitations_per_user=1) as house:
        first, second = await house.room("ann"), await house.room("carol")
        await house.did("ann", "PUT", f"/room/{first}/member/bob")

        refused = await house.ask("carol", "PUT", f"/room/{second}/member/bob")

        assert_refused(refused, 409, "limit-reached")
        assert "limits.invitations_per_user" in refused.json()["detail"]
        await house.did("bob", "PUT", f"/room/{first}/member/bob")
        await house.did("carol", "PUT", f"/room/{second}/member/bob")


# Pages


async def pages(house: House, who: str, path: str, items: str, key: str, limit: int) -> list[Any]:
    """Return all items, page by page; each page but the last is full."""
    found: list[Any] = []
    after, more = "", True
    while more:
        page = await house.did(who, "GET", f"{path}?limit={limit}{after}")
        assert len(page[items]) == limit or not page["more"]
        # No page is empty: more is told only where there is more.
        assert page[items]
        found += page[items]
        after, more = f"&after={found[-1][key]}", page["more"]
    return found


async def test_rooms_are_paged_by_name(house: House) -> None:
    names = sorted([*[await house.room("ann") for _ in range(4)], "tea", "Tea"])
    await house.connect("ann", "tea")
    await house.connect("ann", "Tea")

    for limit in (1, 3, 6, 7):
        found = await pages(house, "ann", "/room", "rooms", "room", limit)
        assert [place["room"] for place in found] == names


async def test_members_are_paged_by_name(house: House) -> None:
    name = await house.room("ann", "carol", "bob")

    for limit in (1, 2, 3, 4):
        found = await pages(house, "ann", f"/room/{name}", "members", "username", limit)
        assert [member["username"] for member in found] == ["ann", "bob", "carol"]


async def test_messages_are_paged_by_seq_from_ones_own_floor_on(house: House) -> None:
    name = await house.room("ann")
    await house.say("ann", name, "1", "2")
    await house.did("ann", "PUT", f"/room/{name}/member/bob")
    await house.did("bob", "PUT", f"/room/{name}/member/bob")
    await house.say("bob", name, "3", "4", "5")

    for who, first in (("ann", 1), ("bob", 3)):
        for limit in (1, 2, 3, 5, 200):
            found = await pages(house, who, f"/room/{name}/message", "messages", "seq", limit)
            assert [message["seq"] for message in found] == list(range(first, 6))
            assert [message["data"]["message"] for message in found] == [
                str(seq) for seq in range(first, 6)
            ]
    page = await house.did("bob", "GET", f"/room/{name}/message?after=1")
    view = await house.did("bob", "GET", f"/room/{name}")
    assert (page["head"], page["floor"], page["more"]) == (5, 3, False)
    assert (page["epoch"], view["floor"]) == (view["epoch"], 3)
    assert [message["sender"] for message in page["messages"]] == ["bob"] * 3
    message_id = page["messages"][0]["id"]
    assert str(UUID(message_id)) == message_id
    beyond = await house.did("bob", "GET", f"/room/{name}/message?after=9007199254740991")
    assert (beyond["messages"], beyond["more"]) == ([], False)


async def test_a_page_of_messages_is_100_unless_it_is_said_otherwise(house: House) -> None:
    name = await house.room("ann")
    await house.say("ann", name, *map(str, range(201)))

    usual = await house.did("ann", "GET", f"/room/{name}/message")
    most = await house.did("ann", "GET", f"/room/{name}/message?limit=200")

    assert (len(usual["messages"]), usual["more"]) == (100, True)
    assert (len(most["messages"]), most["more"]) == (200, True)


@pytest.mark.parametrize("text", ["a" * 262_144, '"' * 131_072, "\x01" * 43_000, "é" * 131_072])
async def test_a_page_of_messages_has_at_most_512_kib_as_it_is_sent(
    house: House, text: str
) -> None:
    name = await house.room("ann")
    await house.say("ann", name, *[text] * 5)

    found: list[int] = []
    while len(found) < 5:
        after = found[-1] if found else 0
        answer = await house.ask("ann", "GET", f"/room/{name}/message?after={after}")
        assert answer.status == 200
        assert len(answer.body) <= MOST_PAGE_BYTES
        assert answer.headers["cache-control"] == "no-store"
        page = answer.json()
        assert {message["data"]["message"] for message in page["messages"]} == {text}
        found += [message["seq"] for message in page["messages"]]
        assert page["more"] is (len(found) < 5)
    assert found == [1, 2, 3, 4, 5]


BAD_QUERIES: Final = [
    *("limit=007", "limit=1e2", "limit=", "limit", "limit=1&limit=1", "limit=1&limit=2"),
    *("limit=-1", "limit=-0", "limit=%zz", "limit=1;after=2", "Limit=1", "after=", "after=%00"),
    *("before=1", "&", "=1"),
]


@pytest.mark.parametrize("query", BAD_QUERIES)
async def test_a_query_is_taken_as_the_contract_has_it_or_not_at_all(
    house: House, query: str
) -> None:
    name = await house.room("ann")

    for path in ("/room", f"/room/{name}", f"/room/{name}/message"):
        assert (await house.ask("ann", "GET", f"{path}?{query}")).status == 400, path
        assert (await house.ask("ann", "GET", f"{path}?")).status == 200


async def test_an_escape_in_a_query_is_what_it_stands_for(house: House) -> None:
    name = await house.room("ann", "bob")

    page = await house.did("ann", "GET", f"/room/{name}?after=%61nn&limit=%31")

    assert [member["username"] for member in page["members"]] == ["bob"]


# Which sessions are over


async def sid_of(house: House, who: str) -> str:
    raw = f"token={house.tokens[who]}&token_type_hint=session&nonce={'n' * 22}".encode()
    form = "application/x-www-form-urlencoded"
    answer = await house.door.request(
        "POST", "/potion", raw=raw, token=NODE_SECRET, content_type=form
    )
    return str(answer.json()["sid"])


async def test_a_relay_learns_which_sessions_are_over(house: House) -> None:
    sids = [await sid_of(house, who) for who in ("ann", "bob", "carol")]
    unknown = "0" * 32

    async def ended() -> set[str]:
        body = {"sids": [*sids, unknown]}
        answer = await house.door.request("POST", "/potion/session", body, token=NODE_SECRET)
        assert (answer.status, set(answer.json())) == (200, {"ended"})
        return set(answer.json()["ended"])

    assert await ended() == {unknown}
    await house.did("ann", "DELETE", "/session")
    assert await ended() == {unknown, sids[0]}
    await house.did("bob", "DELETE", "/user/bob")
    assert await ended() == {unknown, *sids[:2]}
    house.door.clock.advance(30 * 24 * 3600)
    assert await ended() == {unknown, *sids}


async def test_only_a_relay_may_ask_it(house: House) -> None:
    body = {"sids": [await sid_of(house, "ann")]}

    for token in (None, "", house.tokens["ann"], ADMIN_SECRET, IN_PROCESS_SECRET, NODE_SECRET[1:]):
        answer = await house.door.request("POST", "/potion/session", body, token=token)
        assert_refused(answer, 401, "not-a-relay")


# The log


@pytest.fixture
def log() -> Iterator[LogRecorder]:
    recorder = LogRecorder()
    root = logging.getLogger()
    level = root.level
    root.addHandler(recorder)
    root.setLevel(logging.DEBUG)
    yield recorder
    root.setLevel(level)
    root.removeHandler(recorder)


async def test_the_log_tells_who_did_what_to_whom_but_not_where(
    log: LogRecorder, house: House
) -> None:
    text = "PlantedSecret7"
    name = await house.room("ann", "bob")
    await house.say("ann", name, text)
    await house.did("bob", "GET", f"/room/{name}/message")
    await house.did("ann", "PUT", f"/room/{name}/member/carol")
    await house.ask("bob", "DELETE", f"/room/{name}")
    await house.ask("bob", "GET", f"/room/{name}/message?limit={text}")
    await house.did("carol", "DELETE", f"/room/{name}/member/carol")
    await house.did("ann", "DELETE", f"/room/{name}/member/bob")
    await house.did("ann", "DELETE", f"/room/{name}")

    told = [line.partition(" source=")[0] for line in log.lines if " source=" in line]
    rooms = [line for line in told if "log" not in line and "registered" not in line]
    assert rooms[-8:] == [
        "user INFO made a private room: who=ann",
        "user INFO invited to a private room: who=ann whom=bob",
        "user INFO is a member of a room: who=bob",
        "user INFO invited to a private room: who=ann whom=carol",
        "user WARNING refused delete_room as not-the-owner: who=bob",
        "user INFO declined an invitation: who=carol",
        "user INFO removed from a private room: who=ann whom=bob",
        "user INFO deleted a private room: who=ann",
    ]
    assert [line for line in log.lines if name in line or text in line] == []
