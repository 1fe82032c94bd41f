"""What two patterns admit is told apart; what not all dialects read alike is refused."""

import re

import pytest

from tools.contracts.patterns import NotPortable, Strings, TooLarge, check_pattern, only_in, widest

ROOM = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
UUID = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
PRIVATE = "^(~[A-Za-z0-9_-]{22}|[A-Za-z0-9][A-Za-z0-9._-]{0,63})$"


@pytest.mark.parametrize(
    "pattern",
    [ROOM, UUID, PRIVATE, "^$", "^a*b+c?$", "^(?:a|b){2,}$", "^[^a-z]$", "^[a\\-z\\]]$", "^\\.$"],
)
def test_a_portable_pattern_is_taken(pattern: str) -> None:
    check_pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "a",
        "^a",
        "a$",
        "^a\\$",
        "^a|b$",
        "^.$",
        "^\\d$",
        "^\\w$",
        "^\\s$",
        "^(?=a)a$",
        "^(?P<n>a)$",
        "^(?<n>a)$",
        "^(?i)a$",
        "^a*?$",
        "^a++$",
        "^a{$",
        "^a{,2}$",
        "^a{3,2}$",
        "^[a$",
        "^[]$",
        "^(a$",
        "^a)$",
        "^[[:alpha:]]$",
        "^[a&&b]$",
        "^[z-a]$",
        "^\\p{L}$",
        "^(a)\\1$",
        "^a^b$",
        "^é$",
        "^*a$",
    ],
)
def test_what_is_read_differently_somewhere_is_refused(pattern: str) -> None:
    with pytest.raises(NotPortable):
        check_pattern(pattern)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Strings(ROOM, 1, 64), Strings(PRIVATE, 1, 64)),
        (Strings(ROOM, 1, 64), Strings(None, 0, 64)),
        (Strings("^[a-c]{3}$", 0, None), Strings("^(a|b|c)+$", 0, None)),
        (Strings("^(ab)*$", 0, 4), Strings("^(|ab|abab)$", 0, None)),
        (Strings(UUID, 36, 36), Strings("^[0-9A-Fa-f-]{36}$", 0, 36)),
        (Strings("^a{5}$", 0, 4), Strings("^b$", 0, None)),
        (Strings(None, 5, 3), Strings(None, 0, 0)),
    ],
)
def test_what_is_contained_has_no_difference(one: Strings, other: Strings) -> None:
    assert only_in(one, other) is None


@pytest.mark.parametrize(
    ("one", "other", "length"),
    [
        (Strings(PRIVATE, 1, 64), Strings(ROOM, 1, 64), 23),
        (Strings(ROOM, 1, 64), Strings("^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$", 1, 64), 64),
        (Strings(ROOM, 1, 64), Strings(ROOM, 1, 63), 64),
        (Strings(ROOM, 1, 64), Strings(ROOM, 2, 64), 1),
        (Strings(UUID, 36, 36), Strings(UUID.replace("0-9a-f", "1-9a-f"), 36, 36), 36),
        (Strings(None, 0, 9), Strings("^[a-z]*$", 0, 9), 1),
        (Strings(None, 0, None), Strings(None, 0, 100), 101),
        (Strings("^[^a]$", 0, None), Strings("^[^b]$", 0, None), 1),
        (Strings("^(ab)*$", 0, None), Strings("^(|ab|abab)$", 0, None), 6),
    ],
)
def test_a_shortest_string_tells_two_apart(one: Strings, other: Strings, length: int) -> None:
    found = only_in(one, other)

    assert found is not None
    assert len(found) == length
    assert admits(one, found)
    assert not admits(other, found)


def admits(strings: Strings, text: str) -> bool:
    """What Python's own expressions say."""
    fits = strings.pattern is None or re.fullmatch(strings.pattern[1:-1], text) is not None
    return fits and strings.least <= len(text) <= (strings.most or 10**6)


def test_what_is_too_large_to_decide_is_said_so() -> None:
    with pytest.raises(TooLarge):
        only_in(Strings("^(a{1000}){1000}$", 0, None), Strings("^b$", 0, None))


@pytest.mark.parametrize(("pattern", "size"), [(ROOM, 1), (None, 4), ("^[^a]$", 4)])
def test_the_widest_character_is_known(pattern: str | None, size: int) -> None:
    assert widest(pattern) == size
