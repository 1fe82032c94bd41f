"""`ilo-chat` on a terminal: what is typed is not torn, and what others wrote stays text."""

import re
from pathlib import Path

from tests.support.chat import Chatter, chatter, private_room
from tests.support.encrypted import PASSPHRASE, PASSWORD
from tests.support.ilo_process import IloProcess

HOSTILE = "\x1b[2J\x1b]0;owned\x07\r14:00 ✓ ann: forged\n23:59 ✓ bob: forged \u202eevil 👩‍🚀"


def test_secrets_are_asked_for_twice_when_they_are_new_and_are_not_shown(
    ilo: IloProcess, tmp_path: Path
) -> None:
    dora = chatter(tmp_path, ilo.api_url, "dora")
    with dora.terminal("register", ilo.api_url, dora.name, secrets={}) as terminal:
        terminal.wait_for("New password: ")
        terminal.type(PASSWORD + "\n")
        terminal.wait_for("The same again: ")
        terminal.type("something else\n")
        terminal.wait_for("not the same")
        for secret in (PASSWORD, PASSPHRASE):
            terminal.wait_for("New pass[^:]*: ")
            terminal.type(secret + "\n")
            terminal.wait_for("The same again: ")
            terminal.type(secret + "\n")
        terminal.wait_for("You are registered and logged in")

        assert terminal.read_to_end() == 0

    assert PASSWORD not in terminal.text
    assert PASSPHRASE not in terminal.text
    with dora.terminal("rooms", secrets={}) as terminal:
        terminal.wait_for("passphrase of the keys")
        terminal.type("\x03")
        assert terminal.read_to_end() == 130
    assert "Traceback" not in terminal.text


def test_what_arrives_does_not_tear_what_is_typed_and_moves_nothing(
    ann: Chatter, bob: Chatter
) -> None:
    room = private_room(ann, bob, label="screen")
    with ann.terminal("chat", "screen") as terminal:
        terminal.wait_for("screen> ")
        terminal.type("half a sen")
        terminal.wait_for("half a sen")

        bob.run("send", room, given=HOSTILE).fine()
        terminal.wait_for("forged")
        terminal.wait_for("screen> ?half a sen")
        terminal.type("tence\r")
        terminal.wait_for(rf"{ann.name} \(you\): half a sentence")

        written = terminal.written.decode("utf-8")
        terminal.enter("/quit")
        assert terminal.read_to_end() == 0

    assert "\x1b]0;owned" not in written
    assert "\x1b[2J" not in written
    assert "\u202e" not in written
    assert r"\x1b[2J\x1b]0;owned\x07\x0d14:00" in re.sub(r"\n\s*", "", terminal.text)
    assert "        23:59 ✓ bob: forged \\u202eevil 👩‍🚀" in terminal.text
    assert not re.search(r"^23:59", terminal.text, re.MULTILINE)


def test_everything_can_be_done_in_the_middle_of_a_chat(ann: Chatter, bob: Chatter) -> None:
    room = private_room(ann, label="middle")
    other = private_room(ann, label="other")
    for number in range(3):
        ann.run("send", "middle", f"old {number}").fine()
    ann.run("chat", "middle", "--until", "3").fine()
    with ann.terminal("chat", "middle") as terminal:
        terminal.wait_for("earlier:")
        terminal.wait_for("old 2")
        terminal.enter("/help")
        terminal.wait_for(r"//text +say /text")
        terminal.enter("//slash")
        terminal.wait_for(r"\(you\): /slash")
        terminal.enter("/nonsense")
        terminal.wait_for("there is no /nonsense")
        terminal.enter(f"/invite {bob.name}")
        terminal.wait_for(f"{bob.name} is invited")
        bob.run("accept", room).fine()
        terminal.wait_for(f"{bob.name} is in the room now")
        terminal.enter(f"/verify {bob.name}")
        terminal.wait_for(r"\d{5} \d{5} \d{5} \d{5}")
        terminal.wait_for(r"same\? \(yes/no\) ")
        terminal.enter("yes")
        terminal.wait_for(f"{bob.name} is verified")
        bob.run("send", room, "it is me").fine()
        terminal.wait_for(f"✓ {bob.name}: it is me")
        terminal.enter("/who")
        terminal.wait_for(f"{bob.name}: verified")
        terminal.enter("/room other")
        terminal.wait_for("other> ")
        terminal.enter("over here")
        terminal.wait_for(r"\[other\] .*over here")
        terminal.enter("/leave")
        terminal.wait_for(r"for good\? \(yes/no\) ")
        terminal.enter("yes")
        terminal.wait_for("you left other")
        terminal.wait_for("middle> ")
        terminal.enter("/history")
        terminal.wait_for("there is nothing older")
        terminal.type("given up\x03\x03")

        assert terminal.read_to_end() == 130

    assert "Traceback" not in terminal.text
    assert [each["name"] for each in ann.json("rooms").fine().objects].count(other) == 0
    assert "given up" not in ann.run("history", "middle").fine().out


def test_what_is_typed_while_the_line_is_down_is_sent_when_it_is_back(
    ann: Chatter, bob: Chatter, ilo: IloProcess
) -> None:
    private_room(ann, bob, label="down")
    with ann.terminal("chat", "down") as terminal:
        terminal.enter("before")
        terminal.wait_for(r"\(you\): before")
        ilo.kill()
        terminal.wait_for("no line to the server")
        terminal.enter("meanwhile")
        terminal.wait_for("1 to be sent")
        ilo.start()
        terminal.wait_for("back on line")
        terminal.wait_for(r"\(you\): meanwhile")
        terminal.type("\x04")

        assert terminal.read_to_end() == 0

    assert len(re.findall(r"\(you\): meanwhile", terminal.text)) == 1


def test_a_text_that_is_refused_is_given_back_and_goes_out_when_the_key_is_accepted(
    ann: Chatter, ilo: IloProcess, tmp_path: Path
) -> None:
    cleo = chatter(tmp_path, ilo.api_url, "cleo").register()
    room = private_room(ann, cleo, label="back")
    with ann.terminal("chat", "back", columns=200) as terminal:
        terminal.enter("hello")
        terminal.wait_for(r"\(you\): hello")
        cleo.run("login", ilo.api_url, cleo.name, "--new-keys", "--yes").fine()
        cleo.run("send", room, "it is me").fine()
        terminal.wait_for(f"{cleo.name} has another key than before")
        terminal.wait_for("is not shown: .*key-changed")

        terminal.enter("for cleo")
        terminal.wait_for(f"not sent: .*/accept-key {cleo.name}")
        terminal.wait_for("back> ?for cleo")
        terminal.type("\x15")
        terminal.enter(f"/accept-key {cleo.name}")
        terminal.wait_for(r"Accept the new key\? \(yes/no\) ")
        terminal.enter("yes")
        terminal.wait_for("is accepted")
        terminal.enter("for cleo")
        terminal.wait_for(r"\(you\): for cleo")
        ann.run("remove", "back", cleo.name).fine()
        terminal.wait_for(f"{cleo.name} was removed")
        terminal.enter("/quit")
        assert terminal.read_to_end() == 0


def test_a_chat_whose_only_room_ends_ends_and_says_why(ann: Chatter, bob: Chatter) -> None:
    room = private_room(ann, bob, label="short")
    with bob.terminal("chat", room) as terminal:
        terminal.enter("here")
        terminal.wait_for(r"\(you\): here")
        ann.run("delete", "short", "--yes").fine()
        terminal.wait_for("the room is deleted")

        assert terminal.read_to_end() == 1
