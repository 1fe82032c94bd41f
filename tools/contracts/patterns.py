"""Regular expressions that ECMA-262, Python and Rust read alike, and what tells two apart.

A pattern is ``^``, a body, ``$``. The body is made of ASCII literals, escaped punctuation,
classes of characters and ranges, groups, ``|`` and the quantifiers. Everything else means
something different somewhere (``\\d``, ``\\w``, ``.``, look-around, named groups, flags) and
is refused.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

_LAST: Final = 0x10FFFF
# An automaton beyond this is not built: a counted repetition of a counted repetition.
_MAX_STATES: Final = 20_000
# What the search for a difference may look at before it gives up.
_MAX_STEPS: Final = 200_000
# Escaped they mean themselves in all three.
_PUNCTUATION: Final = frozenset("\\^$.|?*+()[]{}/-")
_SPECIAL: Final = frozenset("\\^$.|?*+()[]{}")

Ranges = tuple[tuple[int, int], ...]


class NotPortable(ValueError):
    """The pattern is broken, not anchored, or read differently somewhere."""


class TooLarge(ValueError):
    """Too large to decide."""


@dataclass(slots=True)
class Automaton:
    """States and what leads from each: by a character, or by itself. Begins at 0."""

    by_character: list[list[tuple[Ranges, int]]] = field(default_factory=list)
    by_itself: list[list[int]] = field(default_factory=list)
    accepting: int = 0

    def state(self) -> int:
        """Return a new state."""
        if len(self.by_character) >= _MAX_STATES:
            raise TooLarge("the pattern repeats too much")
        self.by_character.append([])
        self.by_itself.append([])
        return len(self.by_character) - 1

    def closure(self, states: frozenset[int]) -> frozenset[int]:
        """Return ``states`` and all that is reached from them without a character."""
        found, queue = set(states), list(states)
        while queue:
            for target in self.by_itself[queue.pop()]:
                if target not in found:
                    found.add(target)
                    queue.append(target)
        return frozenset(found)

    def step(self, states: frozenset[int], character: int) -> frozenset[int]:
        """Return where ``character`` leads from ``states``."""
        return self.closure(
            frozenset(
                target
                for state in states
                for ranges, target in self.by_character[state]
                if any(first <= character <= last for first, last in ranges)
            )
        )


# The tree of a pattern: characters, a sequence, a choice, a repetition (None: without end).
@dataclass(frozen=True, slots=True)
class _Characters:
    ranges: Ranges


@dataclass(frozen=True, slots=True)
class _Sequence:
    parts: "tuple[_Node, ...]"


@dataclass(frozen=True, slots=True)
class _Choice:
    options: "tuple[_Node, ...]"


@dataclass(frozen=True, slots=True)
class _Repeat:
    part: "_Node"
    least: int
    most: int | None


_Node = _Characters | _Sequence | _Choice | _Repeat


class _Parser:
    """Reads one pattern, once, from left to right."""

    def __init__(self, pattern: str) -> None:
        if not pattern.startswith("^") or not pattern.endswith("$") or pattern.endswith("\\$"):
            raise NotPortable("is not anchored: it has to begin with ^ and end with $")
        self.text = pattern[1:-1]
        self.place = 0

    def parse(self) -> _Node:
        node = self._choice(depth=0)
        if self.place != len(self.text):
            raise NotPortable(f"{self.text[self.place]!r} at {self.place + 1} closes nothing")
        return node

    def _peek(self) -> str:
        return self.text[self.place : self.place + 1]

    def _take(self) -> str:
        character = self._peek()
        if not character:
            raise NotPortable("ends too early")
        self.place += 1
        return character

    def _choice(self, depth: int) -> _Node:
        options = [self._sequence(depth)]
        while self._peek() == "|":
            if depth == 0:
                raise NotPortable(
                    "has a | outside of a group, so that ^ and $ are each of one side"
                )
            self._take()
            options.append(self._sequence(depth))
        return options[0] if len(options) == 1 else _Choice(tuple(options))

    def _sequence(self, depth: int) -> _Node:
        parts: list[_Node] = []
        while self._peek() not in {"", "|", ")"}:
            parts.append(self._repeated(depth))
        return _Sequence(tuple(parts))

    def _repeated(self, depth: int) -> _Node:
        atom = self._atom(depth)
        match self._peek():
            case "*":
                least, most = 0, None
            case "+":
                least, most = 1, None
            case "?":
                least, most = 0, 1
            case "{":
                return self._no_second(_Repeat(atom, *self._counts()))
            case _:
                return atom
        self._take()
        return self._no_second(_Repeat(atom, least, most))

    def _no_second(self, node: _Node) -> _Node:
        # Lazy and possessive ones; `a**` is an error in some dialects.
        if self._peek() and self._peek() in "?*+{":
            raise NotPortable("has a quantifier after a quantifier")
        return node

    def _counts(self) -> tuple[int, int | None]:
        self._take()
        end = self.text.find("}", self.place)
        words = self.text[self.place : end].split(",") if end > 0 else []
        if not 1 <= len(words) <= 2 or not words[0].isdecimal():
            raise NotPortable("has a { that begins no repetition")
        self.place = end + 1
        least = int(words[0])
        if len(words) == 1:
            return least, least
        if not words[1]:
            return least, None
        if not words[1].isdecimal() or int(words[1]) < least:
            raise NotPortable("has a { that begins no repetition")
        return least, int(words[1])

    def _atom(self, depth: int) -> _Node:
        character = self._take()
        if character == "(":
            if self._peek() == "?":
                if self.text[self.place : self.place + 2] != "?:":
                    raise NotPortable("has a group of a kind that not all dialects know")
                self.place += 2
            node = self._choice(depth + 1)
            if self._peek() != ")":
                raise NotPortable("has a ( that nothing closes")
            self._take()
            return node
        if character == "[":
            return _Characters(self._class())
        if character == "\\":
            code = self._escaped()
        elif character in _SPECIAL:
            raise NotPortable(f"has {character!r} unescaped at {self.place}")
        else:
            code = self._literal(character)
        return _Characters(((code, code),))

    @staticmethod
    def _literal(character: str) -> int:
        if not " " <= character <= "~":
            raise NotPortable("has a character beyond printable ASCII")
        return ord(character)

    def _escaped(self) -> int:
        character = self._take()
        if character not in _PUNCTUATION:
            raise NotPortable(f"has \\{character}, which not all dialects read alike")
        return ord(character)

    def _class(self) -> Ranges:
        negated = self._peek() == "^"
        if negated:
            self._take()
        ranges: list[tuple[int, int]] = []
        while self._peek() != "]":
            first = self._member()
            if self._peek() == "-" and self.text[self.place + 1 : self.place + 2] not in {"]", ""}:
                self._take()
                last = self._member()
                if last < first:
                    raise NotPortable("has a range that runs backwards")
                ranges.append((first, last))
            else:
                ranges.append((first, first))
        self._take()
        if not ranges:
            raise NotPortable("has an empty class")
        return tuple(_complement(ranges) if negated else sorted(ranges))

    def _member(self) -> int:
        character = self._take()
        if character == "\\":
            return self._escaped()
        # `[[`, `&&`, `--` and `~~` begin set operations in Rust.
        if character == "[" or self.text[self.place - 1 : self.place + 1] in {"&&", "--", "~~"}:
            raise NotPortable("has a class that not all dialects read alike")
        return self._literal(character)


def _complement(ranges: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    following = 0
    for first, last in sorted(ranges):
        if first > following:
            yield following, first - 1
        following = max(following, last + 1)
    if following <= _LAST:
        yield following, _LAST


def check_pattern(pattern: str) -> None:
    """Raise ``NotPortable`` unless every dialect reads ``pattern`` alike."""
    _Parser(pattern).parse()


def _automaton(pattern: str | None) -> Automaton:
    """Return the automaton of ``pattern``; of every string for None."""
    made = Automaton()
    begin = made.state()
    anything = _Repeat(_Characters(((0, _LAST),)), 0, None)
    made.accepting = _build(made, _Parser(pattern).parse() if pattern else anything, begin)
    return made


def _build(made: Automaton, node: _Node, begin: int) -> int:
    """Add ``node`` to ``made`` after ``begin`` and return the state that it ends in."""
    match node:
        case _Characters(ranges):
            end = made.state()
            made.by_character[begin].append((ranges, end))
            return end
        case _Sequence(parts):
            for part in parts:
                begin = _build(made, part, begin)
            return begin
        case _Choice(options):
            end = made.state()
            for option in options:
                first = made.state()
                made.by_itself[begin].append(first)
                made.by_itself[_build(made, option, first)].append(end)
            return end
        case _Repeat(part, least, most):
            for _ in range(least):
                begin = _build(made, part, begin)
            end = made.state()
            made.by_itself[begin].append(end)
            if most is None:
                first = made.state()
                made.by_itself[begin].append(first)
                last = _build(made, part, first)
                made.by_itself[last].extend((first, end))
                return end
            for _ in range(most - least):
                begin = _build(made, part, begin)
                made.by_itself[begin].append(end)
            return end


@dataclass(frozen=True, slots=True)
class Strings:
    """The strings of a pattern (None: all) and a length in characters, bounds included."""

    pattern: str | None
    least: int
    most: int | None


def only_in(one: Strings, other: Strings) -> str | None:
    """Return a shortest string that is in ``one`` and not in ``other``, None if there is none.

    Raises:
        NotPortable: a pattern is none that this module reads.
        TooLarge: the question is too large to decide.
    """
    if one.pattern == other.pattern or other.pattern is None:
        length = _length_only_in(one, other)
        if length is None:
            return None
        if one.pattern is None:
            return "a" * length
    left, right = _automaton(one.pattern), _automaton(other.pattern)
    characters = _one_of_each_kind(left, right)
    # Beyond this every length is the same to both.
    far = 1 + max(one.least, other.least, one.most or 0, other.most or 0)

    start = (left.closure(frozenset({0})), right.closure(frozenset({0})), 0)
    came_from: _Ways = {start: None}
    queue = deque([start])
    while queue:
        here = queue.popleft()
        of_left, of_right, length = here
        inside = left.accepting in of_left and _has_length(one, length)
        outside = right.accepting not in of_right or not _has_length(other, length)
        if inside and outside:
            return _spelled(came_from, here)
        for character in characters:
            to_left = left.step(of_left, character)
            if not to_left or (one.most is not None and length >= one.most):
                continue
            there = (to_left, right.step(of_right, character), min(length + 1, far))
            if there not in came_from:
                if len(came_from) > _MAX_STEPS:
                    raise TooLarge("too many cases")
                came_from[there] = (here, character)
                queue.append(there)
    return None


# Where the walk stands: the states of the left, those of the right, the length so far.
_Place = tuple[frozenset[int], frozenset[int], int]
_Ways = dict[_Place, tuple[_Place, int] | None]


def _spelled(came_from: _Ways, last: _Place) -> str:
    spelled: list[str] = []
    before = came_from[last]
    while before is not None:
        last, character = before
        spelled.append(chr(character))
        before = came_from[last]
    return "".join(reversed(spelled))


def _has_length(strings: Strings, length: int) -> bool:
    return strings.least <= length and (strings.most is None or length <= strings.most)


def _length_only_in(one: Strings, other: Strings) -> int | None:
    if one.most is not None and one.most < one.least:
        return None
    if not _has_length(other, one.least):
        return one.least
    if other.most is not None and (one.most is None or one.most > other.most):
        return other.most + 1
    return None


def widest(pattern: str | None) -> int:
    """Return the bytes in UTF-8 of the widest character that ``pattern`` may have.

    Raises:
        NotPortable: it is none that this module reads.
        TooLarge: it repeats too much.
    """
    edges = [edge for each in _automaton(pattern).by_character for edge in each]
    lasts = [last for ranges, _ in edges for _, last in ranges]
    return len(chr(max(lasts, default=0)).encode())


def _one_of_each_kind(*automata: Automaton) -> list[int]:
    """Return a character for each set of characters that the automata do not tell apart."""
    borders = {0}
    for automaton in automata:
        for edges in automaton.by_character:
            for ranges, _ in edges:
                for first, last in ranges:
                    borders |= {first, last + 1}
    starts = sorted(border for border in borders if border <= _LAST)
    ends = [*starts[1:], _LAST + 1]
    return [_most_readable(first, end) for first, end in zip(starts, ends, strict=True)]


def _most_readable(first: int, end: int) -> int:
    """Return a letter of ``first`` to ``end``, which is excluded, or what comes nearest."""
    for wanted in ("a", "A", "0", "!", "é"):
        if first <= ord(wanted) < end:
            return ord(wanted)
    # No surrogate: those are no characters of JSON.
    return 0xE000 if 0xD800 <= first < 0xE000 < end else max(first, min(0x20, end - 1))
