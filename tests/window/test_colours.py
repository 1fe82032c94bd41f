"""Both themes can be read, and the choice between them."""

import dataclasses
import sys

import pytest
from ilo_window.desktop import is_dark
from ilo_window.theme import DARK, LIGHT, PAIRS, Palette, contrast, palette_of

READABLE = 4.5


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=lambda palette: palette.name)
@pytest.mark.parametrize(("ink", "ground"), PAIRS, ids=str)
def test_all_letters_can_be_read(palette: Palette, ink: str, ground: str) -> None:
    assert contrast(getattr(palette, ink), getattr(palette, ground)) >= READABLE


def test_contrast_is_what_the_guidelines_say() -> None:
    assert contrast("#000000", "#ffffff") == contrast("#ffffff", "#000000") == 21
    assert round(contrast("#777777", "#ffffff"), 2) == 4.48
    pale = dataclasses.replace(LIGHT, text="#999999")
    assert contrast(pale.text, pale.window) < READABLE


@pytest.mark.parametrize(
    ("choice", "desktop_is_dark", "expected"),
    [
        ("auto", True, DARK),
        ("auto", False, LIGHT),
        ("light", True, LIGHT),
        ("dark", False, DARK),
    ],
)
def test_the_desktop_decides_where_nobody_chose(
    choice: str, desktop_is_dark: bool, expected: Palette
) -> None:
    assert palette_of(choice, desktop_is_dark=desktop_is_dark) == expected  # type: ignore[arg-type]


async def test_the_desktop_is_asked_by_its_settings() -> None:
    def answers(words: str) -> tuple[str, ...]:
        return (sys.executable, "-c", f"print({words!r})")

    assert await is_dark({}, answers("'prefer-dark'"))
    assert not await is_dark({}, answers("'default'"))
    assert not await is_dark({}, ("no-such-program",))
    assert await is_dark({"GTK_THEME": "Adwaita:dark"}, answers("'default'"))
    assert not await is_dark({"GTK_THEME": "Adwaita"}, answers("'prefer-dark'"))
