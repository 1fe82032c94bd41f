"""`ilo-chat --help` teaches: each command has an example and says where things are kept."""

import argparse
import importlib
import inspect
import re
import subprocess
from collections.abc import Iterator

import pytest
from ilo_chat.arguments import Parser, parser

from tests.support.chat import CHAT, environment


def commands(of: argparse.ArgumentParser, *words: str) -> Iterator[tuple[tuple[str, ...], Parser]]:
    """Yield every command with its words."""
    for action in of._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, inner in action.choices.items():
                yield (*words, word), inner
                yield from commands(inner, *words, word)


ALL = dict(commands(parser()))


def test_every_command_there_should_be_is_there() -> None:
    top = {words[0] for words in ALL if len(words) == 1}

    assert sorted(top) == [
        *("accept", "accept-key", "chat", "create", "decline", "delete", "history", "invite"),
        *("keys", "label", "leave", "login", "logout", "members", "person", "register", "remove"),
        *("rooms", "send", "verify", "whoami"),
    ]
    assert {words[1] for words in ALL if len(words) == 2} == {"backup", "restore", "rotate"}


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_its_help_shows_an_example_that_is_right(words: tuple[str, ...]) -> None:
    done = subprocess.run(
        [*CHAT, *words, "--help"], env=environment(), capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    examples = re.findall(r"^  .*?\bilo-chat (\S.*)$", done.stdout, re.MULTILINE)
    assert any(example.startswith(" ".join(words)) for example in examples), done.stdout
    for example in examples:
        parser().parse_args([word.strip("'") for word in example.partition(" <")[0].split()])
    if words != ("keys",):
        assert "where things are kept:" in done.stdout
        assert "never an argument" in done.stdout


@pytest.mark.parametrize("words", [words for words in ALL if words != ("keys",)], ids=" ".join)
def test_it_is_run_by_something_and_takes_no_secret(words: tuple[str, ...]) -> None:
    module, _, name = ALL[words].get_default("run").partition(":")
    assert inspect.iscoroutinefunction(getattr(importlib.import_module(module), name))

    for action in ALL[words]._actions:
        said = " ".join([*action.option_strings, action.dest])
        if re.search("pass|secret|api.key", said):
            assert said.endswith("_file"), said
