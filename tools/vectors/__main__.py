"""`python -m tools.vectors [--write] [KIND...]`: compares the vectors with the Python client.

With ``--write`` it makes those first that are not there yet; those that are stay as they are.
With ``--anew`` these are made again too, and only the keys stay.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from tools.vectors import backups, cards, envelopes, key_files, safety_numbers, sequences
from tools.vectors.files import KINDS, Kind, Vectors, read, write
from tools.vectors.people import VECTORS, People, load_people
from tools.vectors.verdicts import Said, answers

MAKERS: Final[dict[Kind, Callable[[People], Vectors]]] = {
    "envelopes": envelopes.make,
    "cards": cards.make,
    "sequences": sequences.make,
    "backups": backups.make,
    "key_files": key_files.make,
    "safety_numbers": safety_numbers.make,
}


def surprises(vectors: Vectors) -> list[str]:
    """Return a line for each case to which the client says something else."""
    lines = []
    for case, said in answers(vectors):
        expected = Said(case.expect, case.warnings, case.output)
        if said != expected:
            lines.append(f"{vectors.kind}: {case.name}: {said}, and not {expected}")
    return lines


def kept(made: Vectors) -> Vectors:
    """Return ``made`` with what the files have already in the place of each case of that name."""
    if not (VECTORS / f"{made.kind}.json").exists():
        return made
    there = {(case.name, case.expect): case for case in read(made.kind).cases}
    cases = [there.get((case.name, case.expect), case) for case in made.cases]
    return replace(made, cases=cases)


def main() -> int:
    ask = argparse.ArgumentParser(prog="python -m tools.vectors", description=__doc__)
    ask.add_argument("--write", action="store_true", help="make those that are missing")
    ask.add_argument("--anew", action="store_true", help="make all of them again")
    ask.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)}")
    asked = ask.parse_args()
    people = load_people()
    wrong = 0
    for kind in asked.kinds or KINDS:
        if asked.write or asked.anew:
            VECTORS.mkdir(exist_ok=True)
            made = MAKERS[kind](people)
            write(made if asked.anew else kept(made))
        vectors = read(kind)
        lines = surprises(vectors)
        wrong += len(lines)
        print(f"{kind}: {len(vectors.cases)} vectors, {len(lines)} surprises", *lines, sep="\n  ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
