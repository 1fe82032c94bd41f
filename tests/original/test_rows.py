"""Every promise of the original's documents has a test named for it, or a reason to wait."""

import ast
import re
from pathlib import Path

ROWS = {f"o{number:02}" for number in range(1, 24)}

YET_TO_COME: dict[str, str] = {}


def rows_with_tests() -> set[str]:
    """Return the rows that the tests of this folder have in their names."""
    rows: set[str] = set()
    for file in Path(__file__).parent.glob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                named = re.match(r"test_((?:o\d\d_)+)", node.name)
                rows.update(re.findall(r"o\d\d", named[1]) if named else [])
    return rows


def test_every_row_has_a_test_or_a_reason_to_wait() -> None:
    assert rows_with_tests() | set(YET_TO_COME) == ROWS


def test_no_row_waits_that_has_a_test() -> None:
    assert rows_with_tests() & set(YET_TO_COME) == set()
