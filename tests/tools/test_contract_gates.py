"""A break passes the gates when the changelog announces it, and only then."""

import shutil
from pathlib import Path

import pytest

from tools.contracts import gates, rest_gate
from tools.contracts.changelog import Announced, NotUnderstood, announced
from tools.contracts.documents import NoContract
from tools.contracts.gates import compare
from tools.contracts.release import release
from tools.contracts.released import NotReleased, newest_release

SPEC = Path(__file__).resolve().parents[2] / "spec"
EMPTY = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A thing.\n"
RELAY = "client message /id required"
REST = "operation POST /ticket renamed"
LINE = f"- **Breaking (relay):** `{RELAY}`: a message has an id.\n"


def version() -> str:
    text = (SPEC / "openapi.yaml").read_text(encoding="utf-8")
    return next(line.split()[1] for line in text.splitlines() if line.startswith("  version:"))


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """Both contracts, released as they are."""
    folder = tmp_path / "spec"
    folder.mkdir()
    for name in ("openapi.yaml", "asyncapi.yaml"):
        shutil.copyfile(SPEC / name, folder / name)
    release(folder)
    return folder


def change(file: Path, there: str, instead: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(there) == 1
    file.write_text(text.replace(there, instead), encoding="utf-8")


def break_relay(spec: Path) -> None:
    change(spec / "asyncapi.yaml", "      required: [data]\n", "      required: [data, id]\n")


def break_rest(spec: Path) -> None:
    file = spec / "openapi.yaml"
    text = file.read_text(encoding="utf-8").replace("operationId: create_ticket", "operationId: x")
    file.write_text(text, encoding="utf-8")


def prepare(spec: Path, number: str) -> None:
    for name in ("openapi.yaml", "asyncapi.yaml"):
        change(spec / name, f"  version: {version()}\n", f"  version: {number}\n")


def compared(spec: Path, changelog: str) -> tuple[list[str], list[str]]:
    file = spec.parent / "CHANGELOG.md"
    file.write_text(changelog, encoding="utf-8")
    return compare(spec, file, None)


def test_what_is_released_and_unchanged_passes(spec: Path) -> None:
    assert compared(spec, EMPTY) == ([], [])


def test_a_break_that_nobody_announced_fails_with_its_frame(spec: Path) -> None:
    break_relay(spec)

    wrong, meant = compared(spec, EMPTY)

    assert len(wrong) == 1
    assert wrong[0].startswith(f"relay: {RELAY}: ")
    assert 'witness: {"data": {"message": ' in wrong[0]
    assert meant == []


def test_a_break_that_is_announced_passes_and_is_listed(spec: Path) -> None:
    break_relay(spec)

    wrong, meant = compared(spec, EMPTY + LINE)

    assert wrong == []
    assert len(meant) == 1
    assert meant[0].startswith(f"relay: {RELAY}: ")


def test_an_announcement_without_a_break_fails(spec: Path) -> None:
    wrong, _ = compared(spec, EMPTY + LINE)

    assert wrong == [f"CHANGELOG.md: relay: `{RELAY}` is no break"]


def test_a_break_announced_for_the_other_gate_fails_twice(spec: Path) -> None:
    break_relay(spec)

    wrong, _ = compared(spec, EMPTY + LINE.replace("(relay)", "(rest)"))

    assert len(wrong) == 2


def test_one_announcement_admits_no_second_break(spec: Path) -> None:
    break_relay(spec)
    break_rest(spec)

    wrong, meant = compared(spec, EMPTY + LINE)

    assert [line.split(":")[0] for line in wrong] == ["rest"]
    assert len(meant) == 1


def test_the_version_that_is_prepared_may_announce(spec: Path) -> None:
    break_rest(spec)
    prepare(spec, "9.0.0")
    line = f"- **Breaking (rest):** `{REST}`,\n  `a`: it is called\n  otherwise.\n"

    assert announced(f"## [9.0.0] - 2026-01-02\n\n{line}", "9.0.0") == [
        Announced("rest", REST),
        Announced("rest", "a"),
    ]
    line = line.replace(",\n  `a`", "")
    wrong = {
        heading: compared(spec, f"{EMPTY}\n{heading}\n\n{line}\n")[0]
        for heading in ("## [9.0.0] - 2026-01-02", "## [0.0.1] - 2026-01-01")
    }

    assert wrong["## [9.0.0] - 2026-01-02"] == []
    assert wrong["## [0.0.1] - 2026-01-01"] != []


def test_what_a_release_announced_is_of_the_release_before(spec: Path) -> None:
    """The section of the released version speaks of the step to it, which is done."""
    assert compared(spec, f"{EMPTY}\n## [{version()}] - 2026-01-01\n\n{LINE}") == ([], [])


@pytest.mark.parametrize(
    "line",
    [
        "- **Breaking:** `a`: why\n",
        "- **Breaking (websocket):** `a`: why\n",
        "- **Breaking (rest):** a: why\n",
        "- **Breaking (rest):** `a`\n",
        "- **Breaking (rest)** `a`: why\n",
    ],
)
def test_a_line_that_cannot_be_read_is_said_so(line: str) -> None:
    with pytest.raises(NotUnderstood, match=r"CHANGELOG\.md"):
        announced(EMPTY + line, "9.0.0")


def test_the_program_says_what_breaks_and_what_it_could_not_ask(
    spec: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changelog = spec.parent / "CHANGELOG.md"
    changelog.write_text(EMPTY, encoding="utf-8")
    monkeypatch.setattr(gates, "ROOT", spec.parent)
    monkeypatch.setattr(rest_gate, "ROOT", spec.parent)  # there is no oasdiff

    assert gates.main() == gates.SKIPPED
    assert capsys.readouterr().out.startswith("skipped: oasdiff-linux-")

    break_relay(spec)

    assert gates.main() == 1
    assert capsys.readouterr().out.startswith(f"relay: {RELAY}: ")

    changelog.write_text(EMPTY + LINE, encoding="utf-8")

    assert gates.main() == gates.SKIPPED
    assert capsys.readouterr().out.startswith(f"announced: relay: {RELAY}: ")


def test_a_release_is_never_overwritten(spec: Path) -> None:
    break_relay(spec)
    kept = (spec / "released" / version() / "asyncapi.yaml").read_bytes()

    with pytest.raises(NotReleased, match="released already"):
        release(spec)

    assert (spec / "released" / version() / "asyncapi.yaml").read_bytes() == kept


def test_the_newest_release_counts_by_number(spec: Path) -> None:
    for name in ("0.9.0", "0.10.0", "0.2.0", "old"):
        (spec / "released" / name).mkdir()

    assert newest_release(spec).name == "0.10.0"


def test_nothing_released_is_no_pass(spec: Path) -> None:
    shutil.rmtree(spec / "released")

    with pytest.raises(NotReleased, match=r"tools\.contracts\.release"):
        compared(spec, EMPTY)


def test_both_contracts_have_one_version(spec: Path) -> None:
    change(spec / "asyncapi.yaml", f"  version: {version()}\n", "  version: 9.9.9\n")

    with pytest.raises(NotReleased, match=r"9\.9\.9"):
        compared(spec, EMPTY)


def test_a_release_that_is_no_contract_is_said_so(spec: Path) -> None:
    (spec / "released" / version() / "openapi.yaml").write_text("a: 1\n", encoding="utf-8")

    with pytest.raises(NoContract):
        compared(spec, EMPTY)
