"""Text as it may be drawn: nothing in it does anything, and it fits."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ilo_window.letters import MOST_MARKS, UNKNOWN, elided, shown, shown_name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hello\tyou\nthere", "hello\tyou\nthere"),
        ("a\x00b\x1b[31mc\x07", "a␀b␛[31mc␇"),
        ("one\r\ntwo\rthree", "one\ntwo␍three"),
        ("evil\u202egpj.exe", f"evil{UNKNOWN}gpj.exe"),
        ("half \ud83d of a pair", f"half {UNKNOWN} of a pair"),
        ("del\x7f and c1 \x85", f"del␡ and c1 {UNKNOWN}"),
        ("שלום وعليكم 👋🏽", "שלום وعليكم 👋🏽"),
    ],
)
def test_what_acts_is_seen_and_does_nothing(text: str, expected: str) -> None:
    assert shown(text) == expected


@given(st.text(st.characters(exclude_categories=()), max_size=60))
def test_no_text_keeps_a_letter_that_acts(text: str) -> None:
    kept = [letter for letter in shown(text) if letter not in "\n\t"]

    assert [one for one in kept if unicodedata.category(one) in ("Cc", "Cs")] == []
    assert len(shown_name(text).splitlines()) == 1
    assert shown_name(text).strip()


def test_a_tower_of_accents_is_cut() -> None:
    assert shown("e" + "\u0301" * 500) == "e" + "\u0301" * MOST_MARKS


def test_emoji_are_boxes_where_they_would_end_the_program() -> None:
    assert shown("tea 🍵", with_emoji=False) == "tea ▯"


@given(st.text(max_size=40), st.integers(1, 40))
def test_what_is_cut_fits_and_says_so(text: str, width: int) -> None:
    found = elided(text, width, len)

    assert len(found) <= max(width, 1)
    assert found == text or found.endswith("…")
    assert len(text) > width or found == text
