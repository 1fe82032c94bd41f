"""Python and the page say the same to envelopes and cards that chance has changed."""

from collections import Counter
from pathlib import Path

from tests.client import page
from tools.vectors.mutations import write_all

SEED, AMOUNT = 20, 120


def test_both_say_the_same_and_a_page_that_is_less_strict_does_not(tmp_path: Path) -> None:
    folder = tmp_path / "mutations"
    write_all(folder, SEED, AMOUNT)

    by_python = page.said_by_python(folder)

    assert page.run(folder) == by_python
    verdicts = Counter(line["verdict"] for line in by_python)
    assert len(by_python) == 2 * AMOUNT
    # Chance gets past the form, into what stands behind it.
    assert {"ok", "format", "alg", "decrypt", "signature"} <= verdicts.keys()
    assert verdicts["format"] < len(by_python) * 0.7
    web = page.copy_with(tmp_path, "strict.ts", "object.size !== names.length ||", "")
    assert page.run(folder, web=web) != by_python
