"""Vectors of envelopes: good ones of every kind of key, and bad ones for every check."""

from tools.vectors import envelopes_bad, envelopes_good
from tools.vectors.files import Vectors
from tools.vectors.people import People, to_keys

ABOUT = (
    "Envelopes: `pairs` are the receiver's keys, `pins` says whose identity key (of the pairs of "
    "that name) is pinned for a username. Opened in `room`, as coming from `sender`. "
    "With `fill_to`, spaces are added to `text` first, until it has so many bytes."
)


def make(people: People) -> Vectors:
    cases = [*envelopes_good.cases(people), *envelopes_bad.cases(people)]
    return Vectors("envelopes", ABOUT, to_keys(people), cases)
