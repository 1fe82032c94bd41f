"""`ilo-chat`, command by command, at a real server and as real processes."""

import json
import os
import stat
from pathlib import Path

from tests.support.chat import Chatter, chatter, private_room
from tests.support.ilo_process import IloProcess


def test_two_register_make_a_room_and_read_each_other(ann: Chatter, bob: Chatter) -> None:
    room = private_room(ann, bob, label="greetings")

    seq = ann.run("send", "greetings", "hello?").fine().out
    answer = bob.json("send", room, given="two\nlines 👋\n").fine().object
    found = ann.json("history", "greetings").fine().objects

    assert seq == "1\n"
    assert (answer["seq"], answer["room"]) == (2, room)
    assert [(each["type"], each["sender"], each["text"]) for each in found] == [
        ("message", ann.name, "hello?"),
        ("message", bob.name, "two\nlines 👋"),
    ]
    assert {each["is_plaintext"] for each in found} == {False}
    words = bob.run("history", room, "--limit", "1").fine().out.splitlines()
    assert words[1].endswith(f" {bob.name} (you): two")
    assert words[2] == "        lines 👋"


def test_rooms_members_and_people_are_listed(ann: Chatter, bob: Chatter) -> None:
    room = private_room(ann, bob, label="lists")

    mine = {each["name"]: each for each in ann.json("rooms").fine().objects}
    members = {each["name"]: each for each in ann.json("members", "lists").fine().objects}

    assert (mine[room]["label"], mine[room]["owner"], mine[room]["state"]) == (
        "lists",
        ann.name,
        "joined",
    )
    assert members.keys() == {ann.name, bob.name}
    assert room in ann.run("rooms").fine().out
    assert "(you)" in ann.run("members", "lists").fine().out
    who = ann.json("whoami").fine().object
    assert (who["username"], who["is_logged_in"]) == (ann.name, True)


def test_people_come_and_go(ann: Chatter, bob: Chatter) -> None:
    room = private_room(ann, bob, label="doors")
    bob.run("label", room, "their room").fine()
    assert bob.run("label", "their room").fine().out == '"their room"\n'
    bob.run("leave", "their room").fine()
    assert ann.json("send", "their room", "x").refused().error["code"] == "no-such-room"

    ann.run("invite", "doors", bob.name).fine()
    assert bob.json("chat", room).refused().error["code"] == "invited"
    bob.run("decline", room).fine()
    assert bob.json("decline", room).refused().error["code"] == "no-such-room"
    ann.run("invite", "doors", bob.name).fine()
    bob.run("accept", room).fine()
    ann.run("remove", "doors", bob.name).fine()
    assert bob.json("send", room, "x").refused().error["code"] == "no-such-room"
    assert ann.json("delete", "doors").refused().error["code"] == "not-confirmed"
    ann.run("delete", "doors", "--yes").fine()
    assert ann.json("members", room).refused().error["code"] == "no-such-room"


def test_a_label_of_two_rooms_is_no_name(ann: Chatter) -> None:
    rooms = sorted(private_room(ann, label="twins") for _ in range(2))

    error = ann.json("send", "twins", "to whom?").refused().error

    assert error["code"] == "ambiguous-room"
    assert all(f'"{room}"' in error["detail"] or room in error["detail"] for room in rooms)


def test_an_open_room_is_entered_only_when_told_to(ann: Chatter) -> None:
    assert ann.json("send", "typo", "x").refused().error["code"] == "no-such-room"

    assert ann.json("send", "lobby", "x", "--join").fine().object["seq"] == 1
    assert ann.json("send", "lobby", "y").fine().object["seq"] == 2


def test_what_is_not_encrypted_is_shown_only_when_told_to(ann: Chatter) -> None:
    ann.run("send", "square", "in the open", "--join", "--plaintext").fine()

    [hidden] = ann.json("history", "square").fine().objects
    [shown] = ann.json("history", "square", "--plaintext").fine().objects

    assert (hidden["type"], hidden["code"]) == ("not-shown", "format")
    assert (shown["text"], shown["is_plaintext"]) == ("in the open", True)
    assert "not encrypted" in ann.run("history", "square", "--plaintext").fine().out


def test_both_see_the_same_number_and_verify_it(ann: Chatter, bob: Chatter) -> None:
    assert ann.json("verify", bob.name).refused().error["code"] == "not-confirmed"
    assert ann.json("person", bob.name).fine().object["state"] != "verified"

    mine = ann.json("verify", bob.name, "--yes").fine().object
    theirs = bob.json("person", ann.name).fine().object

    assert mine["state"] == "verified"
    assert mine["safety_number"] == theirs["safety_number"]
    assert len(mine["safety_number"]) == 60
    words = ann.run("verify", bob.name, "--yes").fine().out
    assert mine["safety_number"] in words.replace(" ", "").replace("\n", "")
    assert ann.json("verify", ann.name, "--yes").refused().error["code"] == "yourself"


def test_a_changed_key_stops_sending_until_it_is_accepted(
    ann: Chatter, ilo: IloProcess, tmp_path: Path
) -> None:
    cleo = chatter(tmp_path, ilo.api_url, "cleo").register()
    room = private_room(ann, cleo, label="keys")
    ann.run("send", "keys", "before").fine()
    unsure = cleo.json("login", ilo.api_url, cleo.name, "--new-keys").refused()
    assert unsure.error["code"] == "not-confirmed"
    cleo.run("login", ilo.api_url, cleo.name, "--new-keys", "--yes").fine()

    error = ann.json("send", "keys", "to whom?").refused().error
    assert (error["code"], error["names"]) == ("keys-changed", [cleo.name])
    assert f"ilo-chat accept-key {cleo.name}" in error["detail"]
    assert ann.json("verify", cleo.name, "--yes").refused().error["code"] == "key-changed"

    assert ann.json("accept-key", cleo.name, "--yes").fine().object["state"] == "seen"
    ann.run("send", "keys", "after").fine()
    codes = [each.get("text", each.get("code")) for each in cleo.json("history", room).objects]
    assert codes == ["not-for-me", "after"]
    assert ann.json("accept-key", cleo.name, "--yes").refused().error["code"] == "not-accepted"


def test_keys_go_into_a_file_and_come_back_in_another_folder(
    ann: Chatter, bob: Chatter, tmp_path: Path
) -> None:
    room = private_room(ann, bob, label="backups")
    ann.run("send", "backups", "kept").fine()
    file = tmp_path / "ann.backup"
    secret = {"ILO_BACKUP_PASSPHRASE": "another passphrase"}
    ann.run("keys", "backup", file, more=secret).fine()
    before = file.read_text()

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert ann.json("keys", "backup", file, more=secret).refused().error["code"] == "file-exists"
    assert file.read_text() == before
    ann.run("keys", "rotate").fine()
    file.chmod(0o644)
    ann.run("keys", "backup", file, "--force", more=secret).fine()
    assert file.read_text() != before
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["ann.backup"]

    elsewhere = Chatter(ann.name, tmp_path / "elsewhere", ann.api_url)
    wrong = {"ILO_BACKUP_PASSPHRASE": "wrong"}
    refused = elsewhere.json("keys", "restore", ann.api_url, file, more=wrong).refused()
    assert refused.error["code"] == "passphrase"
    elsewhere.run("keys", "restore", ann.api_url, file, more=secret).fine()
    assert [each["text"] for each in elsewhere.json("history", room).fine().objects] == ["kept"]


def test_who_is_logged_out_is_told_what_to_do(ilo: IloProcess, tmp_path: Path) -> None:
    dora = chatter(tmp_path, ilo.api_url, "dora")
    assert dora.json("rooms").refused().error["code"] == "not-logged-in"
    dora.register()
    dora.run("logout").fine()

    error = dora.json("rooms").refused().error

    assert error["code"] == "not-logged-in"
    assert "ilo-chat login" in error["detail"]
    assert dora.json("whoami").fine().object["is_logged_in"] is False
    wrong = {"ILO_PASSWORD": "Wrong57!Password"}
    refused = Chatter(dora.name, dora.home, ilo.api_url, {**dora.secrets, **wrong})
    bad = refused.json("login", ilo.api_url, dora.name).refused()
    assert bad.error["code"] == "bad-credentials"
    dora.run("login", ilo.api_url, dora.name).fine()
    assert dora.json("rooms").fine().objects == []


def test_what_goes_wrong_is_one_sentence(ann: Chatter, ilo: IloProcess, tmp_path: Path) -> None:
    refusals = [
        ann.run("register", ilo.api_url, "somebody-else").refused(),
        ann.run("keys", "restore", ilo.api_url, "nowhere").refused(),
        ann.run("rooms", "--passphrase-file", "nowhere").refused(),
        ann.run("person", "nobody-there").refused(),
        ann.run("keys", "backup", tmp_path / "no" / "where", more={"ILO_BACKUP_PASSPHRASE": "x"}),
        Chatter(ann.name, ann.home, "", {"ILO_PASSPHRASE": "wrong"}).run("rooms").refused(),
        chatter(tmp_path, "http://127.0.0.1:1", "x").run("register", "http://127.0.0.1:1", "x"),
        ann.run("send", "tea", given=b"\xff").refused(),
    ]

    for refused in refusals:
        assert refused.refused().out == ""
        told = [line for line in refused.err.splitlines() if not line.endswith("…")]
        assert len(told) == 1, refused.err
        assert told[0].startswith("ilo-chat: ")


def test_a_wrong_command_line_ends_with_2(ann: Chatter) -> None:
    assert "ilo-chat --help" in ann.run("nonsense").refused(2).err
    assert ann.json("send").refused(2).error["code"] == "usage"
    assert ann.json("login", "ftp://x", "ann").refused(2).error["code"] == "usage"
    assert ann.json("send", "tea", "").refused(2).error["code"] == "nothing-to-say"


def test_progress_is_told_in_plain_lines_without_a_terminal(
    ilo: IloProcess, tmp_path: Path
) -> None:
    emil = chatter(tmp_path, ilo.api_url, "emil")

    told = emil.run("register", ilo.api_url, emil.name).fine()

    assert "ilo-chat: making keys …" in told.err.splitlines()
    assert "\x1b" not in told.out + told.err
    assert emil.json("keys", "rotate").fine().err == ""
    assert json.loads(emil.json("whoami").out)["username"] == emil.name
