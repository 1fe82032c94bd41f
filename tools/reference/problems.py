"""Every problem that either door answers, and the text of its page."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tools.reference.advice import ADVICE
from tools.reference.document import Document, NotRendered, Part
from tools.reference.markup import code, heading, json_block, listed, table
from tools.reference.relay import the_channel
from tools.reference.rest import examples_of, operations, problems_named

INSTANCE: Final = "#/components/schemas/Problem/properties/instance"


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem; ``meaning`` is empty for what only the relay answers, and so is ``refusal``
    for what only the REST door does."""

    slug: str
    status: int
    title: str
    meaning: str
    refusal: Mapping[str, Any]


def all_problems(rest: Document, relay: Document) -> list[Problem]:
    """Return those of the REST door in its contract's order, then those of handshakes alone.

    Raises:
        NotRendered: the doors mean different things by one slug, or there is no advice for
            one, or advice for none.
    """
    refusals = {said["reason"]: said for said in the_channel(relay).node["x-refusals"]}
    found = [
        Problem(slug, said["status"], said["title"], said["meaning"], refusals.get(slug, {}))
        for slug, said in rest.root.node["x-problems"].items()
    ]
    known = {problem.slug for problem in found}
    # The relay makes a title of the reason in this way.
    found += [
        Problem(slug, said["status"], slug.replace("-", " ").capitalize(), "", said)
        for slug, said in refusals.items()
        if slug not in known
    ]
    for problem in found:
        if problem.refusal and problem.refusal["status"] != problem.status:
            raise NotRendered("#/x-problems", [f"{problem.slug} with two statuses"])
    if strangers := {problem.slug for problem in found} ^ ADVICE.keys():
        raise NotRendered("tools/reference/advice.py", strangers)
    return found


def problem_list(problems: list[Problem]) -> str:
    """Return the text of the page that lists all problems."""
    rows = [
        [
            f"[{problem.title}](problems/{problem.slug})",
            code(problem.slug),
            code(problem.status),
            problem.meaning or problem.refusal["meaning"],
        ]
        for problem in sorted(problems, key=lambda problem: problem.status)
    ]
    said = (
        "When Ilo refuses something, it answers problem details (RFC 9457, "
        "`application/problem+json`). Their `type` is the address of one of these pages; programs "
        "decide by it, and by nothing else in the answer's text."
    )
    head = ("Problem", "Name", "Status", "Meaning")
    return "\n\n".join([heading(1, "Problems", "problems"), said, table(head, rows)])


def problem_text(problem: Problem, rest: Document) -> str:
    """Return the text of a problem's own page."""
    return "\n\n".join(_blocks(problem, rest))


def _blocks(problem: Problem, rest: Document) -> Iterator[str]:
    yield heading(1, problem.title, "problem")
    yield f"{code(f'/problems/{problem.slug}')}, status {code(problem.status)}"
    if problem.meaning:
        yield problem.meaning
    if problem.refusal:
        yield f"To a handshake: {problem.refusal['meaning']}"
    yield heading(2, "What to do", "what-to-do")
    yield ADVICE[problem.slug]
    yield heading(2, "Where it comes from", "where")
    yield _origins(problem, rest)
    yield heading(2, "An answer", "answer")
    yield json_block(_example(problem, rest))


def _origins(problem: Problem, rest: Document) -> str:
    lines = [
        f"[{operation.text('summary')}](../docs#/{operation.node['tags'][0]}/"
        f"{operation.text('operationId')}), {code(f'{method} {path}')}"
        for method, path, _, operation in operations(rest)
        if any(
            problem.slug in problems_named(rest, answer)
            for _, answer in rest.children(operation, "responses")
        )
    ]
    if problem.meaning and not lines:
        lines.append("Any request: no operation of the REST door declares it for itself")
    if problem.refusal:
        lines.append(
            f"[The relay](../asyncapi#refusal-{problem.slug}), instead of a WebSocket connection"
        )
    return listed(lines)


def _example(problem: Problem, rest: Document) -> dict[str, Any]:
    kind = f"/problems/{problem.slug}"
    for value in _examples(rest):
        if value.get("type") == kind:
            return value
    return {
        "type": kind,
        "title": problem.title,
        "status": problem.status,
        "detail": (problem.meaning or problem.refusal["meaning"]).replace("`", ""),
        "instance": rest.at(INSTANCE).node["example"],
    }


def _examples(rest: Document) -> Iterator[dict[str, Any]]:
    answers: list[Part] = list(rest.components("responses"))
    for _, _, _, operation in operations(rest):
        answers += [answer for _, answer in rest.children(operation, "responses")]
    for answer in answers:
        for _, media in rest.children(answer, "content"):
            yield from (value for _, value in examples_of(media) if isinstance(value, dict))
