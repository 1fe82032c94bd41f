"""Frames as bytes, held against the ``websockets`` library in both directions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from relay.wire import PING as PING_FRAME
from relay.wire import WHOLE_TEXT, apply_mask, frame_size, is_pong, text_frame
from tests.support.websocket import CLOSE, PING, PONG, client_frame, masked

URI = parse_uri("ws://relay.invalid/ws/chat")
EDGES = (0, 1, 125, 126, 127, 65535, 65536, 65537)
sizes = st.one_of(st.sampled_from(EDGES), st.integers(0, 70_000))
masks = st.binary(min_size=4, max_size=4)


def read_by_library(raw: bytes) -> list[Frame]:
    client = ClientProtocol(URI, state=State.OPEN)
    client.receive_data(raw)
    frames = [event for event in client.events_received() if isinstance(event, Frame)]
    assert client.parser_exc is None
    return frames


def written_by_library(frame: Frame) -> bytes:
    """Return the frame as the library's client sends it, under a mask of its own."""
    client = ClientProtocol(URI, state=State.OPEN)
    client.send_frame(frame)
    return b"".join(client.data_to_send())


@given(sizes)
def test_the_library_reads_what_text_frame_writes(size: int) -> None:
    payload = b"x" * size

    frames = read_by_library(text_frame(payload) * 2)

    assert [(f.opcode, f.fin, bytes(f.data)) for f in frames] == [(Opcode.TEXT, True, payload)] * 2


def test_the_ping_is_one_to_the_library() -> None:
    assert [(f.opcode, bytes(f.data)) for f in read_by_library(PING_FRAME)] == [(Opcode.PING, b"")]


@given(sizes, st.sampled_from((Opcode.TEXT, Opcode.BINARY, Opcode.CONT)), st.booleans())
def test_frame_size_is_what_the_library_wrote(size: int, opcode: Opcode, fin: bool) -> None:
    raw = written_by_library(Frame(opcode, b"x" * size, fin))

    assert frame_size(raw, 0) == len(raw)
    assert frame_size(b"before" + raw + b"after", 6) == len(raw)


@given(st.integers(0, 125), st.sampled_from((Opcode.PING, Opcode.PONG)))
def test_frame_size_of_control_frames_is_what_the_library_wrote(size: int, opcode: Opcode) -> None:
    raw = written_by_library(Frame(opcode, b"x" * size))

    assert frame_size(raw, 0) == len(raw)
    assert is_pong(raw[0]) == (opcode is Opcode.PONG)


@pytest.mark.parametrize("opcode", [CLOSE, PING, PONG, 0xB, 0xF])
def test_a_control_frame_over_125_bytes_is_its_first_two_bytes(opcode: int) -> None:
    assert frame_size(client_frame(b"", opcode, claimed=125), 0) == 2 + 4 + 125
    for claimed in (126, 65535, 65536):
        assert frame_size(client_frame(b"", opcode, claimed=claimed), 0) == 2


@given(sizes)
def test_a_whole_text_frame_is_known_by_its_first_byte(size: int) -> None:
    assert written_by_library(Frame(Opcode.TEXT, b"x" * size))[0] == WHOLE_TEXT


@given(sizes)
def test_frame_size_is_unknown_until_the_header_says_it(size: int) -> None:
    raw = client_frame(b"", claimed=size)
    needed = 2 if size < 126 else 4 if size < 65536 else 10

    for there in range(len(raw)):
        expected = len(raw) + size if there >= needed else None
        assert frame_size(raw[:there], 0) == expected


@given(st.binary(min_size=2, max_size=2), st.binary(max_size=12))
def test_where_frame_size_gives_two_bytes_they_are_enough_to_refuse(
    head: bytes, rest: bytes
) -> None:
    if frame_size(head + rest, 0) != 2:
        return

    server = ServerProtocol(state=State.OPEN)
    server.receive_data(head)

    # Without a mask the library refuses at once; it reads a long control frame's length first.
    is_long_control = head[0] & 0x08 and head[1] & 0x80 and head[1] & 0x7F > 125
    assert server.parser_exc is not None or is_long_control
    server.receive_data(rest.ljust(12, b"\0"))
    assert server.parser_exc is not None


@given(st.binary(max_size=300), masks)
def test_unmasking_is_what_the_rfc_says(payload: bytes, mask: bytes) -> None:
    assert apply_mask(masked(payload, mask), mask) == payload


@given(st.binary(max_size=300), masks)
def test_the_library_reads_what_the_raw_client_writes(payload: bytes, mask: bytes) -> None:
    server = ServerProtocol(state=State.OPEN)
    server.receive_data(client_frame(payload, mask=mask))
    (frame,) = server.events_received()

    assert isinstance(frame, Frame)
    assert bytes(frame.data) == payload
