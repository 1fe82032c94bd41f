"""Every code block of the documentation does what it shows, against a real `ilo serve`."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.docs.blocks import BadPage, blocks_of
from tests.docs.pages import missing_tools, run_page
from tests.support.ilo_process import ROOT, IloProcess, running

MOST_NOT_RUN: Final = 6
SHORTEST_REASON: Final = 10

PAGES: Final = sorted(
    [
        *(ROOT / "docs").rglob("*.md"),
        ROOT / "README.md",
        *ROOT.glob("examples/README.md"),
        *ROOT.glob("generated_clients/*/README.md"),
    ]
)
WITH_BLOCKS: Final = [page for page in PAGES if "```" in page.read_text("utf-8")]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], IloProcess]]:
    """Give one server to all pages that start none, begun when the first asks."""
    started: list[IloProcess] = []
    opened = running(tmp_path_factory.mktemp("shared"))

    def get() -> IloProcess:
        if not started:
            started.append(opened.__enter__())
        return started[0]

    yield get
    if started:
        opened.__exit__(None, None, None)


@pytest.mark.parametrize("page", WITH_BLOCKS, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_does_what_it_shows(
    page: Path, shared: Callable[[], IloProcess], tmp_path: Path
) -> None:
    text = page.read_text("utf-8")
    if missing := missing_tools(text):
        pytest.skip(f"not installed: {', '.join(missing)}")

    run_page(text, tmp_path, shared)


def test_few_blocks_are_not_run_and_each_says_why() -> None:
    not_run = [
        f"{page.relative_to(ROOT)}:{block.line}: {block.about}"
        for page in WITH_BLOCKS
        for block in blocks_of(page.read_text("utf-8"))
        if block.mark == "not run"
    ]

    assert len(not_run) <= MOST_NOT_RUN, "\n".join(not_run)
    assert all(len(line.partition(": ")[2]) >= SHORTEST_REASON for line in not_run)


def test_every_page_with_code_is_looked_at() -> None:
    looked_at = {str(page.relative_to(ROOT)) for page in WITH_BLOCKS}

    assert {"README.md", "docs/first-message.md", "docs/configuration.md"} <= looked_at


def nobody() -> IloProcess:
    raise AssertionError("this page needs no server")


def fence(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```\n"


FITTING: Final = {
    "a command and what it prints": fence("sh", "echo hello") + fence("text", "hello"),
    "what varies": fence("sh", "date; echo end") + fence("text", "…\nend"),
    "a variable that stays": fence("sh", "A=1") + fence("sh", "echo $A") + fence("text", "1"),
    "a refusal": "<!-- exit code: 1 -->\n"
    + fence("sh", "ilo config check nowhere.yaml")
    + fence("text", "ilo: nowhere.yaml: there is no such file"),
    "Python": fence("python", "print(6 * 7)") + fence("text", "42"),
    "a file": fence('python title="six.py"', "print(6)")
    + fence("sh", "python six.py")
    + fence("text", "6"),
    "an answer": fence("sh", 'echo \'{"a": "b1", "c": [2]}\'')
    + fence("json", '{"a": "b…", "c": [2]}'),
    "a configuration": fence("yaml", "session_lifetime_s: 60"),
    "a frame": "<!-- frame: MessageIn -->\n" + fence("json", '{"data": {"message": "hi"}}'),
    "a drawing": "<!-- only shown: a line -->\n" + fence("text", "-->"),
    "what cannot be run": "<!-- not run: it needs another machine -->\n" + fence("sh", "exit 7"),
}
BROKEN: Final = {
    "a command that fails": fence("sh", "false"),
    "another exit code": "<!-- exit code: 1 -->\n" + fence("sh", "exit 2"),
    "another output": fence("sh", "echo hello") + fence("text", "hell"),
    "more output than shown": fence("sh", "echo hello; echo you") + fence("text", "hello"),
    "an output that is not shown": fence("sh", "echo hello"),
    "an output of nothing": fence("text", "hello"),
    "another answer": fence("sh", "echo '{\"a\": 1}'") + fence("json", '{"a": 2}'),
    "an answer with more in it": fence("sh", 'echo \'{"a": 1, "b": 1}\'')
    + fence("json", '{"a": 1}'),
    "Python that fails": fence("python", "print(seven)"),
    "a file that nothing uses": fence('python title="six.py"', "print(6)"),
    "an unknown key": fence("yaml", "session_lifetime: 60"),
    "a value out of bounds": fence("yaml", "session_lifetime_s: 0"),
    "a logging configuration that does not load": fence(
        'yaml title="logging_config.yaml"', "version: 2"
    ),
    "a frame against the contract": "<!-- frame: MessageIn -->\n"
    + fence("json", '{"data": {"message": 1}}'),
    "a body against the contract": "<!-- body: User -->\n" + fence("json", '{"username": "ann"}'),
    "a frame that is unknown": "<!-- frame: Nothing -->\n" + fence("json", "{}"),
    "JSON that is none": "<!-- frame: MessageIn -->\n" + fence("json", "{data: 1}"),
    "JSON of which nothing is said": fence("json", "{}"),
    "no language": fence("", "echo hello"),
    "a language that nobody checks": fence("http", "GET / HTTP/1.1"),
    "an indented fence": "- see\n  ```sh\n  echo hello\n  ```\n",
    "a fence of tildes": "~~~\nhello\n~~~\n",
    "a fence that stays open": "```sh\necho hello\n",
    "code in HTML": "<pre>rm</pre>\n",
    "a server among other commands": fence("sh", "mkdir chat\nilo serve --config chat"),
    "a make target that is not there": fence("sh", "make tea"),
}


@pytest.mark.parametrize("page", FITTING.values(), ids=FITTING)
def test_a_page_that_is_right_passes(page: str, tmp_path: Path) -> None:
    run_page(page, tmp_path, nobody)


@pytest.mark.parametrize("page", BROKEN.values(), ids=BROKEN)
def test_a_page_that_is_not_right_fails(page: str, tmp_path: Path) -> None:
    with pytest.raises(BadPage, match=r"^line \d+: "):
        run_page(page, tmp_path, nobody)
