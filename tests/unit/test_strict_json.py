"""The strict JSON parser against a slow reader of RFC 8259 that shares nothing with it."""

from __future__ import annotations

import json
import math
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.strict_json import MAX_MAX_DEPTH, RULES, NotStrictJson, parse_strict

DEPTH = 4
FRAME_BYTES = 320 * 1024
# An outer bound for a busy machine; a quadratic parser needs minutes.
WORST_CASE_S = 3.0


class Refused(Exception):
    """What the slow reader says of a text it does not take."""


class SlowReader:
    """Reads one text by the book, a character at a time, and recursively."""

    def __init__(self, raw: bytes) -> None:
        try:
            self.text = raw.decode("utf-8")
        except UnicodeDecodeError:
            raise Refused("utf-8") from None
        self.at = 0

    def read(self) -> Any:
        value = self.value(0)
        self.space()
        if self.at != len(self.text):
            raise Refused("syntax")
        return value

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self) -> str:
        character = self.peek()
        if not character:
            raise Refused("syntax")
        self.at += 1
        return character

    def expect(self, characters: str) -> None:
        for character in characters:
            if self.take() != character:
                raise Refused("syntax")

    def space(self) -> None:
        while self.peek() and self.peek() in " \t\n\r":
            self.at += 1

    def value(self, depth: int) -> Any:
        self.space()
        character = self.peek()
        if character == "{":
            return self.members(depth + 1)
        if character == "[":
            return self.items(depth + 1)
        if character == '"':
            return self.string()
        for word, value in (("true", True), ("false", False), ("null", None)):
            if character == word[0]:
                self.expect(word)
                return value
        return self.number()

    def members(self, depth: int) -> dict[str, Any]:
        if depth > DEPTH:
            raise Refused("depth")
        found: dict[str, Any] = {}
        self.expect("{")
        self.space()
        if self.peek() == "}":
            self.take()
            return found
        while True:
            self.space()
            name = self.string()
            if name in found:
                raise Refused("duplicate-name")
            self.space()
            self.expect(":")
            found[name] = self.value(depth)
            self.space()
            if (mark := self.take()) == "}":
                return found
            if mark != ",":
                raise Refused("syntax")

    def items(self, depth: int) -> list[Any]:
        if depth > DEPTH:
            raise Refused("depth")
        found: list[Any] = []
        self.expect("[")
        self.space()
        if self.peek() == "]":
            self.take()
            return found
        while True:
            found.append(self.value(depth))
            self.space()
            if (mark := self.take()) == "]":
                return found
            if mark != ",":
                raise Refused("syntax")

    def string(self) -> str:
        self.expect('"')
        units: list[str] = []
        while (character := self.take()) != '"':
            if character < " ":
                raise Refused("syntax")
            units.append(self.escape() if character == "\\" else character)
        # Pairs of escaped surrogates become one character, halves stay and are refused.
        text = "".join(units).encode("utf-16-le", "surrogatepass")
        try:
            whole = text.decode("utf-16-le")
        except UnicodeDecodeError:
            raise Refused("surrogate") from None
        if "\0" in whole:
            raise Refused("null-character")
        return whole

    def escape(self) -> str:
        character = self.take()
        if character == "u":
            digits = "".join(self.take() for _ in range(4))
            if any(digit not in "0123456789abcdefABCDEF" for digit in digits):
                raise Refused("syntax")
            return chr(int(digits, 16))
        plain = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
        if character in '"\\/':
            return character
        if character not in plain:
            raise Refused("syntax")
        return plain[character]

    def digits(self) -> str:
        start = self.at
        while self.peek() and self.peek() in "0123456789":
            self.at += 1
        if start == self.at:
            raise Refused("syntax")
        return self.text[start : self.at]

    def number(self) -> int | float:
        start = self.at
        if self.peek() == "-":
            self.take()
        whole = self.digits()
        if len(whole) > 1 and whole[0] == "0":
            raise Refused("syntax")
        integer = True
        if self.peek() == ".":
            integer = False
            self.take()
            self.digits()
        if self.peek() in ("e", "E"):
            integer = False
            self.take()
            if self.peek() in ("+", "-"):
                self.take()
            self.digits()
        text = self.text[start : self.at]
        if integer:
            if len(text) > 30 or not -(2**63) <= int(text) < 2**64:
                raise Refused("number-range")
            return int(text)
        if math.isinf(float(text)):
            raise Refused("number-range")
        return float(text)


def agree(raw: bytes) -> None:
    """Both take ``raw`` and read the same, or both refuse it."""
    try:
        expected = SlowReader(raw).read()
    except Refused:
        with pytest.raises(NotStrictJson) as refusal:
            parse_strict(raw, max_depth=DEPTH)
        assert refusal.value.rule in RULES
        # What is told has to be sendable itself.
        (refusal.value.pointer + refusal.value.detail).encode()
        return
    found = parse_strict(raw, max_depth=DEPTH)
    # 1, 1.0 and True are equal in Python, 0.0 and -0.0 too; their reprs are not.
    assert repr(found) == repr(expected)


NUMBERS = st.sampled_from(
    [
        *("0", "-0", "-0.0", "1e19", "1E+2", "1e-400", "9223372036854775807.0"),
        *("18446744073709551615", "-9223372036854775808", "9223372036854775808"),
        *("18446744073709551616", "-9223372036854775809", "123456789012345678901"),
        *("1e400", "-1e400", "NaN", "Infinity", "-Infinity"),
        *("01", "1.", ".5", "-", "true", "null", "tru"),
    ]
)
CHARACTERS = st.sampled_from(
    [
        *("a", "é", "😀", "\x7f", "\u2028", "\\n", '\\"', "\\\\", "\\/", "\\u0000", "\\u0041"),
        *("\\ud83d\\ude00", "\\ud83d", "\\ude00", "\\uD800", "\\u00zz", "\\x", "\n", "\0", ""),
        *("\\\\u0000", '\\\\\\"', ":", ",", "{", "]"),
    ]
)
STRINGS = st.lists(CHARACTERS, max_size=4).map(lambda parts: f'"{"".join(parts)}"')
# So few names that one often stands twice.
NAMES = st.one_of(st.sampled_from(['"a"', '"b"', '"\\u0061"', '"a/~"']), STRINGS)
TEXTS = st.recursive(
    st.one_of(NUMBERS, STRINGS, st.sampled_from(["[]", "{}", " 1 ", ""])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda items: f"[{','.join(items)}]"),
        st.lists(st.tuples(NAMES, inner), max_size=4).map(
            lambda pairs: "{" + ", ".join(f"{name}: {value}" for name, value in pairs) + "}"
        ),
    ),
    max_leaves=12,
)
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**64 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    ),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text("abc"), inner)),
    max_leaves=10,
)


@settings(max_examples=500, deadline=None)
@given(TEXTS)
@example('{"a":1,"\\u0061":2}')
@example('{"a":{"b":1,"b":1}}')
@example('{"a":"\\"","b":"\\\\"}')
@example("[[[[[1]]]]]")
@example("[[[[]]]]")
@example("[[[[[]]]]]")
def test_texts_are_taken_or_refused_as_the_slow_reader_does(text: str) -> None:
    agree(text.encode())


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.sampled_from([bytes([byte]) for byte in b'{}[]",:\\u0d8eE1-.tn \xff\xed\xa0\x80']))
)
def test_broken_texts_are_refused_and_never_fail_otherwise(parts: list[bytes]) -> None:
    agree(b"".join(parts))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=40))
def test_any_bytes_are_taken_or_refused(raw: bytes) -> None:
    agree(raw)


@settings(max_examples=300, deadline=None)
@given(VALUES, st.booleans())
def test_what_json_writes_is_read_back(value: Any, ascii_only: bool) -> None:
    raw = json.dumps(value, ensure_ascii=ascii_only).encode()

    assert repr(parse_strict(raw, max_depth=MAX_MAX_DEPTH)) == repr(json.loads(raw))


@pytest.mark.parametrize(
    ("raw", "rule", "pointer"),
    [
        (b"\xef\xbb\xbf{}", "byte-order-mark", ""),
        (b'{"a": "\xff"}', "utf-8", ""),
        (b'{"a": "\xed\xa0\x80"}', "utf-8", ""),
        ('{"a": 1}'.encode("utf-16"), "utf-8", ""),
        (b"", "syntax", ""),
        (b"{'a': 1}", "syntax", ""),
        (b'{"a": 1,}', "syntax", ""),
        (b'{"a": "tab\there"}', "syntax", ""),
        (b'{"a": [[[[1]]]]}', "depth", "/a/0/0/0"),
        (b"[" * 60_000, "depth", ""),
        (b'{"a":' * 60_000, "depth", ""),
        (b'{"a": [{"b": 1, "b": 2}]}', "duplicate-name", "/a/0/b"),
        (b'{"a/b~": 1, "a/b~": 2}', "duplicate-name", "/a~1b~0"),
        (b'{"a": "\\"", "a": "\\\\"}', "duplicate-name", "/a"),
        # As many quotes after a backslash as a miscount of repeated names would need.
        (b'{"a":"x","a":"x","b":["\\\\","\\\\","\\\\","\\\\"]}', "duplicate-name", "/a"),
        (b'{"a": NaN}', "not-a-number", "/a"),
        (b"[-Infinity]", "not-a-number", "/0"),
        (b'{"a": 1e400}', "number-range", "/a"),
        (b'{"a": 18446744073709551616}', "number-range", "/a"),
        (b'{"a": -9223372036854775809}', "number-range", "/a"),
        (b"9" * 5000, "number-range", ""),
        (b'{"a": [0, %s]}' % (b"9" * 5000), "number-range", "/a/1"),
        (b'{"a": "\\ud800"}', "surrogate", "/a"),
        (b'{"a": {"\\udc00": 1}}', "surrogate", "/a"),
        (b'{"a": "\\u0000"}', "null-character", "/a"),
        (b'{"\\u0000": {"b": 1, "b": 2}}', "null-character", ""),
    ],
)
def test_a_refusal_names_rule_and_place(raw: bytes, rule: str, pointer: str) -> None:
    with pytest.raises(NotStrictJson) as refusal:
        parse_strict(raw, max_depth=DEPTH)

    assert (refusal.value.rule, refusal.value.pointer) == (rule, pointer)


@pytest.mark.parametrize("raw", [b'{"a": "SECRET\xff"}', b'["SECRET", NaN]', b'["SECRET"'])
def test_a_refusal_holds_no_value_and_no_other_error(raw: bytes) -> None:
    with pytest.raises(NotStrictJson) as refusal:
        parse_strict(raw, max_depth=DEPTH)

    assert "SECRET" not in repr(refusal.value.__dict__) + str(refusal.value)
    assert refusal.value.__context__ is None


def test_depth_counts_the_outermost_as_one() -> None:
    assert parse_strict(b"[[[[]]]]", max_depth=4) == [[[[]]]]
    with pytest.raises(NotStrictJson):
        parse_strict(b"[[[[]]]]", max_depth=3)


@pytest.mark.parametrize(
    "raw",
    [
        b"[" + b"[]," * (FRAME_BYTES // 3) + b"]",
        b"{" + b'"a":1,' * (FRAME_BYTES // 6) + b'"b":1}',
        b"[" + b'{"a":1,"a":1},' * (FRAME_BYTES // 14) + b"0]",
        b'{"' + b"a" * (FRAME_BYTES // 2) + b'":[' + b"0," * (FRAME_BYTES // 4) + b"NaN]}",
        b'["' + b"\\\\u0000" * (FRAME_BYTES // 7) + b'"]',
        b'"' + b"\\" * FRAME_BYTES,
        b"1" * FRAME_BYTES,
        b"0." + b"1" * FRAME_BYTES,
        b"[" + b"1" * 19 + (b"," + b"1" * 20) * (FRAME_BYTES // 21) + b"]",
    ],
    ids=[
        "arrays",
        "one-name",
        "objects",
        "pointer",
        "null",
        "escapes",
        "int",
        "float",
        "ints",
    ],
)
def test_the_worst_frames_take_little_time(raw: bytes) -> None:
    start = time.process_time()

    with suppress(NotStrictJson):
        parse_strict(raw, max_depth=32)

    assert time.process_time() - start < WORST_CASE_S
