"""The reference pages as HTML: Markdown rendered, and put into one shell without scripts."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from typing import Any, Final

# The package has no types of its own, and there are none in the locks.
import markdown  # type: ignore[import-untyped]
from markdown.extensions import Extension  # type: ignore[import-untyped]
from markdown.treeprocessors import Treeprocessor  # type: ignore[import-untyped]

from tools.reference.document import Document
from tools.reference.problems import all_problems, problem_list, problem_text
from tools.reference.relay import relay_reference

_SHELL: Final = Template((Path(__file__).parent / "shell.html").read_text("utf-8"))
# After the extension that reads ids, whose priority is 8.
_AFTER_ALL: Final = 1


@dataclass(frozen=True, slots=True)
class _Entry:
    """One link of the bar."""

    path: str
    text: str


_BAR: Final = (
    _Entry("docs", "Docs"),
    _Entry("redoc", "ReDoc"),
    _Entry("asyncapi", "AsyncAPI"),
    _Entry("problems", "Problems"),
    _Entry("openapi.json", "openapi.json"),
    _Entry("asyncapi.json", "asyncapi.json"),
)


def built_pages(openapi: Mapping[str, Any], asyncapi: Mapping[str, Any]) -> dict[str, str]:
    """Return every page of the folder `built`, by file name in it.

    Each is a :class:`string.Template` in which only ``$relay_url`` is left to be filled in.

    Raises:
        NotRendered: a contract holds what no page shows.
    """
    rest, relay = Document(openapi), Document(asyncapi)
    problems = all_problems(rest, relay)
    pages = {
        "asyncapi.html": _page("Relay", relay_reference(asyncapi), path="asyncapi"),
        "problems.html": _page("Problems", problem_list(problems), path="problems"),
    }
    for problem in problems:
        pages[f"problems/{problem.slug}.html"] = _page(
            problem.title, problem_text(problem, rest), path=f"problems/{problem.slug}"
        )
    return pages


def _page(title: str, text: str, *, path: str) -> str:
    # Relative, so that the pages also work below a proxy's prefix.
    root = "../" * path.count("/")
    converter = markdown.Markdown(
        extensions=["tables", "fenced_code", "attr_list", "toc", _LabelledTables()],
        extension_configs={"toc": {"toc_depth": "2-3"}},
        output_format="html",
    )
    content: str = converter.convert(text)
    contents: str = converter.toc if content.count("<h2") > len(_BAR) else ""
    return _SHELL.substitute(
        title=escape(f"{title} · Ilo"),
        root=root,
        bar="\n".join(_bar_link(entry, root, path) for entry in _BAR),
        contents=_contents(contents).replace("$", "$$"),
        content=content.replace("$", "$$"),
        relay_url="$relay_url",
    )


def _bar_link(entry: _Entry, root: str, path: str) -> str:
    here = ""
    if entry.path == path:
        here = ' aria-current="page"'
    elif path.startswith(f"{entry.path}/"):
        here = ' aria-current="true"'
    return f'<a href="{root}{entry.path}"{here}>{entry.text}</a>'


def _contents(toc: str) -> str:
    if not toc:
        return ""
    return f'<nav class="contents" aria-label="On this page">\n{toc}</nav>\n'


class _LabelledTables(Extension):  # type: ignore[misc]  # untyped, as above
    """Tables whose cells know their column: on a narrow page the rows are shown as cards."""

    def extendMarkdown(self, md: Any) -> None:  # noqa: N802  # the package's name
        md.treeprocessors.register(_LabelCells(md), "labelled_tables", _AFTER_ALL)


class _LabelCells(Treeprocessor):  # type: ignore[misc]  # untyped, as above
    # The roles are what the elements have anyway, until a style sheet makes blocks of them.
    _ROLES: Final = {
        "table": "table",
        "thead": "rowgroup",
        "tbody": "rowgroup",
        "tr": "row",
        "th": "columnheader",
        "td": "cell",
    }

    def run(self, root: Any) -> None:
        for table in root.iter("table"):
            labels = ["".join(head.itertext()) for head in table.iter("th")]
            for row in table.iter("tr"):
                for label, data in zip(labels, row.findall("td"), strict=False):
                    data.set("data-label", label)
            for element in table.iter():
                if role := self._ROLES.get(element.tag):
                    element.set("role", role)
