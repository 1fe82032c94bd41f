"""Frames against the contract: what is taken, what is refused, and how that is said.

The reader has a fast way and a slow one. The oracle here is neither: strict JSON by the
services' parser, then the schema by another library.
"""

import json
from collections.abc import Mapping
from functools import partial
from random import Random
from typing import Any

import jsonschema
import orjson
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from relay.frames import (
    FrameReader,
    Heard,
    LookBack,
    NotUtf8,
    Refused,
    Say,
    Signal,
    pointer,
)
from relay.outgoing import error_frame
from services.limits import Limits
from services.strict_json import NotStrictJson, parse_strict
from tests.support.frame_contract import closed_schema
from tests.support.relay import contract
from tests.support.websocket import message

SCHEMAS = contract()["components"]["schemas"]
CLIENT_FRAMES = {"message": "MessageIn", "history": "HistoryIn", "signal": "SignalIn"}
ID = "0b8f1c9e-6f0e-4a55-9d6b-2f0c7f5f1a11"
LIMITS = Limits()
READER = FrameReader(contract(), LIMITS)
SMALL = Limits(frame_bytes=1024, message_bytes=10, signal_bytes=20)
SMALL_READER = FrameReader(contract(), SMALL)
MAX_SEQ = 2**53 - 1


def schema_of(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": {"schemas": SCHEMAS}}
    )


ORACLES = {kind: schema_of(name) for kind, name in CLIENT_FRAMES.items()}


def judged(raw: bytes, limits: Limits = LIMITS) -> Heard | str:
    """Return what the contract says of a frame: what is said, or the code of its error."""
    try:
        raw.decode()
    except UnicodeDecodeError:
        return "not-utf-8"
    try:
        frame = parse_strict(raw, max_depth=limits.json_depth)
    except NotStrictJson:
        return "bad-frame"
    kind = frame.get("type", "message") if isinstance(frame, dict) else "message"
    known = kind if isinstance(kind, str) and kind in ORACLES else "message"
    errors = list(ORACLES[known].iter_errors(frame))
    if errors:
        # The one rule of the schema with a code of its own, where no other comes before it.
        places = {(*error.absolute_path, error.validator) for error in errors}
        return "too-big" if places == {("data", "message", "maxLength")} else "bad-frame"
    if known == "history":
        limit = int(frame.get("limit", SCHEMAS["HistoryIn"]["properties"]["limit"]["default"]))
        return LookBack(frame["id"], whole(frame.get("before")), limit)
    if known == "signal":
        compact = json.dumps(frame["data"], ensure_ascii=False, separators=(",", ":")).encode()
        return "too-big" if len(compact) > limits.signal_bytes else Signal(compact)
    text = frame["data"]["message"]
    if len(text.encode()) > limits.message_bytes:
        return "too-big"
    return Say(frame.get("id"), whole(frame.get("after")), text, whole(frame.get("if_members")))


def whole(number: float | None) -> int | None:
    return None if number is None else int(number)


def read(raw: bytes, reader: FrameReader = READER) -> Heard | str:
    try:
        said = reader.read(raw)
    except NotUtf8:
        return "not-utf-8"
    return said.code if isinstance(said, Refused) else said


# -- what is taken

VALID = {
    "shortest": ('{"data":{"message":"hi"}}', Say(None, None, "hi")),
    "empty": ('{"data":{"message":""}}', Say(None, None, "")),
    "typed": ('{"type":"message","data":{"message":"hi"}}', Say(None, None, "hi")),
    "all": (
        f'{{"type":"message","id":"{ID}","after":41,"data":{{"message":"γειά 👋"}}}}',
        Say(ID, 41, "γειά 👋"),
    ),
    "after nothing": ('{"after":0,"data":{"message":""}}', Say(None, 0, "")),
    "after the last": (f'{{"after":{MAX_SEQ},"data":{{"message":""}}}}', Say(None, MAX_SEQ, "")),
    "an integer with a point": ('{"after":41.0,"data":{"message":""}}', Say(None, 41, "")),
    "an integer with an exponent": ('{"after":4.1e1,"data":{"message":""}}', Say(None, 41, "")),
    "for some members": ('{"if_members":3,"data":{"message":"hi"}}', Say(None, None, "hi", 3)),
    "for the first members": ('{"if_members":1.0,"data":{"message":""}}', Say(None, None, "", 1)),
    "for the last members": (
        f'{{"id":"{ID}","if_members":{MAX_SEQ},"after":1,"data":{{"message":""}}}}',
        Say(ID, 1, "", MAX_SEQ),
    ),
    "spaces": (' {\n"data"\t: {"message" :"hi"} }\r\n', Say(None, None, "hi")),
    "escaped names": ('{"d\\u0061ta":{"mess\\u0061ge":"hi"}}', Say(None, None, "hi")),
    "escapes": (r'{"data":{"message":"\"\\\/\b\n\u00e9"}}', Say(None, None, '"\\/\b\né')),
    "an escaped backslash before a zero": (
        r'{"data":{"message":"\\u0000"}}',
        Say(None, None, "\\u0000"),
    ),
    "a pair of surrogates": (r'{"data":{"message":"\ud83d\udc4b"}}', Say(None, None, "👋")),
    "quotes that look like members": (
        r'{"data":{"message":"\",\"data\":{\"message\":\""}}',
        Say(None, None, '","data":{"message":"'),
    ),
}


@pytest.mark.parametrize(("text", "said"), VALID.values(), ids=VALID.keys())
def test_a_frame_of_the_contract_is_taken(text: str, said: Say) -> None:
    assert READER.read(text.encode()) == said
    assert judged(text.encode()) == said


@pytest.mark.parametrize(
    "example_of", contract()["components"]["messages"]["MessageIn"]["examples"]
)
def test_the_contracts_examples_are_taken(example_of: Mapping[str, Any]) -> None:
    assert isinstance(READER.read(orjson.dumps(example_of["payload"])), Say)


HISTORY = {
    "newest": (f'{{"type":"history","id":"{ID}"}}', LookBack(ID, None, 50)),
    "the least": (f'{{"type":"history","id":"{ID}","before":1,"limit":1}}', LookBack(ID, 1, 1)),
    "the most": (
        f'{{"limit":200,"before":{MAX_SEQ},"type":"history","id":"{ID}"}}',
        LookBack(ID, MAX_SEQ, 200),
    ),
    "with points": (
        f'{{"type":"history","id":"{ID}","before":4.2e1,"limit":20.0}}',
        LookBack(ID, 42, 20),
    ),
}
SIGNALS = {
    "nothing": ('{"type":"signal","data":{}}', Signal(b"{}")),
    "spaces": (
        '{ "data" : { "a" : [ 1 , null ] } , "type" : "signal" }',
        Signal(b'{"a":[1,null]}'),
    ),
    "escapes": (r'{"type":"signal","data":{"\u0061":"\u00e9\/"}}', Signal('{"a":"é/"}'.encode())),
    "a message inside": (
        '{"type":"signal","data":{"type":"message","data":{"message":7}}}',
        Signal(b'{"type":"message","data":{"message":7}}'),
    ),
}


@pytest.mark.parametrize(("text", "said"), [*HISTORY.values(), *SIGNALS.values()])
def test_a_question_or_a_signal_of_the_contract_is_taken(text: str, said: Heard) -> None:
    assert READER.read(text.encode()) == said
    assert judged(text.encode()) == said


def test_a_frame_as_javascript_and_python_write_it_is_the_same() -> None:
    frame = {"id": ID, "after": 3, "data": {"message": 'é👋"\\ \u2028'}}
    written = [
        json.dumps(frame),
        json.dumps(frame, ensure_ascii=False),
        json.dumps(frame, indent=2),
        json.dumps(frame, separators=(",", ":")),
        orjson.dumps(frame, option=orjson.OPT_SORT_KEYS).decode(),
    ]

    assert {READER.read(text.encode()) for text in written} == {Say(ID, 3, 'é👋"\\ \u2028')}


# -- what is refused: place, expectation, and the place in the contract

IN = "#/components/schemas/MessageIn"
DATA = "#/components/schemas/MessageData"
VERSION = "#/components/schemas/MembersVersion"
LOOK = "#/components/schemas/HistoryIn"
SIGNAL = "#/components/schemas/SignalIn"
AGAINST_THE_SCHEMA: list[tuple[str, str, str, str | None]] = [
    ("{}", "", "required", IN),
    ("[]", "", "type", IN),
    ("5", "", "type", IN),
    ('"x"', "", "type", IN),
    ("null", "", "type", IN),
    ("true", "", "type", IN),
    ('{"type":"zz","data":{"message":""}}', "/type", "const", f"{IN}/properties/type"),
    ('{"type":"ack","data":{"message":""}}', "/type", "const", f"{IN}/properties/type"),
    ('{"type":"MESSAGE","data":{"message":""}}', "/type", "const", f"{IN}/properties/type"),
    ('{"type":7,"data":{"message":""}}', "/type", "type", f"{IN}/properties/type"),
    ('{"type":null,"data":{"message":""}}', "/type", "type", f"{IN}/properties/type"),
    ('{"type":["message"],"data":{"message":""}}', "/type", "type", f"{IN}/properties/type"),
    ('{"type":"ack","data":7,"seq":1}', "/type", "const", f"{IN}/properties/type"),
    ('{"data":{}}', "/data", "required", DATA),
    ('{"data":[]}', "/data", "type", DATA),
    ('{"data":null}', "/data", "type", DATA),
    ('{"data":"x"}', "/data", "type", DATA),
    ('{"data":{"message":3}}', "/data/message", "type", f"{DATA}/properties/message"),
    ('{"data":{"message":null}}', "/data/message", "type", f"{DATA}/properties/message"),
    ('{"data":{"message":{}}}', "/data/message", "type", f"{DATA}/properties/message"),
    ('{"data":{"message":"","x":1}}', "/data/x", "additionalProperties", DATA),
    ('{"data":{"message":""},"x":1}', "/x", "additionalProperties", IN),
    ('{"data":{"message":""},"a/b~c":1}', "/a~1b~0c", "additionalProperties", IN),
    ('{"data":{"message":""},"":1}', "/", "additionalProperties", IN),
    ('{"data":{"message":""},"seq":1}', "/seq", "additionalProperties", IN),
    ('{"data":{"message":""},"sender":"x"}', "/sender", "additionalProperties", IN),
    ('{"id":7,"data":{"message":""}}', "/id", "type", "#/components/schemas/Uuid"),
    ('{"id":null,"data":{"message":""}}', "/id", "type", "#/components/schemas/Uuid"),
    (
        f'{{"id":"{ID.upper()}","data":{{"message":""}}}}',
        "/id",
        "pattern",
        "#/components/schemas/Uuid",
    ),
    (
        f'{{"id":"{ID[:-1]}g","data":{{"message":""}}}}',
        "/id",
        "pattern",
        "#/components/schemas/Uuid",
    ),
    ('{"after":-1,"data":{"message":""}}', "/after", "minimum", "#/components/schemas/Cursor"),
    (
        f'{{"after":{MAX_SEQ + 1},"data":{{"message":""}}}}',
        "/after",
        "maximum",
        "#/components/schemas/Cursor",
    ),
    ('{"after":1.5,"data":{"message":""}}', "/after", "type", "#/components/schemas/Cursor"),
    ('{"after":"1","data":{"message":""}}', "/after", "type", "#/components/schemas/Cursor"),
    ('{"after":null,"data":{"message":""}}', "/after", "type", "#/components/schemas/Cursor"),
    ('{"after":true,"data":{"message":""}}', "/after", "type", "#/components/schemas/Cursor"),
    ('{"if_members":0,"data":{"message":""}}', "/if_members", "minimum", VERSION),
    (f'{{"if_members":{MAX_SEQ + 1},"data":{{"message":""}}}}', "/if_members", "maximum", VERSION),
    ('{"if_members":null,"data":{"message":""}}', "/if_members", "type", VERSION),
    ('{"type":"history"}', "", "required", LOOK),
    (f'{{"type":"history","id":"{ID.upper()}"}}', "/id", "pattern", "#/components/schemas/Uuid"),
    (
        f'{{"type":"history","id":"{ID}","limit":0}}',
        "/limit",
        "minimum",
        f"{LOOK}/properties/limit",
    ),
    (
        f'{{"type":"history","id":"{ID}","limit":201}}',
        "/limit",
        "maximum",
        f"{LOOK}/properties/limit",
    ),
    (f'{{"type":"history","id":"{ID}","limit":1.5}}', "/limit", "type", f"{LOOK}/properties/limit"),
    (
        f'{{"type":"history","id":"{ID}","before":0}}',
        "/before",
        "minimum",
        "#/components/schemas/Seq",
    ),
    (
        f'{{"type":"history","id":"{ID}","before":{MAX_SEQ + 1}}}',
        "/before",
        "maximum",
        "#/components/schemas/Seq",
    ),
    (f'{{"type":"history","id":"{ID}","after":1}}', "/after", "additionalProperties", LOOK),
    (f'{{"type":"history","id":"{ID}","data":{{}}}}', "/data", "additionalProperties", LOOK),
    ('{"type":"signal"}', "", "required", SIGNAL),
    ('{"type":"signal","data":[]}', "/data", "type", "#/components/schemas/SignalData"),
    ('{"type":"signal","data":"x"}', "/data", "type", "#/components/schemas/SignalData"),
    (
        f'{{"type":"signal","data":{{}},"id":"{ID}"}}',
        "/id",
        "additionalProperties",
        SIGNAL,
    ),
]


def resolved(place: str) -> Any:
    node: Any = contract()
    for part in place.removeprefix("#/").split("/"):
        node = node[part]
    return node


@pytest.mark.parametrize(("text", "path", "keyword", "schema"), AGAINST_THE_SCHEMA)
def test_a_broken_rule_is_named_with_its_place_in_frame_and_contract(
    text: str, path: str, keyword: str, schema: str
) -> None:
    refused = READER.read(text.encode())

    assert isinstance(refused, Refused)
    assert (refused.code, refused.path, refused.schema) == ("bad-frame", path, schema)
    assert refused.expected is not None
    assert list(refused.expected) == [keyword]
    assert refused.expected[keyword] == resolved(schema)[keyword]
    assert judged(text.encode()) == "bad-frame"


NOT_STRICT: list[tuple[bytes, str, str]] = [
    (b"", "syntax", ""),
    (b"{", "syntax", ""),
    (b'{"data":{"message":"hi"}} x', "syntax", ""),
    (b"{'data':{}}", "syntax", ""),
    (b'{"data":{"message":"a\nb"}}', "syntax", ""),
    (b'{"data":{"message":"hi"},}', "syntax", ""),
    (b'\xef\xbb\xbf{"data":{"message":"hi"}}', "byte-order-mark", ""),
    (b'{"after":NaN,"data":{"message":"hi"}}', "not-a-number", "/after"),
    (b'{"after":Infinity,"data":{"message":"hi"}}', "not-a-number", "/after"),
    (b'{"after":1e999,"data":{"message":"hi"}}', "number-range", "/after"),
    (b'{"after":' + b"9" * 5000 + b',"data":{"message":"hi"}}', "number-range", "/after"),
    (rb'{"data":{"message":"\u0000"}}', "null-character", "/data/message"),
    (rb'{"data":{"message":"\\\u0000"}}', "null-character", "/data/message"),
    (rb'{"data":{"message":"\ud800"}}', "surrogate", "/data/message"),
    (rb'{"data":{"message":"\udc00\ud800"}}', "surrogate", "/data/message"),
    (b'{"data":{"message":"a"},"data":{"message":"b"}}', "duplicate-name", "/data"),
    (rb'{"data":{"message":"a"},"d\u0061ta":{"message":"b"}}', "duplicate-name", "/data"),
    (b'{"data":1,"data":{"message":"b"}}', "duplicate-name", "/data"),
    (b'{"data":{"message":"a","message":"b"}}', "duplicate-name", "/data/message"),
    (b'{"after":1,"after":2,"data":{"message":""}}', "duplicate-name", "/after"),
    (rb'{"after":1,"after":2,"data":{"message":"\""}}', "duplicate-name", "/after"),
    (rb'{"after":1,"after":2,"data":{"message":"\\"}}', "duplicate-name", "/after"),
    (b"[" * 33 + b"]" * 33, "depth", "/0" * 32),
    (b"[" * 60_000, "depth", ""),
    (b'{"a":' * 60_000, "depth", ""),
]


@pytest.mark.parametrize(("raw", "rule", "path"), NOT_STRICT, ids=range(len(NOT_STRICT)))
def test_what_is_no_strict_json_is_told_so(raw: bytes, rule: str, path: str) -> None:
    refused = READER.read(raw)

    assert isinstance(refused, Refused)
    assert refused.code == "bad-frame"
    assert refused.expected == {"x-strict-json": rule}
    assert refused.path == path


A, B = "0b8f1c9e-6f0e-4a55-9d6b-2f0c7f5f1a11", "0b8f1c9e-6f0e-4a55-9d6b-2f0c7f5f1a12"


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (rb'{"id":"%s","data":{"message":"\u0000"}}', A),
        (b'{"id":"%s","after":1,"after":2,"data":{"message":""}}', A),
        (b'{"id":"%s","x":' + b"[" * 32 + b"]" * 32 + b"}", A),
        (b'{"id":"%s","id":"' + B.encode() + b'","data":{"message":""}}', None),
        (b'{"id":"%s","data":{"message":NaN}}', None),
    ],
    ids=["U+0000", "another name twice", "depth", "id twice", "no JSON at all"],
)
def test_what_is_no_strict_json_is_told_with_its_id_if_that_is_certain(
    raw: bytes, told: str | None
) -> None:
    refused = READER.read(raw % A.encode())

    assert isinstance(refused, Refused)
    assert refused.expected is not None
    assert refused.expected.keys() == {"x-strict-json"}
    assert refused.id == told


def test_depth_32_is_no_matter_of_depth() -> None:
    refused = READER.read(b"[" * 32 + b"]" * 32)

    assert isinstance(refused, Refused)
    assert refused.expected == {"type": "object"}


@pytest.mark.parametrize(
    "raw",
    [
        b'{"data":{"message":"\xff"}}',
        b'{"data":{"message":"\xc0\x80"}}',
        b'{"data":{"message":"\xed\xa0\x80"}}',
        b"\xfe\xff\0{\0}",
        b'{"data":{"message":"hi"}}\x80',
        b"\xff",
    ],
)
def test_what_is_not_utf_8_is_an_end_not_an_error(raw: bytes) -> None:
    with pytest.raises(NotUtf8) as caught:
        READER.read(raw)

    # A chained decoding error would carry the whole frame.
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


# -- bytes


@pytest.mark.parametrize("letter", ["a", "é", "γ", "👋", "\u2028"])
@pytest.mark.parametrize("written", [json.dumps, orjson.dumps], ids=["escaped", "plain"])
def test_a_message_may_have_as_many_bytes_as_the_bound_and_no_more(
    letter: str, written: Any
) -> None:
    size = len(letter.encode())
    text = letter * (LIMITS.message_bytes // size)
    text += "a" * (LIMITS.message_bytes - len(text.encode()))
    fits, too_big = (written({"data": {"message": t}}) for t in (text, text + "a"))
    fits, too_big = (r.encode() if isinstance(r, str) else r for r in (fits, too_big))

    assert SCHEMAS["MessageData"]["properties"]["message"]["x-max-bytes"] == LIMITS.message_bytes
    assert READER.read(fits) == Say(None, None, text)
    assert READER.read(too_big) == Refused(
        "too-big",
        "/data/message: at most 262144 bytes of UTF-8",
        path="/data/message",
        expected={"x-max-bytes": 262144},
        schema="#/components/schemas/MessageData/properties/message",
    )


@pytest.mark.parametrize("text", ["a" * 11, "é" * 5 + "a", "👋👋abc"])
@pytest.mark.parametrize("more", [{}, {"id": ID}])
def test_too_big_keeps_to_the_operators_limit_and_names_the_frame(
    text: str, more: dict[str, Any]
) -> None:
    refused = SMALL_READER.read(message(text, **more))

    assert isinstance(refused, Refused)
    assert (refused.code, refused.id) == ("too-big", more.get("id"))
    assert refused.expected == {"x-max-bytes": 10}
    assert isinstance(SMALL_READER.read(message(text.encode()[:10].decode(errors="ignore"))), Say)


@pytest.mark.parametrize("letter", ["a", "é", "👋", '"', "\n"])
@pytest.mark.parametrize("written", [json.dumps, orjson.dumps], ids=["escaped", "plain"])
@pytest.mark.parametrize("reader", [READER, SMALL_READER], ids=["highest", "small"])
def test_a_signal_may_have_as_many_bytes_as_the_bound_and_no_more(
    letter: str, written: Any, reader: FrameReader
) -> None:
    bound = reader.limits.signal_bytes
    around = len('{"x":""}')
    each = len(orjson.dumps(letter)) - 2
    text = letter * ((bound - around) // each)
    text += "a" * (bound - around - len(text) * each)
    fits, too_big = (written({"type": "signal", "data": {"x": t}}) for t in (text, text + "a"))
    fits, too_big = (r.encode() if isinstance(r, str) else r for r in (fits, too_big))

    assert reader.read(fits) == Signal(orjson.dumps({"x": text}))
    assert reader.read(too_big) == Refused(
        "too-big",
        f"/data: at most {bound} bytes of UTF-8",
        path="/data",
        expected={"maximum": bound},
        schema="#/components/schemas/Limits/properties/signal_bytes",
    )


def test_another_fault_of_a_frame_that_is_too_big_is_told_first() -> None:
    refused = READER.read(message("a" * (LIMITS.message_bytes + 1), x=1))

    assert isinstance(refused, Refused)
    assert (refused.code, refused.path) == ("bad-frame", "/x")


# -- the id that is echoed


@pytest.mark.parametrize(
    ("text", "echoed"),
    [
        (f'{{"id":"{ID}"}}', ID),
        (f'{{"id":"{ID}","data":{{"message":7}}}}', ID),
        (f'{{"id":"{ID}","type":"zz"}}', ID),
        ('{"id":"zz"}', None),
        ('{"id":7}', None),
        (f'{{"id":"{ID.upper()}"}}', None),
        (f'{{"id":"{ID} "}}', None),
        (f'["{ID}"]', None),
        ("{}", None),
    ],
)
def test_an_error_echoes_a_valid_id_and_nothing_else(text: str, echoed: str | None) -> None:
    refused = READER.read(text.encode())

    assert isinstance(refused, Refused)
    assert refused.id == echoed
    assert READER.id_of(text.encode()) == echoed


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"[" * 60_000, b'"' + ID.encode() + b'"'])
def test_what_cannot_be_read_has_no_id(raw: bytes) -> None:
    assert READER.id_of(raw) is None


# -- any frame at all

PIECES = [
    "a",
    "message",
    "\\",
    '"',
    '\\"',
    "\\\\",
    "\0",
    "\\u0000",
    "👋",
    "\u2028",
    "/",
    "é",
    "a" * 10,
    " ",
]
SPACES = ["", "", "", " ", "\n\t", "\r\n "]
NUMBERS = ["0", "1", "41.0", "4e1", str(MAX_SEQ), "9" * 16, "-1", "-0", "1.5", "1e-1"]
NO_NUMBERS = ["1e999", "NaN", "-Infinity", "01", "1.", str(2**63), str(2**64), "9" * 30]
IDS = [f'"{ID}"', f'"{ID.upper()}"', '"zz"', f'"{ID}\\n"', f'"{ID[:-1]}\\u0031"']
ODD = [*NO_NUMBERS, "true", "null", "[]", "{}", '["a"]', '"x"', r'"\ud800"', r'"\udc4b\ud83d"']


class Writer:
    """Writes frames in the many ways that JSON allows, and some that it does not."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.plain = random.random() < 0.5

    def one_in(self, count: int) -> bool:
        return self.random.randrange(count) == 0

    def string(self, text: str) -> str:
        return '"' + "".join(self.character(char) for char in text) + '"'

    def character(self, char: str) -> str:
        if char >= " " and char not in '"\\' and (self.plain or not self.one_in(4)):
            return "\\/" if char == "/" and self.one_in(2) else char
        escaped = char.encode("utf-16-be").hex(" ", 2).split(" ")
        return json.dumps(char)[1:-1] if self.one_in(2) else "".join(f"\\u{u}" for u in escaped)

    def name(self, usual: str) -> str:
        return self.string(self.random.choice(PIECES) if self.one_in(20) else usual)

    def value(self, usual: str) -> str:
        return self.random.choice(ODD) if self.one_in(12) else usual

    def text(self) -> str:
        return self.string("".join(self.random.choices(PIECES, k=self.random.randrange(6))))

    def object(self, members: list[tuple[str, str]]) -> str:
        if members and self.one_in(12):
            members = [*members, self.random.choice(members)]
        gap = partial(self.random.choice, SPACES)
        written = [f"{gap()}{self.name(k)}{gap()}:{gap()}{v}{gap()}" for k, v in members]
        return "{" + ",".join(written) + gap() + "}"

    def frame(self) -> str:
        members = [
            ("type", self.value('"message"')),
            ("id", self.value(self.random.choice(IDS[:1] if self.one_in(2) else IDS))),
            ("after", self.value(self.random.choice(NUMBERS))),
            ("if_members", self.value(self.random.choice(NUMBERS))),
        ]
        if self.one_in(4):
            return self.other_frame()
        chosen = self.random.sample(members, self.random.randrange(5))
        data = self.object([] if self.one_in(20) else [("message", self.value(self.text()))])
        chosen.insert(self.random.randrange(4), ("data", self.value(data)))
        return self.object(chosen)

    def other_frame(self) -> str:
        if self.one_in(2):
            members = [("type", '"signal"'), ("data", self.value(self.object(self.anything())))]
        else:
            members = [("type", '"history"'), ("id", self.value(IDS[0]))]
            members += self.random.sample(
                [
                    ("before", self.value(self.random.choice(NUMBERS))),
                    ("limit", self.value(self.random.choice(["1", "2e2", "200", "201", "0"]))),
                ],
                self.random.randrange(3),
            )
        self.random.shuffle(members)
        return self.object(members)

    def anything(self) -> list[tuple[str, str]]:
        values = ["1", "-7", "true", "null", "[1,[]]", '{"b":[{}]}', self.text()]
        names = self.random.sample("abcd", self.random.randrange(4))
        return [(name, self.value(self.random.choice(values))) for name in names]


frames = st.randoms(use_true_random=True).map(lambda random: Writer(random).frame())


@settings(max_examples=500, deadline=None)
@given(frames)
@example('{"data":{"message":"a"},"data":{"message":"b"}}')
@example('{"data":{"message":"\\\\"}}')
@example('{"after":1,"after":2,"data":{"message":"\\"\\""}}')
def test_the_reader_says_of_any_frame_what_the_contract_says(text: str) -> None:
    raw = text.encode()

    assert read(raw) == judged(raw)
    assert read(raw, SMALL_READER) == judged(raw, SMALL)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=60), frames.map(str.encode)), st.data())
def test_the_reader_says_of_damaged_frames_what_the_contract_says(
    raw: bytes, data: st.DataObject
) -> None:
    if raw:
        at = data.draw(st.integers(0, len(raw) - 1))
        patch = data.draw(st.sampled_from([b"", b'"', b"\\", b"}", b"\0", b"\xff", b",", b'""']))
        raw = raw[:at] + patch + raw[at + data.draw(st.integers(0, 1)) :]

    assert read(raw) == judged(raw)


@pytest.mark.parametrize("number", ["4e15", "1e3", "1E1", "41.0", "4000000000000000", "0", "-0"])
@pytest.mark.parametrize(
    "template",
    [
        '{"after":1,"after":%s,"data":{"message":"x"}}',
        '{"after":%s,"data":{"message":"a"},"data":{"message":"x"}}',
        '{"after":%s,"data":{"message":"","message":"x"}}',
        '{"after":%s,"data":{"message":"\\u0000"}}',
        '{"after":%s,"data":{"message":"\\ud800"}}',
        '{"after":%s,"data":{"message":"x"}',
    ],
)
def test_no_length_makes_up_for_a_broken_rule(template: str, number: str) -> None:
    for spaces in range(40):
        raw = template.replace("%s", number).replace(":", ":" + " " * spaces, 1).encode()
        assert isinstance(READER.read(raw), Refused), spaces


# -- errors never hold the value

SECRET = "xQz7secret"


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(
        [
            '{"type":"%s","data":{"message":""}}',
            '{"type":"%s"}',
            '{"id":"%s","data":{"message":""}}',
            '{"after":"%s","data":{"message":""}}',
            '{"data":"%s"}',
            '{"data":{"message":["%s"]}}',
            '{"data":{"message":{"%s":1}}}',
            '{"data":{"message":"%s"},"data":1}',
            '{"data":{"message":"%s","x":"%s"}}',
            '{"data":{"message":"%s\\u0000"}}',
            '{"data":{"message":"%s\\ud800"}}',
            '{"data":{"message":"%s"',
            '["%s"]',
            '"%s"',
            "%s",
            '{"x":"%s"}',
        ]
    ),
    st.text("ab", max_size=3),
)
def test_an_error_names_place_and_rule_and_never_the_value(template: str, around: str) -> None:
    refused = READER.read(template.replace("%s", around + SECRET + around).encode())

    assert isinstance(refused, Refused)
    assert SECRET not in repr(refused)
    assert SECRET.encode() not in error_frame(refused)


def test_a_message_too_big_is_not_repeated() -> None:
    refused = SMALL_READER.read(message(SECRET + "bcd"))

    assert isinstance(refused, Refused)
    assert SECRET not in repr(refused)


@pytest.mark.parametrize(
    "raw",
    [message(SECRET, id=ID), orjson.dumps({"type": "signal", "data": {SECRET: SECRET}})],
    ids=["message", "signal"],
)
def test_what_is_said_shows_no_text_in_its_repr(raw: bytes) -> None:
    said = READER.read(raw)

    assert isinstance(said, Say | Signal)
    assert SECRET not in repr(said)
    assert SECRET not in f"{said}"


def test_a_signal_too_big_is_not_repeated() -> None:
    refused = SMALL_READER.read(orjson.dumps({"type": "signal", "data": {"x": SECRET * 3}}))

    assert isinstance(refused, Refused)
    assert SECRET not in repr(refused)


# -- how that is said


def errors_of_all_kinds() -> list[Refused]:
    texts = [text.encode() for text, _, _, _ in AGAINST_THE_SCHEMA]
    texts += [raw for raw, _, _ in NOT_STRICT]
    texts.append(b'{"data":{"message":"' + b"a" * 262145 + b'"}}')
    texts.append(b'{"' + b"n" * 5000 + b'":1,"data":{"message":""}}')
    texts.append(b'{"' + b"n" * 5000 + b'":NaN}')
    read_all = [READER.read(raw) for raw in texts]
    return [refused for refused in read_all if isinstance(refused, Refused)]


def test_error_frames_fit_the_contract() -> None:
    shut = closed_schema("Failure")
    refusals = errors_of_all_kinds()
    assert len(refusals) == len(AGAINST_THE_SCHEMA) + len(NOT_STRICT) + 3
    for refused in refusals:
        frame = orjson.loads(error_frame(refused))
        shut.validate(frame)
        assert None not in frame.values()


@given(frames)
def test_the_error_of_any_frame_fits_the_contract(text: str) -> None:
    refused = READER.read(text.encode())
    assume(isinstance(refused, Refused))

    assert isinstance(refused, Refused)
    closed_schema("Failure").validate(orjson.loads(error_frame(refused)))


@pytest.mark.parametrize(
    ("path", "text"),
    [([], ""), (["a"], "/a"), (["a/b", "~", 0], "/a~1b/~0/0"), ([""], "/"), (["~1"], "/~01")],
)
def test_pointers_are_escaped(path: list[str | int], text: str) -> None:
    assert pointer(path) == text
