"""A display without a screen: an Xvfb of the tests' own, and pictures of what is on it."""

import os
import shutil
import struct
import subprocess
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

START_S: Final = 120.0
SCREEN: Final = (1700, 1000)
_XWD_HEADER: Final = struct.Struct(">25I")


@dataclass(frozen=True, slots=True)
class Display:
    """``name`` is for `$DISPLAY`, ``memory`` the file that has what is on the screen."""

    name: str
    memory: Path

    def picture(self, file: Path, box: tuple[int, int, int, int]) -> None:
        """Write a PNG of ``box``: left, top, width, height."""
        whole = self.memory.read_bytes()
        header = _XWD_HEADER.unpack_from(whole)
        start, row_bytes = header[0] + header[19] * 12, header[12]
        left, top, width, height = box
        rows = bytearray()
        for y in range(top, top + height):
            begin = start + y * row_bytes + left * 4
            pixels = whole[begin : begin + width * 4]
            row = bytearray(width * 3)
            # In memory: blue, green, red, nothing.
            row[0::3], row[1::3], row[2::3] = pixels[2::4], pixels[1::4], pixels[0::4]
            rows += b"\0" + row
        png = b"\x89PNG\r\n\x1a\n"
        png += _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        png += _chunk(b"IDAT", zlib.compress(bytes(rows), 9)) + _chunk(b"IEND", b"")
        file.write_bytes(png)


@contextmanager
def running_display(folder: Path) -> Iterator[Display]:
    """Start Xvfb, or skip the test that asks; it ends with the block."""
    pytest.importorskip("tkinter", reason="this Python has no Tk (Debian: python3-tk)")
    program = shutil.which("Xvfb")
    if program is None:
        pytest.skip("Xvfb is not installed")
    reading, writing = os.pipe()
    width, height = SCREEN
    screen = f"{width}x{height}x24"
    arguments = ("-displayfd", str(writing), "-screen", "0", screen, "-nolisten", "tcp")
    server = subprocess.Popen(
        [program, *arguments, "-fbdir", str(folder)],
        pass_fds=[writing],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    try:
        with os.fdopen(reading) as said:
            number = said.readline().strip()
        assert number, f"Xvfb ended with {server.wait(START_S)}"
        yield Display(f":{number}", folder / "Xvfb_screen0")
    finally:
        server.terminate()
        server.wait(START_S)


@pytest.fixture(scope="session")
def display(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Display]:
    """One display for all tests of a worker."""
    with running_display(tmp_path_factory.mktemp("display")) as found:
        yield found


def _chunk(kind: bytes, data: bytes) -> bytes:
    whole = kind + data
    return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))
