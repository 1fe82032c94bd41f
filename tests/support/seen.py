"""A pytest plugin that counts what the tests saw, beside what the contracts declare.

A test, or what tests are built on, says ``saw(kind, thing)``. What can be seen is read from
the contracts alone:

- ``reply``: an answer of the API, ``get_user 404``
- ``problem``: a problem of ``x-problems``, by its slug
- ``frame``: a message of asyncapi.yaml, by its key there, ``MessageIn``
- ``member``: a member of such a message, ``MessageIn.data.message``
- ``value``: one that such a member may have, ``Gap.reason ahead``
- ``refusal``: a refused handshake, ``403 not-a-member``
- ``close``: a close code, ``4401``
- ``error``: the code of an ``error`` frame, ``bad-frame``

The end of a run prints a table of both. After a whole run, what was declared and never seen
fails it, unless ``tests/support/never_seen.py`` gives the reason; so does a reason for what
was seen after all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

import pytest

from spec import load_asyncapi, load_openapi
from tests.support.never_seen import NEVER_SEEN

KINDS: Final = ("reply", "problem", "frame", "member", "value", "refusal", "close", "error")
MAX_NEVER_SEEN: Final = 10

Things = dict[str, set[str]]
"""By kind."""

_seen: Things = {kind: set() for kind in KINDS}


def saw(kind: str, thing: str) -> None:
    """Count ``thing``; what the contracts do not declare counts for nothing.

    Raises:
        KeyError: there is no such kind.
    """
    _seen[kind].add(thing)


def saw_frame(message: str, payload: Mapping[str, Any]) -> None:
    """Count a frame that is the ``message`` of asyncapi.yaml, and each member that it has."""
    saw("frame", message)
    for member in _members_of(payload):
        saw("member", f"{message}.{member}")
    for member, _ in _choices()[message]:
        if member in payload:
            saw("value", f"{message}.{member} {payload[member]}")


def declared() -> Things:
    """Return what can be seen, as the contracts declare it."""
    return {**_declared_by_rest(load_openapi()), **_declared_by_relay(load_asyncapi())}


def _declared_by_rest(document: dict[str, Any]) -> Things:
    return {
        "reply": {
            f"{operation['operationId']} {status}"
            for path in document["paths"].values()
            for method, operation in path.items()
            if method != "parameters"
            for status in operation["responses"]
        },
        "problem": set(document["x-problems"]),
    }


def _declared_by_relay(document: dict[str, Any]) -> Things:
    room = document["channels"]["room"]
    messages = document["components"]["messages"]
    return {
        "frame": set(messages),
        "member": {
            f"{name}.{member}"
            for name, message in messages.items()
            for member in _declared_members(message["payload"], document)
        },
        "value": {
            f"{name}.{member} {value}"
            for name, message in messages.items()
            for member, values in _declared_choices(message["payload"], document)
            for value in values
        },
        "refusal": {f"{refusal['status']} {refusal['reason']}" for refusal in room["x-refusals"]},
        "close": {str(close["code"]) for close in room["x-close-codes"]},
        "error": {error["code"] for error in room["x-error-codes"]},
    }


def _declared_members(schema: Mapping[str, Any], document: dict[str, Any]) -> Iterator[str]:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for name, member in schema.get("properties", {}).items():
        yield name
        for inner in _declared_members(member, document):
            yield f"{name}.{inner}"


def _declared_choices(
    schema: Mapping[str, Any], document: dict[str, Any]
) -> list[tuple[str, list[str]]]:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    members = schema.get("properties", {}).items()
    # Codes of errors are counted as such.
    return [
        (name, member["enum"]) for name, member in members if "enum" in member and name != "code"
    ]


@cache
def _choices() -> dict[str, list[tuple[str, list[str]]]]:
    document = load_asyncapi()
    messages = document["components"]["messages"].items()
    return {name: _declared_choices(message["payload"], document) for name, message in messages}


def _members_of(payload: Mapping[str, Any]) -> Iterator[str]:
    for name, value in payload.items():
        yield name
        if isinstance(value, dict):
            for inner in _members_of(value):
                yield f"{name}.{inner}"


class Seen:
    """Compares ``declared`` with what was seen; ``never_seen`` gives reasons by kind and thing."""

    def __init__(self, declared: Things, never_seen: Mapping[tuple[str, str], str]) -> None:
        self._declared = declared
        self._never_seen = never_seen
        self._seen: Things = {kind: set() for kind in KINDS}

    def add(self, seen: Mapping[str, Any]) -> None:
        """Add what one process has seen: things by kind."""
        for kind, things in seen.items():
            self._seen[kind].update(things)

    def table(self) -> Iterator[str]:
        """Yield a line for each kind."""
        for kind in KINDS:
            known = self._declared[kind]
            yield f"{kind:8} {len(known & self._seen[kind]):4} / {len(known):4}"

    def faults(self) -> Iterator[str]:
        """Yield what is wrong after a whole run, a line each."""
        for kind in KINDS:
            for thing in sorted(self._declared[kind] - self._seen[kind]):
                if (kind, thing) not in self._never_seen:
                    yield f"never seen: {kind} {thing}"
        for kind, thing in self._never_seen:
            if thing in self._seen[kind]:
                yield f"seen, though never_seen.py says it is not: {kind} {thing}"
            elif thing not in self._declared[kind]:
                yield f"not declared, though never_seen.py has it: {kind} {thing}"
        if len(self._never_seen) > MAX_NEVER_SEEN:
            yield f"never_seen.py has more than {MAX_NEVER_SEEN} entries"


def is_whole(config: pytest.Config) -> bool:
    """Whether every test was asked for."""
    options = config.option
    return (
        config.args_source is not pytest.Config.ArgsSource.ARGS
        and not options.keyword
        and not options.markexpr
        and not options.deselect
        and not options.ignore
        and not options.ignore_glob
        and not options.collectonly
        and not getattr(options, "lf", False)
        and not getattr(options, "stepwise", False)
    )


class _Count:
    """What a process does that reports: the only one, or the one whose workers run the tests."""

    def __init__(self, config: pytest.Config) -> None:
        self._seen = Seen(declared(), NEVER_SEEN)
        self._is_whole = is_whole(config)
        self._faults: list[str] = []

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        # A worker that crashed has no output; its test failed.
        self._seen.add(getattr(node, "workeroutput", {}).get(_OUTPUT, {}))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self._seen.add(_seen)
        if not self._is_whole:
            return
        self._faults = list(self._seen.faults())
        if self._faults and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("seen / declared")
        for line in (*self._seen.table(), *self._faults):
            terminalreporter.write_line(line)


class _Worker:
    """What a worker of pytest-xdist does: it hands over what it has seen."""

    def __init__(self, output: dict[str, Any]) -> None:
        self._output = output

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        self._output[_OUTPUT] = {kind: sorted(things) for kind, things in _seen.items()}


_OUTPUT: Final = "ilo_seen"


def pytest_configure(config: pytest.Config) -> None:
    output: dict[str, Any] | None = getattr(config, "workeroutput", None)
    plugin = _Count(config) if output is None else _Worker(output)
    config.pluginmanager.register(plugin, "ilo-seen")
