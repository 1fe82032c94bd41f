"""What the tests of both generated relay clients' cursors go through."""

from typing import Any, Final

import pytest

from tests.support.relay_stand_in import EPOCH, id_of, message

HERE: Final = {"since": "41", "epoch": EPOCH}

BAD_CURSORS: Final[tuple[Any, ...]] = (
    pytest.param({"since": 1}, "since", id="since without epoch"),
    pytest.param({"epoch": EPOCH}, "epoch", id="epoch without since"),
    pytest.param({"since": -1, "epoch": EPOCH}, "since", id="before the beginning"),
    pytest.param({"since": 2**53, "epoch": EPOCH}, "since", id="beyond every seq"),
    pytest.param({"since": "1", "epoch": EPOCH}, "since", id="a number as text"),
    pytest.param({"since": True, "epoch": EPOCH}, "since", id="no number"),
    pytest.param({"since": 1, "epoch": EPOCH.upper()}, "epoch", id="in upper case"),
    pytest.param({"since": 1, "epoch": ""}, "epoch", id="no epoch"),
)
"""Members of a cursor against the contract, and the one that is said to be wrong."""

NO_MESSAGES: Final[tuple[Any, ...]] = (
    pytest.param({"type": "head", "seq": 50}, id="head"),
    pytest.param({"type": "presence", "online": 50}, id="presence"),
    pytest.param({"type": "member", "members_version": 50}, id="member"),
    pytest.param({"type": "signal", "sender": "bob", "data": {"seq": 50}}, id="signal"),
    pytest.param({"type": "of another day", "seq": 50}, id="unknown"),
    pytest.param(
        {"type": "ack", "id": id_of(50), "seq": 50, "sent_at": message(50)["sent_at"]},
        id="ack that nobody awaits",
    ),
)
"""Frames that move no cursor."""
