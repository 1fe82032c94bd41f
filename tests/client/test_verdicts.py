"""Python and the page give the same verdicts to the same vectors."""

from pathlib import Path

import pytest

from tests.client import page
from tests.client.page import Object
from tests.client.page_checks import KINDS, SECOND, cuts, noticed_before, noticed_by
from tools.vectors.people import VECTORS

# Those of a program with a disk; the page keeps its keys in the browser.
PYTHON_ONLY = "key_files"

# What is no check of its own, but done otherwise: vectors, file, what stands there, what then.
BROKEN = {
    "no signature is looked at": (
        "envelopes",
        "jws.ts",
        "await compactVerify(jws.text, key.key, { algorithms: [key.alg] });",
        "",
    ),
    "the recipients have an order": ("envelopes", "envelope.ts", ".sort()", ""),
    "nobody is told of a gap": ("sequences", "replay.ts", "follows ? [] : [", "true ? [] : ["),
    "a point of low order passes": (
        "cards",
        "keys.ts",
        'if (kind === "X25519") await expectAgreement(key.key);',
        "",
    ),
    "safety numbers of fewer rounds": ("safety_numbers", "safety.ts", "100_000;", "99_999;"),
}


@pytest.fixture(scope="module")
def said_by_python() -> list[Object]:
    said = page.said_by_python(VECTORS)
    return [line for line in said if line["kind"] != PYTHON_ONLY]


def differing(one: list[Object], other: list[Object]) -> list[str]:
    """Return the names of the vectors whose lines are not the same in both."""
    assert [line["name"] for line in one] == [line["name"] for line in other]
    return [a["name"] for a, b in zip(one, other, strict=True) if a != b]


def test_the_page_says_the_same_as_python_to_every_vector(said_by_python: list[Object]) -> None:
    said_by_page = page.run(VECTORS)

    assert said_by_page == said_by_python
    assert len(said_by_page) >= 100
    assert {line["kind"] for line in said_by_page} == {
        file.stem for file in VECTORS.glob("*.json") if file.stem != PYTHON_ONLY
    }


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_what_the_page_does_otherwise_shows(
    broken: tuple[str, str, str, str], said_by_python: list[Object], tmp_path: Path
) -> None:
    kind, file, old, new = broken
    vectors = tmp_path / "vectors"
    vectors.mkdir()
    (vectors / f"{kind}.json").symlink_to(VECTORS / f"{kind}.json")
    web = page.copy_with(tmp_path, file, old, new)

    said_by_page = page.run(vectors, web=web)

    assert differing(said_by_page, [line for line in said_by_python if line["kind"] == kind])


@pytest.mark.parametrize("file", KINDS)
def test_every_check_of_the_page_has_a_vector_that_shows_when_it_is_left_out(
    file: str, tmp_path: Path
) -> None:
    found = noticed_by(file, tmp_path, noticed_before().get(file, {}))

    assert [cut.key for cut, by in found if by is None] == []


def test_the_checks_of_the_page_that_no_vector_shows_are_there_and_few() -> None:
    checks = {cut.key for file in KINDS for cut in cuts(file)}

    assert checks >= SECOND.keys()
    assert len(checks) >= 90
    assert len(SECOND) <= len(checks) // 5
