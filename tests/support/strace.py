"""Reads what strace wrote: system calls with the moments they began and ended.

Made for ``strace -f -y -s N -o FILE``.
"""

import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

_WHOLE = re.compile(r"(?P<pid>\d+) +(?P<name>\w+)\((?P<arguments>.*)\) += (?P<result>-?\w+)")
_BEGUN = re.compile(r"(?P<pid>\d+) +(?P<name>\w+)\((?P<arguments>.*) <unfinished \.\.\.>")
_ENDED = re.compile(r"(?P<pid>\d+) +<\.\.\. \w+ resumed>(?P<arguments>.*)\) += (?P<result>-?\w+)")


@dataclass(frozen=True, slots=True)
class SystemCall:
    """``began`` and ``ended`` are line numbers: of two calls, the lower came first."""

    name: str
    arguments: str
    result: str
    began: int
    ended: int

    @property
    def file(self) -> str:
        """The path of the descriptor in the first argument; empty when there is none."""
        found = re.match(r"\d+<(?P<path>[^>]*)>", self.arguments)
        return found["path"] if found else ""


def system_calls(lines: Iterable[str]) -> Iterator[SystemCall]:
    """Yield the calls in the order in which they ended."""
    under_way: dict[str, tuple[int, re.Match[str]]] = {}
    for number, line in enumerate(lines):
        if begun := _BEGUN.match(line):
            under_way[begun["pid"]] = (number, begun)
        elif ended := _ENDED.match(line):
            began, begun = under_way.pop(ended["pid"])
            arguments = begun["arguments"] + ended["arguments"]
            yield SystemCall(begun["name"], arguments, ended["result"], began, number)
        elif whole := _WHOLE.match(line):
            yield SystemCall(whole["name"], whole["arguments"], whole["result"], number, number)


@cache
def why_not_strace() -> str | None:
    """Return why no process can be traced here; None when it can."""
    if shutil.which("strace") is None:
        return "strace is not installed (apt: strace)"
    tried = subprocess.run(["strace", "-f", "true"], capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else "this machine allows no ptrace"
