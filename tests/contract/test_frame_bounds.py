"""The bounds of the contract, each at its most and one beyond, generated from it.

Two relays: one with the highest limits of the contract, and one with lower ones.
"""

from collections.abc import Iterator
from pathlib import Path as File
from typing import Final

import orjson
import pytest

from services.errors import LimitReached
from services.limits import Limits
from tests.support.frame_contract import Members, pointer
from tests.support.frame_strategies import (
    CONTRACT,
    Path,
    described,
    fullest,
    nested,
    places,
    replaced,
    schema_at,
    write,
)
from tests.support.relay_desk import (
    ANSWERS,
    Desk,
    Frame,
    Hungup,
    Member,
    open_desk,
    some_name,
    some_room,
)

KEYS: Final = CONTRACT.client_messages
TEXT: Final[Path] = ("data", "message")
GOOD: Final = b'{"data":{"message":"good"}}'
TIGHT: Final = Limits(
    frame_bytes=1024,
    message_bytes=50,
    json_depth=3,
    frames_per_s=2,
    frames_burst=12,
    unacked_messages=3,
    connections_per_user_and_room=2,
    connections_per_user=3,
    signal_bytes=60,
    rooms_per_user=4,
    invitations_per_user=2,
    members_per_private_room=3,
    members_per_open_room=4,
)
"""Lower than the contract's bounds, each in its own way."""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A relay with the highest limits of the contract; only its pace is not one."""
    with open_desk(tmp_path_factory.mktemp("bounds")) as opened:
        yield opened


@pytest.fixture(scope="module")
def tight_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with open_desk(tmp_path_factory.mktemp("tight"), TIGHT) as opened:
        yield opened


@pytest.fixture
def ann(desk: Desk) -> Iterator[Member]:
    """Somebody alone in a new room."""
    member = desk.join(some_name(), some_room())
    yield member
    member.leave()


def is_said(frame: Members, ack: Frame, message: Frame) -> bool:
    """Tell whether ack and message are those of ``frame``."""
    said = orjson.loads(write(frame))
    return (message["data"], message["id"], ack["id"]) == (said["data"], said["id"], said["id"])


PLACES = [(key, path) for key in KEYS for path, _ in described(key) if path and path != ("type",)]


def named(given: object) -> str:
    return given if isinstance(given, str) else pointer(given)  # type: ignore[arg-type]


def whole_of(key: str, member: Member) -> Members:
    """Return the fullest frame of ``key`` that ``member`` may send in its room."""
    version = member.welcome["members_version"]
    pairs = fullest(key)
    return Members((name, version if name == "if_members" else value) for name, value in pairs)


@pytest.mark.parametrize(("key", "path"), PLACES, ids=named)
def test_a_member_may_be_left_out_if_it_is_not_required(ann: Member, key: str, path: Path) -> None:
    whole = whole_of(key, ann)
    parent = dict(places(whole))[path[:-1]]
    without = Members(pair for pair in parent if pair[0] != path[-1])

    reply = ann.reply(write(replaced(whole, path[:-1], without)), key)

    required = path[-1] in schema_at(key, path[:-1])["required"]
    assert reply["type"] == ("error" if required else ANSWERS[key])
    if required:
        assert reply["path"] == pointer(path[:-1])
        assert reply.get("id") == (None if path == ("id",) else dict(whole).get("id"))


INTEGERS = [(key, path) for key, path in PLACES if schema_at(key, path)["type"] == "integer"]


@pytest.mark.parametrize(("key", "path"), INTEGERS, ids=named)
@pytest.mark.parametrize("bound", ["minimum", "maximum"])
@pytest.mark.parametrize("written", ["{}", "{}.0", "{}e0"])
def test_a_numbers_bounds_are_inclusive(
    ann: Member, key: str, path: Path, bound: str, written: str
) -> None:
    limit = schema_at(key, path)[bound]
    beyond = limit + (1 if bound == "maximum" else -1)
    whole = whole_of(key, ann)
    if key == "MessageIn":
        whole = Members(pair for pair in whole if pair[0] != "id")

    fits = ann.reply(at_raw(whole, path, written.format(limit)), key)
    refused = ann.reply(at_raw(whole, path, written.format(beyond)), key)

    if path == ("if_members",) and limit != ann.welcome["members_version"]:
        assert fits["code"] == "members-changed"
    else:
        assert fits["type"] == ANSWERS[key]
    assert (refused["code"], refused["path"]) == ("bad-frame", pointer(path))
    assert refused["expected"] == {bound: limit}


def at_raw(whole: Members, path: Path, text: str) -> bytes:
    mark = "the value that is replaced"
    return write(replaced(whole, path, mark)).replace(orjson.dumps(mark), text.encode())


def text_of(character: str, size: int) -> str:
    """Return ``size`` bytes of UTF-8, of ``character`` as far as it divides them."""
    width = len(character.encode())
    return character * (size // width) + "a" * (size % width)


# What is escaped takes more than its bytes: as long as the contract's limit it is no frame.
LONGEST = [
    *(("desk", character) for character in "aé€👋"),
    *(("tight_desk", character) for character in 'aé€👋"\n'),
]


@pytest.mark.parametrize(("name", "character"), LONGEST)
def test_a_text_may_be_as_long_as_the_limit_in_bytes_and_not_a_byte_longer(
    request: pytest.FixtureRequest, name: str, character: str
) -> None:
    member: Member = request.getfixturevalue(name).join(some_name(), some_room())
    limit = member.welcome["limits"]["message_bytes"]
    assert schema_at("MessageIn", TEXT)["x-max-bytes"] >= limit
    frames = [
        replaced(whole_of("MessageIn", member), TEXT, text)
        for text in (text_of(character, limit), text_of(character, limit) + "b")
    ]

    ack, message = member.said(write(frames[0]))
    refused = member.reply(write(frames[1]))

    assert is_said(frames[0], ack, message)
    assert (refused["code"], refused["path"]) == ("too-big", pointer(TEXT))
    assert refused["id"] == dict(frames[1])["id"]
    assert "retry_after" not in refused
    member.leave()


@pytest.mark.parametrize("name", ["desk", "tight_desk"])
@pytest.mark.parametrize("character", ["a", "é", "👋", '"', "\n"])
def test_a_signal_may_have_as_many_bytes_as_the_limit_and_not_one_more(
    request: pytest.FixtureRequest, name: str, character: str
) -> None:
    member: Member = request.getfixturevalue(name).join(some_name(), some_room())
    limit = member.welcome["limits"]["signal_bytes"]
    around, each = len('{"x":""}'), len(orjson.dumps(character)) - 2
    text = character * ((limit - around) // each)
    text += "a" * (limit - around - len(text) * each)

    longest, longer = [
        member.reply(b'{"type":"signal", "data":{"x": %b} }' % orjson.dumps(one), "SignalIn")
        for one in (text, text + "b")
    ]

    assert longest["type"] == "silence"
    assert (longer["code"], longer["path"]) == ("too-big", "/data")
    assert longer["expected"] == {"maximum": limit}
    member.leave()


@pytest.mark.parametrize("name", ["desk", "tight_desk"])
def test_a_frame_may_be_as_long_as_the_limit_and_one_byte_more_closes(
    request: pytest.FixtureRequest, name: str
) -> None:
    member: Member = request.getfixturevalue(name).join(some_name(), some_room())
    limit = member.welcome["limits"]["frame_bytes"]

    assert member.reply(GOOD.ljust(limit))["type"] == "ack"
    with pytest.raises(Hungup) as hungup:
        member.reply(GOOD.ljust(limit + 1))

    assert CONTRACT.closes[hungup.value.code] == "too-big"


@pytest.mark.parametrize("objects", [True, False], ids=["objects", "arrays"])
@pytest.mark.parametrize("name", ["desk", "tight_desk"])
def test_a_frame_may_nest_as_deep_as_the_limit_and_no_deeper(
    request: pytest.FixtureRequest, name: str, objects: bool
) -> None:
    member: Member = request.getfixturevalue(name).join(some_name(), some_room())
    limit = member.welcome["limits"]["json_depth"]

    deepest = member.reply(nested(limit, objects=objects))
    deeper = member.reply(nested(limit + 1, objects=objects))

    # What nests is no member of the schema: so the first is refused too, but not for its depth.
    assert (deepest["path"], deepest["expected"]) == ("/x", {"additionalProperties": False})
    assert deeper["expected"] == {"x-strict-json": "depth"}
    assert deeper["path"] == "/x" + ("/x" if objects else "/0") * (limit - 1)
    member.leave()


def test_as_many_frames_as_a_burst_are_heard_at_once_and_the_next_is_refused(
    tight_desk: Desk,
) -> None:
    member = tight_desk.join(some_name(), some_room())
    limits = member.welcome["limits"]

    replies = [member.reply(GOOD) for _ in range(limits["frames_burst"] + 1)]

    assert [reply["type"] for reply in replies[:-1]] == ["ack"] * limits["frames_burst"]
    assert (replies[-1]["code"], replies[-1]["retry_after"]) == ("rate", 1 / limits["frames_per_s"])
    assert not {"path", "expected", "schema"} & set(replies[-1])
    member.leave()


def test_connections_of_a_user_have_a_bound_in_a_room_and_in_all(tight_desk: Desk) -> None:
    room, other = some_room(), some_room()
    members = [tight_desk.join("greedy", room)]
    limits = members[0].welcome["limits"]
    while len(members) < limits["connections_per_user_and_room"]:
        members.append(tight_desk.join("greedy", room))

    assert tight_desk.knock("greedy", room) == (429, "too-many-connections")
    while len(members) < limits["connections_per_user"]:
        members.append(tight_desk.join("greedy", other))
    assert tight_desk.knock("greedy", other) == (429, "too-many-connections")

    tight_desk.join(some_name(), room).leave()
    for member in members:
        member.leave()


def test_rooms_of_a_user_have_a_bound(tight_desk: Desk) -> None:
    name = some_name()
    limit = tight_desk.join(name, some_room()).welcome["limits"]["rooms_per_user"]
    for _ in range(limit - 1):
        tight_desk.join(name, some_room()).leave()

    assert tight_desk.knock(name, some_room()) == (429, "too-many-rooms")


def test_members_of_an_open_room_have_a_bound(tight_desk: Desk) -> None:
    room = some_room()
    limit = tight_desk.join(some_name(), room).welcome["limits"]["members_per_open_room"]
    for _ in range(limit - 1):
        tight_desk.join(some_name(), room).leave()

    assert tight_desk.knock(some_name(), room) == (429, "room-full")


def test_members_and_invitations_of_a_private_room_have_a_bound(tight_desk: Desk) -> None:
    house, owner = tight_desk.house, some_name()
    room = tight_desk.run(house.private_room(owner))
    limit = tight_desk.join(owner, room).welcome["limits"]["members_per_private_room"]
    for _ in range(limit - 1):
        tight_desk.run(house.invite(room, owner, some_name()))

    with pytest.raises(LimitReached, match="members_per_private_room"):
        tight_desk.run(house.invite(room, owner, some_name()))


def test_invitations_of_a_user_have_a_bound(tight_desk: Desk) -> None:
    house, name = tight_desk.house, some_name()
    owners = [some_name() for _ in range(TIGHT.invitations_per_user + 1)]
    rooms = [tight_desk.run(house.private_room(owner)) for owner in owners]
    for room, owner in list(zip(rooms, owners, strict=True))[:-1]:
        tight_desk.run(house.invite(room, owner, name))

    with pytest.raises(LimitReached, match="invitations_per_user"):
        tight_desk.run(house.invite(rooms[-1], owners[-1], name))


def test_every_limit_that_a_welcome_tells_is_tried_here() -> None:
    told = set(CONTRACT.at("#/components/schemas/Limits/properties"))
    source = File(__file__).read_text("utf-8")
    # For this one the store has to wait: tests/integration/test_relay_messages.py.
    told.remove("unacked_messages")

    assert {limit for limit in told if source.count(limit) < 2} == set()


# -- the query of a handshake


QUERY = CONTRACT.at("#/channels/room/bindings/ws/query/properties")
EPOCH = CONTRACT.at("#/components/schemas/Uuid/examples")[0]


def test_a_cursor_has_the_contracts_bounds(desk: Desk) -> None:
    since = CONTRACT.schema_of(QUERY["since"])
    name, room = some_name(), some_room()

    for seq in (since["minimum"], since["maximum"]):
        desk.join(name, room, since=seq, epoch=EPOCH).leave()
    for seq in (since["minimum"] - 1, since["maximum"] + 1):
        assert desk.knock(name, room, f"?since={seq}&epoch={EPOCH}") == (400, "bad-request")


def test_a_query_has_the_contracts_members_and_no_others(desk: Desk) -> None:
    assert set(QUERY) == {"since", "epoch"}
    for query in ("?", "?x=1", "?since=1", f"?epoch={EPOCH}", f"?since=0&epoch={EPOCH}&x=1"):
        assert desk.knock("ann", "chat", query) == (400, "bad-request")
    desk.join("ann", some_room(), since=0).leave()
