"""Who is online in a room: the first connection, and ten seconds after the last one."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from relay.presence import GRACE_S, Presence
from services.model import UserId, Username

ANN, BOB = UserId(b"a" * 16), UserId(b"b" * 16)
ANNS, BOBS = Username("ann"), Username("bob")


def test_a_user_is_news_with_the_first_connection_alone() -> None:
    presence = Presence()

    assert presence.come(ANN, ANNS) is True
    assert presence.come(ANN, ANNS) is False
    assert presence.come(BOB, BOBS) is True
    assert len(presence) == 2
    assert ANN in presence
    assert not presence.is_changing


def test_ten_seconds_after_the_last_connection_a_user_is_gone_and_not_before() -> None:
    presence = Presence()
    presence.come(ANN, ANNS)
    presence.go(ANN, 100.0)

    assert GRACE_S == 10.0
    assert presence.gone(109.999) == []
    assert len(presence) == 1
    assert presence.gone(110.0) == [(ANN, ANNS)]
    assert presence.gone(200.0) == []
    assert len(presence) == 0
    assert not presence.is_changing
    assert presence.come(ANN, ANNS) is True


def test_who_comes_back_in_time_was_never_away() -> None:
    presence = Presence()
    presence.come(ANN, ANNS)
    presence.go(ANN, 100.0)

    assert presence.come(ANN, ANNS) is False
    assert presence.gone(1000.0) == []
    presence.go(ANN, 1000.0)
    assert presence.gone(1009.0) == []
    assert presence.gone(1010.0) == [(ANN, ANNS)]


def test_those_who_left_first_are_gone_first() -> None:
    presence = Presence()
    presence.come(ANN, ANNS)
    presence.come(BOB, BOBS)
    presence.go(ANN, 100.0)
    presence.go(BOB, 101.0)
    presence.come(ANN, ANNS)
    presence.go(ANN, 102.0)

    assert presence.gone(111.5) == [(BOB, BOBS)]
    assert presence.gone(112.0) == [(ANN, ANNS)]


class AnyComingAndGoing(RuleBasedStateMachine):
    """The model keeps, of each user, how many connections there are and when the last one went."""

    def __init__(self) -> None:
        super().__init__()
        self.presence = Presence()
        self.now_s = 0.0
        self.connections = dict.fromkeys(range(4), 0)
        self.left_at: dict[int, float] = {}

    def is_online(self, who: int) -> bool:
        return self.connections[who] > 0 or who in self.left_at

    @rule(who=st.integers(0, 3))
    def come(self, who: int) -> None:
        news = self.presence.come(UserId(bytes([who])), Username(str(who)))

        assert news != self.is_online(who)
        self.connections[who] += 1
        self.left_at.pop(who, None)

    @rule(who=st.integers(0, 3))
    def go(self, who: int) -> None:
        if self.connections[who]:
            self.connections[who] -= 1
            if not self.connections[who]:
                self.left_at[who] = self.now_s
                self.presence.go(UserId(bytes([who])), self.now_s)

    @rule(seconds=st.integers(0, 12))
    def wait(self, seconds: int) -> None:
        self.now_s += seconds
        over = {who for who, at in self.left_at.items() if self.now_s - at >= 10}

        assert {user[0] for user, _ in self.presence.gone(self.now_s)} == over
        for who in over:
            del self.left_at[who]

    @invariant()
    def as_many_are_online_as_are_there_or_were_a_moment_ago(self) -> None:
        assert len(self.presence) == sum(self.is_online(who) for who in range(4))
        assert self.presence.is_changing == bool(self.left_at)


TestAnyComingAndGoing = AnyComingAndGoing.TestCase
TestAnyComingAndGoing.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
