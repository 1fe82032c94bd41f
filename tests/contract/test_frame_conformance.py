"""A running relay does what spec/asyncapi.yaml says, tried with frames made from it alone.

Every frame that the relay sends passes the frame guard: closed schemas, dense order, errors
whose place and rule exist. So what is asserted here is what a guard cannot know.
"""

from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from services.limits import Limits
from tests.support.frame_contract import Members, pointer
from tests.support.frame_strategies import (
    CONTRACT,
    Fault,
    Path,
    faults,
    fullest,
    nested,
    places,
    replaced,
    schema_at,
    texts,
    write,
)
from tests.support.relay_desk import Desk, Frame, Hungup, Member, open_desk, some_room

(KEY,) = CONTRACT.client_messages
TEXT: Final[Path] = ("data", "message")
GOOD: Final = b'{"data":{"message":"good"}}'
BAD_IN_A_ROW: Final = 20
BOUNDED = settings(
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
TIGHT: Final = Limits(
    frame_bytes=1024,
    message_bytes=50,
    json_depth=3,
    frames_per_s=2,
    frames_burst=12,
    unacked_messages=3,
    connections_per_user_and_room=2,
    connections_per_user=3,
)
"""Lower than the contract's bounds, each in its own way."""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A relay with the highest limits of the contract; only its pace is not one."""
    with open_desk(tmp_path_factory.mktemp("conformance")) as opened:
        yield opened


@pytest.fixture(scope="module")
def tight_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with open_desk(tmp_path_factory.mktemp("tight"), TIGHT) as opened:
        yield opened


@pytest.fixture
def ann(desk: Desk) -> Iterator[Member]:
    """Somebody alone in a new room."""
    member = desk.join("ann", some_room())
    yield member
    member.leave()


def fits(frame: Members, ack: Frame, message: Frame, member: Member) -> bool:
    """Tell whether ack and message are those of ``frame``."""
    said = orjson.loads(write(frame))
    return (
        message["data"] == said["data"]
        and message["id"] == ack["id"] == said.get("id", ack["id"])
        and (message["seq"], message["sent_at"]) == (ack["seq"], ack["sent_at"])
        and message["sender"] == member.welcome["username"]
    )


# -- what the contract takes


def test_what_fits_the_contract_is_acknowledged_and_sent_to_its_sender(ann: Member) -> None:
    said: dict[str, tuple[Any, Frame]] = {}

    @settings(BOUNDED, max_examples=100)
    @given(texts(KEY))
    def check(text: bytes) -> None:
        frame = orjson.loads(text)
        reply = ann.reply(text)
        first = said.get(reply.get("id", ""))
        if first is not None and first[0] != frame["data"]:
            assert reply["code"] == "id-reused"
        elif first is not None:
            assert reply == first[1]
        else:
            assert fits(Members(frame.items()), reply, ann.hear("message"), ann)
            said[reply["id"]] = frame["data"], reply

    check()
    ann.hears_nothing_more()
    assert len(said) > 60


@pytest.mark.parametrize(
    "example",
    CONTRACT.document["components"]["messages"][KEY]["examples"],
    ids=lambda example: example["name"],
)
def test_an_example_of_what_clients_say_is_taken(ann: Member, example: Frame) -> None:
    ack, message = ann.said(orjson.dumps(example["payload"]))

    assert fits(Members(example["payload"].items()), ack, message, ann)


@pytest.mark.parametrize("key", CONTRACT.server_messages)
def test_the_examples_of_what_the_relay_says_fit_their_closed_schemas(key: str) -> None:
    examples = CONTRACT.document["components"]["messages"][key]["examples"]

    assert examples
    for example in examples:
        assert CONTRACT.faults(key, example["payload"]) == []


def test_a_welcome_tells_no_limit_beyond_the_contracts_and_the_highest_are_in_force(
    ann: Member,
) -> None:
    highest = {
        name: schema["maximum"]
        for name, schema in CONTRACT.at("#/components/schemas/Limits/properties").items()
    }

    limits = ann.welcome["limits"]

    assert all(limits[name] <= highest[name] for name in highest)
    for name in ("frame_bytes", "message_bytes", "json_depth"):
        assert limits[name] == highest[name]


# -- bounds


@pytest.mark.parametrize(
    "path", [path for path, _ in places(fullest(KEY)) if path], ids=lambda path: pointer(path)
)
def test_a_member_may_be_left_out_if_it_is_not_required(ann: Member, path: Path) -> None:
    whole = fullest(KEY)
    parent = dict(places(whole))[path[:-1]]
    without = Members(pair for pair in parent if pair[0] != path[-1])

    reply = ann.reply(write(replaced(whole, path[:-1], without)))

    required = path[-1] in schema_at(KEY, path[:-1])["required"]
    assert reply["type"] == ("error" if required else "ack")
    if required:
        assert (reply["path"], reply["id"]) == (pointer(path[:-1]), dict(whole)["id"])


INTEGERS = [path for path, _ in places(fullest(KEY)) if schema_at(KEY, path)["type"] == "integer"]


@pytest.mark.parametrize("path", INTEGERS, ids=pointer)
@pytest.mark.parametrize("bound", ["minimum", "maximum"])
@pytest.mark.parametrize("written", ["{}", "{}.0", "{}e0"])
def test_a_numbers_bounds_are_inclusive(ann: Member, path: Path, bound: str, written: str) -> None:
    limit = schema_at(KEY, path)[bound]
    beyond = limit + (1 if bound == "maximum" else -1)
    whole = Members(pair for pair in fullest(KEY) if pair[0] != "id")

    ack = ann.reply(at_raw(whole, path, written.format(limit)))
    refused = ann.reply(at_raw(whole, path, written.format(beyond)))

    assert ack["type"] == "ack"
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
    member: Member = request.getfixturevalue(name).join("bob", some_room())
    limit = member.welcome["limits"]["message_bytes"]
    assert schema_at(KEY, TEXT)["x-max-bytes"] >= limit
    frames = [
        replaced(fullest(KEY), TEXT, text)
        for text in (text_of(character, limit), text_of(character, limit) + "b")
    ]

    ack, message = member.said(write(frames[0]))
    refused = member.reply(write(frames[1]))

    assert fits(frames[0], ack, message, member)
    assert (refused["code"], refused["path"]) == ("too-big", pointer(TEXT))
    assert refused["id"] == dict(frames[1])["id"]
    assert "retry_after" not in refused
    member.leave()


@pytest.mark.parametrize("name", ["desk", "tight_desk"])
def test_a_frame_may_be_as_long_as_the_limit_and_one_byte_more_closes(
    request: pytest.FixtureRequest, name: str
) -> None:
    member: Member = request.getfixturevalue(name).join("bob", some_room())
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
    member: Member = request.getfixturevalue(name).join("bob", some_room())
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
    member = tight_desk.join("eve", some_room())
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

    assert tight_desk.knock("greedy", room) == 429
    while len(members) < limits["connections_per_user"]:
        members.append(tight_desk.join("greedy", other))
    assert tight_desk.knock("greedy", other) == 429

    tight_desk.join("another", room).leave()
    for member in members:
        member.leave()


# -- what the contract refuses


FAULTS = list(faults(KEY))


def test_a_fault_is_told_by_its_place_and_rule_and_the_connection_goes_on(ann: Member) -> None:
    """Every rule, at every place that it is about; twice in a row the same."""
    wrong: list[str] = []
    for fault in FAULTS:
        errors = [ann.reply(fault.raw) for _ in range(2)]

        ack, message = ann.said(GOOD)

        told = (errors[0].get("code"), errors[0].get("path"), *errors[0].get("expected", ()))
        right = [("bad-frame", fault.path, one) for one in fault.rules]
        if errors[0] != errors[1] or told not in right:
            wrong.append(f"{fault} is told as {told}")
        assert ack["seq"] == message["seq"]
    assert wrong == []
    ann.hears_nothing_more()
    assert len(FAULTS) > 150
    assert {fault.rules[0] for fault in FAULTS} == {
        "type", "const", "required", "additionalProperties", "minimum", "maximum", "pattern",
        "x-strict-json",
    }  # fmt: skip


def test_several_faults_at_once_are_one_error_that_names_one_of_them(ann: Member) -> None:
    paths = {path for path, _ in places(fullest(KEY))}

    @settings(BOUNDED, max_examples=60)
    @given(st.dictionaries(st.sampled_from(sorted(paths)), junk(), min_size=1, max_size=3))
    def check(changes: dict[Path, Any]) -> None:
        frame: Any = fullest(KEY)
        for path, new in changes.items():
            if path in dict(places(frame)):
                frame = replaced(frame, path, new)

        error = ann.reply(write(frame))

        assert error["code"] == "bad-frame"
        ann.said(GOOD)

    check()
    ann.hears_nothing_more()


def junk() -> st.SearchStrategy[Any]:
    """Return JSON that fits no place of a client's frame."""
    leaves = st.one_of(st.none(), st.booleans(), st.floats(0.1, 0.9))
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.lists(st.tuples(st.text("ab~/", max_size=2), inner), min_size=1, max_size=3).map(
                Members
            ),
        ),
        max_leaves=5,
    )


def test_any_text_that_is_no_frame_is_an_error_and_never_silence(ann: Member) -> None:
    @settings(BOUNDED, max_examples=60)
    @given(st.text('{}[]":,aé👋\\u0123456789 truefalsn-.', max_size=40))
    def check(text: str) -> None:
        error = ann.reply(text.encode())

        assert error["code"] == "bad-frame"
        ann.said(GOOD)

    check()
    ann.hears_nothing_more()


def test_the_twentieth_bad_frame_in_a_row_closes_and_none_before_it(ann: Member) -> None:
    too_big = write(
        replaced(fullest(KEY), TEXT, "a" * (ann.welcome["limits"]["message_bytes"] + 1))
    )
    some = [too_big, *(fault.raw for fault in FAULTS[:: len(FAULTS) // BAD_IN_A_ROW])][
        :BAD_IN_A_ROW
    ]
    refusals = {"bad-frame", "too-big"}

    for raw in some[:-1]:
        assert ann.reply(raw)["code"] in refusals
    assert ann.reply(GOOD)["type"] == "ack"
    for raw in some:
        assert ann.reply(raw)["code"] in refusals
    with pytest.raises(Hungup) as hungup:
        ann.hear("ack", "error")

    assert CONTRACT.closes[hungup.value.code] == "bad-frames"


# -- two in a room


def room_machine(desk: Desk) -> type[RuleBasedStateMachine]:
    """Return a machine whose steps are what two members of a room may do."""

    class Room(RuleBasedStateMachine):
        """``log`` is what the contract says that the room holds by now."""

        def __init__(self) -> None:
            super().__init__()
            self.room = some_room()
            self.members: list[Member] = []
            self.log: list[Frame] = []

        @initialize()
        def come_in(self) -> None:
            self.members = [desk.join(name, self.room) for name in ("ann", "bob")]

        @rule(who=st.integers(0, 1), said=texts(KEY))
        def say(self, who: int, said: bytes) -> None:
            frame = orjson.loads(said)
            # New, whatever came before: the id of a place that no other message has.
            frame["id"] = str(UUID(int=len(self.log) + 1))
            ack = self.members[who].reply(orjson.dumps(frame))

            heard = [member.hear("message") for member in self.members]

            assert heard[0] == heard[1]
            assert heard[0] == {
                **ack,
                "type": "message",
                "room": self.room,
                "sender": self.members[who].welcome["username"],
                "data": frame["data"],
            }
            assert ack["id"] == frame["id"]
            assert ack["seq"] == len(self.log) + 1
            self.log.append(heard[0])

        @rule(who=st.integers(0, 1), texts=st.lists(st.text("ab", max_size=3), max_size=9))
        def say_much_at_once(self, who: int, texts: list[str]) -> None:
            said = [orjson.dumps({"data": {"message": text}}) for text in texts]
            self.members[who].send(*said)

            for text in texts:
                ack = self.members[who].hear("ack", "error")
                heard = [member.hear("message") for member in self.members]

                assert heard[0] == heard[1]
                assert (heard[0]["id"], heard[0]["seq"]) == (ack["id"], ack["seq"])
                assert heard[0]["data"] == {"message": text}
                assert ack["seq"] == len(self.log) + 1
                self.log.append(heard[0])

        @rule(data=st.data(), other=st.booleans(), after=st.booleans())
        def use_an_id_again(self, data: st.DataObject, other: bool, after: bool) -> None:
            if not self.log:
                return
            first = data.draw(st.sampled_from(self.log))
            sender = next(m for m in self.members if m.welcome["username"] == first["sender"])
            frame = {"id": first["id"], "data": first["data"]}
            if other:
                frame["data"] = {"message": first["data"]["message"] + "x"}
            if after:
                frame["after"] = first["seq"] - 1

            reply = sender.reply(orjson.dumps(frame))

            if other:
                assert (reply["type"], reply["code"]) == ("error", "id-reused")
                assert reply["id"] == first["id"]
            else:
                assert reply == {
                    "type": "ack", "id": first["id"],
                    "seq": first["seq"], "sent_at": first["sent_at"],
                }  # fmt: skip

        @rule(who=st.integers(0, 1), fault=st.sampled_from(FAULTS))
        def say_what_is_refused(self, who: int, fault: Fault) -> None:
            assert self.members[who].reply(fault.raw)["code"] == "bad-frame"

        @rule(who=st.integers(0, 1))
        def leave_and_come_again(self, who: int) -> None:
            left = self.members[who]
            left.hears_nothing_more()
            left.leave()
            again = desk.join(left.welcome["username"], self.room)

            assert again.welcome["head"] == len(self.log)
            assert again.welcome["epoch"] == left.welcome["epoch"]
            self.members[who] = again

        def teardown(self) -> None:
            for member in self.members:
                member.hears_nothing_more()
                member.leave()

    return Room


def test_two_in_a_room_hear_the_same_once_in_order_and_without_holes(desk: Desk) -> None:
    run_state_machine_as_test(
        room_machine(desk),
        settings=settings(BOUNDED, max_examples=12, stateful_step_count=12),
    )
