"""A running relay does what spec/asyncapi.yaml says, tried with frames made from it alone.

Every frame that the relay sends passes the frame guard: closed schemas, dense order, errors
whose place and rule exist. So what is asserted here is what a guard cannot know.
"""

from collections.abc import Iterator
from typing import Any, Final

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.frame_contract import Members, Schema
from tests.support.frame_strategies import (
    CONTRACT,
    Path,
    described,
    faults,
    fullest,
    places,
    replaced,
    schema_at,
    texts,
    write,
)
from tests.support.relay_desk import ANSWERS, Desk, Frame, Hungup, Member, open_desk, some_room

KEYS: Final = CONTRACT.client_messages
TEXT: Final[Path] = ("data", "message")
GOOD: Final = b'{"data":{"message":"good"}}'
BAD_IN_A_ROW: Final = 20
BOUNDED = settings(
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A relay with the highest limits of the contract; only its pace is not one."""
    with open_desk(tmp_path_factory.mktemp("conformance")) as opened:
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
    version = ann.welcome["members_version"]

    @settings(BOUNDED, max_examples=100)
    @given(texts("MessageIn"))
    def check(text: bytes) -> None:
        frame = orjson.loads(text)
        reply = ann.reply(text)
        first = said.get(reply.get("id", ""))
        if frame.get("if_members", version) != version:
            assert (reply["code"], reply.get("id")) == ("members-changed", frame.get("id"))
        elif first is not None and first[0] != frame["data"]:
            assert reply["code"] == "id-reused"
        elif first is not None:
            assert reply == first[1]
        else:
            assert fits(Members(frame.items()), reply, ann.hear("message"), ann)
            said[reply["id"]] = frame["data"], reply

    check()
    ann.hears_nothing_more()
    assert len(said) > 30


def test_a_signal_that_fits_the_contract_is_heard_by_the_others_as_it_was(
    desk: Desk, ann: Member
) -> None:
    bob = desk.join("bob", ann.welcome["room"])

    @settings(BOUNDED, max_examples=60)
    @given(texts("SignalIn"))
    def check(text: bytes) -> None:
        assert ann.reply(text, "SignalIn")["type"] == "silence"

        told = {"type": "signal", "sender": ann.welcome["username"]}
        assert bob.hear("signal") == {**told, "data": orjson.loads(text)["data"]}

    check()
    bob.hears_nothing_more()
    ann.hears_nothing_more()
    bob.leave()


def test_a_question_that_fits_the_contract_is_answered(ann: Member) -> None:
    messages = [ann.said(GOOD)[1] for _ in range(5)]

    @settings(BOUNDED, max_examples=60)
    @given(texts("HistoryIn"))
    def check(text: bytes) -> None:
        asked = orjson.loads(text)
        before = [one for one in messages if one["seq"] < asked.get("before", 6)]

        answer = ann.reply(text, "HistoryIn")

        # JSON Schema's integers may be written as 5.0.
        limit = int(asked.get("limit", 50))
        assert answer == {
            "type": "history",
            "id": asked["id"],
            "messages": before[-limit:],
            "more": len(before) > limit,
        }

    check()
    ann.hears_nothing_more()


def examples(key: str) -> list[Frame]:
    found: list[Frame] = CONTRACT.document["components"]["messages"][key]["examples"]
    return found


@pytest.mark.parametrize(
    ("key", "example"),
    [(key, example) for key in KEYS for example in examples(key)],
    ids=lambda given: given if isinstance(given, str) else given["name"],
)
def test_an_example_of_what_clients_say_is_taken(ann: Member, key: str, example: Frame) -> None:
    payload = example["payload"]
    if "if_members" in payload:
        payload = {**payload, "if_members": ann.welcome["members_version"]}

    answer = ann.reply(orjson.dumps(payload), key)

    assert answer["type"] == ANSWERS[key]
    if key == "MessageIn":
        assert fits(Members(payload.items()), answer, ann.hear("message"), ann)


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


# -- what the contract refuses


FAULTS = {key: list(faults(key)) for key in KEYS}
COMMON_RULES = {"type", "const", "required", "additionalProperties", "x-strict-json"}
NUMBERS = {"minimum", "maximum"}
RULES = {
    "MessageIn": {*COMMON_RULES, *NUMBERS, "pattern"},
    "HistoryIn": {*COMMON_RULES, *NUMBERS, "pattern"},
    "SignalIn": COMMON_RULES,
}


@pytest.mark.parametrize("key", KEYS)
def test_a_fault_is_told_by_its_place_and_rule_and_the_connection_goes_on(
    ann: Member, key: str
) -> None:
    """Every rule, at every place that it is about; twice in a row the same."""
    wrong: list[str] = []
    for fault in FAULTS[key]:
        errors = [ann.reply(fault.raw, "MessageIn") for _ in range(2)]

        ack, message = ann.said(GOOD)

        told = (errors[0].get("code"), errors[0].get("path"), *errors[0].get("expected", ()))
        right = [("bad-frame", fault.path, one) for one in fault.rules]
        if errors[0] != errors[1] or told not in right:
            wrong.append(f"{fault} is told as {told}")
        assert ack["seq"] == message["seq"]
    assert wrong == []
    ann.hears_nothing_more()
    assert len(FAULTS[key]) > 70
    assert {fault.rules[0] for fault in FAULTS[key]} == RULES[key]


@pytest.mark.parametrize("key", KEYS)
def test_several_faults_at_once_are_one_error_that_names_one_of_them(ann: Member, key: str) -> None:
    # What is opaque has no faults.
    paths = {path for path, _ in described(key) if not is_opaque(schema_at(key, path))}

    @settings(BOUNDED, max_examples=60)
    @given(st.dictionaries(st.sampled_from(sorted(paths)), junk(), min_size=1, max_size=3))
    def check(changes: dict[Path, Any]) -> None:
        frame: Any = fullest(key)
        for path, new in changes.items():
            if path in dict(places(frame)):
                frame = replaced(frame, path, new)

        error = ann.reply(write(frame))

        assert error["code"] == "bad-frame"
        ann.said(GOOD)

    check()
    ann.hears_nothing_more()


def is_opaque(schema: Schema) -> bool:
    return schema["type"] == "object" and "properties" not in schema


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
    some_faults = [fault for key in KEYS for fault in FAULTS[key]]
    too_big = write(
        replaced(fullest("MessageIn"), TEXT, "a" * (ann.welcome["limits"]["message_bytes"] + 1))
    )
    some = [too_big, *(fault.raw for fault in some_faults[:: len(some_faults) // BAD_IN_A_ROW])][
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
