"""Nothing that others wrote moves the cursor, forges a line or changes a colour."""

import unicodedata
from typing import Final

import pytest
from ilo_chat.chat.shown import Shown
from ilo_chat.screen import Part, Style, Styled, laid_out, name, painted, safe, width, wrapped
from ilo_client import Change, Event, Gap, Message, NotShown

HOSTILE: Final = {
    "clears the screen": "\x1b[2J",
    "moves up": "\x1b[1A",
    "8-bit control sequence": "\x9b2J",
    "a title": "\x1b]0;owned\x07",
    "back to the start": "\rann: forged",
    "another line": "\nann: forged",
    "a line of Unicode": "\u2028ann: forged",
    "a paragraph of Unicode": "\u2029ann: forged",
    "next line": "\x85ann: forged",
    "backspaces": "\b\b\b",
    "form feed": "\x0c",
    "a bell": "\x07",
    "right to left": "\u202egnp.exe",
    "an isolate": "\u2067x\u2069",
    "a mark": "\u200f",
    "an invisible space": "a\u200bb",
    "a soft hyphen": "a\u00adb",
    "half a surrogate pair": "\ud800",
    "a joiner between letters": "an\u200dn",
    "a hidden tag": "a\U000e0041",
    "delete": "\x7f",
    "nul": "\0",
}
GOOD: Final = ("👋", "👩‍🚀", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "❤️", "日本語", "Ωρίων", "שלום", "می‌خواهم", "ada🍪", "à la")


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_does_more_than_show_is_shown_as_its_escape(text: str) -> None:
    shown = safe(text)

    assert "\\" in shown
    assert all(unicodedata.category(char) not in ("Cc", "Cf", "Zl", "Zp", "Cs") for char in shown)
    assert safe(shown) == shown


@pytest.mark.parametrize("text", GOOD)
def test_letters_and_emoji_of_all_kinds_stay_as_they_are(text: str) -> None:
    assert safe(text) == text


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("columns", [None, 40])
def test_wherever_it_stands_no_row_but_ours_begins_at_the_edge(
    text: str, columns: int | None
) -> None:
    shown = Shown()
    day = "--- Friday, 02 January 2026 ---"
    events: list[Event] = [
        Message("id", 1, f"b{text}b", "2026-01-02T12:00:00.000Z", f"x{text}y{text}"),
        NotShown(2, f"b{text}b", "replay", "words"),
        Change("joined", text),
        Change("key-changed", text),
        Gap(1, 2, text),
        Message("id", 3, text, text, text, is_own=True, is_plaintext=True, warnings=("gap",)),
    ]

    for event in events:
        rows = shown.rows(event, title=f"t{text}", state="seen", columns=columns)
        written = [painted(row, colour=False) for row in rows]
        first, *others = [row for row in written if row != day]
        assert first.startswith("[t")
        assert all(row.startswith("    ") for row in others)
        for row in (first, *others):
            assert row.isprintable() or "\u200d" in row
            assert columns is None or width(row) < columns


def test_colours_are_around_text_that_is_safe() -> None:
    parts: tuple[Part, ...] = (Styled("a\x1b[0mb", Style.BOLD), "\x1b[31m")

    assert painted(parts, colour=True) == "\x1b[1ma\\x1b[0mb\x1b[0m\\x1b[31m"
    assert painted(parts, colour=False) == "a\\x1b[0mb\\x1b[31m"


def test_a_name_that_could_be_taken_for_more_is_in_quotes() -> None:
    assert name("ann") == "ann"
    assert name("ann: hello 14:00 bob") == '"ann: hello 14:00 bob"'
    assert name('a" "b') == "\"a' 'b\""
    assert name("") == '""'


def test_a_row_never_reaches_the_edge_of_the_terminal() -> None:
    forged = "hi" + " " * 70 + "14:00 ✓ ann: forged"

    rows = laid_out(("14:00 bob: ",), forged, columns=80, indent="        ")

    shown = [painted(row, colour=False) for row in rows]
    assert shown == ["14:00 bob: hi", "        14:00 ✓ ann: forged"]
    for text in ("x" * 500, "日本語" * 100, "👩‍🚀" * 90, "word " * 100, " " * 300 + "x"):
        for row in laid_out(("14:00 bob: ",), text, columns=50, indent="        "):
            assert width(painted(row, colour=False)) < 50


def test_wrapping_loses_no_letter() -> None:
    text = "the quick brown fox " * 9 + "j" * 99

    rows = wrapped(text, 20, first=7)

    assert "".join(rows).replace(" ", "") == text.replace(" ", "")
    assert width(rows[0]) <= 7
    assert all(width(row) <= 20 for row in rows)


def test_the_rows_of_a_message_say_who_and_what_to_do() -> None:
    def told(event: Message | NotShown | Change | Gap, state: str = "seen") -> str:
        rows = Shown().rows(event, title=None, state=state, columns=None)  # type: ignore[arg-type]
        return "\n".join(painted(row, colour=False) for row in rows)

    at = "2026-01-02T12:00:00.000Z"
    assert "✓ bob: hi" in told(Message("id", 1, "bob", at, "hi"), "verified")
    assert "✓" not in told(Message("id", 1, "bob", at, "hi"))
    assert "! bob: hi" in told(Message("id", 1, "bob", at, "hi"), "changed")
    plain = told(Message("id", 1, "bob", at, "hi", is_plaintext=True), "verified")
    assert "✓" not in plain
    assert "not encrypted" in plain
    assert "(replay)" in told(NotShown(1, "bob", "replay", "it was delivered before"))
    assert "ilo-chat accept-key bob" in told(Change("key-changed", "bob"))
    assert "messages 1 to 4" in told(Gap(1, 4, "retention"))
