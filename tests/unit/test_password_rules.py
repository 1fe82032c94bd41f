"""The original's five rules, for Unicode, and what else a password must not be."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.errors import InvalidInput
from services.password_rules import (
    MAX_PASSWORD_BYTES,
    PASSWORD_RULES,
    login_form,
    prepare_password,
)


def rule_against(password: str) -> str:
    with pytest.raises(InvalidInput) as refusal:
        prepare_password(password)
    return refusal.value.rule


def refusal_of(password: str) -> str:
    """Return all that the refusal says, nothing if there is none."""
    try:
        prepare_password(password)
    except InvalidInput as error:
        return f"{error} {error.pointer} {error.rule} {error.detail}"
    return ""


@pytest.mark.parametrize(
    "password",
    [
        "MySuperSecurePassword57!",
        "aB3-efgh",
        "correct Horse 4 battery",
        "Пароль-Мой5",
        "Ελένη٣🐈x",
        "aB3🫨efgh",
        "Tr0ub4dor&3x",
        "aB3-" + "x" * (MAX_PASSWORD_BYTES - 4),
    ],
)
def test_a_good_password_is_taken(password: str) -> None:
    assert prepare_password(password) == password


@pytest.mark.parametrize(
    ("password", "lacks"),
    [
        ("aB3-efg", ["8 characters"]),
        ("aBc-efgh", ["number"]),
        ("AB3-EFGH", ["lower-case"]),
        ("ab3-efgh", ["upper-case"]),
        ("aB3defgh", ["neither letter nor number"]),
        ("aB³-efgh", ["number"]),  # a superscript is no decimal digit
        ("aB3q\u0308efgh", ["neither"]),  # a mark is part of its letter
        ("ª日3-efgh本", ["upper-case"]),
        ("aB3-efgA\u030a", []),
        ("aB3-eA\u030a", ["8 characters"]),  # seven once composed
        ("", ["8 characters", "number", "lower-case", "upper-case", "neither"]),
        ("        ", ["number", "lower-case", "upper-case"]),
    ],
)
def test_every_unmet_rule_is_named_and_no_other(password: str, lacks: list[str]) -> None:
    words = ["8 characters", "a number", "lower-case", "upper-case", "neither"]
    detail = refusal_of(password)

    for word in lacks:
        assert word in detail
    assert sum(word in detail for word in words) == len(lacks)


@pytest.mark.parametrize(
    "password",
    [
        "Password1!",
        "P@ssw0rd1",
        "Pa$$word1!",
        "!!pASSWORD99",
        "P4$$W0rd2024!",
        "Pass-word1",
        "S3cret12!",
        "$eCret123",
        "Welc0m3!",
        "Qwerty123!",
        "1qaz@WSX",
        "!QAZ2wsx",
        "Aa123456!",
        "Abcd1234!",
        "1q2w3e4R!",
        "Tru$tno1",
        "Summer2024!",
        "Iloveyou1!",
        "Admin123!",
    ],
)
def test_the_well_known_worst_are_refused_in_disguise_too(password: str) -> None:
    assert rule_against(password) == "well-known"


def test_the_size_is_refused_before_anything_else() -> None:
    assert rule_against("x" * (MAX_PASSWORD_BYTES + 1)) == "too-big"
    assert rule_against("é" * (MAX_PASSWORD_BYTES // 2 + 1)) == "too-big"
    assert rule_against("\ud800" * (MAX_PASSWORD_BYTES // 3 + 1)) == "too-big"
    with pytest.raises(InvalidInput, match="1024 bytes"):
        login_form("é" * (MAX_PASSWORD_BYTES // 2 + 1))


def test_half_a_surrogate_pair_is_no_password() -> None:
    assert rule_against("aB3-efgh\ud800") == "unicode"
    assert login_form("aB3-efgh\ud800") is None


@pytest.mark.parametrize("password", ["", "x", "Password1!", "x" * MAX_PASSWORD_BYTES])
def test_at_login_only_the_size_is_refused(password: str) -> None:
    assert login_form(password) == password


@given(st.text(max_size=40))
def test_login_and_registration_hash_the_same_form(password: str) -> None:
    form = login_form(password)
    assert form == unicodedata.normalize("NFC", password)
    assert login_form(unicodedata.normalize("NFD", password)) == form

    try:
        prepared = prepare_password(password)
    except InvalidInput:
        return
    assert prepared == form


@given(st.text(max_size=60).map("☃{}☃".format))
def test_no_refusal_quotes_the_password(password: str) -> None:
    assert password not in refusal_of(password)


def test_the_pointer_is_the_callers() -> None:
    with pytest.raises(InvalidInput) as refusal:
        prepare_password("short", "/new_password")

    assert refusal.value.pointer == "/new_password"
    assert "8 characters" in PASSWORD_RULES
