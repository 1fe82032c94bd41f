"""What no test saw fails a whole run, and so does a reason that is none."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from spec import load_asyncapi, load_openapi
from tests.support.seen import KINDS, MAX_NEVER_SEEN, Seen, Things, declared, is_whole

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[2]
SMALL: Things = {**{kind: set() for kind in KINDS}, "close": {"1000", "4401"}, "error": {"rate"}}
ALL_OF_IT: Mapping[str, set[str]] = {"close": {"1000", "4401"}, "error": {"rate"}}

# A suite that sees what the environment says, in a project that declares little.
CONFTEST = """
import tests.support.seen as seen

small = {kind: set() for kind in seen.KINDS}
seen.declared = lambda: {**small, "close": {"1000", "4401"}}
seen.NEVER_SEEN = {}
"""
SUITE = """
from tests.support.seen import saw


def test_one():
    saw("close", "1000")


def test_other():
    saw("close", "4401")
"""


def seen(things: Mapping[str, set[str]], reasons: Mapping[tuple[str, str], str]) -> Seen:
    made = Seen(SMALL, reasons)
    made.add(things)
    return made


def test_what_is_declared_is_read_from_the_contracts() -> None:
    things = declared()

    assert set(things) == set(KINDS)
    assert all(things.values())
    assert {"get_user 404", "create_key 201"} <= things["reply"]
    assert things["problem"] == set(load_openapi()["x-problems"])
    assert things["frame"] == set(load_asyncapi()["components"]["messages"])
    assert {"MessageIn.data.message", "Welcome.limits.frame_bytes"} <= things["member"]
    assert {"Gap.reason ahead", "Member.event joined"} <= things["value"]
    assert "403 not-a-member" in things["refusal"]
    assert "4401" in things["close"]
    assert "bad-frame" in things["error"]


def test_a_run_that_saw_everything_has_no_fault() -> None:
    assert list(seen(ALL_OF_IT, {}).faults()) == []


def test_what_was_never_seen_is_named() -> None:
    made = seen({"close": {"1000"}, "error": {"rate"}}, {})

    assert list(made.faults()) == ["never seen: close 4401"]
    assert "close       1 /    2" in list(made.table())


def test_what_nothing_declares_does_not_count() -> None:
    made = seen({**ALL_OF_IT, "reply": {"None 404"}}, {})

    assert list(made.faults()) == []
    assert "reply       0 /    0" in list(made.table())


def test_a_reason_excuses_what_was_not_seen() -> None:
    made = seen({"close": {"1000"}, "error": {"rate"}}, {("close", "4401"): "a reason"})

    assert list(made.faults()) == []


def test_a_reason_for_what_was_seen_is_stale() -> None:
    [fault] = seen(ALL_OF_IT, {("close", "4401"): "a reason"}).faults()

    assert fault == "seen, though never_seen.py says it is not: close 4401"


def test_a_reason_for_what_nothing_declares_is_stale() -> None:
    [fault] = seen(ALL_OF_IT, {("close", "4499"): "a reason"}).faults()

    assert fault == "not declared, though never_seen.py has it: close 4499"


def test_reasons_are_few() -> None:
    things = {str(number) for number in range(MAX_NEVER_SEEN + 1)}
    made = Seen({**SMALL, "close": things}, {("close", thing): "a reason" for thing in things})
    made.add({"error": {"rate"}})

    assert list(made.faults()) == [f"never_seen.py has more than {MAX_NEVER_SEEN} entries"]


@pytest.fixture(autouse=True)
def no_other_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """They would take longer to start than these tests take."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A small project whose one suite sees all that it declares."""
    monkeypatch.setenv("PYTHONPATH", f"{pytester.path}:{ROOT}")
    pytester.makepyfile(declares_little=CONFTEST, test_suite=SUITE)
    pytester.makeini("[pytest]\naddopts = -p declares_little -p tests.support.seen\n")
    return pytester


def run(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return project.run(sys.executable, "-m", "pytest", "-p", "xdist", *arguments)


def test_what_two_workers_have_seen_is_added_up(project: pytest.Pytester) -> None:
    result = run(project, "-n", "2")

    assert result.ret == 0
    result.stdout.fnmatch_lines(["close*2 /*2"])


def test_a_whole_run_that_has_not_seen_everything_fails(project: pytest.Pytester) -> None:
    project.makepyfile(test_suite=SUITE.replace('saw("close", "4401")', "pass"))

    result = run(project)

    assert result.ret == 1
    result.stdout.fnmatch_lines(["close*1 /*2", "never seen: close 4401"])


def test_a_part_of_the_run_only_counts(project: pytest.Pytester) -> None:
    result = run(project, "-k", "one")

    assert result.ret == 0
    result.stdout.fnmatch_lines(["close*1 /*2"])
    result.stdout.no_fnmatch_line("never seen*")


@pytest.mark.parametrize(
    "arguments",
    [
        ("-k", "one"),
        ("test_suite.py",),
        ("-m", "not slow"),
        ("--deselect", "test_suite.py::test_one"),
        ("--ignore", "test_suite.py"),
        ("--lf",),
        ("--collect-only",),
    ],
    ids=" ".join,
)
def test_a_part_is_known_by_its_arguments(
    pytester: pytest.Pytester, arguments: tuple[str, ...]
) -> None:
    pytester.makepyfile(test_suite=SUITE)

    assert is_whole(pytester.parseconfig("-q"))
    assert not is_whole(pytester.parseconfig(*arguments))
