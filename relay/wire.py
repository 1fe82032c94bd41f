"""WebSocket framing (RFC 6455 §5) where it is hot: one text frame in, one text frame out.

Everything unusual (control frames, fragments, binary, faults) is left to the ``websockets``
library, which is the authority. Nothing here does I/O or keeps state.
"""

from websockets.speedups import apply_mask

__all__ = [
    "PING",
    "WHOLE_TEXT",
    "apply_mask",
    "close_frame",
    "frame_size",
    "is_pong",
    "text_frame",
]

WHOLE_TEXT = 0x81
"""First byte of a text frame that is no fragment and uses no extension."""

PING = b"\x89\x00"

MASK_BYTES = 4
_OPCODE = 0x0F
_CLOSE = 0x8
_WHOLE_PONG = 0x8A
_MASKED = 0x80


def text_frame(payload: bytes) -> bytes:
    """Return one whole, unmasked text frame: what a server sends (RFC 6455 §5.1)."""
    size = len(payload)
    if size < 126:
        return b"\x81%c%b" % (size, payload)
    if size < 65536:
        return b"\x81\x7e%b%b" % (size.to_bytes(2, "big"), payload)
    return b"\x81\x7f%b%b" % (size.to_bytes(8, "big"), payload)


def close_frame(code: int, reason: str) -> bytes:
    """Return a server's close frame; ``reason`` takes at most 123 bytes (RFC 6455 §5.5.1)."""
    payload = code.to_bytes(2, "big") + reason.encode()
    return b"\x88%c%b" % (len(payload), payload)


def is_pong(first: int) -> bool:
    """Tell a whole Pong, which needs no answer (RFC 6455 §5.5.3), by its first byte."""
    return first == _WHOLE_PONG


def frame_size(data: bytes, at: int) -> int | None:
    """Return the whole size in bytes, header too, of the client's frame that begins at ``at``.

    None while the bytes that say so are not there yet. A frame that breaks the header's rules in a
    way that makes its size meaningless (no mask, a control frame over 125 bytes) counts
    as its first two bytes: they are enough for the library to refuse it.
    """
    if len(data) - at < 2:
        return None
    first, second = data[at], data[at + 1]
    size = second & 0x7F
    if not second & _MASKED or (first & _OPCODE >= _CLOSE and size > 125):
        return 2
    if size < 126:
        return 2 + MASK_BYTES + size
    extended = 2 if size == 126 else 8
    if len(data) - at < 2 + extended:
        return None
    size = int.from_bytes(data[at + 2 : at + 2 + extended], "big")
    return 2 + extended + MASK_BYTES + size
