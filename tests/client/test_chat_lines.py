"""`ilo-chat chat` without a terminal: lines in, JSON out, at a real server that also dies."""

import signal
from pathlib import Path

import pytest

from tests.support.chat import WAIT_S, Chatter, chatter, private_room
from tests.support.ilo_process import IloProcess


def test_every_line_is_said_and_the_end_of_the_input_ends_it(ann: Chatter, bob: Chatter) -> None:
    room = private_room(ann, bob, label="lines")

    done = ann.json("chat", "lines", given="one\n\n@@two\n@lines three").fine()

    said = [each for each in done.objects if each["type"] == "message"]
    assert [each["text"] for each in said] == ["one", "@two", "three"]
    assert {(each["room"], each["message_type"], each["is_own"]) for each in said} == {
        (room, "text", True)
    }
    acked = [each["seq"] for each in done.objects if each["type"] == "sent"]
    assert acked == [each["seq"] for each in said] == [1, 2, 3]
    # No more than was asked for is taken: the rest is for the next time, and nothing comes twice.
    first = bob.json("chat", room, "--until", "2").fine()
    rest = bob.json("chat", room, "--until", "1").fine()
    shown = [each["text"] for each in [*first.objects, *rest.objects] if each["type"] == "message"]
    assert shown == ["one", "@two", "three"]


def test_a_line_for_no_room_of_the_chat_is_refused_and_said_nowhere(
    ann: Chatter, bob: Chatter
) -> None:
    first, second = private_room(ann, bob, label="first"), private_room(ann, label="my second")

    done = ann.json(
        "chat", "first", "my second", given="@my second here\n@bob hi\nthere\n"
    ).refused()

    sent = {(each["room"], each["text"]) for each in done.objects if each["type"] == "message"}
    assert sent == {(second, "here"), (first, "there")}
    assert done.error["code"] == "no-such-room"


def test_what_is_said_while_the_server_is_down_is_stored_once_when_it_is_back(
    ann: Chatter, bob: Chatter, ilo: IloProcess
) -> None:
    room = private_room(ann, bob, label="storm")
    with ann.talking("storm") as anns, bob.talking(room) as bobs:
        anns.say("before")
        bobs.until(type="message", text="before")
        ilo.kill()
        anns.say("meanwhile")
        bobs.say("and here")
        ilo.start()

        for talking in (anns, bobs):
            talking.until(type="back")
        texts = {"before", "meanwhile", "and here"}
        ends = [talking.end() for talking in (anns, bobs)]

    for talking, end in zip((anns, bobs), ends, strict=True):
        end.fine()
        shown = [*talking.seen, *end.objects]
        heard = [each["text"] for each in shown if each["type"] == "message"]
        assert len(heard) == len(set(heard))
        assert set(heard) <= texts
    found = [each["text"] for each in ann.json("history", "storm").fine().objects]
    assert sorted(found) == sorted(texts)
    assert found[0] == "before"


def test_who_is_removed_while_they_chat_is_told_and_nothing_is_lost_silently(
    ann: Chatter, bob: Chatter
) -> None:
    room = private_room(ann, bob, label="exit")
    with bob.talking(room) as bobs:
        bobs.say("here")
        bobs.until(type="message", text="here")

        ann.run("remove", "exit", bob.name).fine()
        code = bobs.process.wait(60)
        end = bobs.end()

    assert code == 1
    assert end.refused().errors[-1]["code"] == "not-a-member"
    assert end.errors[-1]["room"] == room


def test_a_changed_key_is_told_and_the_text_given_back(
    ann: Chatter, ilo: IloProcess, tmp_path: Path
) -> None:
    cleo = chatter(tmp_path, ilo.api_url, "cleo").register()
    room = private_room(ann, cleo, label="keys")
    with ann.talking("keys") as anns:
        anns.say("before")
        anns.until(type="message", text="before")
        cleo.run("login", ilo.api_url, cleo.name, "--new-keys", "--yes").fine()
        cleo.run("send", room, "it is me").fine()
        anns.until(type="change", kind="key-changed", name=cleo.name)
        anns.until(type="not-shown", sender=cleo.name, code="key-changed")

        anns.say("a secret")
        end = anns.end().refused()

    error = next(each for each in end.errors if "text" in each)
    assert (error["code"], error["text"], error["is_kept"]) == ("keys-changed", "a secret", False)
    said = ann.json("history", "keys").fine().objects
    assert "a secret" not in [each.get("text") for each in said]


def test_who_stops_reading_ends_it_without_a_traceback(ann: Chatter) -> None:
    private_room(ann, label="pipe")
    process = ann.popen("chat", "pipe")
    for stream in (process.stdout, process.stdin):
        assert stream is not None
    assert process.stdout is not None
    process.stdout.close()

    process.stdin.write("hello?\n" * 3)  # type: ignore[union-attr]
    process.stdin.close()  # type: ignore[union-attr]
    assert process.stderr is not None
    told = process.stderr.read()
    process.stderr.close()

    assert process.wait(60) == 1
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)
def test_who_ends_it_by_a_signal_loses_nothing_and_sees_no_traceback(
    ann: Chatter, bob: Chatter, number: signal.Signals, code: int
) -> None:
    room = private_room(ann, bob, label=f"until {number.name}")
    with ann.talking(room) as anns:
        anns.say("before")
        anns.until(type="message", text="before")

        anns.process.send_signal(number)
        # Before the end of its input, which would end it as well.
        anns.process.wait(WAIT_S)
        done = anns.end().refused(code)

    assert done.err == ""
    again = ann.json("chat", room, given="after").fine()
    assert [each["text"] for each in again.objects if each["type"] == "message"] == ["after"]
    heard = bob.json("chat", room, "--until", "2").fine()
    shown = [each for each in heard.objects if each["type"] == "message"]
    assert [each["text"] for each in shown] == ["before", "after"]
    assert [each["warnings"] for each in shown] == [[], []]
