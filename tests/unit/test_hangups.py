"""The relay ends and refuses connections in the ways that the contract names, and in no other."""

import ast
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from relay import hangups
from relay.frames import Refused
from relay.hangups import HANGUPS, MAX_REASON_BYTES, REFUSALS, Hangup, Refusal
from relay.session import refused_by_store
from services import errors
from services.errors import IloError
from tests.support.relay import contract

RELAY = Path(hangups.__file__).parent
ROOM = contract()["channels"]["room"]


def members_of(kind: type) -> list[Any]:
    return [value for value in vars(hangups).values() if isinstance(value, kind)]


def test_close_codes_are_those_of_the_contract() -> None:
    assert [(h.code, h.reason, h.may_reconnect) for h in HANGUPS] == [
        (row["code"], row["reason"], row["reconnect"]) for row in ROOM["x-close-codes"]
    ]


def test_no_hangup_is_left_out_of_the_table() -> None:
    assert members_of(Hangup) == list(HANGUPS)


def test_a_close_reason_fits_a_control_frame() -> None:
    assert MAX_REASON_BYTES == 123
    assert all(len(h.reason.encode()) <= MAX_REASON_BYTES for h in HANGUPS)


def test_refusals_are_those_of_the_contract_in_its_order() -> None:
    told = [(int(r.status), r.reason, r.may_reconnect) for r in REFUSALS]

    # Several refusals with one reason differ in what they say to people.
    assert [row for row, next_row in pairwise([*told, None]) if row != next_row] == [
        (row["status"], row["reason"], row["reconnect"]) for row in ROOM["x-refusals"]
    ]


def test_no_refusal_is_left_out_of_the_table() -> None:
    assert members_of(Refusal) == list(REFUSALS)


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.detail)
def test_who_may_come_back_is_told_when(refusal: Refusal) -> None:
    assert (refusal.retry_after_s is not None) == refusal.may_reconnect


def emitted_codes() -> set[str]:
    """Return the codes of every ``Refused(...)`` that the relay's source makes."""
    codes = set()
    for file in RELAY.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == Refused.__name__:
                code = node.args[0]
                assert isinstance(code, ast.Constant), f"{file.name}:{node.lineno}: no plain code"
                codes.add(str(code.value))
    return codes


def test_error_codes_are_those_of_the_contract() -> None:
    table = [row["code"] for row in ROOM["x-error-codes"]]
    schema = contract()["components"]["schemas"]["Failure"]["properties"]["code"]

    assert emitted_codes() == set(table)
    assert schema["enum"] == table


def store_errors() -> list[IloError]:
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, IloError)
    ]
    made = []
    for kind in kinds:
        error = kind.__new__(kind)
        Exception.__init__(error, "a sentence")
        made.append(error)
    return made


@pytest.mark.parametrize("error", store_errors(), ids=lambda error: type(error).__name__)
def test_whatever_the_store_refuses_has_a_code_that_says_whether_it_is_stored(
    error: IloError,
) -> None:
    table = {row["code"]: row["stored"] for row in ROOM["x-error-codes"]}
    surely_not_stored = isinstance(error, errors.IdReused | errors.StorageFull)

    refused = refused_by_store(error, "an id")

    assert table[refused.code] == ("no" if surely_not_stored else "unknown")
    assert refused.id == "an id"
