"""Two in a room do whatever they may, in any order; both see what the contract says of it."""

from collections.abc import Iterator
from typing import Final
from uuid import UUID

import orjson
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.support.frame_strategies import CONTRACT, Fault, faults, texts
from tests.support.relay_desk import Desk, Frame, Member, open_desk, some_room

BOUNDED: Final = settings(
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
FAULTS: Final = [fault for key in CONTRACT.client_messages for fault in faults(key)]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with open_desk(tmp_path_factory.mktemp("room")) as opened:
        yield opened


def room_machine(desk: Desk) -> type[RuleBasedStateMachine]:
    """Return a machine whose steps are what two members of a room may do."""

    class Room(RuleBasedStateMachine):
        """``log`` is what the contract says that the room holds by now."""

        def __init__(self) -> None:
            super().__init__()
            self.room = some_room()
            self.members: list[Member] = []
            self.log: list[Frame] = []
            self.version = 0

        @initialize()
        def come_in(self) -> None:
            self.members = [desk.join(name, self.room) for name in ("ann", "bob")]
            self.version = self.members[1].welcome["members_version"]

        @rule(who=st.integers(0, 1), said=texts("MessageIn"))
        def say(self, who: int, said: bytes) -> None:
            frame = orjson.loads(said)
            # New, whatever came before: the id of a place that no other message has.
            frame["id"] = str(UUID(int=len(self.log) + 1))
            ack = self.members[who].reply(orjson.dumps(frame))
            if frame.get("if_members", self.version) != self.version:
                assert (ack["code"], ack["id"]) == ("members-changed", frame["id"])
                return

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

        @rule(who=st.integers(0, 1), before=st.none() | st.integers(1, 20), limit=st.integers(1, 9))
        def look_back(self, who: int, before: int | None, limit: int) -> None:
            asked = {"type": "history", "id": str(UUID(int=before or 0)), "limit": limit}
            if before is not None:
                asked["before"] = before
            there = self.log if before is None else self.log[: before - 1]

            answer = self.members[who].reply(orjson.dumps(asked), "HistoryIn")

            assert answer["messages"] == there[-limit:]
            assert answer["more"] == (len(there) > limit)

        @rule(who=st.integers(0, 1), said=texts("SignalIn"))
        def signal(self, who: int, said: bytes) -> None:
            assert self.members[who].reply(said, "SignalIn")["type"] == "silence"

            told = self.members[1 - who].hear("signal")
            assert told["sender"] == self.members[who].welcome["username"]
            assert told["data"] == orjson.loads(said)["data"]

        @rule(who=st.integers(0, 1), back=st.none() | st.integers(0, 12))
        def leave_and_come_again(self, who: int, back: int | None) -> None:
            """With a cursor ``back`` from the head, or without one."""
            left = self.members[who]
            left.hears_nothing_more()
            left.leave()
            name, epoch = left.welcome["username"], left.welcome["epoch"]
            since = None if back is None else max(0, len(self.log) - back)
            cursor = {} if since is None else {"since": since, "epoch": epoch}
            again = desk.join(name, self.room, **cursor)

            assert again.welcome["head"] == len(self.log)
            assert again.welcome["epoch"] == epoch
            assert again.welcome["recovered"] == (since is not None)
            for message in self.log[len(self.log) if since is None else since :]:
                assert again.hear("message") == message
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
