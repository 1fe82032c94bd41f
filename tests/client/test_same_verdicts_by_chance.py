"""Python and the page say the same to envelopes and cards that chance has changed."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.client import page
from tests.client.page import Object
from tools.vectors.mutations import write_all

SEED, AMOUNT = 20, 120


def said_by_python(folder: Path) -> list[Object]:
    done = subprocess.run(
        [sys.executable, "-m", "tools.vectors.verdicts", folder],
        cwd=page.ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=page.TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return page.lines(done.stdout)


def test_both_say_the_same_and_a_page_that_is_less_strict_does_not(tmp_path: Path) -> None:
    folder = tmp_path / "mutations"
    write_all(folder, SEED, AMOUNT)

    by_python = said_by_python(folder)

    assert page.run(folder) == by_python
    verdicts = Counter(line["verdict"] for line in by_python)
    assert len(by_python) == 2 * AMOUNT
    # Chance gets past the form, into what stands behind it.
    assert {"ok", "format", "alg", "decrypt", "signature"} <= verdicts.keys()
    assert verdicts["format"] < len(by_python) * 0.7
    web = page.copy_with(tmp_path, "strict.ts", "object.size !== names.length ||", "")
    assert page.run(folder, web=web) != by_python
