"""Envelopes that every client has to refuse, each with one thing wrong and its code."""

from collections.abc import Iterator

from tools.vectors import bad_form, bad_message, bad_sealing, bad_spelling
from tools.vectors.files import Case
from tools.vectors.people import People


def cases(people: People) -> Iterator[Case]:
    yield from bad_form.cases(people)
    yield from bad_sealing.cases(people)
    yield from bad_message.cases(people)
    yield from bad_spelling.cases(people)
