"""The window while the server goes and comes, and when it is closed."""

import sqlite3
from collections.abc import Callable

from tests.support.desktop import COMES_BACK_S, Desk
from tests.support.friends import Friends
from tests.support.ilo_process import IloProcess

Sit = Callable[..., Desk]


def test_a_server_that_is_killed_is_told_of_and_what_is_said_meanwhile_goes_out_once(
    desk: Desk, friends: Friends, ilo: IloProcess
) -> None:
    bob = friends.do(friends.people.join("bob"))
    page = desk.join("through-the-storm")
    bobs = friends.do(friends.people.enter(bob, "through-the-storm"))
    desk.say("before")
    desk.until_said("before")

    ilo.kill()
    desk.until(lambda: "connection lost" in page.about.whole, "the loss is told")
    desk.say("meanwhile")
    assert [one.text for one in page.talk.outgoing] == ["meanwhile"]
    ilo.start()
    desk.until(lambda: "encrypted" in page.about.whole, "it is back", COMES_BACK_S)

    desk.until_said("before", "meanwhile")
    assert page.talk.outgoing == []
    desk.wait(friends.begin(bobs.send("after")))
    desk.until_said("before", "meanwhile", "after")


def test_who_starts_while_there_is_no_server_gets_in_when_there_is_one(
    desk: Desk, sit_down: Sit, ilo: IloProcess
) -> None:
    desk.join("patience")
    desk.say("hello")
    desk.until_said("hello")
    desk.window.close()
    desk.close()

    ilo.kill()
    again = sit_down()
    again.unlock(expects="no answer")
    ilo.start()
    again.choose("patience")
    again.arrive("patience")

    again.until_said("hello")


def test_closing_the_window_leaves_nothing_open_and_nothing_to_hear_again(
    desk: Desk, sit_down: Sit
) -> None:
    desk.join("closing")
    desk.say("hello")
    desk.until_said("hello")
    worker = desk.window._worker
    assert worker._home is not None
    path = worker._home.memory_path

    desk.window.close()
    desk.close()

    assert worker.is_over
    with sqlite3.connect(path) as db:
        cursors = dict(db.execute("SELECT room, seq FROM cursors").fetchall())
        assert db.execute("SELECT count(*) FROM outbox").fetchone() == (0,)
    db.close()
    assert cursors["closing"] == 1
