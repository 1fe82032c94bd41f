"""Tells a private key from everything else that is sent as a public key.

It guards people from their own mistake, so it looks through the wrappings in which keys are
copied about: PEM, DER, JWK, base64, hex and JSON strings, each in the other. A key hidden on
purpose (compressed, encrypted, spelled in words) passes, and so do a bare seed of a few
bytes, which looks like any other bytes, and a PGP key without its armour. Text is never
quoted in an error.
"""

import binascii
import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import cast

from services.errors import InvalidInput

# How many wrappings of base64 or hex are taken off.
MAX_LAYERS = 3
# How many texts are looked at in all; honest input has one or two a layer.
_MAX_TEXTS = 12
# How many likely beginnings of a key are read in each; bytes of any other kind have none.
_MAX_DER_STARTS = 200

# The label of a PEM block, also where spaces have become something else. No dash may stand
# within, or the end of a public key and a remark after it would count as one label.
_LABEL = re.compile(
    r"--\s{0,4}(?:begin|end)[^-]{0,48}?private(?:[\W_]|%20){0,8}key"
    r"|putty-user-key-file-\d|age-secret-key-1",
    re.IGNORECASE,
)
_OPENSSH_MAGIC = b"openssh-key-v1\0"

_JWK_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "priv"})
# For what is no JSON by the letter: a part of it, or a JavaScript or YAML notation.
_JWK_TYPE = re.compile(r"""\bkty["'\\]{0,4}\s{0,8}:\s{0,8}["'\\]{0,4}(\w{1,8})""", re.IGNORECASE)
_JWK_SECRET = re.compile(
    r"""(?<![\w-])(?:d|p|q|dp|dq|qi|priv|(k))["'\\]{0,4}\s{0,8}:\s{0,8}["'\\]{0,4}[\w-]{16}"""
)

# Line ends that became text in a JSON string, and the plus between strings in source code.
_WRITTEN_BREAK = re.compile(r"\\{1,4}[nrt]|\s\+\s")
_BASE64_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"
_NOT_BASE64URL = bytes(set(range(256)) - set(_BASE64_ALPHABET))
_NOT_BASE64 = _NOT_BASE64URL + b"-_"
_TO_BASE64 = bytes.maketrans(b"-_", b"+/")
_HEX_PREFIX = re.compile(r"0x|\\x", re.IGNORECASE)
_NOT_IN_HEX_RUN = bytes(range(33)) + b":,;-\"'{}[]()\\"
_HEX_RUN = re.compile(rb"[0-9a-fA-F]{48,}")
_TEXT_RUN = re.compile(rb"[\t\n\r -~]{24,}")
# The same, as a search that costs a tenth: each byte of such a run becomes 1, all others 0.
_IS_TEXT = bytes(byte in b"\t\n\r" or 0x20 <= byte <= 0x7E for byte in range(256))
_RUN_OF_TEXT = b"\1" * 24

_INTEGER, _OCTET_STRING, _OID, _SEQUENCE = 0x02, 0x04, 0x06, 0x30
# A SEQUENCE that begins with INTEGER 0 or 1, or with a SEQUENCE that begins with an OID.
_DER_START = re.compile(
    rb"\x30(?:[\x05-\x7f]|\x81.|\x82..)"
    rb"(?:\x02\x01[\x00\x01][\x02\x04\x30]|\x30(?:[\x05-\x7f]|\x81.)\x06)",
    re.DOTALL,
)
_VERSIONS = (b"\0", b"\1")
_RSADSI = bytes.fromhex("2a864886f70d01")
_PKCS5 = _RSADSI + bytes.fromhex("05")
_PKCS12_PBE = _RSADSI + bytes.fromhex("0c01")
_MIN_MODULUS_BYTES = 32
_MIN_SCALAR_BYTES, _MAX_SCALAR_BYTES = 14, 72


def refuse_private_key(text: str, pointer: str = "/public_key") -> None:
    """Return if ``text`` may be kept as a public key.

    Raises:
        InvalidInput: at ``pointer``, rule ``private-key``.
    """
    if holds_private_key(text):
        raise InvalidInput(
            pointer, "private-key", "a private key was sent where the public key belongs"
        )


def holds_private_key(text: str) -> bool:
    """Whether ``text`` is or wraps a private key, up to three layers of base64 or hex deep.

    The work grows with the length of ``text`` and has no other bound: check that first.
    """
    layer = [text]
    texts_left = _MAX_TEXTS
    for depth in range(MAX_LAYERS + 1):
        below: dict[str, None] = {}
        while layer and texts_left:
            texts_left -= 1
            candidate = layer.pop(0)
            if _text_shows_key(candidate):
                return True
            inner = _read_json(candidate)
            if inner is None:
                if _spells_private_jwk(candidate):
                    return True
            elif inner.has_private_jwk:
                return True
            elif inner.strings:
                layer.append(inner.strings)
            if depth == MAX_LAYERS:
                continue
            decodings = list(_decodings(candidate))
            # Searched at once: the byte between them is in nothing that is looked for.
            together = b"\xff".join(decodings)
            if _OPENSSH_MAGIC in together:
                return True
            if _may_hold_der(together) and any(map(_has_private_der, decodings)):
                return True
            if _may_hold_text(together):
                for data in decodings:
                    below.update(dict.fromkeys(_texts_in(data)))
        layer = list(below)
    return False


def _text_shows_key(text: str) -> bool:
    # Every label has that word; most texts have not, and need no search.
    if "key" in text.lower() and _LABEL.search(text):
        return True
    # The raw bytes of a key, each as the character of its number or read as UTF-8.
    for encoding in ("latin-1",) if text.isascii() else ("latin-1", "utf-8"):
        data = text.encode(encoding, "replace")
        if _OPENSSH_MAGIC in data or _has_private_der(data):
            return True
    return False


class _Json:
    """What a JSON text holds: whether a private JWK, and all its other strings by line."""

    def __init__(self) -> None:
        self.has_private_jwk = False
        self.strings = ""

    def take_object(self, pairs: list[tuple[str, object]]) -> list[object]:
        # All pairs, for a member given twice would hide behind its double in a dict.
        members = {name.lower() for name, value in pairs if value not in ("", None)}
        symmetric = ("kty", "oct") in [
            (name.lower(), value.lower()) for name, value in pairs if isinstance(value, str)
        ]
        if "kty" in members:
            is_private = bool(members & _JWK_PRIVATE_MEMBERS) or (symmetric and "k" in members)
        else:
            is_private = {"n", "e", "d"} <= members or {"crv", "d"} <= members
        self.has_private_jwk = self.has_private_jwk or is_private
        return [part for pair in pairs for part in pair]


def _read_json(text: str) -> _Json | None:
    """Return what ``text`` holds as JSON; None if it is not JSON or only a bare number."""
    if not text.lstrip().startswith(("{", "[", '"')):
        return None
    found = _Json()
    try:
        # Numbers stay text: a long one would take time that grows with its square.
        value: object = json.loads(
            text, object_pairs_hook=found.take_object, parse_int=str, parse_float=str
        )
    except (ValueError, RecursionError):
        return None
    found.strings = "\n".join(_strings_in(value))
    return found


def _strings_in(value: object) -> Iterator[str]:
    waiting: list[object] = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, list):
            waiting.extend(reversed(cast(list[object], part)))


def _spells_private_jwk(text: str) -> bool:
    if "kty" not in text.lower():
        return False
    types = {found.lower() for found in _JWK_TYPE.findall(text)}
    return bool(types) and any(
        found[1] is None or "oct" in types for found in _JWK_SECRET.finditer(text)
    )


def _decodings(text: str) -> Iterator[bytes]:
    """Yield ``text`` read as base64 and as hex, from each place where a group may begin.

    Whatever is not of the alphabet is left out, so line ends, quotes and labels around the
    key do no harm; with four beginnings one falls on the beginning of every key.
    """
    joined = _WRITTEN_BREAK.sub("", text) if "\\" in text or "+" in text else text
    octets = joined.encode("ascii", "ignore")
    base64url = octets.translate(_TO_BASE64, _NOT_BASE64URL)
    base64 = octets.translate(None, _NOT_BASE64)
    for digits in {base64url: None, base64: None}:
        for start in range(4):
            whole = (len(digits) - start) // 4 * 4
            rest = digits[start + whole :]
            padding = b"=" * (4 - len(rest)) if len(rest) > 1 else b""
            group = digits[start:] if padding else digits[start : start + whole]
            yield binascii.a2b_base64(group + padding)

    without_prefix = _HEX_PREFIX.sub("", joined) if "x" in joined or "X" in joined else joined
    hex_text = without_prefix.encode("ascii", "replace")
    for run in _HEX_RUN.findall(hex_text.translate(None, _NOT_IN_HEX_RUN)):
        for start in range(2):
            yield binascii.unhexlify(run[start : start + (len(run) - start) // 2 * 2])


def _texts_in(data: bytes) -> Iterator[str]:
    """Yield the text of decoded ``data``, UTF-16 too, if there is a line's worth of it."""
    without_nul = data.replace(b"\0", b"")
    runs = _TEXT_RUN.findall(without_nul)
    if not runs:
        return
    try:
        yield without_nul.decode("utf-8")
    except UnicodeDecodeError:
        yield b"\n".join(runs).decode("ascii")


def _may_hold_text(data: bytes) -> bool:
    return _RUN_OF_TEXT in data.translate(_IS_TEXT, b"\0")


def _may_hold_der(data: bytes) -> bool:
    # One of which every key below holds; most bytes hold neither and need no closer look.
    return b"\x02\x01" in data or _RSADSI in data


def _has_private_der(data: bytes) -> bool:
    if not _may_hold_der(data):
        return False
    starts = islice(_DER_START.finditer(data), _MAX_DER_STARTS)
    return any(_is_private_der(data, found.start()) for found in starts)


def _is_private_der(data: bytes, start: int) -> bool:
    """Whether a private key in DER begins at ``start``; its end may be cut off."""
    _, position, _ = _element(data, start)
    tag, content, after = _element(data, position)
    if tag == _SEQUENCE:
        # EncryptedPrivateKeyInfo (RFC 5958): a password-based algorithm, then the octets.
        oid_tag, oid, oid_end = _element(data, content)
        return (
            oid_tag == _OID
            and data[oid:oid_end].startswith((_PKCS5, _PKCS12_PBE))
            and _tag(data, after) == _OCTET_STRING
        )
    if tag != _INTEGER or data[content:after] not in _VERSIONS:
        return False
    tag, content, second_end = _element(data, after)
    if tag == _SEQUENCE:
        # PrivateKeyInfo (RFC 5958): version, algorithm, the octets of the key.
        return _tag(data, content) == _OID and _tag(data, second_end) == _OCTET_STRING
    if tag == _OCTET_STRING:
        # ECPrivateKey (RFC 5915): version 1, the scalar, then nothing or [0] and [1].
        size = second_end - content
        follower = _tag(data, second_end)
        is_last = second_end == _element(data, start)[2]
        return _MIN_SCALAR_BYTES <= size <= _MAX_SCALAR_BYTES and (
            is_last or follower in (0xA0, 0xA1)
        )
    if tag == _INTEGER and second_end - content >= _MIN_MODULUS_BYTES:
        # RSAPrivateKey (RFC 8017) and the DSA key of OpenSSL: version, three more integers.
        third_tag, _, third_end = _element(data, second_end)
        return third_tag == _INTEGER and _tag(data, third_end) == _INTEGER
    return False


def _tag(data: bytes, position: int) -> int | None:
    return data[position] if 0 <= position < len(data) else None


def _element(data: bytes, position: int) -> tuple[int | None, int, int]:
    """Return tag, where the content begins, and where it ends (maybe beyond ``data``).

    The tag is None where no element with a length of up to two bytes begins.
    """
    tag = _tag(data, position)
    length = _tag(data, position + 1)
    if tag is None or length is None:
        return None, position, position
    content = position + 2
    if length < 0x80:
        return tag, content, content + length
    size_bytes = length & 0x7F
    if size_bytes not in (1, 2):
        return None, position, position
    size = int.from_bytes(data[content : content + size_bytes], "big")
    return tag, content + size_bytes, content + size_bytes + size
