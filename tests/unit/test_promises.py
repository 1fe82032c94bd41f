"""What is told to one connection, against a ledger: right is passed, each fault has its kind."""

from collections.abc import Callable

import pytest

from tests.support.history import Entry, Kind, Log
from tests.support.ledger import Kept, Ledger, Rules
from tests.support.promises import Asked, Gap, Page, Promises, Visit

LOG = Log("tea", "epoch-1")
ROOM = "room-1"
NOON, ONE = "2026-01-02T12:00:00.000Z", "2026-01-02T13:00:00.000Z"


class Tea:
    """A private room with six messages, one a second from the first second on, of which two are
    forgotten in the tenth; Bob joined after the third. He comes in at 20 s."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.promises = Promises(self.ledger)
        rules = Rules(is_open=False, shows_all=False, kept_messages=4, kept_ms=3_600_000)
        self.ledger.opens(Kept(LOG, ROOM, rules, 0, head=0, floor=1))
        self.ledger.joins(ROOM, "ann", 0, 0)
        self.entries = [Entry(seq, f"id-{seq}", "ann", NOON, "hello") for seq in range(1, 7)]
        for entry in self.entries:
            self.ledger.stores(LOG, entry.seq * 1000, entry)
            if entry.seq == 3:
                self.ledger.joins(ROOM, "bob", 3, 3500)
        self.ledger.raises_floor(LOG, 10_000, 3, NOON)
        self.visit = Visit("bob-1", "bob", 20_000, None, None)

    def come(self, since: int | None = None, head: int = 6, floor: int = 4, **told: bool) -> None:
        self.visit.since, self.visit.epoch = since, None if since is None else LOG.epoch
        recovered = told.get("recovered", since is not None and floor - 1 <= since <= head)
        self.promises.welcomed(self.visit, LOG, head, floor, recovered=recovered, now_ms=20_100)

    def look_back(self, seqs: range, *, before: int | None = None, more: bool = False) -> None:
        entries = [self.entries[seq - 1] for seq in seqs]
        self.promises.looked_back(self.visit, Asked(before, 50, 21_000), entries, more=more)

    def read(self, seqs: range, after: int = 0, *, more: bool = False) -> None:
        page = Page(after, 50, 21_000, 4, 6, more)
        self.promises.read("bob", LOG, page, [self.entries[seq - 1] for seq in seqs])

    def kinds(self) -> set[Kind]:
        return {charge.kind for charge in self.ledger.charges + self.promises.charges}


def _newcomer(tea: Tea) -> None:
    tea.come()
    tea.look_back(range(4, 7))
    tea.look_back(range(4, 6), before=6)
    tea.read(range(4, 7))


def _resumed(tea: Tea) -> None:
    tea.come(since=4)
    tea.promises.given(tea.visit, 5)
    tea.promises.given(tea.visit, 6)


def _resumed_below_the_floor(tea: Tea) -> None:
    tea.come(since=1)
    tea.promises.told_gap(tea.visit, Gap(2, 3, "retention"))
    tea.promises.given(tea.visit, 4)


def _slow_reader(tea: Tea) -> None:
    tea.come(since=4)
    tea.ledger.stores(LOG, 22_000, Entry(7, "id-7", "ann", NOON, "hello"))
    tea.ledger.stores(LOG, 22_000, Entry(8, "id-8", "ann", NOON, "hello"))
    tea.ledger.raises_floor(LOG, 23_000, 6, ONE)
    tea.promises.told_gap(tea.visit, Gap(5, 5, "retention"))


def _removed_and_told(tea: Tea) -> None:
    tea.come()
    tea.ledger.leaves(ROOM, "bob", 30_000)
    tea.ledger.told(ROOM, "bob", 30_000)
    tea.ledger.stores(LOG, 31_000, Entry(7, "id-7", "ann", NOON, "hello"))
    tea.promises.given(tea.visit, 7)
    tea.promises.hung_up(tea.visit, 4403)


@pytest.mark.parametrize(
    "story", [_newcomer, _resumed, _resumed_below_the_floor, _slow_reader, _removed_and_told]
)
def test_what_is_right_is_not_charged(story: Callable[[Tea], None]) -> None:
    tea = Tea()
    story(tea)

    assert tea.promises.charges == []
    assert tea.ledger.charges == []


def _head_of_before(tea: Tea) -> None:
    tea.come(head=5)


def _floor_of_after(tea: Tea) -> None:
    tea.come(floor=5)


def _recovered_with_a_gap(tea: Tea) -> None:
    tea.come(since=1, recovered=True)


def _gap_not_said(tea: Tea) -> None:
    tea.come(since=1)
    tea.promises.given(tea.visit, 4)


def _gap_of_another_kind(tea: Tea) -> None:
    tea.come(since=9)
    tea.promises.told_gap(tea.visit, Gap(7, 9, "retention"))


def _gap_of_what_was_readable(tea: Tea) -> None:
    tea.come(since=4)
    tea.promises.told_gap(tea.visit, Gap(5, 5, "retention"))


def _more_where_there_is_none(tea: Tea) -> None:
    tea.come()
    tea.look_back(range(4, 7), more=True)


def _let_in_without_joining(tea: Tea) -> None:
    tea.visit.user = "eve"
    tea.come(floor=3)


def _given_from_before_joining(tea: Tea) -> None:
    tea.come()
    tea.promises.given(tea.visit, 3)


def _history_from_before_joining(tea: Tea) -> None:
    tea.come()
    tea.look_back(range(3, 7))


def _page_from_before_joining(tea: Tea) -> None:
    tea.read(range(3, 7))


def _given_long_after_removal(tea: Tea) -> None:
    _removed_and_told(tea)
    tea.ledger.stores(LOG, 33_000, Entry(8, "id-8", "ann", NOON, "hello"))
    tea.promises.given(tea.visit, 8)


def _history_ends_too_early(tea: Tea) -> None:
    tea.come()
    tea.look_back(range(4, 6))


def _history_out_of_order(tea: Tea) -> None:
    tea.come()
    tea.promises.looked_back(
        tea.visit,
        Asked(None, 50, 21_000),
        [tea.entries[3], tea.entries[5], tea.entries[4], tea.entries[5]],
        more=False,
    )


def _history_of_nobody(tea: Tea) -> None:
    tea.come()
    tea.entries[5] = tea.entries[5]._replace(text="bye")
    tea.look_back(range(4, 7))


def _forgotten_before_its_time(tea: Tea) -> None:
    tea.ledger.raises_floor(LOG, 11_000, 4, NOON)


def _kept_for_ever(tea: Tea) -> None:
    tea.ledger.ends_with(LOG, tea.entries[:5])


def _told_to_go_as_a_member(tea: Tea) -> None:
    tea.come()
    tea.promises.hung_up(tea.visit, 4403)


def _told_of_a_deletion_that_was_not(tea: Tea) -> None:
    tea.come()
    tea.promises.hung_up(tea.visit, 4410)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (_head_of_before, Kind.LIE),
        (_floor_of_after, Kind.LIE),
        (_recovered_with_a_gap, Kind.LIE),
        (_gap_not_said, Kind.LIE),
        (_gap_of_another_kind, Kind.LIE),
        (_gap_of_what_was_readable, Kind.LIE),
        (_more_where_there_is_none, Kind.LIE),
        (_let_in_without_joining, Kind.LEAK),
        (_given_from_before_joining, Kind.LEAK),
        (_history_from_before_joining, Kind.LEAK),
        (_page_from_before_joining, Kind.LEAK),
        (_given_long_after_removal, Kind.LEAK),
        (_history_ends_too_early, Kind.GAP),
        (_history_out_of_order, Kind.ORDER),
        (_history_of_nobody, Kind.PHANTOM),
        (_forgotten_before_its_time, Kind.GONE),
        (_kept_for_ever, Kind.GONE),
        (_told_to_go_as_a_member, Kind.END),
        (_told_of_a_deletion_that_was_not, Kind.END),
    ],
)
def test_one_fault_is_charged_as_what_it_is(fault: Callable[[Tea], None], kind: Kind) -> None:
    tea = Tea()
    fault(tea)

    assert tea.kinds() == {kind}


def test_an_old_message_may_be_forgotten_for_its_age_alone() -> None:
    tea = Tea()
    tea.ledger.raises_floor(LOG, 11_000, 7, ONE)

    assert tea.kinds() == set()


def test_who_left_unheard_may_hear_the_room_until_the_relay_has_asked_again() -> None:
    tea = Tea()
    tea.ledger.leaves(ROOM, "bob", 30_000)

    assert tea.ledger.may_hear(ROOM, "bob", 20_000, 89_000)
    assert not tea.ledger.may_hear(ROOM, "bob", 20_000, 91_000)
    # The store did not answer when it was asked: once more, then.
    tea.ledger.blind_ms = 60_000
    assert tea.ledger.may_hear(ROOM, "bob", 20_000, 91_000)
