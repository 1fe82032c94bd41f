"""Rates under a clock that stands still until it is moved.

The clock moves in quarters of a second: instants and windows are then exact in floats, and
"at most" can be tested to the instant.
"""

import math
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services import guesses as guesses_module
from services.errors import TooManyTries
from services.guesses import Guesses, RateWindow
from services.limits import Rates

ANN = "hash of ann"
BOB = "hash of bob"
HOME = "198.51.100.7"
WORK = "203.0.113.9"
WINDOW_S = Rates().login_failure_window_s


class Watch:
    """A monotonic clock; begins somewhere, as those do."""

    def __init__(self) -> None:
        self.now_s = 86_400.25

    def __call__(self) -> float:
        return self.now_s


def fail(guesses: Guesses, account: str, source: str, times: int = 1) -> None:
    for _ in range(times):
        guesses.check(account, source)
        guesses.failed(account, source)


def retry_after_s(guesses: Guesses, account: str, source: str) -> int:
    """How long one has to wait; 0 when the try passes (it is withdrawn then)."""
    try:
        guesses.check(account, source)
    except TooManyTries as refusal:
        return refusal.retry_after_s
    guesses.withdrawn(account, source)
    return 0


def test_after_10_failures_for_an_account_a_source_waits() -> None:
    guesses = Guesses(Rates(), Watch())

    fail(guesses, ANN, HOME, 9)
    assert retry_after_s(guesses, ANN, HOME) == 0
    fail(guesses, ANN, HOME)

    assert retry_after_s(guesses, ANN, HOME) == WINDOW_S
    assert retry_after_s(guesses, ANN, WORK) == 0
    assert retry_after_s(guesses, BOB, HOME) == 0


def test_the_wait_counts_down_and_ends_when_it_said() -> None:
    watch = Watch()
    guesses = Guesses(Rates(), watch)
    fail(guesses, ANN, HOME, 10)

    watch.now_s += 299.25
    assert retry_after_s(guesses, ANN, HOME) == 1
    watch.now_s += 0.75

    assert retry_after_s(guesses, ANN, HOME) == 0


def test_the_wait_grows_up_to_15_minutes() -> None:
    watch = Watch()
    guesses = Guesses(Rates(), watch)

    waits: list[int] = []
    for _ in range(5):
        fail(guesses, ANN, HOME, 10)
        waits.append(retry_after_s(guesses, ANN, HOME))
        watch.now_s += waits[-1]

    assert waits == [300, 600, 900, 900, 900]


def test_a_wait_is_short_again_after_15_quiet_minutes() -> None:
    watch = Watch()
    guesses = Guesses(Rates(), watch)
    fail(guesses, ANN, HOME, 10)
    watch.now_s += 300
    fail(guesses, ANN, HOME, 10)

    watch.now_s += 600 + 900
    fail(guesses, ANN, HOME, 10)

    assert retry_after_s(guesses, ANN, HOME) == 300


def test_failures_older_than_the_window_do_not_count() -> None:
    watch = Watch()
    guesses = Guesses(Rates(), watch)
    fail(guesses, ANN, HOME, 9)

    watch.now_s += WINDOW_S
    fail(guesses, ANN, HOME, 9)

    assert retry_after_s(guesses, ANN, HOME) == 0


def test_a_right_password_forgives_the_source_its_failures_for_that_account() -> None:
    guesses = Guesses(Rates(), Watch())
    fail(guesses, ANN, HOME, 9)

    guesses.check(ANN, HOME)
    guesses.succeeded(ANN, HOME)
    fail(guesses, ANN, HOME, 9)

    assert retry_after_s(guesses, ANN, HOME) == 0


def test_one_right_password_does_not_clear_the_way_for_guessing_others() -> None:
    guesses = Guesses(Rates(), Watch())
    for victim in range(99):
        fail(guesses, f"victim {victim}", HOME)

    guesses.check(BOB, HOME)
    guesses.succeeded(BOB, HOME)
    fail(guesses, "victim 99", HOME)

    assert retry_after_s(guesses, BOB, HOME) == WINDOW_S


def test_after_100_failures_from_anywhere_who_failed_for_the_account_waits() -> None:
    guesses = Guesses(Rates(), Watch())

    for number in range(100):
        fail(guesses, ANN, f"source {number}")

    assert retry_after_s(guesses, ANN, "source 0") == WINDOW_S
    assert retry_after_s(guesses, BOB, "source 0") == 0


def test_no_account_is_locked_a_new_source_has_one_try() -> None:
    watch = Watch()
    guesses = Guesses(Rates(), watch)
    for number in range(500):
        fail(guesses, ANN, f"source {number}")

    guesses.check(ANN, HOME)
    with pytest.raises(TooManyTries):
        guesses.check(ANN, HOME)
    guesses.failed(ANN, HOME)

    assert retry_after_s(guesses, ANN, HOME) == WINDOW_S
    assert retry_after_s(guesses, ANN, WORK) == 0
    # However long the account's own wait has grown, its turn comes again after a window.
    watch.now_s += WINDOW_S
    assert retry_after_s(guesses, ANN, HOME) == 0


def test_the_one_try_is_a_real_one_and_can_succeed() -> None:
    guesses = Guesses(Rates(), Watch())
    for number in range(100):
        fail(guesses, ANN, f"source {number}")

    guesses.check(ANN, HOME)
    guesses.succeeded(ANN, HOME)

    assert retry_after_s(guesses, ANN, HOME) == 0


def test_after_100_failures_a_source_waits_whatever_the_account() -> None:
    guesses = Guesses(Rates(), Watch())

    for number in range(100):
        fail(guesses, f"account {number}", HOME)

    assert retry_after_s(guesses, BOB, HOME) == WINDOW_S
    assert retry_after_s(guesses, "account 0", WORK) == 0


def test_tries_on_their_way_count_so_many_at_once_get_no_further() -> None:
    guesses = Guesses(Rates(), Watch())

    for _ in range(10):
        guesses.check(ANN, HOME)
    with pytest.raises(TooManyTries) as refused:
        guesses.check(ANN, HOME)
    for _ in range(10):
        guesses.failed(ANN, HOME)

    assert refused.value.retry_after_s == 1
    assert retry_after_s(guesses, ANN, HOME) == WINDOW_S


def test_a_try_without_an_answer_leaves_no_trace() -> None:
    guesses = Guesses(Rates(), Watch())

    for _ in range(200):
        guesses.check(ANN, HOME)
        guesses.withdrawn(ANN, HOME)

    fail(guesses, ANN, HOME, 9)
    assert retry_after_s(guesses, ANN, HOME) == 0


@pytest.mark.parametrize("error", [LookupError, KeyboardInterrupt])
def test_a_guess_that_breaks_off_is_withdrawn(error: type[BaseException]) -> None:
    guesses = Guesses(Rates(login_failures_per_account_and_source=1), Watch())

    with pytest.raises(error), guesses.guess(ANN, HOME):
        raise error

    assert retry_after_s(guesses, ANN, HOME) == 0


def test_a_guess_ends_as_it_turned_out() -> None:
    guesses = Guesses(Rates(login_failures_per_account_and_source=2), Watch())

    for right in (False, True, False):
        with guesses.guess(ANN, HOME) as guess:
            guess.right = right
    assert retry_after_s(guesses, ANN, HOME) == 0
    with guesses.guess(ANN, HOME) as guess:
        guess.right = False

    assert retry_after_s(guesses, ANN, HOME) == WINDOW_S


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guesses_module, "MAX_COUNTED", 50)
    watch = Watch()
    guesses = Guesses(Rates(), watch)

    for number in range(1000):
        watch.now_s += 0.25
        fail(guesses, f"account {number}", f"source {number}")
        assert remembered(guesses) <= 3 * 50

    assert remembered(guesses) == 3 * 50
    # What was counted last is still known.
    fail(guesses, "account 999", "source 999", 9)
    assert retry_after_s(guesses, "account 999", "source 999") == WINDOW_S


def test_what_was_counted_again_is_remembered_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guesses_module, "MAX_COUNTED", 2)
    guesses = Guesses(Rates(login_failures_per_account_and_source=2), Watch())
    window = RateWindow(2, 3600, Watch())

    for source in (HOME, WORK, HOME, "198.51.100.8"):
        fail(guesses, ANN, source)
        window.take(source)

    assert retry_after_s(guesses, ANN, HOME) == WINDOW_S
    with pytest.raises(TooManyTries):
        window.take(HOME)
    window.take(WORK)
    window.take(WORK)


def test_a_longest_wait_below_the_window_is_kept() -> None:
    watch = Watch()
    guesses = Guesses(Rates(login_failure_window_s=300, login_retry_after_max_s=5), watch)
    fail(guesses, ANN, HOME, 10)
    assert retry_after_s(guesses, ANN, HOME) == 5

    watch.now_s += 5

    assert retry_after_s(guesses, ANN, HOME) == 0


def test_what_has_no_effect_any_more_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch()
    guesses = Guesses(Rates(), watch)
    for number in range(100):
        fail(guesses, f"account {number}", f"source {number}")

    watch.now_s += WINDOW_S + 0.25
    for _ in range(100):
        watch.now_s += WINDOW_S + 0.25
        fail(guesses, ANN, HOME)

    assert remembered(guesses) == 3


def test_tries_that_pass_or_are_refused_leave_nothing_behind() -> None:
    guesses = Guesses(Rates(login_failures_per_account=0), Watch())

    for number in range(100):
        guesses.check(ANN, f"source {number}")
        guesses.succeeded(ANN, f"source {number}")

    assert remembered(guesses) == 0


def remembered(guesses: Guesses) -> int:
    counters = (guesses._pairs, guesses._accounts, guesses._sources)
    assert not any(counter._under_way for counter in counters)
    return sum(len(counter._records) for counter in counters)


SMALL = Rates(
    login_failures_per_account_and_source=3,
    login_failures_per_account=5,
    login_failures_per_source=6,
    login_failure_window_s=10,
    login_retry_after_max_s=25,
)
accounts = st.sampled_from(["a", "b", "c"])
sources = st.sampled_from(["1", "2", "3", "4"])


class ManyGuessers(RuleBasedStateMachine):
    """Whatever anybody does in whatever order, the promises hold."""

    def __init__(self) -> None:
        super().__init__()
        self.watch = Watch()
        self.guesses = Guesses(SMALL, self.watch)
        self.under_way: list[tuple[str, str]] = []
        self.pair_failures: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
        self.source_failures: defaultdict[str, list[float]] = defaultdict(list)

    @rule(quarters=st.integers(0, 60))
    def time_passes(self, quarters: int) -> None:
        self.watch.now_s += quarters / 4

    @rule(account=accounts, source=sources)
    def begins(self, account: str, source: str) -> None:
        waits_s = retry_after_s(self.guesses, account, source)
        assert 0 <= waits_s <= SMALL.login_retry_after_max_s
        if waits_s == 0:
            self.guesses.check(account, source)
            self.under_way.append((account, source))

    @rule(account=accounts, source=sources, times=st.integers(1, 4))
    def fails_at_once(self, account: str, source: str, times: int) -> None:
        for _ in range(times):
            try:
                self.guesses.check(account, source)
            except TooManyTries:
                return
            self._fail(account, source)

    @rule(data=st.data(), outcome=st.sampled_from(["failed", "succeeded", "withdrawn"]))
    def ends(self, data: st.DataObject, outcome: str) -> None:
        if not self.under_way:
            return
        number = data.draw(st.integers(0, len(self.under_way) - 1))
        account, source = self.under_way.pop(number)
        match outcome:
            case "failed":
                self._fail(account, source)
            case "succeeded":
                self.guesses.succeeded(account, source)
                self.pair_failures.pop((account, source), None)
            case _:
                self.guesses.withdrawn(account, source)

    def _fail(self, account: str, source: str) -> None:
        self.guesses.failed(account, source)
        self.pair_failures[account, source].append(self.watch.now_s)
        self.source_failures[source].append(self.watch.now_s)

    @invariant()
    def no_pair_fails_more_often_than_it_may(self) -> None:
        for failed_at_s in self.pair_failures.values():
            assert most_within(failed_at_s, 10) <= 3

    @invariant()
    def no_source_fails_more_often_than_it_may(self) -> None:
        for failed_at_s in self.source_failures.values():
            assert most_within(failed_at_s, 10) <= 6

    @invariant()
    def a_source_that_never_failed_may_try_any_account(self) -> None:
        for account in ("a", "b", "c"):
            assert retry_after_s(self.guesses, account, "somebody new") == 0

    @rule(account=accounts, source=sources)
    def who_waits_as_told_may_try(self, account: str, source: str) -> None:
        if self.under_way:
            return
        self.watch.now_s += retry_after_s(self.guesses, account, source)
        assert retry_after_s(self.guesses, account, source) == 0


def most_within(instants: list[float], window_s: float) -> int:
    """The largest number of instants that fit into one window, its end excluded."""
    return max(
        (sum(begin <= at < begin + window_s for at in instants) for begin in instants),
        default=0,
    )


ManyGuessers.TestCase.settings = settings(max_examples=80, stateful_step_count=60, deadline=None)
test_whatever_guessers_do_the_promises_hold = ManyGuessers.TestCase


def test_a_source_may_do_it_20_times_an_hour() -> None:
    watch = Watch()
    window = RateWindow(20, 3600, watch)
    for _ in range(20):
        window.take(HOME)

    watch.now_s += 600
    with pytest.raises(TooManyTries) as refused:
        window.take(HOME)

    assert refused.value.retry_after_s == 3000
    window.take(WORK)
    watch.now_s += 3000
    window.take(HOME)


@given(
    st.lists(st.tuples(st.integers(0, 40), st.sampled_from([HOME, WORK])), min_size=1, max_size=80)
)
def test_no_window_of_time_holds_more_than_the_count(steps: list[tuple[int, str]]) -> None:
    watch = Watch()
    window = RateWindow(4, 10, watch)
    taken: defaultdict[str, list[float]] = defaultdict(list)
    for quarters, source in steps:
        watch.now_s += quarters / 4
        recent = [at for at in taken[source] if at > watch.now_s - 10]
        if len(recent) < 4:
            window.take(source)
            taken[source].append(watch.now_s)
            continue
        with pytest.raises(TooManyTries) as refused:
            window.take(source)
        assert refused.value.retry_after_s == math.ceil(recent[0] + 10 - watch.now_s) >= 1
    assert all(most_within(instants, 10) <= 4 for instants in taken.values())


def test_the_sources_a_window_remembers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guesses_module, "MAX_COUNTED", 50)
    watch = Watch()
    window = RateWindow(1, 3600, watch)

    for number in range(1000):
        watch.now_s += 0.25
        window.take(f"source {number}")

    assert len(window._taken) == 50
    with pytest.raises(TooManyTries):
        window.take("source 999")


def test_a_count_of_0_refuses_everybody_and_remembers_nobody() -> None:
    window = RateWindow(0, 3600, Watch())

    for number in range(3):
        with pytest.raises(TooManyTries):
            window.take(f"source {number}")

    assert len(window._taken) == 0
