"""The checker of histories: passes what is right, and names each fault by its kind."""

from collections.abc import Callable

import pytest

from tests.support.history import Entry, History, Kind, Log
from tests.support.ledger import Kept, Ledger, Rules

ROOM = "chat"
LOG = Log(ROOM, "epoch-1")
NOON = "2026-01-02T12:00:00.000Z"
FIRST = Entry(1, "id-1", "ann", NOON, "one")
SECOND = Entry(2, "id-2", "bob", NOON, "two")
THIRD = Entry(3, "id-3", "ann", NOON, "three")
FOURTH = Entry(4, "id-4", "bob", NOON, "four")


class Run:
    """Ann and Bob say two messages each; all is well until a test changes something."""

    def __init__(self) -> None:
        self.sent = [FIRST, SECOND, THIRD, FOURTH]
        self.acks = {entry.id: entry for entry in self.sent}
        self.log = list(self.sent)
        # Ann's connection was there from the beginning, Bob's second one came later.
        self.given = {"ann-1": (0, list(self.sent)), "bob-2": (2, [THIRD, FOURTH])}
        self.not_stored: list[Entry] = []

    def forget(self, entry: Entry) -> None:
        """Nobody ever said, stored or heard this last message."""
        del self.acks[entry.id]
        self.log.remove(entry)
        for _, entries in self.given.values():
            entries.remove(entry)

    def kinds(self) -> list[Kind]:
        history = History()
        for entry in self.sent:
            history.sends(ROOM, entry.sender, entry.id, entry.text)
        for message_id, entry in self.acks.items():
            history.acked(LOG, entry.sender, message_id, entry.seq, entry.sent_at)
        for entry in self.not_stored:
            history.refused(LOG, entry.sender, entry.id, "no")
        for connection, (head, entries) in self.given.items():
            history.enters(connection, LOG, head)
            for entry in entries:
                history.receives(connection, entry)
        return [charge.kind for charge in history.charges({LOG: self.log})]


def test_a_clean_history_has_no_charges() -> None:
    assert Run().kinds() == []


def test_a_message_refused_as_not_stored_and_not_stored_is_no_charge() -> None:
    run = Run()
    run.forget(FOURTH)
    run.not_stored.append(FOURTH)

    assert run.kinds() == []


def test_a_message_of_unknown_outcome_may_be_stored_or_not() -> None:
    history = History()
    history.sends(ROOM, "ann", "id-1", "one")
    history.refused(LOG, "ann", "id-1", "unknown")

    assert history.charges({LOG: []}) == []
    assert history.charges({LOG: [FIRST]}) == []
    assert history.unanswered() == ["id-1"]


def test_a_message_that_was_refused_once_may_stand_later() -> None:
    history = History()
    for entry in (SECOND, FOURTH, FIRST, THIRD):
        history.sends(ROOM, "ann", entry.id, entry.text)
    log = [entry._replace(sender="ann") for entry in (FIRST, SECOND, THIRD, FOURTH)]

    assert {charge.kind for charge in history.charges({LOG: log})} == {Kind.ORDER}

    history.may_come_later(ROOM, "ann", "id-2")
    history.may_come_later(ROOM, "ann", "id-4")

    assert history.charges({LOG: log}) == []


def test_of_two_acks_that_differ_one_is_wrong() -> None:
    history = History()
    history.sends(ROOM, "ann", "id-1", "one")
    history.acked(LOG, "ann", "id-1", 2, NOON)
    history.acked(LOG, "ann", "id-1", 1, NOON)

    assert [charge.kind for charge in history.charges({LOG: [FIRST]})] == [Kind.SEQ]
    assert history.unanswered() == []


def _lost(run: Run) -> None:
    run.forget(FOURTH)
    run.acks[FOURTH.id] = FOURTH


def _stored_twice(run: Run) -> None:
    run.log.append(FOURTH._replace(seq=5))


def _delivered_twice(run: Run) -> None:
    run.given["bob-2"][1].append(FOURTH)


def _delivered_under_two_seqs(run: Run) -> None:
    run.given["bob-2"][1].append(FOURTH._replace(seq=5))


def _never_sent_and_stored(run: Run) -> None:
    run.log.append(Entry(5, "id-5", "ann", NOON, "boo"))


def _never_sent_and_delivered(run: Run) -> None:
    run.given["bob-2"][1].append(Entry(5, "id-5", "ann", NOON, "boo"))


def _refused_and_stored(run: Run) -> None:
    del run.acks[FOURTH.id]
    run.not_stored.append(FOURTH)


def _delivered_and_not_stored(run: Run) -> None:
    run.log.remove(FOURTH)
    del run.acks[FOURTH.id]


def _another_text(run: Run) -> None:
    run.given["bob-2"][1][-1] = FOURTH._replace(text="more")


def _a_connection_went_back(run: Run) -> None:
    run.given["ann-1"] = (0, [FIRST, THIRD, SECOND, FOURTH])


def _a_connection_was_given_what_was_before_its_head(run: Run) -> None:
    run.given["bob-2"] = (3, [THIRD, FOURTH])


def _stored_otherwise_than_sent(run: Run) -> None:
    run.sent = [THIRD, SECOND, FIRST, FOURTH]


def _a_connection_missed_one(run: Run) -> None:
    run.given["ann-1"] = (0, [FIRST, THIRD, FOURTH])


def _a_connection_missed_its_first(run: Run) -> None:
    run.given["bob-2"] = (2, [FOURTH])


def _a_hole_in_the_log(run: Run) -> None:
    later = FOURTH._replace(seq=5)
    run.log[-1] = run.acks[FOURTH.id] = later
    run.given = {"ann-1": (4, [later])}


def _delivered_under_another_name(run: Run) -> None:
    run.given["bob-2"][1][-1] = FOURTH._replace(sender="ann")


def _acked_with_another_seq(run: Run) -> None:
    run.acks[FOURTH.id] = FOURTH._replace(seq=5)


def _acked_with_another_time(run: Run) -> None:
    run.acks[FOURTH.id] = FOURTH._replace(sent_at="2026-01-02T12:00:00.001Z")


def _delivered_with_another_seq(run: Run) -> None:
    run.sent.pop()
    run.forget(FOURTH)
    run.given["bob-2"] = (3, [THIRD._replace(seq=4)])


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (_lost, Kind.LOST),
        (_stored_twice, Kind.DUPLICATE),
        (_delivered_twice, Kind.DUPLICATE),
        (_delivered_under_two_seqs, Kind.DUPLICATE),
        (_never_sent_and_stored, Kind.PHANTOM),
        (_never_sent_and_delivered, Kind.PHANTOM),
        (_refused_and_stored, Kind.PHANTOM),
        (_delivered_and_not_stored, Kind.PHANTOM),
        (_another_text, Kind.PHANTOM),
        (_a_connection_went_back, Kind.ORDER),
        (_a_connection_was_given_what_was_before_its_head, Kind.ORDER),
        (_stored_otherwise_than_sent, Kind.ORDER),
        (_a_connection_missed_one, Kind.GAP),
        (_a_connection_missed_its_first, Kind.GAP),
        (_a_hole_in_the_log, Kind.GAP),
        (_delivered_under_another_name, Kind.SENDER),
        (_acked_with_another_seq, Kind.SEQ),
        (_acked_with_another_time, Kind.SEQ),
        (_delivered_with_another_seq, Kind.SEQ),
    ],
)
def test_one_fault_is_charged_as_what_it_is(fault: Callable[[Run], None], kind: Kind) -> None:
    run = Run()
    fault(run)

    assert set(run.kinds()) == {kind}


def test_a_gap_that_is_told_is_no_hole() -> None:
    def charges(*, told: bool) -> set[Kind]:
        run, history = Run(), History()
        for entry in run.sent:
            history.sends(ROOM, entry.sender, entry.id, entry.text)
        history.enters("ann-1", LOG, 0)
        history.receives("ann-1", FIRST)
        if told:
            history.moves("ann-1", 3)
        history.receives("ann-1", FOURTH)
        return {charge.kind for charge in history.charges({LOG: run.log})}

    assert charges(told=True) == set()
    assert charges(told=False) == {Kind.GAP}


def test_what_was_forgotten_may_be_stored_and_heard_once_more() -> None:
    again = FIRST._replace(seq=4)
    log = [FIRST, SECOND, THIRD, again]
    history = History()
    for entry in (FIRST, SECOND, THIRD):
        history.sends(ROOM, entry.sender, entry.id, entry.text)
    history.enters("bob-1", LOG, 0)
    for entry in log:
        history.receives("bob-1", entry)

    assert {charge.kind for charge in history.charges({LOG: log})} == {Kind.DUPLICATE}

    history.may_come_again(LOG, "ann", "id-1")

    assert history.charges({LOG: log}) == []


def test_what_an_earlier_epoch_had_still_keeps_its_order() -> None:
    restored = Log(ROOM, "epoch-2")
    turned = [THIRD._replace(seq=1), FIRST._replace(seq=2)]
    history = History()
    for entry in (FIRST, THIRD):
        history.sends(ROOM, "ann", entry.id, entry.text)
    logs = {LOG: [FIRST, THIRD._replace(seq=2)], restored: turned}

    # What was forgotten in one epoch is not forgotten in the other.
    history.may_come_again(LOG, "ann", "id-1")
    assert {charge.kind for charge in history.charges(logs)} == {Kind.ORDER}

    history.may_come_again(restored, "ann", "id-1")
    assert history.charges(logs) == []


@pytest.mark.parametrize(
    ("floor", "room_id", "comes_again"), [(2, "a", True), (1, "a", False), (2, "b", False)]
)
def test_only_what_was_forgotten_in_this_room_comes_again_in_a_later_epoch(
    floor: int, room_id: str, *, comes_again: bool
) -> None:
    rules = Rules(is_open=True, shows_all=True, kept_messages=2, kept_ms=1000)
    restored = Log(ROOM, "epoch-2")
    ledger = Ledger()
    ledger.opens(Kept(LOG, "a", rules, 0, head=0, floor=1))
    ledger.stores(LOG, 1, FIRST)
    ledger.ends(LOG, 2, deleted=False)
    ledger.opens(Kept(restored, room_id, rules, 2, head=1, floor=floor))

    ledger.stores(restored, 3, FIRST._replace(seq=2))

    assert ledger.came_again == ([(restored, "ann", "id-1")] if comes_again else [])


def test_an_ack_of_an_epoch_that_is_over_is_held_against_that_epoch() -> None:
    restored = Log(ROOM, "epoch-2")
    history = History()
    history.sends(ROOM, "ann", "id-1", "one")
    history.acked(LOG, "ann", "id-1", 1, NOON)

    assert history.charges({LOG: [FIRST], restored: []}) == []
    assert {one.kind for one in history.charges({LOG: [], restored: [FIRST]})} == {Kind.LOST}


def test_two_lines_of_one_sender_have_no_order_between_them() -> None:
    def charges(*lines: str) -> set[Kind]:
        history = History()
        for message_id, line in zip(("id-3", "id-1"), lines, strict=True):
            text = {"id-1": "one", "id-3": "three"}[message_id]
            history.sends(ROOM, "ann", message_id, text, line)
        log = [FIRST, THIRD._replace(seq=2)]
        return {charge.kind for charge in history.charges({LOG: log})}

    assert charges("phone", "laptop") == set()
    assert charges("phone", "phone") == {Kind.ORDER}
