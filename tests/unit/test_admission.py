"""What a handshake asks for: the well-formed, the malformed, and which fault is told first."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.datastructures import Headers

from relay.admission import MAX_SECRET_CHARACTERS, Wish, read_wish
from relay.hangups import (
    BAD_HANDSHAKE,
    BAD_QUERY,
    BAD_ROOM,
    NOT_LOGGED_IN,
    WRONG_ORIGIN,
    Refusal,
)
from relay.resume import Cursor
from tests.support.relay import contract

TOKEN = "ilo_s_" + "a" * 43
TICKET = "ilo_t_" + "b" * 43
ORIGIN = "https://app.invalid"
ALLOWED = frozenset({ORIGIN, "null"})
BEARER = ("Authorization", f"Bearer {TOKEN}")


def wish(target: str, *headers: tuple[str, str]) -> Wish | Refusal:
    return read_wish(target, Headers(headers), ALLOWED)


def test_a_bearer_token_is_a_session() -> None:
    assert wish("/ws/chat", BEARER) == Wish("chat", TOKEN, "session", None)  # type: ignore[arg-type]


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer"])
def test_the_scheme_is_read_in_any_case(scheme: str) -> None:
    assert isinstance(wish("/ws/chat", ("Authorization", f"{scheme} {TOKEN}")), Wish)


@pytest.mark.parametrize("several_headers", [False, True])
def test_a_ticket_comes_among_the_subprotocols(several_headers: bool) -> None:
    offered = ["ilo.v1", f"ilo.ticket.{TICKET}"]
    values = offered if several_headers else [", ".join(offered)]

    asked = wish("/ws/chat", *(("Sec-WebSocket-Protocol", value) for value in values))

    assert isinstance(asked, Wish)
    assert (asked.secret, asked.kind, asked.subprotocol) == (TICKET, "ticket", "ilo.v1")


def test_only_the_subprotocol_of_the_contract_is_answered() -> None:
    assert contract()["channels"]["room"]["x-subprotocols"] == ["ilo.v1"]
    for offered, answered in (("ilo.v1", "ilo.v1"), ("chat", None), ("ilo.v2, ilo.v1", "ilo.v1")):
        asked = wish("/ws/chat", BEARER, ("Sec-WebSocket-Protocol", offered))
        assert isinstance(asked, Wish)
        assert asked.subprotocol == answered


ROOMS = ("a", "0", "chat", "Chat", "a.b-c_d", "a" * 64, "a..", "~" + "A-_9" * 5 + "zz")
NO_ROOMS = (
    "",
    "a" * 65,
    ".",
    "..",
    ".a",
    "-a",
    "_a",
    "a/b",
    "a b",
    "a\n",
    "~",
    "~" + "a" * 21,
    "~" + "a" * 23,
    "é",
    "ｃhat",
    "²",
    "a\0",
    "a;b",
    "~a" + "." * 21,
)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_of_the_contract_is_a_room(room: str) -> None:
    asked = wish(f"/ws/{room}", BEARER)

    assert isinstance(asked, Wish)
    assert asked.room == room


@pytest.mark.parametrize("room", NO_ROOMS)
def test_another_name_is_no_room_escaped_or_not(room: str) -> None:
    escaped = "".join(f"%{byte:02x}" for byte in room.encode())

    assert wish(f"/ws/{room}", BEARER) is BAD_ROOM
    assert wish(f"/ws/{escaped}", BEARER) is BAD_ROOM


def test_a_room_is_decoded_once() -> None:
    once, twice = wish("/ws/%63hat", BEARER), wish("/ws/%2563hat", BEARER)

    assert isinstance(once, Wish)
    assert once.room == "chat"
    assert twice is BAD_ROOM


@pytest.mark.parametrize(
    "room", ["%", "%6", "%zz", "..%2fchat", "%2e%2e", "chat%2f", "chat/", "%00", "%ff", "chat%0a"]
)
def test_strange_escapes_are_no_room(room: str) -> None:
    assert wish(f"/ws/{room}", BEARER) is BAD_ROOM


@given(st.text(max_size=70))
def test_what_is_a_room_fits_the_contract(room: str) -> None:
    asked = wish(f"/ws/{room.replace('%', '%25').replace('?', '%3f')}", BEARER)

    assert isinstance(asked, Wish | Refusal)
    if isinstance(asked, Wish):
        assert asked.room == room
        assert room.isascii()
        assert room.replace("-", "").replace("_", "").replace(".", "").replace("~", "").isalnum()


EPOCH = "7d7f6f0c-0d0a-4b6e-8d3a-0c9a5f1b2e3d"
MAX_SEQ = 2**53 - 1


@pytest.mark.parametrize(
    ("query", "cursor"),
    [
        ("since=0", Cursor(0, None)),
        (f"since=0&epoch={EPOCH}", Cursor(0, EPOCH)),
        (f"since=1&epoch={EPOCH}", Cursor(1, EPOCH)),
        (f"epoch={EPOCH}&since=41", Cursor(41, EPOCH)),
        (f"since={MAX_SEQ}&epoch={EPOCH}", Cursor(MAX_SEQ, EPOCH)),
    ],
)
def test_a_query_is_a_cursor(query: str, cursor: Cursor) -> None:
    asked = wish(f"/ws/chat?{query}", BEARER)

    assert isinstance(asked, Wish)
    assert asked.cursor == cursor


def test_without_a_query_there_is_no_cursor() -> None:
    asked = wish("/ws/chat", BEARER)

    assert isinstance(asked, Wish)
    assert asked.cursor is None


NO_SEQS = (
    "", "-1", "+1", "01", "00", "1.0", "1e3", " 1", "1 ", "%31", "1%20", "x", "0x1", "1_0",
    "\u00b2", "\u0661", "null", str(MAX_SEQ + 1), "9" * 16, "9" * 17, "9" * 5000,
)  # fmt: skip
NO_EPOCHS = (
    "", EPOCH.upper(), EPOCH[:-1], EPOCH + "0", EPOCH + "%0a", EPOCH.replace("-", ""),
    f"{{{EPOCH}}}", f"urn:uuid:{EPOCH}", f"%20{EPOCH}", "g" + EPOCH[1:], "%37" + EPOCH[1:],
)  # fmt: skip
NO_QUERIES = (
    "", "?", "&", "x", "since", "epoch", "since=", "token=a", "since=1", "since=0&", "&since=0",
    "since=0&since=0", "since=0&&", "since=0;", "Since=0", "SINCE=0", "%73ince=0", "since=0&x",
    f"epoch={EPOCH}", f"since=1&epoch={EPOCH}&epoch={EPOCH}", f"since=1&epoch={EPOCH}&x=1",
    f"since=1;epoch={EPOCH}", f"since=1&epoch={EPOCH}#x", "since=0&epoch", "since=0=",
    "since=0&token=a", "since[]=0",
)  # fmt: skip


@pytest.mark.parametrize(
    "query",
    [
        *NO_QUERIES,
        *(f"since={seq}&epoch={EPOCH}" for seq in NO_SEQS),
        *(f"since={since}&epoch={epoch}" for since in (0, 1) for epoch in NO_EPOCHS),
    ],
)
def test_a_query_that_is_no_cursor_is_refused(query: str) -> None:
    assert wish(f"/ws/chat?{query}", BEARER) is BAD_QUERY


QUERY = contract()["channels"]["room"]["bindings"]["ws"]["query"]
CURSOR, UUID = (contract()["components"]["schemas"][name] for name in ("Cursor", "Uuid"))
query_texts = st.text("0123456789abcdef-+. %e&=sincpoh", max_size=40)


@given(st.sampled_from(["since=0", f"since=1&epoch={EPOCH}"]), query_texts, st.integers(0, 60))
def test_what_is_a_cursor_fits_the_contract(query: str, noise: str, at: int) -> None:
    asked = wish(f"/ws/chat?{query[:at]}{noise}{query[at + len(noise) :]}", BEARER)

    assert set(QUERY["properties"]) == {"since", "epoch"}
    if isinstance(asked, Wish):
        cursor = asked.cursor
        assert cursor is not None
        assert CURSOR["minimum"] <= cursor.seq <= CURSOR["maximum"]
        assert cursor.seq == 0 if cursor.epoch is None else re.search(UUID["pattern"], cursor.epoch)
    else:
        assert asked is BAD_QUERY


@pytest.mark.parametrize(
    "origin", ["https://evil.invalid", "https://app.invalid.evil.invalid", ORIGIN.upper(), "", "*"]
)
def test_an_origin_is_matched_letter_by_letter(origin: str) -> None:
    assert wish("/ws/chat", BEARER, ("Origin", origin)) is WRONG_ORIGIN


def test_an_allowed_origin_and_none_at_all_come_in() -> None:
    assert isinstance(wish("/ws/chat", BEARER, ("Origin", ORIGIN)), Wish)
    assert isinstance(wish("/ws/chat", BEARER, ("Origin", "null")), Wish)
    assert isinstance(wish("/ws/chat", BEARER), Wish)


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("Authorization", ""),),
        (("Authorization", "Bearer"),),
        (("Authorization", "Bearer "),),
        (("Authorization", f"Basic {TOKEN}"),),
        (("Authorization", f"Bearer\t{TOKEN}"),),
        (("Authorization", "Bearer " + "a" * (MAX_SECRET_CHARACTERS + 1)),),
        (("Authorization", "Bearer é"),),
        (("Sec-WebSocket-Protocol", "ilo.v1"),),
        (("Sec-WebSocket-Protocol", "ilo.v1, ilo.ticket."),),
        (("Sec-WebSocket-Protocol", "ilo.ticket.a, ilo.ticket.b"),),
        (("Cookie", f"token={TOKEN}"),),
    ],
)
def test_without_one_readable_secret_nobody_is_logged_in(
    headers: tuple[tuple[str, str], ...],
) -> None:
    assert wish("/ws/chat", *headers) is NOT_LOGGED_IN


def test_a_secret_may_be_as_long_as_the_bound() -> None:
    secret = "a" * MAX_SECRET_CHARACTERS
    asked = wish("/ws/chat", ("Authorization", f"Bearer {secret}"))

    assert isinstance(asked, Wish)
    assert asked.secret == secret


@pytest.mark.parametrize("name", ["Authorization", "Origin"])
def test_a_header_that_stands_twice_is_malformed(name: str) -> None:
    values = {"Authorization": f"Bearer {TOKEN}", "Origin": ORIGIN}
    others = [item for item in values.items() if item[0] != name]

    assert wish("/ws/chat", *others, (name, values[name]), (name, values[name])) is BAD_HANDSHAKE


def test_of_several_faults_the_first_of_the_contract_is_told() -> None:
    faults: list[tuple[Refusal, str, tuple[tuple[str, str], ...]]] = [
        (BAD_ROOM, "/ws/..", ()),
        (BAD_QUERY, "?since=1", ()),
        (BAD_HANDSHAKE, "", (BEARER, BEARER)),
        (WRONG_ORIGIN, "", (("Origin", "https://evil.invalid"),)),
        (NOT_LOGGED_IN, "", (("Authorization", "Basic x"),)),
    ]
    for place, (refusal, _, _) in enumerate(faults):
        target = ""
        headers: list[tuple[str, str]] = []
        for _, part, more in faults[place:]:
            target += part
            headers += more
        if not target.startswith("/ws/"):
            target = f"/ws/chat{target}"
        assert wish(target, *headers) is refusal


def test_the_repr_of_a_wish_holds_no_secret() -> None:
    assert TOKEN not in repr(wish("/ws/chat", BEARER))
