"""Rules for both contracts that the official linters lack.

    python -m tools.contracts.lint spec/openapi.yaml spec/asyncapi.yaml

One line a finding, ``file: rule: pointer: text``; exit 1 when there is one. A rule is a function
in ``tools/contracts/rules`` and is named after it.
"""

import sys
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from tools.contracts.documents import Document, NoContract, read_document
from tools.contracts.findings import Complaint, Finding, Rule, name_of
from tools.contracts.rules.frames import FRAME_RULES
from tools.contracts.rules.operations import OPERATION_RULES
from tools.contracts.rules.reach import REACH_RULES
from tools.contracts.rules.schemas import SCHEMA_RULES, same_name
from tools.contracts.rules.text import TEXT_RULES


def rules_for(document: Document) -> tuple[Rule, ...]:
    """Return the rules that ``document`` alone has to keep."""
    own = OPERATION_RULES if document.kind == "openapi" else FRAME_RULES
    return (*TEXT_RULES, *REACH_RULES, *SCHEMA_RULES, *own)


def lint(documents: Iterable[Document]) -> list[Finding]:
    """Return what the rules find in ``documents``, each finding once."""
    documents = tuple(documents)
    found: dict[Finding, None] = {}

    def add(document: Document, rule: str, complaints: Iterable[Complaint]) -> None:
        for complaint in complaints:
            found[Finding(document.file, rule, complaint.pointer, complaint.text)] = None

    for document in documents:
        for rule in rules_for(document):
            add(document, name_of(rule), rule(document))
    for first, second in pairwise(documents):
        add(first, name_of(same_name), same_name(first, second))
    return list(found)


def main(arguments: list[str]) -> int:
    """Lint the named files; return the exit code."""
    if not arguments:
        print("usage: python -m tools.contracts.lint FILE...")
        return 2
    try:
        findings = lint([read_document(Path(name)) for name in arguments])
    except NoContract as why:
        print(why)
        return 1
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
